from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from bench import workloads
from egret.cli.capture import Captures
from egret.cli.jobs import each_file
from egret.cli.main import invoke
from egret.cli.readers import Readers
from egret.errors import EgretError, GeoError
from tests.support.net import pcap_bytes, write
from tests.support.reshape import SHAPES, packets
from tests.support.talks import talks

EVERYTHING = """\
vendor: Everything
operator: {country: CN, source: "test", date: "2026-01-01"}
last_reviewed: "2026-01-01"
signatures:
  - id: everything.examples
    service: Examples
    category: chat
    class: ai
    hosts:
      - {suffix: [dns.example, http.example, quic.example, tls.example, zone.example, socks.example]}
"""


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> list[str]:
    """Whatever there is to read: every conversation in every shape, the bench's captures, real clients, broken files."""
    folder = tmp_path_factory.mktemp("corpus")
    found = [str(repository / "src/egret/data/demo/egret-demo.pcapng"), str(folder / "missing.pcap")]
    for shape, how in SHAPES.items():
        frames = [packet for number, talk in enumerate(talks()) for packet in packets(talk, number, how)]
        found.append(write(folder / f"{shape.replace(' ', '-')}.pcap", pcap_bytes(frames, linktype=101)))
    for name, make in workloads.WORKLOADS.items():
        path = folder / f"{name}.pcap"
        workloads.write_frames(path, islice(make(random.Random(name)), 600), 40_000_000)
        found.append(str(path))
    found += map(str, sorted((repository / "tests/fuzz/corpus/capture_file").iterdir()))
    return [*found, found[0], str(folder)]


def said(arguments: list[str], capfd: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    code = invoke(arguments)
    return code, *capfd.readouterr()


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        ["observe", "--flows", "--anomalies"],
        ["replay", "--detections"],
        ["replay", "--format", "jsonl", "--evidence", "proofs"],
    ],
)
def test_every_capture_says_the_same_with_any_number_of_jobs(
    command: list[str], corpus: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "egret.yaml"
    (tmp_path / "signatures").mkdir()
    (tmp_path / "signatures" / "everything.yaml").write_text(EVERYTHING)
    config.write_text(f"catalog: {{directories: [{tmp_path / 'signatures'}]}}\n")
    settings = ["-c", str(config)] if command[0] == "replay" else []
    files = corpus if command[0] == "observe" else [*corpus[:3], *corpus[3:-2:4], *corpus[-2:]]
    kept = []
    for jobs in ("1", "3"):
        own = [str(tmp_path / word) if word == "proofs" else word for word in command]
        answer = said([*own, *settings, "--jobs", jobs, *files], capfd)
        kept.append((answer, sorted(file.name for file in tmp_path.rglob("*") if "proofs" in file.parts)))
        assert answer[0] == 2
        assert len(answer[1].splitlines()) > 20
    assert kept[0] == kept[1]


class Words:
    """Says what is in a file; some words do more."""

    def __call__(self, captures: Captures, path: str) -> Iterator[str]:
        for word in Path(path).read_text().split():
            if word == "complain":
                captures.complain(f"{path} complains")
                captures.exit_code = 1
            elif word == "fail":
                raise GeoError("it failed")
            elif word == "die":
                os.kill(os.getpid(), signal.SIGKILL)
            else:
                yield word

    def dump(self, step: str) -> bytes:
        return step.encode()

    def load(self, data: bytes) -> str:
        return data.decode()


def read(texts: list[str], folder: Path, jobs: int = 2) -> tuple[list[list[str]], list[str], int]:
    """What is said of files with these texts."""
    complaints: list[str] = []
    paths = [write(folder / str(number), text.encode()) for number, text in enumerate(texts)]
    captures = Captures(paths, complaints.append)
    with each_file(captures, Words(), jobs) as readers:
        found = [list(steps) for _, steps in readers]
    return found, [complaint.replace(str(folder), "") for complaint in complaints], captures.exit_code


def test_steps_come_in_the_order_of_the_files(tmp_path: Path) -> None:
    texts = ["a b", "", "c " * 400_000, "d complain e", "f", *("g h " * n for n in range(20)), "complain"]
    alone, several = read(texts, tmp_path, 1), read(texts, tmp_path, 3)
    assert alone == several
    assert several[1:] == (["/3 complains", "/25 complains"], 1)


def test_a_failure_is_raised_when_its_turn_comes(tmp_path: Path) -> None:
    with pytest.raises(GeoError, match="it failed"):
        read(["a", "b fail", "c"], tmp_path)


def test_a_process_that_is_killed_is_said_to_have_been(tmp_path: Path) -> None:
    with pytest.raises(EgretError, match="1: the process that read it was ended"):
        read(["a", "b die", "c die", "d", "e"], tmp_path)


def test_a_pipe_is_read_here_in_its_turn(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    paths = [write(tmp_path / "a", b"a"), str(pipe), write(tmp_path / "b", b"b")]
    writer = threading.Thread(target=pipe.write_text, args=("x y",))
    with Readers(Captures(paths), Words(), 2) as readers:
        writer.start()
        assert [list(steps) for _, steps in readers] == [["a"], ["x", "y"], ["b"]]
    writer.join()


def test_progress_is_shown_whoever_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[tuple[str, int, int | None]] = []
    monkeypatch.setattr(Captures, "advance", lambda _, *progress: shown.append(progress))

    class Sized(Words):
        def __call__(self, captures: Captures, path: str) -> Iterator[str]:
            yield from (str(frame.wire_length) for frame in captures.frames(path))

    paths = [write(tmp_path / name, pcap_bytes([b"frame"])) for name in ("a", "b")]
    with Readers(Captures(paths), Sized(), 2) as readers:
        assert [list(steps) for _, steps in readers] == [["5"], ["5"]]
    assert {path for path, _, _ in shown} == set(paths)


@pytest.mark.slow
def test_no_process_is_left_when_nobody_listens(corpus: list[str]) -> None:
    command = f"{sys.executable} -m egret observe --jobs 3 {' '.join(corpus)} | head -n 1"
    run = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False)
    assert run.returncode == 0
    assert len(run.stdout.splitlines()) == 1
