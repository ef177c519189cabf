from __future__ import annotations

import asyncio
import gzip
import json
import os
import resource
import signal
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from egret.alerts.formats.digest import DIGEST_LINES
from egret.alerts.formats.sensor_lines import SENSOR_LINES
from egret.alerts.model import Alert, Sensor
from egret.errors import SinkTemporary
from egret.sinks.jsonl import JsonLinesOptions, JsonLinesSink
from tests.support.alerts import numbered, opened, sensor_alert
from tests.support.digest import digest
from tests.support.patience import wait_until


def line(alert: Alert) -> str:
    return json.dumps({"id": alert.id})


def sink_at(path: Path, **options: Any) -> JsonLinesSink:
    return JsonLinesSink(
        JsonLinesOptions(
            path=path,
            line=line,
            warning=lambda alert: SENSOR_LINES["ecs"](alert, Sensor("1")),
            summary=lambda digest: DIGEST_LINES["jsonl"](digest, Sensor("1"), None),
            **options,
        )
    )


def ids(path: Path) -> list[str]:
    return [json.loads(line)["id"] for line in path.read_text().splitlines()]


def send(sink: JsonLinesSink, *batches: list[Alert]) -> None:
    async def run() -> None:
        for batch in batches:
            await sink.send(batch)

    asyncio.run(run())


def test_one_line_an_alert_readable_by_the_group_only(tmp_path: Path) -> None:
    path = tmp_path / "alerts.jsonl"
    sink = sink_at(path)
    send(sink, numbered(2), numbered(1))
    assert ids(path) == ["high-0", "high-1", "high-0"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o640 & ~current_umask()
    asyncio.run(sink.close())
    asyncio.run(sink.close())


def current_umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_alerts_about_the_sensor_are_lines_too(tmp_path: Path) -> None:
    path = tmp_path / "alerts.jsonl"
    asyncio.run(sink_at(path).warn(sensor_alert()))
    assert json.loads(path.read_text())["event"]["dataset"] == "egret.sensor"


def test_it_appends_to_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "alerts.jsonl"
    path.write_text('{"id": "old"}\n')
    send(sink_at(path), numbered(1))
    assert ids(path) == ["old", "high-0"]


@pytest.mark.parametrize("how", ["moved", "deleted", "replaced"])
def test_logrotate_needs_no_signal(tmp_path: Path, how: str) -> None:
    path, old = tmp_path / "alerts.jsonl", tmp_path / "alerts.jsonl.1"
    sink = sink_at(path)
    send(sink, numbered(1))
    if how == "deleted":
        path.unlink()
    else:
        path.rename(old)
    if how == "replaced":
        path.touch()
    send(sink, numbered(2))
    assert ids(path) == ["high-0", "high-1"]
    if how != "deleted":
        assert ids(old) == ["high-0"]


def test_own_rotation_keeps_whole_lines_and_so_many_files(tmp_path: Path) -> None:
    path = tmp_path / "alerts.jsonl"
    sink = sink_at(path, rotate_bytes=40, keep=2)
    for number in range(10):
        send(sink, [numbered(10)[number]])
    assert ids(path) == ["high-8", "high-9"]
    assert ids(tmp_path / "alerts.jsonl.1") == ["high-6", "high-7"]
    assert ids(tmp_path / "alerts.jsonl.2") == ["high-4", "high-5"]
    assert len(list(tmp_path.iterdir())) == 3


def test_own_rotation_may_keep_nothing(tmp_path: Path) -> None:
    path = tmp_path / "alerts.jsonl"
    sink = sink_at(path, rotate_bytes=20, keep=0)
    send(sink, *([alert] for alert in numbered(3)))
    assert ids(path) == ["high-2"]
    assert len(list(tmp_path.iterdir())) == 1


def test_one_batch_larger_than_the_limit_is_written_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "alerts.jsonl"
    send(sink_at(path, rotate_bytes=10), numbered(5))
    assert len(ids(path)) == 5


def test_a_full_disk_is_temporary() -> None:
    with pytest.raises(SinkTemporary, match="No space left"):
        send(sink_at(Path("/dev/full")), [opened()])


SMALL = 100


def in_a_child(work: Callable[[], None]) -> None:
    """Do *work* where files may grow to SMALL bytes only: a disk that fills up within a line.

    Not in this process: the limit would hold for the file that pytest's own output may go to.
    """
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (SMALL, SMALL))
            work()
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(pid, 0)[1] == 0


def test_a_disk_that_fills_within_a_line_leaves_no_half_line(tmp_path: Path) -> None:
    path = tmp_path / "alerts.jsonl"

    def fill() -> None:
        sink = sink_at(path)
        with pytest.raises(SinkTemporary):
            send(sink, *[numbered(2)] * 20)
        path.rename(tmp_path / "full")
        send(sink, numbered(1))

    in_a_child(fill)
    full = (tmp_path / "full").read_text()
    assert full.endswith("\n")
    assert 0 < len(full) <= SMALL
    assert ids(path) == ["high-0"]


def test_a_missing_folder_is_temporary_and_heals(tmp_path: Path) -> None:
    path = tmp_path / "new" / "alerts.jsonl"
    sink = sink_at(path)
    with pytest.raises(SinkTemporary, match="No such file"):
        send(sink, numbered(1))
    path.parent.mkdir()
    send(sink, numbered(1))
    assert ids(path) == ["high-0"]


def test_a_file_out_of_reach_is_said_and_ends_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(path: Path, **_: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "stat", refused)  # before Python 3.14 ``exists`` raises, too
    monkeypatch.setattr(Path, "exists", refused)
    assert (
        sink_at(tmp_path / "a").health() == f"{tmp_path / 'a'}: Permission denied; let this user in, or change the path"
    )


def test_health_names_what_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert sink_at(tmp_path / "alerts.jsonl").health() is None
    assert "does not exist" in (sink_at(tmp_path / "no" / "alerts.jsonl").health() or "")
    assert "is a folder" in (sink_at(tmp_path).health() or "")
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert "may not be written" in (sink_at(tmp_path / "alerts.jsonl").health() or "")


def test_a_folder_that_cannot_be_written_cannot_rotate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "alerts.jsonl"
    path.touch()
    monkeypatch.setattr(os, "access", lambda place, mode: place == path)
    assert sink_at(path).health() is None
    assert "cannot be rotated" in (sink_at(path, rotate_s=60).health() or "")


def test_a_new_period_begins_a_new_file_also_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "alerts.jsonl"
    now = [86_400.0 * 3 + 5]

    def at(now_s: float) -> None:
        now[0] = now_s
        send(sink_at(path, rotate_s=86_400, clock=lambda: now[0]), [opened()])
        os.utime(path, (now_s, now_s))

    at(86_400 * 3 + 5)
    at(86_400 * 4 - 1)
    assert not (tmp_path / "alerts.jsonl.1").exists()
    at(86_400 * 4 + 1)
    assert len(ids(path)) == 1
    assert len(ids(tmp_path / "alerts.jsonl.1")) == 2


def test_fsync_comes_before_delivered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    send(sink_at(tmp_path / "never.jsonl"), numbered(2))
    assert synced == []
    send(sink_at(tmp_path / "always.jsonl", fsync=True), numbered(2), numbered(1))
    assert len(synced) == 3  # the folder of a new file, and each batch


def test_a_disk_that_fails_to_sync_is_temporary_and_leaves_no_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "alerts.jsonl"
    path.touch()

    def fail(fd: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(SinkTemporary, match="Input/output"):
        send(sink_at(path, fsync=True), numbered(1))
    assert path.read_text() == ""


def test_rotated_files_are_compressed_while_alerts_go_on(tmp_path: Path) -> None:
    path = tmp_path / "alerts.jsonl"
    sink = sink_at(path, rotate_bytes=40, keep=50, compress=True)
    for alert in numbered(20):
        send(sink, [alert])
    wait_until(lambda: not sink._rotation.is_packing, "the last one packed")
    packed = [gzip.decompress(file.read_bytes()).decode() for file in tmp_path.glob("*.gz")]
    written = [json.loads(each)["id"] for text in packed for each in text.splitlines()] + ids(path)
    assert sorted(written) == sorted(alert.id for alert in numbered(20))


def test_a_digest_is_a_line_too(tmp_path: Path) -> None:
    path = tmp_path / "alerts.jsonl"

    async def run() -> None:
        sink = sink_at(path)
        await sink.digest(digest())
        await sink.close()

    asyncio.run(run())
    assert ids(path) == [digest().id]
