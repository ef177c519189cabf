from __future__ import annotations

import hashlib
import json
import stat
from pathlib import Path
from uuid import UUID

import pytest

from egret.alerts.timestamps import rfc3339
from egret.errors import StoreError
from egret.evidence import Bounds
from egret.model import Severity
from egret.store.evidence import Bound, EvidenceFolder, Piece
from egret.store.seal import Seal, Sealed, check
from egret.value import replace

SECOND_NS = 1_000_000_000
WIDE = Bounds(keep_ns=3600 * SECOND_NS, max_bytes=1 << 20, max_incidents=100, per_incident=3)
NOW_NS = 1_790_000_000 * SECOND_NS


def identity(number: int) -> str:
    return str(UUID(int=number))


def piece(number: int = 1, severity: Severity = Severity.HIGH, at_s: int = 0, size: int = 40) -> Piece:
    return Piece(
        identity(number),
        severity,
        {"client": "192.0.2.7", "sensor": "gw", "catalog_version": "1", "databases": ["geo 2026"]},
        {"name": "chat.example"},
        [(NOW_NS, b"E" * size, "proves it")],
        NOW_NS + at_s * SECOND_NS,
    )


@pytest.fixture
def place(tmp_path: Path) -> EvidenceFolder:
    return EvidenceFolder(tmp_path / "evidence", WIDE, "Egret")


def test_a_capture_and_its_record(place: EvidenceFolder) -> None:
    assert place.read(identity(1)) is None
    assert place.incidents() == []
    assert place.add(piece())
    assert place.add(piece(at_s=1, size=41))
    kept = place.read(identity(1))
    assert kept is not None
    first, second = kept.record["observations"]
    assert (first["packets"], second["packets"], first["name"]) == ([1], [2], "chat.example")
    assert first["packets_sha256"] == [hashlib.sha256(b"E" * 40).hexdigest()]
    assert kept.record["capture"]["sha256"] == hashlib.sha256(kept.capture).hexdigest()
    assert kept.record["expires"].startswith("2026-09-21T15:13:21")
    assert b"proves it" in kept.capture
    assert b"catalog version: 1" in kept.capture


def test_nobody_else_may_read_it(place: EvidenceFolder) -> None:
    place.add(piece())
    modes = {stat.S_IMODE(path.stat().st_mode) for path in place.path.iterdir()}
    assert (modes, stat.S_IMODE(place.path.stat().st_mode)) == ({0o600}, 0o700)
    assert sorted(path.name for path in place.path.iterdir()) == [f"{identity(1)}.json", f"{identity(1)}.pcapng"]


def test_an_incident_has_its_share(place: EvidenceFolder) -> None:
    assert [place.add(piece(at_s=n)) for n in range(5)] == [True, True, True, False, False]
    kept = place.read(identity(1))
    assert kept is not None
    assert (len(kept.record["observations"]), kept.record["left_out"]) == (3, 2)
    assert kept.record["capture"]["sha256"] == hashlib.sha256(kept.capture).hexdigest()


def test_after_a_restart_it_goes_on(place: EvidenceFolder) -> None:
    place.add(piece(1))
    place.add(piece(2, Severity.LOW, at_s=5))
    again = EvidenceFolder(place.path, WIDE, "Egret")
    assert again.incidents() == [identity(2), identity(1)]
    assert (again.size, again.number) == (place.size, 2)
    assert again.add(piece(1, at_s=9))


def test_what_a_crash_left_behind_the_record_is_cut_off(place: EvidenceFolder) -> None:
    place.add(piece())
    capture = place.path / f"{identity(1)}.pcapng"
    capture.write_bytes(capture.read_bytes() + b"half a block")
    place.add(piece(at_s=1))
    kept = place.read(identity(1))
    assert kept is not None
    assert b"half" not in kept.capture
    assert kept.capture == capture.read_bytes()


def test_age_bytes_and_number_are_bounds(place: EvidenceFolder) -> None:
    for number, severity in enumerate((Severity.HIGH, Severity.LOW, Severity.LOW, Severity.CRITICAL)):
        place.add(piece(number, severity, at_s=number))
    place.bounds = replace(WIDE, max_incidents=3)
    assert place.prune(NOW_NS) == {Bound.AGE: 0, Bound.BYTES: 0, Bound.NUMBER: 1}
    assert identity(1) not in place.incidents()  # the lowest severity, and the older of two
    place.bounds = replace(WIDE, max_bytes=place.size - 1)
    assert place.prune(NOW_NS) == {Bound.AGE: 0, Bound.BYTES: 1, Bound.NUMBER: 0}
    assert place.incidents() == [identity(3), identity(0)]
    place.bounds = WIDE
    assert place.prune(NOW_NS + 3602 * SECOND_NS)[Bound.AGE] == 1
    assert place.incidents() == [identity(3)]


def test_what_is_removed_is_gone(place: EvidenceFolder) -> None:
    place.add(piece())
    assert place.remove([identity(1), identity(9), "../../etc/passwd"]) == 1
    assert list(place.path.iterdir()) == []
    assert place.number == 0


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"schema": "egret.evidence/1"}', '{"schema": "egret.evidence/9"}'])
def test_a_record_that_cannot_be_read_is_none_and_goes_first(place: EvidenceFolder, body: str) -> None:
    place.add(piece(1, Severity.INFO))
    (place.path / f"{identity(1)}.json").write_text(body)
    (place.path / "note.txt").write_text("not ours")
    again = EvidenceFolder(place.path, replace(WIDE, keep_ns=1 << 62, max_incidents=1), "Egret")
    assert again.read(identity(1)) is None
    again.add(piece(2, Severity.INFO))
    again.prune(NOW_NS)
    assert again.incidents() == [identity(2)]
    assert (again.path / "note.txt").exists()


def test_no_link_is_followed(place: EvidenceFolder, tmp_path: Path) -> None:
    place.add(piece())
    other = tmp_path / "other.json"
    other.write_text(json.dumps({"schema": "egret.evidence/1", "capture": {"bytes": 1}}))
    record = place.path / f"{identity(1)}.json"
    record.unlink()
    record.symlink_to(other)
    assert place.read(identity(1)) is None


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "evidence").write_text("a file")
    with pytest.raises(StoreError, match="evidence"):
        EvidenceFolder(tmp_path / "evidence", WIDE, "Egret").add(piece())


def test_a_flood_never_takes_more_than_the_bounds(tmp_path: Path) -> None:
    bounds = Bounds(keep_ns=3600 * SECOND_NS, max_bytes=100_000, max_incidents=40, per_incident=3)
    place = EvidenceFolder(tmp_path / "evidence", bounds, "Egret")
    most = 0
    for number in range(300):
        place.add(piece(number, Severity.CRITICAL if number < 5 else Severity.LOW, at_s=number, size=number * 30))
        files = list(place.path.iterdir())
        most = max(most, sum(path.stat().st_size for path in files))
        assert len(files) <= 2 * 40
        assert place.size == sum(path.stat().st_size for path in files)
    assert 50_000 < most <= 100_000
    assert {identity(number) for number in range(5)} <= set(place.incidents())
    gone = place.prune(NOW_NS)
    assert sum(gone.values()) == 300 - place.number
    assert gone[Bound.BYTES] > 0
    assert gone[Bound.NUMBER] > 0
    assert sum(place.prune(NOW_NS).values()) == 0


def test_records_are_sealed_and_a_change_between_two_seals_is_not_covered_up(tmp_path: Path) -> None:
    seal = Seal(tmp_path)
    place = EvidenceFolder(tmp_path / "evidence", WIDE, "Egret", seal)
    place.add(piece())
    kept = place.read(identity(1))
    assert kept is not None
    assert check(kept.record, seal.known()) is Sealed.BY_US
    path = place.path / f"{identity(1)}.json"
    path.write_text(path.read_text().replace("192.0.2.7", "192.0.2.8"))
    for at_s in (5, 9):
        place.add(piece(at_s=at_s))
        again = place.read(identity(1))
        assert again is not None
        assert again.record["unsealed_until"] == rfc3339(NOW_NS + 5 * SECOND_NS)
        assert check(again.record, seal.known()) is Sealed.BY_US


def test_has(place: EvidenceFolder) -> None:
    place.add(piece())
    assert (place.has(identity(1)), place.has(identity(2)), place.has("../x")) == (True, False, False)
