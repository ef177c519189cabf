"""Strict readers of the line formats, as a receiver would be: what they refuse, a SIEM may misread."""

from __future__ import annotations

import re
from typing import Any

import jc

_KEY = re.compile(r"(?:^| )([A-Za-z0-9_]+)=")
_SYSLOG = re.compile(r"<(\d{1,3})>1 (\S+) (\S{1,255}) (\S{1,48}) (\S{1,128}) (\S{1,32}) ", re.ASCII)
_PARAM = re.compile(r' ([!#-<>-\\^-~]{1,32})="((?:[^"\\\]]|\\["\\\]])*)"')


def read_cef(line: str) -> tuple[list[str], dict[str, str]]:
    """The seven fields of the header, and the extension; ``\\|``, ``\\=`` and ``\\\\`` undone."""
    parts = re.split(r"(?<!\\)(?:\\\\)*\|", line)
    assert len(parts) == 8, line
    head, extension = re.match(r"((?:(?:[^|\\]|\\[|\\])*\|){7})(.*)$", line).groups()  # type: ignore[union-attr]
    fields: dict[str, str] = {}
    keys = [found for found in _KEY.finditer(extension) if not extension[: found.end() - 1].endswith("\\")]
    for found, following in zip(keys, [*keys[1:], None], strict=True):
        value = extension[found.end() : following.start() if following else None]
        assert re.fullmatch(r"(?:[^=\\]|\\[=\\])*", value), value
        assert found[1] not in fields, f"{found[1]} twice"
        fields[found[1]] = re.sub(r"\\([=\\])", r"\1", value)
    return [re.sub(r"\\([|\\])", r"\1", part) for part in re.findall(r"((?:[^|\\]|\\[|\\])*)\|", head)], fields


def read_by_jc(form: str, line: str) -> dict[str, Any]:
    """What the reader of another project makes of a line, its own keys added."""
    [read] = jc.parse(form, line, quiet=True)
    assert isinstance(read, dict)
    return read


def read_leef(line: str) -> tuple[list[str], dict[str, str]]:
    """The six fields of the header, and the attributes."""
    *head, attributes = line.split("|", 6)
    assert head[0] == "LEEF:2.0"
    pairs = [attribute.partition("=") for attribute in attributes.split(head[5])]
    assert len({key for key, _, _ in pairs}) == len(pairs)
    return head, {key: value for key, _, value in pairs}


def read_syslog(message: bytes) -> tuple[tuple[str, ...], dict[str, str], str]:
    """PRI, time, host, app, process and message id; the parameters of the one element; the text."""
    text = message.decode("utf-8")
    head = _SYSLOG.match(text)
    assert head, text
    rest = text[head.end() :]
    if rest.startswith("- "):
        return head.groups(), {}, rest[2:]
    element = re.match(r"\[([^ =\]\"]{1,32})", rest)
    assert element, rest
    position, params = element.end(), dict[str, str]()
    while found := _PARAM.match(rest, position):
        params[found[1]] = re.sub(r'\\(["\\\]])', r"\1", found[2])
        position = found.end()
    assert rest[position : position + 2] == "] ", rest[position:]
    return head.groups(), params, rest[position + 2 :]
