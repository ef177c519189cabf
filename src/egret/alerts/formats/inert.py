r"""Text from outside that nothing acts on: no log, terminal, browser, chat window or spreadsheet.

One spelling for all line formats: a character that could do something becomes ``\xNN`` or ``\uNNNN``, as control
characters do everywhere in Egret. JSON needs none of it: there the serialiser escapes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from egret.names import printable

# "<>" HTML, "[]" links of Markdown, "`" code of Markdown and shells, "|" tables, and the separator of CEF and LEEF
_ACTIVE = {ord(character): f"\\x{ord(character):02x}" for character in "<>[]`|"}
_ADDRESS = re.compile(r"\\x5b([0-9a-f:.]{2,45})\\x5d(?=:\d)")  # [2001:db8::1]:443 keeps its brackets
# for chats: what cannot be read as markup, and is still read by people
_MARKUP = str.maketrans({"<": "\u2039", ">": "\u203a", "`": "'", "*": "\u2217", "[": "(", "]": ")"})
_FORMULA = frozenset("=+-@")  # a cell that begins so is computed by spreadsheets


def inert(text: str) -> str:
    """Spell *text* as one line that is only read. Total."""
    safe = printable(text).translate(_ACTIVE)
    safe = _ADDRESS.sub(r"[\1]", safe)
    return f"\\x{ord(safe[0]):02x}{safe[1:]}" if safe[:1] in _FORMULA else safe


def plain(text: str) -> str:
    """*text* for people in a chat, without what markdown, HTML and chat services act on: mentions, links, emphasis."""
    return printable(text).translate(_MARKUP).replace("@", "@\u200b").replace("://", ":\u200b//")


def cut(text: str, limit: int) -> str:
    """The longest beginning of *text* that takes up to *limit* bytes of UTF-8, whole characters."""
    data = text.encode("utf-8", "replace")  # half a surrogate pair is no character
    return text if len(data) <= limit else data[: max(0, limit)].decode("utf-8", "ignore")


def fitting(
    fields: Iterable[tuple[str, object]], escape: Callable[[str], str], room: int | None, longest: int = 1023
) -> Iterator[str]:
    """Write ``key=value`` of each field that is known and still fits.

    Args:
        fields: the most important first.
        escape: what the format does to a value.
        room: bytes for all of them, a separator of one byte each; None: no bound.
        longest: bytes of one value before it is escaped.
    """
    for key, value in fields:
        if value is None or value == "":
            continue
        field = f"{key}={escape(cut(str(value), longest))}"
        size = len(field.encode("utf-8", "replace")) + 1
        if room is None or size <= room:
            room = None if room is None else room - size
            yield field
