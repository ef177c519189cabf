"""A newer database: unpacked within bounds, proved, and put in the place of the one before, which is kept.

Nothing is unpacked to disk before it was opened and asked. The file in use is replaced in one step; a running Egret
notices (``daemon.reload``), and one that starts finds the old or the new, never half of one.
"""

from __future__ import annotations

import hashlib
import os
import re
import tarfile
import zlib
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from egret.errors import GeoError, UpdateError
from egret.geo.database import Content, DatabaseInfo, GeoDatabase, read_file

MAX_DOWNLOAD = 256 << 20  # GeoLite2-City is 30 MB packed
MAX_DATABASE = 512 << 20  # and 60 MB unpacked; commercial ones reach 200 MB
MIN_DATABASE = 4_096  # smaller is an error page or a test file
MAX_SHRINK = 2  # half the size of the one before is another kind of file
_AHEAD_S = 2 * 86_400  # a build date this far in the future is wrong
_GZIP, _TAR_AT, _TAR = b"\x1f\x8b", 257, b"ustar"
_NAME = re.compile(r"[^A-Za-z0-9]+")
# long-standing addresses of well-known resolvers: country, network
_CANARIES = (
    ("223.5.5.5", "CN", None),
    ("114.114.114.114", "CN", None),
    ("8.8.8.8", "US", 15169),
    ("1.1.1.1", None, 13335),
    ("9.9.9.9", None, 19281),
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A database that proved itself."""

    data: bytes
    info: DatabaseInfo

    @property
    def file_name(self) -> str:
        """What it is called when it is installed: by its own type."""
        return f"{_NAME.sub('-', self.info.database_type).strip('-')[:60] or 'database'}.mmdb"


def unpack(data: bytes) -> bytes:
    """The database in *data*: itself, gzipped, or the one .mmdb of a (gzipped) tar.

    Raises:
        UpdateError: too large, damaged, or not one database.
    """
    if data.startswith(_GZIP):
        data = _gunzip(data)
    if data[_TAR_AT : _TAR_AT + len(_TAR)] == _TAR:
        data = _member(data)
    return data


def _gunzip(data: bytes) -> bytes:
    inflater = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        found = inflater.decompress(data, MAX_DATABASE + 1)
    except zlib.error as error:
        raise UpdateError(f"the download is damaged: {error}") from None
    if len(found) > MAX_DATABASE:
        raise UpdateError(f"more than {MAX_DATABASE >> 20} MiB unpacked")
    if not inflater.eof:
        raise UpdateError("the download is cut off")
    return found


def _member(data: bytes) -> bytes:
    try:
        with tarfile.open(fileobj=BytesIO(data), mode="r:") as archive:
            members = [each for each in archive if each.isreg() and each.name.endswith(".mmdb")]
            file = archive.extractfile(members[0]) if len(members) == 1 else None
            if file is None:
                raise UpdateError(f"the archive holds {len(members)} databases, not one")
            return file.read(MAX_DATABASE + 1)
    except (tarfile.TarError, EOFError, ValueError, OSError) as error:
        raise UpdateError(f"the archive cannot be read: {type(error).__name__}") from None


def must_match(data: bytes, checksum: str) -> None:
    """Hold *data* against a published SHA-256 (the first word of *checksum*).

    Raises:
        UpdateError: it is another.
    """
    published = checksum.split()[:1]
    if published != [hashlib.sha256(data).hexdigest()]:
        raise UpdateError("the download is not what its SHA-256 says; nothing was changed")


def prove(data: bytes, now_s: float, expected: str | None = None) -> Candidate:
    """Open *data* and ask it what is known.

    Args:
        data: one database.
        now_s: seconds since the epoch.
        expected: what its type has to contain ("GeoLite2-Country", "asn"); None: anything.

    Raises:
        UpdateError: it is damaged, of another type, from the future, or answers nonsense.
    """
    if not MIN_DATABASE <= len(data) <= MAX_DATABASE:
        raise UpdateError(f"{len(data)} bytes is no size of a GeoIP database")
    digest = hashlib.sha256(data).hexdigest()
    try:
        database = GeoDatabase.of([Content(Path("the new database"), data, digest, trusted=False)])
    except GeoError as error:
        raise UpdateError(str(error)) from None
    info = database.info()[0]
    if expected is not None and expected.lower() not in info.database_type.lower():
        raise UpdateError(f"it is a {info.database_type}, not {expected}")
    if info.build_epoch_s > now_s + _AHEAD_S:
        raise UpdateError(f"it says that it was built on {info.build}, which is in the future")
    _ask(database, info)
    return Candidate(data, info)


def _ask(database: GeoDatabase, info: DatabaseInfo) -> None:
    """Each canary that it knows anything of has to be right, and it has to know most of them."""
    known = 0
    for address, country, asn in _CANARIES:
        record = database.lookup(bytes(int(part) for part in address.split(".")))
        if record is None:
            continue
        known += 1
        wrong = country and record.country and record.country != country
        if wrong or (asn and record.asn and record.asn != asn):
            said = record.country if wrong else f"AS{record.asn}"
            raise UpdateError(f"{info.database_type} says {said} of {address}; nothing was changed")
    if known * 2 < len(_CANARIES):
        raise UpdateError(f"{info.database_type} knows {known} of {len(_CANARIES)} well-known addresses")


def compare(candidate: Candidate, folder: Path) -> DatabaseInfo | None:
    """What is installed in the place of *candidate*, if it is newer or equal and of a like size.

    Raises:
        UpdateError: the installed one is newer, or much larger.
    """
    path = folder / candidate.file_name
    if not path.exists():
        return None
    try:
        before = GeoDatabase.of([read_file(path)]).info()[0]
    except GeoError:
        return None  # damaged: anything sound is better
    if candidate.info.build_epoch_s < before.build_epoch_s:
        raise UpdateError(f"{candidate.info.source} is older than {before.source}; --force takes it all the same")
    if candidate.info.size * MAX_SHRINK < before.size:
        raise UpdateError(f"{candidate.info.size} bytes where there were {before.size}; --force takes it all the same")
    return before


def install(candidate: Candidate, folder: Path) -> Path:
    """Put it in place in one step and keep the one before; where it is.

    Raises:
        UpdateError: it cannot be written; nothing was changed.
    """
    path = folder / candidate.file_name
    partial = path.with_suffix(".partial")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)  # the daemon is another user than the one who updates
        with partial.open("wb") as file:
            file.write(candidate.data)
            file.flush()
            os.fsync(file.fileno())
        partial.chmod(0o644)
        if path.exists():
            _keep(path)
        partial.replace(path)
    except OSError as error:
        raise UpdateError(f"{error.filename or folder}: {error.strerror}; nothing was changed") from error
    return path


def _keep(path: Path) -> None:
    """A second name for the one in use, which stays in its place until it is replaced."""
    kept = path.with_suffix(".previous")
    kept.unlink(missing_ok=True)
    os.link(path, kept)


def rollback(folder: Path) -> list[Path]:
    """Use the databases before these again; where there was none, the one that came with Egret. What changed.

    Raises:
        UpdateError: nothing is installed, or it cannot be written.
    """
    try:
        installed = sorted(folder.glob("*.mmdb"))
        for path in installed:
            before = path.with_suffix(".previous")
            if before.exists():
                before.replace(path)
            else:
                path.unlink()
    except OSError as error:
        raise UpdateError(f"{error.filename or folder}: {error.strerror}") from error
    if not installed:
        raise UpdateError("no update is installed: the database is the one that came with Egret")
    return installed
