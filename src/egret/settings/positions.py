"""PyYAML's only door: text an operator wrote -> plain values that remember where they stood.

``settings.schema.validate(Model, load(path))`` makes a pydantic model of it.

Stricter than YAML, so that nothing is read as something else: only ``true`` and ``false`` are booleans,
only plain decimals are numbers (``NO``, ``22:22``, ``010`` stay text), an empty value, ``~`` and ``null``
are None, keys are text and come once, tags are refused. Everything is bounded: bytes, depth, and nodes
counted after aliases are followed, so a "billion laughs" file ends at the bound.
"""

from __future__ import annotations

import os
import pwd
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from egret.errors import ConfigError, ConfigErrors, Position
from egret.settings.bundled import read

MAX_BYTES = 1 << 20  # the largest file of the bundled catalogue is a twentieth of it
MAX_DEPTH = 24  # a configuration nests six deep
MAX_NODES = 100_000
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml is ten times as fast; some builds lack it
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # YAML 1.2 section 5.1
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_FLOAT = re.compile(r"-?(?:0|[1-9][0-9]{0,17})\.[0-9]{1,18}")
_WORDS: dict[str, bool | None] = {"true": True, "false": False, "": None, "~": None, "null": None}

Path_ = tuple[str | int, ...]  # of keys and list indexes, as in pydantic's ``loc``


@dataclass(slots=True)
class Node:
    """One value of the document and where it begins."""

    position: Position
    value: object = None  # of a scalar
    items: list[Node] | None = None  # of a sequence
    pairs: dict[str, tuple[Position, Node]] | None = None  # of a mapping: key -> where the key stands, value
    size: int = 1  # nodes in it, aliases followed
    key: tuple[Position, str] | None = None  # while being built: the key whose value comes next

    def plain(self) -> object:
        """The value without positions."""
        if self.pairs is not None:
            return {key: node.plain() for key, (_, node) in self.pairs.items()}
        return self.value if self.items is None else [node.plain() for node in self.items]

    def child(self, step: str | int) -> tuple[Position, Node] | None:
        """The value below *step* and the place to point at for it (of a mapping: its key)."""
        if self.pairs is not None:
            return self.pairs.get(str(step))
        if self.items is not None and isinstance(step, int) and 0 <= step < len(self.items):
            return self.items[step].position, self.items[step]
        return None


@dataclass(slots=True)
class Document:
    """A parsed file. *errors* are those that did not stop the reading: ``schema.validate`` reports them too."""

    file: str
    root: Node
    errors: list[ConfigError] = field(default_factory=list)

    @property
    def value(self) -> object:
        """The plain value; an empty file is an empty mapping."""
        value = self.root.plain()
        return {} if value is None else value

    def position(self, path: Path_, *, of_key: bool = False) -> Position:
        """Where the value at *path* (or its key) stands; steps that the text does not have are passed over."""
        place, node = self.root.position, self.root
        for step in path:
            found = node.child(step)
            if found:
                place, node = found
        return place if of_key else node.position

    def raise_errors(self) -> None:
        """Raise ConfigErrors if reading found any."""
        if self.errors:
            raise ConfigErrors(self.errors)


def load(path: Path, name: str | None = None) -> Document:
    """Read and parse *path*; messages call it *name* (default: the path as given).

    Raises:
        ConfigErrors: it cannot be read, or is no YAML that we accept.
    """
    name = name or str(path)
    try:
        data = read(path, MAX_BYTES + 1)
    except OSError as error:
        raise ConfigErrors([ConfigError(f"{name}: cannot be read: {error.strerror}", None, remedy(error))]) from None
    return parse(data, name)


def remedy(error: OSError) -> str:
    """What to do about a file that cannot be read. Who cannot is said: a daemon is not any more who started it."""
    what = "check the path and its permissions"
    if not isinstance(error, PermissionError):
        return what
    with suppress(KeyError):
        return f"{what}; user {pwd.getpwuid(os.geteuid()).pw_name} may not read it"
    return f"{what}; user {os.geteuid()} may not read it"


def parse(data: bytes, file: str) -> Document:
    """Parse one YAML document; *file* is the name that messages use.

    Raises:
        ConfigErrors: not UTF-8, not YAML, or above a bound. Duplicate keys and tags do not raise here; they wait in
            ``Document.errors`` so that one run reports them with the rest.
    """
    try:
        return _Builder(file, _text(data, file)).build()
    except ConfigError as error:
        raise ConfigErrors([error]) from None
    except yaml.MarkedYAMLError as error:
        raise ConfigErrors([_syntax_error(error, data, file)]) from None
    except yaml.YAMLError:
        raise ConfigErrors([ConfigError("this is no YAML", Position(file, 1, 1))]) from None


def _text(data: bytes, file: str) -> str:
    if len(data) > MAX_BYTES:
        raise ConfigError(f"the file is larger than {MAX_BYTES} bytes", Position(file, 1, 1), "split it")
    try:
        text = data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        place = _place(data[: error.start].decode("utf-8"), file)
        raise ConfigError("a byte that is not UTF-8", place, "save the file as UTF-8") from None
    if bad := _UNPRINTABLE.search(text):
        place = _place(text[: bad.start()], file)
        raise ConfigError(f"control character U+{ord(bad[0]):04X}", place, "remove it")
    return text


def _place(before: str, file: str) -> Position:
    lines = before.split("\n")
    return Position(file, len(lines), len(lines[-1]) + 1)


def _syntax_error(error: yaml.MarkedYAMLError, data: bytes, file: str) -> ConfigError:
    mark = error.problem_mark or error.context_mark
    place = Position(file, mark.line + 1, mark.column + 1) if mark else Position(file, 1, 1)
    problem = error.problem or "this is no YAML"
    line = data.split(b"\n")[place.line - 1 : place.line]
    if "tab" in problem or (line and b"\t" in line[0][: place.column]):
        return ConfigError("a tab", place, "indent with spaces")
    if "cannot start any token" in problem:
        return ConfigError(problem, place, "put the value in quotes")
    return ConfigError(problem, place, error.context)


class _Builder:
    """Builds the tree from PyYAML's events, with a stack of its own: depth costs no recursion."""

    def __init__(self, file: str, text: str) -> None:
        self._file = file
        self._text = text
        self._errors: list[ConfigError] = []
        self._stack: list[Node] = []
        self._anchors: dict[str, Node] = {}
        self._open_anchors: list[str | None] = []
        self._root: Node | None = None
        self._nodes = 0

    def build(self) -> Document:
        for event in self._events():
            self._take(event)
        root = self._root or Node(Position(self._file, 1, 1))
        return Document(self._file, root, self._errors)

    def _events(self) -> Iterator[yaml.Event]:
        yield from yaml.parse(self._text, Loader=_LOADER)

    def _take(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._open(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._close()
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event)
        elif isinstance(event, yaml.DocumentStartEvent) and self._root is not None:
            raise ConfigError("a second document", self._at(event), "one file holds one document: remove '---'")

    def _at(self, event: yaml.Event) -> Position:
        mark = event.start_mark
        return Position(self._file, mark.line + 1, mark.column + 1) if mark else Position(self._file, 1, 1)

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        place = self._at(event)
        self._refuse_tag(event, place)
        mapping = self._stack[-1] if self._stack and self._stack[-1].pairs is not None else None
        if mapping is not None and mapping.key is None:
            mapping.key = (place, event.value)
            return
        plain = event.style is None or event.style == ""
        node = Node(place, _resolve(event.value) if plain else event.value)
        self._remember(event.anchor, node)
        self._add(node)

    def _open(self, event: yaml.CollectionStartEvent) -> None:
        place = self._at(event)
        self._refuse_tag(event, place)
        if self._stack and self._stack[-1].pairs is not None and self._stack[-1].key is None:
            raise ConfigError("a key that is no plain text", place, "write 'name: value'")
        if len(self._stack) >= MAX_DEPTH:
            raise ConfigError(f"nested deeper than {MAX_DEPTH} levels", place)
        is_mapping = isinstance(event, yaml.MappingStartEvent)
        self._stack.append(Node(place, pairs={}) if is_mapping else Node(place, items=[]))
        self._open_anchors.append(event.anchor)

    def _close(self) -> None:
        node = self._stack.pop()
        self._remember(self._open_anchors.pop(), node)
        self._add(node)

    def _alias(self, event: yaml.AliasEvent) -> None:
        place = self._at(event)
        target = self._anchors.get(event.anchor or "")
        if target is None:
            raise ConfigError(f"'*{event.anchor}' names nothing above it", place, f"define it with '&{event.anchor}'")
        if self._stack and self._stack[-1].pairs is not None and self._stack[-1].key is None:
            raise ConfigError("a key that is no plain text", place, "write 'name: value'")
        self._add(target)

    def _remember(self, anchor: str | None, node: Node) -> None:
        if anchor is not None:
            self._anchors[anchor] = node

    def _add(self, node: Node) -> None:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise ConfigError(f"more than {MAX_NODES} values", node.position, "split the file")
        if not self._stack:
            self._root = node
            return
        parent = self._stack[-1]
        parent.size += node.size
        if parent.size > MAX_NODES:
            raise ConfigError(
                f"more than {MAX_NODES} values once aliases are followed", node.position, "use fewer aliases"
            )
        if parent.items is not None:
            parent.items.append(node)
        elif parent.key is not None and parent.pairs is not None:
            (place, key), parent.key = parent.key, None
            if key in parent.pairs:
                first = parent.pairs[key][0].line
                self._errors.append(ConfigError(f"duplicate key '{key}'", place, f"first on line {first}"))
            parent.pairs.setdefault(key, (place, node))

    def _refuse_tag(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent, place: Position) -> None:
        if event.tag is not None:
            self._errors.append(ConfigError(f"tag '{event.tag}'", place, "tags are not used here: remove it"))


def _resolve(text: str) -> str | int | float | bool | None:
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text
