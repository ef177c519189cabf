from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from egret.cli.capture import Captures
from egret.cli.jobs import AUTO, each_file, number_of_jobs
from egret.cli.main import invoke
from egret.cli.readers import Readers
from tests.support.net import write


def test_how_many_jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1, 2})
    small = [write(tmp_path / f"{n}.pcap", b"x") for n in range(9)]
    large = [*small, write(tmp_path / "large", bytes(4 << 20))]
    assert number_of_jobs(AUTO, small) == 1
    assert number_of_jobs(AUTO, large) == 3
    assert number_of_jobs(AUTO, large[-1:]) == number_of_jobs("5", large[-1:]) == 1
    assert number_of_jobs("5", small) == 5
    assert number_of_jobs("50", small) == 9
    assert number_of_jobs("5", ["-", "missing", str(tmp_path)]) == 1
    assert number_of_jobs("5", ["-"], divided=True) == 1


def test_how_many_jobs_for_one_large_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1, 2})
    small, large = [write(tmp_path / "small", b"x")], [str(tmp_path / "large")]
    with Path(large[0]).open("wb") as file:
        file.truncate(256 << 20)
    assert number_of_jobs(AUTO, large, divided=True) == 3
    assert number_of_jobs("5", large, divided=True) == number_of_jobs("5", small, divided=True) == 5
    assert number_of_jobs(AUTO, small, divided=True) == 1
    assert number_of_jobs("999", large, divided=True) == 64
    assert number_of_jobs("5", [*large, *small], divided=True) == 2


@pytest.mark.parametrize("asked", ["0", "-1", "many", "", "1.5"])
def test_a_number_that_is_none_is_bad_usage(asked: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.BadParameter):
        number_of_jobs(asked, [])
    assert invoke(["observe", "--jobs", asked, "x"]) == 2
    assert "--jobs" in capsys.readouterr().err


class Names:
    """Says what a file is called; ``opened`` are those that were begun."""

    def __init__(self) -> None:
        self.opened: list[str] = []

    def __call__(self, captures: Captures, path: str) -> Iterator[str]:
        assert captures.exit_code == 0
        self.opened.append(path)
        yield path.upper()

    def dump(self, step: str) -> bytes:
        return step.encode()

    def load(self, data: bytes) -> str:
        return data.decode()


def test_one_process_reads_each_file_in_its_turn() -> None:
    work = Names()
    with each_file(Captures(["a", "b"]), work, 1, lambda *_: pytest.fail("is not divided")) as each:
        assert work.opened == []
        assert [(path, next(steps), list(work.opened)) for path, steps in each] == [
            ("a", "A", ["a"]),
            ("b", "B", ["a", "b"]),
        ]


def test_more_than_one_are_readers() -> None:
    assert isinstance(each_file(Captures([]), Names(), 2), Readers)
