"""What was decided about a service for one client, entry by entry: the part of ``egret explain`` about approvals."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Any

from egret.alerts.rulings import ended_text, ruling_to_dict, state_text, terms_text
from egret.daemon.rules import Rules
from egret.errors import ConfigError
from egret.judge.approvals import Approvals, Ruling, Subject, Weighed
from egret.judge.directory import ClientDirectory
from egret.model import Signature
from egret.settings.suggest import suggest


def decision(signature: Signature, client: str | None, rules: Rules, now_ns: int) -> dict[str, Any]:
    """What holds now for *client*, and why each entry counts or does not.

    Args:
        signature: of the service.
        client: an address, or the name of a group; None: everybody.
        rules: with the decisions and the groups.
        now_ns: since the epoch.

    Raises:
        ConfigError: *client* is neither.
    """
    subject = _subject(signature, client, rules, now_ns)
    approvals = Approvals(rules.incidents.approvals)
    ruling = approvals.decide(subject, now_ns)
    weighed = approvals.weigh(subject, now_ns)
    return {
        "client": client,
        **ruling_to_dict(ruling),
        "text": _text(ruling),
        "entries": [_entry(each) for each in weighed],
    }


def _subject(signature: Signature, client: str | None, rules: Rules, now_ns: int) -> Subject:
    if client is None:
        return Subject.of(signature)
    groups = rules.groups
    if client in groups:
        return Subject.of(signature, None, (client,))
    try:
        ip = ipaddress.ip_address(client).packed
    except ValueError:
        hint = suggest(client, groups) or "write it as 192.0.2.7"
        raise ConfigError(f"--client: '{client}' is no address and no group of clients", None, hint) from None
    known = ClientDirectory(rules.declared).identify(ip, now_ns)  # by what is declared, as live
    return Subject.of(signature, ip, known.groups)


def _text(ruling: Ruling) -> str:
    if ruling.entry is None:
        fallen = f"; {ended_text(ruling.ended)}" if ruling.ended else ""
        return f"{state_text(ruling.state)}: no entry holds{fallen}"
    return f"{terms_text(ruling.terms)} (entry {ruling.entry})"


def _entry(weighed: Weighed) -> dict[str, Any]:
    entry = weighed.entry
    return {
        "entry": entry.number,
        "what": entry.what,
        "for": entry.whom,
        "terms": terms_text(entry.terms),
        "decides": weighed.decides,
        "why": weighed.why,
    }


def decision_lines(found: Mapping[str, Any]) -> Iterator[str]:
    """The decision as lines for a person."""
    hint = "" if found["client"] or not found["entries"] else "; --client ADDRESS says what holds for one"
    yield found["text"] + hint
    for each in found["entries"]:
        yield f"entry {each['entry']}: {each['what']} for {each['for']}, {each['terms']}: {each['why']}"
