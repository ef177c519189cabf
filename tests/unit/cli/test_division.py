from __future__ import annotations

import gzip
import os
import random
import signal
from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path

import pytest

from bench import workloads
from egret.cli.capture import Captures
from egret.cli.division import Division, pays
from egret.cli.main import invoke
from egret.cli.readers import Readers
from egret.cli.reading import Placed
from egret.cli.scan import Scan
from egret.cli.step_codec import dump, load
from egret.cli.steps import Ended, Entangled, PartialStep, Place, Step
from egret.daemon.setup import load_knowledge
from egret.errors import EgretError, GeoError
from egret.settings.config import load_config
from egret.track.partial import Remembers
from egret.track.share import Share
from egret.worker.engine import is_compiled
from tests.support.net import pcap_bytes, write
from tests.support.pipeline import CATALOG


@pytest.fixture(scope="module")
def captures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Connections, whole, cut off and packed; and others of which most is everybody's."""
    folder = tmp_path_factory.mktemp("captures")
    found = {}
    for name in ("tls", "dns"):
        path = folder / f"{name}.pcap"
        workloads.write_frames(path, islice(workloads.WORKLOADS[name](random.Random(name)), 3_000), 40_000_000)
        found[name] = str(path)
    data = Path(found["tls"]).read_bytes()
    found["cut"] = write(folder / "cut.pcap", data[:-100])
    found["packed"] = write(folder / "tls.pcap.gz", gzip.compress(data))
    found["damaged"] = write(folder / "damaged.pcap.gz", gzip.compress(data)[:-5000])
    return found


def said(arguments: list[str], capfd: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    code = invoke(["replay", *arguments])
    return code, *capfd.readouterr()


@pytest.mark.parametrize(
    ("name", "how"),
    [("tls", ["--detections"]), ("tls", []), ("cut", ["--format", "jsonl"]), ("packed", []), ("damaged", [])],
)
def test_several_processes_say_what_one_says(
    name: str, how: list[str], captures: dict[str, str], capfd: pytest.CaptureFixture[str]
) -> None:
    assert pays(captures[name]) == (name in {"tls", "cut"} and is_compiled())
    one = said([*how, "--jobs", "1", captures[name]], capfd)
    assert said([*how, "--jobs", "3", captures[name]], capfd) == one
    assert one[0] == (name in {"cut", "damaged"})
    assert bool(one[2]) == bool(one[0])
    assert one[1]


def test_what_pays(captures: dict[str, str], repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not pays(captures["dns"])
    assert pays(captures["tls"]) == is_compiled()
    monkeypatch.setenv("EGRET_PURE", "1")
    assert not pays(captures["tls"])
    monkeypatch.delenv("EGRET_PURE")
    assert not pays(str(repository / "pyproject.toml"))
    assert not pays(str(tmp_path / "missing"))
    assert not pays(write(tmp_path / "raw.pcap", pcap_bytes([bytes(60)] * 9, linktype=101)))


def test_a_capture_that_one_has_to_read_after_all(
    repository: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("egret.cli.division.pays", lambda _: True)
    demo = str(repository / "src/egret/data/demo/egret-demo.pcapng")
    one = said(["--detections", "--jobs", "1", demo], capfd)
    code, out, err = said(["--detections", "--jobs", "2", demo], capfd)
    assert (code, out) == one[:2]
    assert "egret-demo.pcapng: read by one process after all, for a proxy connects for others" in err


class Words:
    """Says the words of a file, each part some of them; some words do more."""

    def __call__(self, captures: Captures, path: str) -> Iterator[Step]:
        for number, word in enumerate(Path(path).read_text().split()):
            if word == "complain":
                captures.complain("it is odd")
            yield Ended(number, {(word,): 1})

    def part(self, captures: Captures, path: str, share: Share) -> Iterator[Placed]:
        for number, word in enumerate(Path(path).read_text().split()):
            if word == "complain":
                captures.complain("it is odd")
                captures.exit_code = 1
            if number % share.of != share.number:
                continue
            if word == "fail":
                raise GeoError("it failed")
            if word == "die":
                os.kill(os.getpid(), signal.SIGKILL)
            yield Place(number, 1), Entangled("so it is") if word == "entangle" else Ended(number, {(word,): 1})

    @property
    def most(self) -> Remembers:
        return Remembers(0, 0)

    def dump(self, step: PartialStep) -> bytes:
        return dump(step)

    def load(self, data: bytes) -> PartialStep:
        return load(data, CATALOG)


def words(text: str, folder: Path) -> tuple[list[str], list[str], int]:
    path, complaints = write(folder / "words", text.encode()), list[str]()
    captures = Captures([path], complaints.append)
    division = Division(captures, Words(), path, 3)
    division.start()
    try:
        found = [key for step in division.steps() if isinstance(step, Ended) for (key,) in step.counts]
    finally:
        division.stop()
    return found, [complaint.replace(path, "words") for complaint in complaints], captures.exit_code


def test_steps_are_put_together_and_the_file_is_complained_of_once(tmp_path: Path) -> None:
    assert words("a b c complain e f", tmp_path) == (["a", "b", "c", "complain", "e", "f"], ["it is odd"], 1)


def test_nothing_is_said_twice_where_one_begins_anew(tmp_path: Path) -> None:
    found, complaints, _ = words("a complain c d entangle e f", tmp_path)
    assert found == ["a", "complain", "c", "d", "entangle", "e", "f"]
    assert complaints == ["words: read by one process after all, for so it is", "it is odd"]


def test_a_failure_is_raised(tmp_path: Path) -> None:
    with pytest.raises(GeoError, match="it failed"):
        words("a b fail", tmp_path)


def test_a_process_that_is_killed_is_said_to_have_been(tmp_path: Path) -> None:
    with pytest.raises(EgretError, match="words: a process that read it was ended"):
        words("a b die d e f", tmp_path)


def test_no_process_is_left(captures: dict[str, str], repository: Path) -> None:
    knowledge = load_knowledge(load_config(repository / "src/egret/data/demo/egret-demo.yaml"))
    scan, files, before = Scan(knowledge, prove=False), Captures([captures["tls"]]), children()
    with Readers(files, scan, 3, partial(Division, files, scan)) as each:
        for _, steps in each:
            next(iter(steps))
            assert children() - before
            break
    assert children() <= before


def children() -> set[str]:
    """Of this process; another test may have left some."""
    return {pid for task in Path("/proc/self/task").iterdir() for pid in (task / "children").read_text().split()}
