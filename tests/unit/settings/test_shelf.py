from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from egret.settings import shelf


class Reader:
    def __init__(self, source: Path) -> None:
        self.source = source
        self.reads = 0

    def read(self) -> list[str]:
        self.reads += 1
        return self.source.read_text().split()

    def kept(self) -> list[str]:
        return shelf.kept("words", [self.source], self.read, "-".join, lambda text: text.split("-"))


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Reader:
    monkeypatch.setattr(sys, "pycache_prefix", str(tmp_path / "cache"))
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    source = tmp_path / "words.yaml"
    source.write_text("one two")
    shelf._place("words").parent.mkdir(parents=True)
    return Reader(source)


def test_what_was_read_is_read_once(reader: Reader) -> None:
    assert [reader.kept(), reader.kept(), reader.kept()] == [["one", "two"]] * 3
    assert reader.reads == 1
    assert shelf._place("words").stat().st_mode & 0o777 == 0o644


def test_another_byte_of_a_source_is_read_anew(reader: Reader) -> None:
    reader.kept()
    reader.source.write_text("one three")
    assert reader.kept() == ["one", "three"]
    assert reader.reads == 2


@pytest.mark.parametrize(
    "broken", ["", "{", "[]", "null", '{"key": 1}', '{"key": "KEY", "value": 7}', '{"key": "KEY"}']
)
def test_what_is_broken_is_read_anew_and_mended(reader: Reader, broken: str) -> None:
    reader.kept()
    place = shelf._place("words")
    place.write_text(broken.replace("KEY", json.loads(place.read_text())["key"]))
    assert reader.kept() == ["one", "two"]
    assert json.loads(place.read_text())["value"] == "one-two"


def test_nothing_is_kept_where_python_keeps_nothing(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    reader.kept()
    assert not shelf._place("words").exists()
    monkeypatch.setattr(sys.implementation, "cache_tag", None)
    assert reader.kept() == ["one", "two"]
    assert reader.reads == 2


def test_a_place_that_cannot_be_written_is_no_error(reader: Reader) -> None:
    folder = shelf._place("words").parent
    folder.rmdir()
    folder.write_text("a file")
    assert reader.kept() == reader.kept() == ["one", "two"]


def test_without_its_sources_it_is_read(reader: Reader) -> None:
    absent = [reader.source.with_name("absent.yaml")]
    assert shelf.kept("words", absent, lambda: "x", str, str) == "x"
