"""The repository's Markdown as its tests need it: files, fenced blocks, inline code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """One fenced block: *language* is "" where none is given, *line* counts from 1."""

    file: Path
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.file.relative_to(ROOT)}:{self.line}"


def documents() -> list[Path]:
    """Every page that people read."""
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "changelog.d").glob("*.md")])


def blocks(*languages: str) -> list[Block]:
    """Every fenced block in one of *languages*."""
    return [block for file in documents() for block in _blocks(file) if block.language in languages]


def _blocks(file: Path) -> Iterator[Block]:
    text = file.read_text(encoding="utf-8")
    for found in _FENCE.finditer(text):
        yield Block(file, text.count("\n", 0, found.start()) + 1, found[1], found[2])


def prose(file: Path) -> str:
    """The page without its fenced blocks."""
    return _FENCE.sub("", file.read_text(encoding="utf-8"))


def inline_code(file: Path) -> list[str]:
    """What stands in backticks, outside fenced blocks."""
    return re.findall(r"`([^`\n]+)`", prose(file))
