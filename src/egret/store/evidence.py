"""Evidence on disk: for each incident a capture and a record that describes and hashes it.

``ID.pcapng`` and ``ID.json``, mode 0600, in a folder of mode 0700. Both are replaced whole, the capture first: after a
crash between the two it may have blocks that the record does not know, which the next writing cuts off. Bounded by
age, bytes and number; what is over a bound goes by severity, the lowest first, and then by age.

Not safe for several threads, but for reading: ``read``.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

from egret.alerts.timestamps import parse_rfc3339, rfc3339
from egret.errors import StoreError
from egret.evidence import Bounds
from egret.model import Severity
from egret.store import pcapng
from egret.store.seal import Seal, Sealed, check

SCHEMA = "egret.evidence/1"
_ROOM = 0.9  # of the bounds, once one is reached: so that a flood does not sort the folder for every message
MAX_RECORD = 4 << 20  # bytes that are read back of a record or a capture: far above what is written
_IS_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}").fullmatch
_MODE, _FOLDER_MODE = 0o600, 0o700


class Bound(StrEnum):
    """What made evidence go. A closed list: it is a metric label."""

    AGE = "age"
    BYTES = "bytes"
    NUMBER = "number"


class Piece(NamedTuple):
    """One observation of an incident, and the packets that show it."""

    incident: str  # its id
    severity: Severity
    summary: Mapping[str, Any]  # of the incident and the sensor; the newest stands
    shown: Mapping[str, Any]  # the observation
    packets: Sequence[tuple[int, bytes, str]]  # time, from the IP header on, comment
    time_ns: int


class Kept(NamedTuple):
    """One incident's evidence."""

    record: dict[str, Any]
    capture: bytes


class _Entry(NamedTuple):
    rank: int
    last_ns: int
    size: int


class EvidenceFolder:
    """The folder.

    Args:
        path: made when it is needed.
        bounds: replaced on reload.
        application: who writes, as pcapng has it.
        seal: signs every record; None: they are not signed.
    """

    def __init__(self, path: Path, bounds: Bounds, application: str, seal: Seal | None = None) -> None:
        self.path = path
        self.bounds = bounds
        self._application = application
        self._seal = seal
        self._entries: dict[str, _Entry] | None = None
        self._size = 0
        self._gone = dict.fromkeys(Bound, 0)  # since the last ``prune``

    def add(self, piece: Piece) -> bool:
        """Keep one more observation; False: its incident has its share.

        Raises:
            StoreError: it could not be written.
        """
        try:
            return self._add(piece)
        except OSError as error:
            raise StoreError(f"{self.path}: {error.strerror or error}") from error

    def _add(self, piece: Piece) -> bool:
        entries = self._known()
        kept = self.read(piece.incident)
        record, capture = kept or ({}, b"")
        observations = list(record.get("observations", ()))
        full = len(observations) >= self.bounds.per_incident
        left_out = record.get("left_out", 0) + full
        if not full:
            capture = capture or pcapng.begin(self._application, _headline(piece))
            observations.append(_described(piece, sum(len(each["packets"]) for each in observations)))
            capture += b"".join(pcapng.packet(*packet) for packet in piece.packets)
        fresh = {
            "schema": SCHEMA,
            "incident": piece.incident,
            **piece.summary,
            "severity": piece.severity.value,
            "last": rfc3339(piece.time_ns),
            "expires": rfc3339(piece.time_ns + self.bounds.keep_ns),
            "observations": observations,
            "left_out": left_out,
            "capture": {
                "file": f"{piece.incident}.pcapng",
                "bytes": len(capture),
                "sha256": hashlib.sha256(capture).hexdigest(),
            },
        }
        fresh |= self._doubt(record, piece.time_ns)
        body = json.dumps(fresh if self._seal is None else self._seal.put(fresh), indent=1).encode("ascii") + b"\n"
        if not full:
            self._write(f"{piece.incident}.pcapng", capture)
        self._write(f"{piece.incident}.json", body)
        self._size_changes(piece.incident, _Entry(piece.severity.rank, piece.time_ns, len(body) + len(capture)))
        if self.size > self.bounds.max_bytes or len(entries) > self.bounds.max_incidents:
            self._shrink(_ROOM)
        return not full

    def _doubt(self, record: Mapping[str, Any], time_ns: int) -> dict[str, str]:
        """A new seal must not cover up that the old one was broken, or missing."""
        doubt = record.get("unsealed_until")
        if doubt is None and record and self._seal is not None and check(record, self._seal.known()) != Sealed.BY_US:
            doubt = rfc3339(time_ns)
        return {} if doubt is None else {"unsealed_until": str(doubt)}

    def _size_changes(self, incident: str, entry: _Entry | None) -> None:
        entries = self._known()
        before = entries.pop(incident, None)
        self._size += (entry.size if entry else 0) - (before.size if before else 0)
        if entry is not None:
            entries[incident] = entry

    def prune(self, now_ns: int) -> dict[Bound, int]:
        """Delete what is over a bound; how many incidents' evidence, by bound.

        Raises:
            StoreError: something could not be deleted.
        """
        entries = self._known()
        aged = [key for key, entry in entries.items() if now_ns - entry.last_ns > self.bounds.keep_ns]
        self._gone[Bound.AGE] += self.remove(aged)
        self._shrink(1.0)
        gone, self._gone = self._gone, dict.fromkeys(Bound, 0)
        return gone

    def _shrink(self, to: float) -> None:
        """Delete the mildest and oldest until what is left is within that part of the bounds."""
        entries, most = self._known(), max(1, int(self.bounds.max_incidents * to))
        for key, _ in sorted(entries.items(), key=lambda item: item[1][:2]):
            over = self._size > self.bounds.max_bytes * to
            if not over and len(entries) <= most:
                break
            self._gone[Bound.BYTES if over else Bound.NUMBER] += self.remove([key])

    def remove(self, incidents: Iterable[str]) -> int:
        """Delete the evidence of these incidents; of how many there was any.

        Raises:
            StoreError: something could not be deleted.
        """
        number = 0
        for incident in incidents:
            if not _IS_ID(incident):
                continue
            try:
                there = [_erase(self.path / f"{incident}{kind}") for kind in (".json", ".pcapng")]
            except OSError as error:
                raise StoreError(f"{self.path}: {error.strerror or error}") from error
            self._size_changes(incident, None)
            number += any(there)
        return number

    def read(self, incident: str) -> Kept | None:
        """The evidence of one incident, its capture as far as the record knows it; None where there is none."""
        if not _IS_ID(incident):
            return None
        try:
            record = json.loads(_read(self.path / f"{incident}.json"))
            capture = _read(self.path / f"{incident}.pcapng")
            return Kept(record, capture[: record["capture"]["bytes"]]) if record["schema"] == SCHEMA else None
        except (OSError, ValueError, LookupError, TypeError):
            return None

    def has(self, incident: str) -> bool:
        """Whether there is evidence of an incident. Safe for several threads."""
        return bool(_IS_ID(incident)) and (self.path / f"{incident}.json").exists()

    def incidents(self) -> list[str]:
        """The ids of the incidents that there is evidence of, the newest first."""
        entries = self._known()
        return sorted(entries, key=lambda key: entries[key].last_ns, reverse=True)

    @property
    def size(self) -> int:
        """Bytes of all of it."""
        self._known()
        return self._size

    @property
    def number(self) -> int:
        """How many incidents there is evidence of."""
        return len(self._known())

    def _known(self) -> dict[str, _Entry]:
        if self._entries is None:
            names = {path.stem for path in _listed(self.path) if path.suffix in {".json", ".pcapng"}}
            self._entries = {name: self._entry(name) for name in names if _IS_ID(name)}
            self._size = sum(entry.size for entry in self._entries.values())
        return self._entries

    def _entry(self, incident: str) -> _Entry:
        """What is known of files that were there; what cannot be read is the first to go."""
        size = sum(_size(self.path / f"{incident}{kind}") for kind in (".json", ".pcapng"))
        kept = self.read(incident)
        try:
            record = {} if kept is None else kept.record
            return _Entry(Severity(record["severity"]).rank, parse_rfc3339(record["last"]), size)
        except (ValueError, LookupError, TypeError):
            return _Entry(-1, 0, size)

    def _write(self, name: str, data: bytes) -> None:
        self.path.mkdir(mode=_FOLDER_MODE, exist_ok=True)
        waiting = self.path / f".{name}.new"
        waiting.unlink(missing_ok=True)
        fd = os.open(waiting, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, _MODE)
        try:
            with os.fdopen(fd, "wb") as file:
                file.write(data)
            waiting.replace(self.path / name)
        except OSError:
            waiting.unlink(missing_ok=True)
            raise


def _described(piece: Piece, first: int) -> dict[str, Any]:
    """The observation with the numbers of its packets in the capture, from 1, and their hashes."""
    hashes = [hashlib.sha256(data).hexdigest() for _, data, _ in piece.packets]
    numbers = list(range(first + 1, first + 1 + len(hashes)))
    return {**piece.shown, "packets": numbers, "packets_sha256": hashes}


def _headline(piece: Piece) -> str:
    told = (f"{name.replace('_', ' ')}: {piece.summary.get(name)}" for name in ("sensor", "catalog_version"))
    databases = ", ".join(piece.summary.get("databases", ())) or "none"
    return f"Evidence of incident {piece.incident}; {'; '.join(told)}; databases: {databases}"


def _listed(path: Path) -> list[Path]:
    try:
        return list(path.iterdir())
    except OSError:
        return []


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _read(path: Path) -> bytes:
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(fd, "rb") as file:
        return file.read(MAX_RECORD)


def _erase(path: Path) -> bool:
    """Overwrite and delete a file, as ``store.purge`` does with rows; whether it was there."""
    try:
        fd = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    with os.fdopen(fd, "wb") as file:
        file.write(bytes(os.fstat(fd).st_size))
    path.unlink()
    return True
