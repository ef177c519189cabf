from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterable
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
        return shelf.kept("words", [str(self.source)], self.read, "-".join, lambda text: text.split("-"))


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


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The sources whose bytes were looked at, at each time."""
    found: list[list[str]] = []
    key = shelf._key

    def counted(paths: Iterable[str]) -> str:
        found.append(list(paths))
        return key(found[-1])

    monkeypatch.setattr(shelf, "_key", counted)
    return found


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever was written is taken to have been written long ago."""
    monkeypatch.setattr(shelf, "_SETTLED_NS", -1)


@pytest.mark.usefixtures("settled")
def test_the_bytes_of_files_that_are_the_same_are_not_looked_at(reader: Reader, hashed: list[list[str]]) -> None:
    assert [reader.kept(), reader.kept(), reader.kept()] == [["one", "two"]] * 3
    assert (reader.reads, hashed) == (1, [[str(reader.source)]])


@pytest.mark.usefixtures("settled")
def test_another_file_of_the_same_bytes_is_looked_at_once(reader: Reader, hashed: list[list[str]]) -> None:
    reader.kept()
    os.utime(reader.source, ns=(1, 1))
    assert [reader.kept(), reader.kept()] == [["one", "two"]] * 2
    assert (reader.reads, len(hashed)) == (1, 2)


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("replaced", [True, False])
def test_another_byte_in_a_file_of_the_same_length_and_age_is_read_anew(reader: Reader, *, replaced: bool) -> None:
    reader.kept()
    before = reader.source.stat()
    written = reader.source.with_name("other") if replaced else reader.source
    written.write_text("one six")
    written.replace(reader.source)
    while reader.source.stat().st_ctime_ns == before.st_ctime_ns:  # a file system's clock may be slower than we are
        os.utime(reader.source)
    os.utime(reader.source, ns=(before.st_mtime_ns, before.st_mtime_ns))
    assert reader.kept() == ["one", "six"]
    assert reader.reads == 2


def test_a_source_that_may_still_be_written_to_is_looked_at(reader: Reader, hashed: list[list[str]]) -> None:
    assert [reader.kept(), reader.kept()] == [["one", "two"]] * 2
    assert (reader.reads, len(hashed)) == (1, 2)
    assert json.loads(shelf._place("words").read_text())["stamps"] is None


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("broken", [7, None])
def test_what_is_broken_under_a_stamp_is_read_anew_and_mended(reader: Reader, broken: object) -> None:
    reader.kept()
    place = shelf._place("words")
    place.write_text(json.dumps(json.loads(place.read_text()) | {"value": broken}))
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
    absent = [str(reader.source.with_name("absent.yaml"))]
    assert shelf.kept("words", absent, lambda: "x", str, str) == "x"


class Large:
    """A file, and how often its digest was computed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.computed = 0
        path.write_bytes(b"large")

    def sha256(self, data: bytes) -> str:
        self.computed += 1
        return hashlib.sha256(data).hexdigest()

    def is_right(self) -> bool:
        data, digest = shelf.digest_of(self.path, self.path.read_bytes)
        return data == self.path.read_bytes() and digest == hashlib.sha256(data).hexdigest()


@pytest.fixture
def large(tmp_path: Path, reader: Reader, monkeypatch: pytest.MonkeyPatch) -> Large:
    made = Large(tmp_path / "large.mmdb")
    monkeypatch.setattr(shelf, "_sha256", made.sha256)
    monkeypatch.setattr(shelf, "_SETTLED_NS", -1)
    return made


def test_a_digest_is_computed_once(large: Large) -> None:
    assert all(large.is_right() for _ in range(3))
    assert large.computed == 1


def test_another_file_in_its_place_has_another_digest(large: Large) -> None:
    assert large.is_right()
    times = large.path.stat().st_mtime_ns
    large.path.write_bytes(b"worse")
    os.utime(large.path, ns=(times, times))  # as old and as long as the other
    assert large.is_right()
    assert large.computed == 2


def test_a_file_that_may_still_be_written_to_is_not_believed(large: Large, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelf, "_SETTLED_NS", 60_000_000_000)
    assert large.is_right()
    assert large.is_right()
    assert large.computed == 2


@pytest.mark.parametrize("broken", ["", "[]", '{"stamp": STAMP}', '{"stamp": STAMP, "digest": 7}'])
def test_a_broken_note_is_computed_anew(large: Large, broken: str) -> None:
    assert large.is_right()
    place = shelf._place(large.path.name)
    place.write_text(broken.replace("STAMP", json.dumps(json.loads(place.read_text())["stamp"])))
    assert large.is_right()
    assert large.computed == 2


def test_no_digest_is_noted_where_python_notes_nothing(large: Large, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert large.is_right()
    assert not shelf._place(large.path.name).exists()
