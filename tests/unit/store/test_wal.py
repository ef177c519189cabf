from __future__ import annotations

import errno
import random
import shutil
from contextlib import closing
from pathlib import Path

import pytest

from egret.store.incidents import IncidentStore
from egret.store.wal import commits
from tests.support.alerts import opened
from tests.support.stored import unsent

HEADER, FRAME = 32, 24 + 4096


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a kill leaves: a store whose 20 commits are in its log."""
    live, left = tmp_path_factory.mktemp("live"), tmp_path_factory.mktemp("left")
    with closing(IncidentStore(live / "i.db")) as store:
        for number in range(20):
            store.record(alerts=[opened(client=bytes([192, 0, 2, number]))], sinks=["soc"])
        for path in live.iterdir():
            shutil.copyfile(path, left / path.name)
    return left


def spoil(killed: Path, tmp_path: Path, at: int, size: int) -> Path:
    for path in killed.iterdir():
        shutil.copyfile(path, tmp_path / path.name)
    with (tmp_path / "i.db-wal").open("r+b") as log:
        log.seek(at)
        log.write(random.Random(1).randbytes(size))
    return tmp_path / "i.db"


def test_a_sound_log_is_read_to_its_end(killed: Path, tmp_path: Path) -> None:
    path = spoil(killed, tmp_path, 0, 0)
    assert len(commits(path)) >= 20
    with closing(IncidentStore(path)) as store:
        assert len(unsent(store, "soc")) == 20
        assert store.moved_aside == []
    assert commits(tmp_path / "none.db") == []


@pytest.mark.parametrize("part", [0.2, 0.5, 0.8])
def test_commits_behind_damage_in_the_log_are_missed_and_the_log_is_kept(
    killed: Path, tmp_path: Path, part: float
) -> None:
    frames = ((killed / "i.db-wal").stat().st_size - HEADER) // FRAME
    path = spoil(killed, tmp_path, HEADER + int(frames * part) * FRAME + 100, 50)
    before = (tmp_path / "i.db-wal").read_bytes()
    with closing(IncidentStore(path)) as store:
        waiting = len(unsent(store, "soc"))
        [(aside, salvaged)] = store.moved_aside
        assert 0 < waiting < 20
        assert salvaged.broken >= 20 - waiting
        assert aside.name == "i.db.1.corrupt-wal"
        assert aside.read_bytes() == before
        store.record(alerts=[opened(client=bytes([198, 51, 100, 1]))], sinks=["soc"])
        store.close()
        assert len(unsent(store, "soc")) == waiting + 1
        assert len(store.moved_aside) == 1


def test_what_was_lost_is_told_where_a_full_disk_has_no_room_to_keep_the_log(
    killed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = ((killed / "i.db-wal").stat().st_size - HEADER) // FRAME
    path = spoil(killed, tmp_path, HEADER + frames // 2 * FRAME + 100, 50)

    def full(_: Path, aside: Path) -> None:
        aside.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", full)
    with closing(IncidentStore(path)) as store:
        waiting = len(unsent(store, "soc"))
        [(aside, salvaged)] = store.moved_aside
        assert 0 < waiting < 20
        assert salvaged.broken >= 20 - waiting
        assert not aside.exists()


def test_a_log_whose_header_is_spoilt_is_missed_as_a_whole(killed: Path, tmp_path: Path) -> None:
    with closing(IncidentStore(spoil(killed, tmp_path, 0, HEADER))) as store:
        assert unsent(store, "soc") == []
        [(_, salvaged)] = store.moved_aside
        assert salvaged.broken >= 20


def test_a_transaction_that_was_cut_off_is_no_loss(killed: Path, tmp_path: Path) -> None:
    path = spoil(killed, tmp_path, 0, 0)
    log = tmp_path / "i.db-wal"
    last, before = commits(path)[-1], commits(path)[-2]
    assert last - before > 1
    with log.open("r+b") as file:
        file.truncate(HEADER + (last - 1) * FRAME + 2000)
    with closing(IncidentStore(path)) as store:
        assert len(unsent(store, "soc")) == 19
        assert store.moved_aside == []
