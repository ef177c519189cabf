"""Every input that ever mattered, replayed: a value or an error of ours, nothing else, and soon."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.targets import TARGETS, attempt

CORPUS = Path(__file__).parent / "corpus"
INPUTS = sorted(CORPUS.glob("*/*"))


def test_every_target_has_a_corpus_and_every_corpus_a_target() -> None:
    assert {path.parent.name for path in INPUTS} == set(TARGETS)


@pytest.mark.parametrize("path", INPUTS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_replay(path: Path) -> None:
    attempt(path.parent.name, path.read_bytes())


@pytest.mark.parametrize("name", TARGETS)
def test_every_cut_of_a_seed(name: str) -> None:
    data = (CORPUS / name / "seed-0.bin").read_bytes()
    for end in range(0, len(data), max(1, len(data) // 200)):
        attempt(name, data[:end])
