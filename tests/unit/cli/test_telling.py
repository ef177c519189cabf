from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from egret.cli.capture import Captures
from egret.cli.telling import COMPLAINT, DONE, END, FAILURE, PROGRESS, STEP, Hearing, Speaker, fork, tell
from egret.errors import GeoError
from tests.support.net import pcap_bytes, write


def heard(news: int) -> list[tuple[int, bytes]]:
    hearing, found = Hearing(news), list[tuple[int, bytes]]()
    while (messages := hearing.hear()) is not None:
        found += messages
    os.close(news)
    return found


def test_messages_of_any_size_are_heard_as_they_were_said() -> None:
    said = [(STEP, b""), (STEP, b"x" * 300_000), (COMPLAINT, b"y"), (END, b"\0")]

    def work(speaker: Speaker) -> None:
        for kind, data in said:
            speaker.say(kind, data)

    pid, news = fork(work, [])
    assert heard(news) == said
    assert os.waitpid(pid, 0)[1] == 0


class Unpicklable(Exception):
    def __init__(self, one: object, other: object) -> None:
        super().__init__(f"{one}{other}")


@pytest.mark.parametrize("error", [GeoError("no"), Unpicklable("n", "o")])
def test_steps_complaints_progress_and_an_end_or_a_failure(error: Exception, tmp_path: Path) -> None:
    capture = write(tmp_path / "in.pcap", pcap_bytes([b"frame"]))

    def steps(captures: Captures) -> Iterator[bytes]:
        yield b"one"
        captures.complain("broken")
        captures.exit_code = 1
        assert len(list(captures.frames(capture))) == 1
        yield b"two"

    def failing(_captures: Captures) -> Iterator[bytes]:
        yield b"three"
        raise error

    def work(speaker: Speaker) -> None:
        tell("in", speaker, steps)
        tell("in", speaker, failing)

    pid, news = fork(work, [])
    *found, (kind, failure) = heard(news)
    os.waitpid(pid, 0)
    size = Path(capture).stat().st_size
    assert (PROGRESS, DONE.pack(size, size)) in found
    assert [each for each in found if each[0] != PROGRESS] == [
        (STEP, b"one"),
        (COMPLAINT, b"broken"),
        (STEP, b"two"),
        (END, b"\1"),
        (STEP, b"three"),
    ]
    assert kind == FAILURE
    assert b"no" in failure


def test_nobody_listens() -> None:
    def work(speaker: Speaker) -> None:
        os.read(begin, 1)
        speaker.say(END)
        os.write(2, b"this is not reached")

    begin, go = os.pipe()
    pid, news = fork(work, [])
    os.close(news)
    os.write(go, b"x")
    assert os.waitpid(pid, 0)[1] == 0
    os.close(begin)
    os.close(go)
