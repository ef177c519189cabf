"""The door to MaxMind DB files: any vendor's, several at once, the bundled one by default.

Read through ``maxminddb``, the reader inside ``geoip2``: geoip2's own models know MaxMind's database types only, and
refuse IPinfo's. Each file is copied into memory when it is opened. So it can be read after rights were dropped, is
shared with forked workers, and an operator who overwrites the file in place harms nobody (a mapping of the file would
kill the reader with SIGBUS).

The reader in C is thirteen times faster (3 against 36 us) and dies on a damaged file (measured: a map key that is no
string is a segmentation fault). So only the bundled file, known by its checksum, is read with it; other files are read
in Python, which raises.
"""

from __future__ import annotations

import contextlib
import hashlib
import ipaddress
import os
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from egret.errors import GeoError
from egret.geo.addresses import embedded, is_reserved
from egret.geo.attribution import attribution
from egret.geo.records import Facts, read_record
from egret.judge.hosting import GeoRecord
from egret.names import printable
from egret.settings import shelf
from egret.settings.bundled import BUNDLED_DATABASE, geo_dir, is_held, read
from egret.value import Struct

if TYPE_CHECKING:
    import maxminddb

BUNDLED = BUNDLED_DATABASE
CHECKSUM = f"{BUNDLED}.sha256"
MAX_FILE = 1 << 30  # the largest commercial City database is under 200 MB; beyond this it is another kind of file
CACHE_ADDRESSES = 16_384  # about 5 MB when full; a busy gateway talks to fewer at a time
_UNREADABLE = (RuntimeError, ValueError, TypeError, OverflowError)  # maxminddb's own error is a RuntimeError
_PROBES = ("1.1.1.1", "114.114.114.114", "223.5.5.5", "8.8.8.8", "2400:3200::1", "2606:4700::1")


class DatabaseInfo(Struct, frozen=True, kw_only=True):
    """What is known about one open file."""

    path: str
    database_type: str
    build_epoch_s: int
    build: str  # ISO date
    size: int  # bytes
    sha256: str
    ip_version: int
    description: str
    attribution: str

    @property
    def source(self) -> str:
        """How verdicts name it."""
        return f"{self.database_type} {self.build}"


class Content(Struct, frozen=True):
    """One file as it was read, to be opened here or in another process."""

    path: Path
    data: bytes
    digest: str  # SHA-256
    trusted: bool  # the bundled file, byte for byte


class _File:
    """One open file."""

    def __init__(self, content: Content) -> None:
        self.reader = _open(content.data, content.path, trusted=content.trusted)
        self.info = _describe(self.reader, len(content.data), content.digest, content.path)
        self.source = self.info.source

    def facts(self, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> Facts:
        return read_record(self.reader.get(address))


class GeoDatabase:
    """Several files as one: for each fact the first file that knows it."""

    def __init__(self, files: Callable[[], Sequence[_File]], *, geolocate_reserved: bool = False) -> None:
        self._open = files
        self._geolocate_reserved = geolocate_reserved
        self._cached = lru_cache(maxsize=CACHE_ADDRESSES)(self._find)
        self.unreadable = 0  # look-ups that a damaged file could not answer

    @classmethod
    def open(
        cls, paths: Sequence[Path] | None = None, *, geolocate_reserved: bool = False, bundled: bool = True
    ) -> GeoDatabase:
        """Open *paths* (None or empty: the bundled file).

        Args:
            paths: mmdb files of MaxMind, DB-IP, IPinfo or our own; earlier ones win.
            bundled: use the bundled file where there are no *paths*; without it nothing is known of any address.
            geolocate_reserved: also look up private and documentation addresses (for test databases).

        Raises:
            GeoError: a file is missing, unreadable or no MaxMind DB; says which and what to do.
        """
        return cls.of(read_files(paths, bundled=bundled), geolocate_reserved=geolocate_reserved)

    @classmethod
    def of(cls, contents: Sequence[Content], *, geolocate_reserved: bool = False) -> GeoDatabase:
        """Open files that were read already.

        Raises:
            GeoError: one is no MaxMind DB.
        """
        files = [_File(content) for content in contents]
        return cls(lambda: files, geolocate_reserved=geolocate_reserved)

    @classmethod
    def of_bundled(cls) -> GeoDatabase:
        """The bundled file, read and opened when the first address is asked about that has a place.

        To do so takes as much as some hundred thousand look-ups in a capture, and one of a network's inside needs none.
        Who asks must be able to read it then, and must catch a GeoError if it is not what its checksum says.

        Raises:
            GeoError: there is no such file.
        """
        if not (geo_dir() / BUNDLED).is_file():
            return cls.open()
        return cls(lambda: [_File(content) for content in read_files()])

    @cached_property
    def _files(self) -> tuple[_File, ...]:
        return tuple(self._open())

    def same_as(self, contents: Sequence[Content], *, geolocate_reserved: bool) -> bool:
        """Whether opening *contents* would give what is open."""
        named = [(str(content.path), content.digest) for content in contents]
        same = named == [(file.info.path, file.info.sha256) for file in self._files]
        return same and geolocate_reserved == self._geolocate_reserved

    def lookup(self, ip: bytes) -> GeoRecord | None:
        """What the files know about *ip* (packed); None where none knows it or it has no place. Never raises."""
        return self._cached(ip)

    def info(self) -> list[DatabaseInfo]:
        """The open files, in order of precedence."""
        return [file.info for file in self._files]

    def _find(self, ip: bytes) -> GeoRecord | None:
        real = embedded(ip)
        if len(real) not in {4, 16} or (is_reserved(real) and not self._geolocate_reserved):
            return None
        return _combine(list(self._known(real)))

    def _known(self, ip: bytes) -> Iterator[tuple[Facts, str]]:
        address = ipaddress.ip_address(ip)
        for file in self._files:
            if file.info.ip_version < address.version:
                continue
            try:
                facts = file.facts(address)
            except _UNREADABLE:
                self.unreadable += 1
                continue
            if facts != Facts():
                yield facts, file.source


def _combine(known: Sequence[tuple[Facts, str]]) -> GeoRecord | None:
    """The first of each fact. A number and its organisation come from the same file, so that they agree."""
    country = next(((facts, source) for facts, source in known if facts.country), None)
    network = next(((facts, source) for facts, source in known if facts.asn), None)
    sources = [found[1] for found in (country, network) if found]
    if not sources:
        return None
    return GeoRecord(
        country=country[0].country if country else None,
        asn=network[0].asn if network else None,
        as_org=network[0].as_org if network else None,
        source=" + ".join(dict.fromkeys(sources)),
    )


def chosen_files(paths: Sequence[Path] | None, *, bundled: bool = True) -> list[Path]:
    """The files that ``GeoDatabase.open`` opens."""
    return list(paths or ()) or ([geo_dir() / BUNDLED] if bundled else [])


def read_files(paths: Sequence[Path] | None = None, *, bundled: bool = True) -> list[Content]:
    """Read what ``GeoDatabase.open`` opens.

    Raises:
        GeoError: a file is missing or unreadable.
    """
    return [read_file(Path(path)) for path in chosen_files(paths, bundled=bundled)]


def read_file(path: Path) -> Content:
    """Read one file.

    Raises:
        GeoError: it is missing, unreadable or too large.
    """
    if path == geo_dir() / BUNDLED:
        data, digest = shelf.digest_of(path, lambda: _read(path))
    else:
        data = _read(path)
        digest = hashlib.sha256(data).hexdigest()
    return Content(path, data, digest, _is_bundled(path, digest))


def _read(path: Path) -> bytes:
    try:
        if not is_held(path) and path.stat().st_size > MAX_FILE:
            raise GeoError(
                f"{path}: {path.stat().st_size} bytes is too large for a GeoIP database; is it the right file?"
            )
        return read(path)
    except FileNotFoundError:
        remedy = "install Egret again" if path == geo_dir() / BUNDLED else "correct geoip.databases, or leave it out"
        raise GeoError(f"{path}: no such file; {remedy}") from None
    except OSError as error:
        raise GeoError(f"{path}: cannot be read: {error.strerror}; it must be a file this user may read") from error


def _is_bundled(path: Path, digest: str) -> bool:
    """Whether this is the bundled database, byte for byte; a copy of it is as good."""
    with contextlib.suppress(OSError, ValueError):
        if read(geo_dir() / CHECKSUM).split()[:1] == [digest.encode()]:
            return True
    if path == geo_dir() / BUNDLED:
        raise GeoError(f"{path}: is not what its checksum says; install Egret again")
    return False


def _open(content: bytes, path: Path, *, trusted: bool) -> maxminddb.Reader:
    import maxminddb  # noqa: PLC0415 (a tenth of a start: cli/late.py)

    try:
        reader = (
            _fast_reader(content, path) if trusted else maxminddb.open_database(BytesIO(content), maxminddb.MODE_FD)
        )
        for probe in _PROBES:
            if reader.metadata().ip_version == 6 or ":" not in probe:
                reader.get(probe)
    except _UNREADABLE as error:
        raise GeoError(f"{path}: no MaxMind DB file, or a damaged one; fetch it again, unpacked (.mmdb)") from error
    return reader


def _fast_reader(content: bytes, path: Path) -> maxminddb.Reader:
    """The reader in C, over a copy in memory; over the file where the system has no anonymous files."""
    import maxminddb  # noqa: PLC0415 (as above)

    with contextlib.suppress(AttributeError, OSError):
        handle = os.memfd_create("egret-geoip")
        try:
            with os.fdopen(os.dup(handle), "wb") as copy:
                copy.write(content)
            return maxminddb.open_database(f"/proc/self/fd/{handle}", maxminddb.MODE_AUTO)
        finally:
            os.close(handle)
    return maxminddb.open_database(path, maxminddb.MODE_AUTO)


def _describe(reader: maxminddb.Reader, size: int, digest: str, path: Path) -> DatabaseInfo:
    meta = reader.metadata()
    kind = printable(str(meta.database_type))[:80] or "unnamed database"
    return DatabaseInfo(
        path=str(path),
        database_type=kind,
        build_epoch_s=meta.build_epoch,
        build=_date(meta.build_epoch),
        size=size,
        sha256=digest,
        ip_version=meta.ip_version,
        description=printable(str((meta.description or {}).get("en", "")))[:600],
        attribution=attribution(kind),
    )


def _date(epoch_s: int) -> str:
    try:
        return datetime.fromtimestamp(epoch_s, UTC).date().isoformat()
    except (ValueError, OverflowError, OSError):
        return "undated"
