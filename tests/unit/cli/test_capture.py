from __future__ import annotations

from pathlib import Path

import pytest

from egret.cli.capture import Captures, by_time
from tests.support.net import pcap_bytes, write


def read(captures: Captures) -> dict[str, int]:
    return {Path(path).name: sum(1 for _ in captures.frames(path)) for path in captures}


def test_reads_one_file_after_another(tmp_path: Path) -> None:
    paths = [write(tmp_path / name, pcap_bytes([b"frame"] * number)) for name, number in (("a", 1), ("b", 2))]
    with Captures(paths) as captures:
        assert read(captures) == {"a": 1, "b": 2}
    assert captures.exit_code == 0


def test_a_file_that_breaks_off_gives_what_it_held(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path / "cut", pcap_bytes([b"frame"] * 3)[:-2])
    with Captures([path]) as captures:
        assert read(captures) == {"cut": 2}
    assert captures.exit_code == 1
    assert capsys.readouterr().err.count("2 before it were") == 1


def test_what_is_no_capture_is_said_and_the_next_is_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = write(tmp_path / "bad", b"hello, this is no capture at all")
    good = write(tmp_path / "good", pcap_bytes([b"frame"]))
    with Captures([bad, str(tmp_path / "none"), good]) as captures:
        assert read(captures) == {"bad": 0, "none": 0, "good": 1}
    assert captures.exit_code == 2
    assert capsys.readouterr().err.count("egret: ") == 2


@pytest.mark.parametrize("data", [b"", b"\n\r\r\n", b"hello, this is no capture at all", b"\x1f\x8b"])
def test_a_file_without_one_packet_to_read_is_bad_input(
    data: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Captures([write(tmp_path / "bad", data)]) as captures:
        assert read(captures) == {"bad": 0}
    assert captures.exit_code == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_long_file_shows_a_bar_on_a_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("egret.cli.capture.LONG_FILE", 1)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    path = write(tmp_path / "long", pcap_bytes([b"frame" * 100] * 2000))
    with Captures([path]) as captures:
        assert read(captures) == {"long": 2000}
        assert captures._progress is not None
        assert [task.description for task in captures._progress.tasks] == ["long"]
        assert captures._progress.tasks[0].completed > 0


def test_several_files_are_read_by_their_first_packets(tmp_path: Path) -> None:
    def at(name: str, time_s: int) -> str:
        data = bytearray(pcap_bytes([b"frame"]))
        data[24:28] = time_s.to_bytes(4, "little")
        return write(tmp_path / name, bytes(data))

    new, old, bad = at("10.pcap", 2_000), at("9.pcap", 1_000), write(tmp_path / "bad", b"no capture")
    empty = write(tmp_path / "empty", pcap_bytes([]))
    assert by_time([new, old]) == [old, new]
    assert by_time([new, bad, old, empty]) == [bad, empty, old, new]
    assert by_time([new, "-", old]) == [new, "-", old]
    assert by_time([new, str(tmp_path / "none"), old]) == [new, str(tmp_path / "none"), old]
    assert by_time([new]) == [new]
