"""Passwords and tokens as the configuration holds them: hashes only.

A password is chosen by a person, so its hash is slow: scrypt with the costs that OWASP gives for 32 MiB. A token is
made by us of 256 random bits, so a fast hash keeps it just as well.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from typing import Annotated, NamedTuple

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, WithJsonSchema

from egret.settings.values import HIDDEN, Secret, parse_maybe_secret

MAX_PASSWORD = 256  # characters: scrypt's own cost does not depend on it, but reading it does
MIN_PASSWORD = 12  # for who chooses one; what was hashed elsewhere is not asked
_LOG_N, _R, _P = 15, 8, 3
_LOG_N_RANGE = range(10, 18)  # up to 128 MiB: a mistyped cost must not take the daemon's memory
_MAX_R, _MAX_P = 8, 16
_SALT, _KEY = 16, 32  # bytes
_PHC = re.compile(r"\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{16,64})\$([A-Za-z0-9+/]{43})")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class PasswordHash(NamedTuple):
    """A hash taken apart."""

    log_n: int
    r: int
    p: int
    salt: bytes
    key: bytes


def hash_password(password: str, salt: bytes | None = None, log_n: int = _LOG_N) -> str:
    """Hash a password, as a PHC string: ``$scrypt$ln=15,r=8,p=3$SALT$KEY``. Takes about a quarter of a second."""
    salt = secrets.token_bytes(_SALT) if salt is None else salt
    key = _derive(password, PasswordHash(log_n, _R, _P, salt, b""))
    return f"$scrypt$ln={log_n},r={_R},p={_P}${_base64(salt)}${_base64(key)}"


def parse_hash(text: str) -> PasswordHash:
    """Take a hash apart.

    Raises:
        ValueError: it is none, or too dear; never repeats it.
    """
    found = _PHC.fullmatch(text)
    if found is None:
        raise ValueError("not the hash of a password; `egret web password` prints one")
    log_n, r, p = (int(each) for each in found.group(1, 2, 3))
    if log_n not in _LOG_N_RANGE or not 0 < r <= _MAX_R or not 0 < p <= _MAX_P:
        raise ValueError("a hash with costs that are not taken here; `egret web password` prints one")
    return PasswordHash(log_n, r, p, _unbase64(found.group(4)), _unbase64(found.group(5)))


def is_password(password: str, text: str) -> bool:
    """Whether *text* is the hash of *password*; in the time of one hash, whatever the answer.

    Raises:
        ValueError: *text* is no hash.
    """
    known = parse_hash(text)
    return len(password) <= MAX_PASSWORD and hmac.compare_digest(_derive(password, known), known.key)


def new_token() -> str:
    """A token, new each time."""
    return f"egret_{secrets.token_urlsafe(32)}"


def hash_token(token: str) -> str:
    """Hash a token of ``new_token``."""
    return f"sha256:{hashlib.sha256(token.encode('utf-8', 'surrogatepass')).hexdigest()}"


def _derive(password: str, known: PasswordHash) -> bytes:
    n = 1 << known.log_n
    room = 128 * known.r * (n + known.p + 2)  # bytes that it works in (RFC 7914 section 2)
    return hashlib.scrypt(
        password[:MAX_PASSWORD].encode("utf-8", "surrogatepass"),
        salt=known.salt,
        n=n,
        r=known.r,
        p=known.p,
        maxmem=room + (1 << 20),
        dklen=_KEY,
    )


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode().rstrip("=")


def _unbase64(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        raise ValueError("not the hash of a password; `egret web password` prints one") from None


def _password_hash(value: Secret) -> Secret:
    parse_hash(value.reveal())
    return value


def _token_hash(value: Secret) -> Secret:
    if not _DIGEST.fullmatch(value.reveal()):
        raise ValueError("not the hash of a token; `egret web token` prints one")
    return value


_HIDDEN = (PlainSerializer(lambda _: HIDDEN), WithJsonSchema({"type": "string"}))
PasswordHashText = Annotated[Secret, BeforeValidator(parse_maybe_secret), AfterValidator(_password_hash), *_HIDDEN]
TokenHashText = Annotated[Secret, BeforeValidator(parse_maybe_secret), AfterValidator(_token_hash), *_HIDDEN]
