"""The other kinds of value a setting can have: networks, addresses, interfaces, moments, secrets.

Each is a plain type with a validator that says what to write instead; text in, text out in ``check --effective``.
"""

from __future__ import annotations

import ipaddress
import os
import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, ValidationInfo, WithJsonSchema

from egret.settings import ed25519

IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network
_INTERFACE = re.compile(
    r"[^\s/:]{1,15}"
)  # Linux IFNAMSIZ is 16 with its zero byte; "/" and ":" are refused by the kernel
_SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")  # RFC 9110 section 5.6.2, a token
_ENV = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MAX_SECRET = 4096
HIDDEN = "***"


def parse_network(value: object) -> IPNetwork:
    """Read an address or a CIDR; host bits set are an error, since the mask is then likely mistyped."""
    if isinstance(value, ipaddress.IPv4Network | ipaddress.IPv6Network):
        return value
    text = str(value).strip()
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        pass
    try:
        meant = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise ValueError(f"'{text}' is no address or network; write it as 192.0.2.0/24 or 2001:db8::/32") from None
    raise ValueError(f"'{text}' has bits set behind its mask; did you mean {meant}?")


def _interface(value: str) -> str:
    if not _INTERFACE.fullmatch(value) or value in {".", ".."}:
        raise ValueError(f"'{value}' cannot be the name of an interface; `ip link` lists yours")
    return value


def _slug(value: str) -> str:
    if not _SLUG.fullmatch(value):
        raise ValueError(f"'{value}' is no name; use up to 32 lower-case letters, digits, '-' and '_'")
    return value


def _header_name(value: str) -> str:
    if not _HEADER.fullmatch(value):
        raise ValueError(f"'{value}' is no name of an HTTP header")
    return value


def parse_moment(value: object) -> datetime:
    """Read an ISO date (to the end of that day, UTC) or a date and time with its zone.

    Raises:
        ValueError: no date, or a time without a zone, which would mean another moment on another machine.
    """
    if isinstance(value, datetime):
        moment = value
    elif isinstance(value, date):
        moment = _end_of(value)
    else:
        moment = _parse_iso(str(value).strip())
    if moment.tzinfo is None:
        raise ValueError(f'a time needs its zone; write it as "{moment.isoformat()}Z" (UTC) or with +02:00')
    return moment.astimezone(UTC)


def _parse_iso(text: str) -> datetime:
    try:
        if len(text) == len("2026-01-31"):
            return _end_of(date.fromisoformat(text))
        return datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise ValueError(f"'{text}' is no date; write it as 2026-12-31 or 2026-12-31T18:00:00Z") from None


def _end_of(day: date) -> datetime:
    """Who writes "until Friday" means Friday too."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)


def _moment_text(value: datetime) -> str:
    return value.isoformat().replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class Listen:
    """Where a server listens. *host* is an address: a name may resolve differently at each start."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return ipaddress.ip_address(self.host).is_loopback

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_listen(value: object) -> Listen:
    """Read ``127.0.0.1:9477`` or ``[::1]:9477``; "localhost" is 127.0.0.1."""
    if isinstance(value, Listen):
        return value
    host, colon, port = str(value).strip().rpartition(":")
    host = "127.0.0.1" if host == "localhost" else host
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if (
        not colon
        or not (port.isascii() and port.isdigit())
        or not 0 < int(port) < 65536
        or (":" in bare and bare == host)
    ):
        raise ValueError(f"'{value}' is no address to listen on; write it as 127.0.0.1:9477 or [::1]:9477")
    try:
        return Listen(str(ipaddress.ip_address(bare)), int(port))
    except ValueError:
        raise ValueError(f"'{bare}' is no address; write it as 127.0.0.1:9477 or [::1]:9477") from None


@dataclass(frozen=True, slots=True)
class Secret:
    """A value that is never shown: not by ``repr``, not by ``check --effective``, not in a log."""

    origin: str  # "file:/etc/egret/token", "env:TOKEN", or "" for a literal
    _value: str = field(repr=False)

    def reveal(self) -> str:
        """The value itself, as it was when the configuration was read."""
        return self._value

    def __str__(self) -> str:
        return HIDDEN


def parse_secret(value: object) -> Secret:
    """Read a secret from where it is kept: ``file:/path`` or ``env:NAME``.

    Raises:
        ValueError: a literal, an empty or unreadable place. Never repeats what was written: it may be the secret.
    """
    secret = parse_maybe_secret(value)
    if not secret.origin:
        raise ValueError('a secret does not belong in this file; write "file:/path/to/it" or "env:NAME"')
    return secret


def parse_maybe_secret(value: object) -> Secret:
    """As ``parse_secret``, and a literal is taken as it is (and still never shown)."""
    if isinstance(value, Secret):
        return value
    if not isinstance(value, str):
        raise ValueError('not a text; write it in quotes, or as "file:/path/to/it" or "env:NAME"')  # noqa: TRY004 (pydantic reports ValueError)
    scheme, colon, place = value.partition(":")
    if colon and scheme == "file":
        return Secret(value, _checked(_read_secret(Path(place)), f"the file {place}"))
    if colon and scheme == "env":
        return Secret(value, _checked(_read_variable(place), f"the variable {place}"))
    return Secret("", _checked(value, "the value"))


def _read_variable(name: str) -> str:
    if not _ENV.fullmatch(name) or name not in os.environ:
        raise ValueError(f"the environment variable {name} is not set")
    return os.environ[name]


def _read_secret(path: Path) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            return file.read(_MAX_SECRET + 1).rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise ValueError(f"the secret's file {path} cannot be read: {why}") from None


def _checked(value: str, what: str) -> str:
    """A header or key with a line break would let the file's author write further headers."""
    if not value:
        raise ValueError(f"{what} is empty")
    if len(value) > _MAX_SECRET or not value.isprintable():
        raise ValueError(f"{what} holds control characters or more than {_MAX_SECRET} characters")
    return value


def _path(value: Path, info: ValidationInfo) -> Path:
    """A relative path starts at the file that names it (``folder`` of the context), not where somebody stood."""
    if not str(value).isprintable():
        raise ValueError("a path with control characters")
    try:
        value = value.expanduser()
    except RuntimeError:
        raise ValueError(f"'{value}': whose home that is is not known; write the whole path") from None
    folder: Path = (info.context or {}).get("folder", Path())
    return folder / value


def _https_url(value: Secret) -> Secret:
    try:
        parts = urlsplit(value.reveal())
        usable = parts.scheme == "https" and bool(parts.hostname)
    except ValueError:
        usable = False
    if not usable:
        raise ValueError("no https:// address")
    return value


def _without_token(value: Secret) -> str:
    """An address that holds nothing but a place may be seen."""
    return HIDDEN if value.origin or set("@?#") & set(value.reveal()) else value.reveal()


def http_url(value: Secret) -> Secret:
    """*value*, where it is an http or https URL.

    Raises:
        ValueError: it is none; never repeats it.
    """
    try:
        parts = urlsplit(value.reveal())
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        usable = False
    if not usable:
        raise ValueError('not a URL; write it as "https://host/path", or "file:/path" or "env:NAME" that holds one')
    return value


def switch(value: object) -> object:
    """YAML 1.1 habits: a plain ``on`` or ``off`` may arrive as a boolean where the words are meant."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return value


def _workers(value: object) -> object:
    """Judged here, whole: of a union pydantic would complain once a member."""
    if value == "auto" or (type(value) is int and 1 <= value <= MAX_WORKERS):
        return value
    raise ValueError(f"a number from 1 to {MAX_WORKERS}, or auto")


MAX_WORKERS = 64
Workers = Annotated[
    Annotated[int, Field(ge=1, le=MAX_WORKERS)] | Literal["auto"],
    BeforeValidator(_workers),
]
Network = Annotated[
    IPNetwork,
    BeforeValidator(parse_network),
    PlainSerializer(str),
    WithJsonSchema({"type": "string", "examples": ["192.0.2.0/24", "2001:db8::/32", "192.0.2.1"]}),
]
Interface = Annotated[str, AfterValidator(_interface)]
Slug = Annotated[str, AfterValidator(_slug), WithJsonSchema({"type": "string", "pattern": f"^{_SLUG.pattern}$"})]
HeaderName = Annotated[str, AfterValidator(_header_name)]
FilePath = Annotated[Path, AfterValidator(_path), PlainSerializer(str), WithJsonSchema({"type": "string"})]
Moment = Annotated[
    datetime,
    BeforeValidator(parse_moment),
    PlainSerializer(_moment_text),
    WithJsonSchema({"type": "string", "examples": ["2026-12-31", "2026-12-31T18:00:00Z"]}),
]
ListenAddress = Annotated[
    Listen,
    BeforeValidator(parse_listen),
    PlainSerializer(str),
    WithJsonSchema({"type": "string", "examples": ["127.0.0.1:9477", "[::1]:9477"]}),
]
_SECRET_SCHEMA = {"type": "string", "pattern": "^(file|env):.+$", "examples": ["file:/etc/egret/hmac", "env:TOKEN"]}
HttpsUrl = Annotated[
    Secret,
    BeforeValidator(parse_maybe_secret),
    AfterValidator(_https_url),
    PlainSerializer(_without_token),
    WithJsonSchema({"type": "string", "pattern": "^(https://|file:|env:)"}),
]
PublicKey = Annotated[str, AfterValidator(ed25519.public_key), WithJsonSchema({"type": "string"})]
SecretText = Annotated[
    Secret, BeforeValidator(parse_secret), PlainSerializer(lambda _: HIDDEN), WithJsonSchema(_SECRET_SCHEMA)
]
MaybeSecret = Annotated[
    Secret, BeforeValidator(parse_maybe_secret), PlainSerializer(lambda _: HIDDEN), WithJsonSchema({"type": "string"})
]
