"""ISC dhcpd's lease file: nested declarations, a new one for each change; the last of an address holds.

Ref: dhcpd.leases(5). Times are UTC. Names and identifiers are quoted, with octal escapes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime

from egret.judge.devices import SECOND_NS, Lease
from egret.sources.lease_values import FOREVER_NS, Journal, address, label, mac, mac_of_duid

LOOKS = re.compile(
    r"(lease|ia-na|ia-ta|ia-pd|server-duid|authoring-byte-order|default-duid|failover)\b|.*dhcpd\.leases"
)
MAX_DEPTH = 8  # of braces; dhcpd writes three
# an open quote takes the rest of its line, so that no text is looked at twice
_TOKEN = re.compile(r'"(?:[^"\\\n]++|\\.)*+"|"[^\n]*|[{};]|#[^\n]*|[^\s{};"#]+')
_ESCAPE = re.compile(r"\\([0-7]{3}|.)")
_DATE, _TIME = re.compile(r"\d{4}/\d{1,2}/\d{1,2}"), re.compile(r"\d{1,2}:\d{1,2}:\d{1,2}")
_IAID = 4  # bytes before the DUID in the name of an ia-na
_SERVER_STATES = frozenset({"abandoned", "backup"})  # not a client's

_Facts = dict[str, list[str]]


def parse(text: str) -> list[Lease]:
    """Every lease in *text*; what cannot be understood is skipped."""
    journal = Journal()
    for heads, facts in _blocks(text):
        if heads[-1][:1] == ["lease"]:
            _take_v4(journal, heads[-1], facts)
        elif heads[-1][:1] == ["iaaddr"] and len(heads) > 1 and heads[-2][:1] in (["ia-na"], ["ia-ta"]):
            _take_v6(journal, heads[-2], heads[-1], facts)
    return journal.leases()


def _blocks(text: str) -> Iterator[tuple[list[list[str]], _Facts]]:
    """Each block as it closes: what opened it and the blocks around it, and its statements by their first words.

    A statement of an outer block holds for the inner ones too (``cltt`` of an ia-na).
    """
    heads: list[list[str]] = []
    facts: list[_Facts] = [{}]
    words: list[str] = []
    for found in _TOKEN.finditer(text):
        piece = found[0]
        if piece.startswith("#"):
            continue
        if piece == "{" and len(heads) < MAX_DEPTH:
            heads.append(words)
            facts.append(dict(facts[-1]))
            words = []
        elif piece == ";":
            if words:
                facts[-1][words[0]] = words[1:]
            words = []
        elif piece == "}":
            words = []
            if heads:
                yield heads, facts[-1]
                heads.pop()
                facts.pop()
        elif len(words) < 16:  # none that we read has more
            words.append(piece)


def _take_v4(journal: Journal, head: list[str], facts: _Facts) -> None:
    ip = address(head[1]) if len(head) > 1 else None
    start_ns, end_ns = _moment(facts.get("starts", [])), _moment(facts.get("ends", []))
    if ip is None or start_ns is None or end_ns is None:
        return
    hardware = facts.get("hardware", [])
    known = mac(hardware[1]) if len(hardware) == 2 and hardware[0] == "ethernet" else None
    if known is None or facts.get("binding", [])[1:2] in ([state] for state in _SERVER_STATES):
        journal.end(ip, start_ns)
        return
    name = label(_unquoted(facts.get("client-hostname", [""])[0]).decode("latin-1"))
    journal.add(Lease(ip=ip, start_ns=start_ns, end_ns=end_ns, mac=known, name=name))


def _take_v6(journal: Journal, association: list[str], head: list[str], facts: _Facts) -> None:
    ip = address(head[1]) if len(head) > 1 else None
    duid = _unquoted(association[1])[_IAID:] if len(association) > 1 else b""
    start_ns, end_ns = _moment(facts.get("cltt", [])), _moment(facts.get("ends", []))
    if ip is None or end_ns is None or not duid or facts.get("binding", [])[1:2] in ([s] for s in _SERVER_STATES):
        return
    journal.add(Lease(ip=ip, start_ns=start_ns or 0, end_ns=end_ns, mac=mac_of_duid(duid), duid=duid.hex()))


def _moment(words: list[str]) -> int | None:
    """``2 2026/01/06 10:00:00``, ``epoch 1767693600`` or ``never``."""
    if words[:1] == ["never"]:
        return FOREVER_NS
    if len(words) >= 2 and words[0] == "epoch" and words[1].isascii() and words[1].isdigit() and len(words[1]) <= 12:
        return int(words[1]) * SECOND_NS
    if len(words) < 3 or not _DATE.fullmatch(words[1]) or not _TIME.fullmatch(words[2]):
        return None
    year, month, day = map(int, words[1].split("/"))
    hour, minute, second = map(int, words[2].split(":"))
    try:
        moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
    return max(0, int(moment.timestamp())) * SECOND_NS


def _unquoted(word: str) -> bytes:
    r"""The bytes of a quoted word: ``\ooo`` is octal, a backslash before anything else is that."""
    if len(word) < 2 or not (word.startswith('"') and word.endswith('"')):
        return word.encode("latin-1", "replace")

    def character(found: re.Match[str]) -> str:
        escape = found[1]
        return chr(int(escape, 8) & 0xFF) if len(escape) == 3 else escape

    return _ESCAPE.sub(character, word[1:-1]).encode("latin-1", "replace")
