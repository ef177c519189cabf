"""What the operator decided, as JSON and as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from egret.alerts.timestamps import SECOND_NS, parse_rfc3339, rfc3339
from egret.judge.approvals import NO_RULING, ApprovalState, Ruling, Terms

_DAY_NS = 86_400 * SECOND_NS


def ruling_to_dict(ruling: Ruling) -> dict[str, Any]:
    """Give *ruling* as JSON-able values."""
    ended = ruling.ended
    return {
        **terms_to_dict(ruling.terms),
        "entry": ruling.entry,
        "ended": None if ended is None else terms_to_dict(ended),
    }


def terms_to_dict(terms: Terms) -> dict[str, Any]:
    """Give *terms* as JSON-able values."""
    return {
        "state": terms.state.value,
        "owner": terms.owner or None,
        "ticket": terms.ticket or None,
        "reason": terms.reason or None,
        "from": None if terms.from_ns is None else rfc3339(terms.from_ns),
        "until": None if terms.until_ns is None else rfc3339(terms.until_ns),
    }


def ruling_from_dict(data: Mapping[str, Any] | None) -> Ruling:
    """Read a ruling back; None, from before there were approvals, is no ruling.

    Raises:
        ValueError, KeyError, TypeError: not a ruling.
    """
    if data is None:
        return NO_RULING
    ended, entry = data["ended"], data["entry"]
    return Ruling(
        terms=_terms(data),
        entry=None if entry is None else int(entry),
        ended=None if ended is None else _terms(ended),
    )


def _terms(data: Mapping[str, Any]) -> Terms:
    begin, end = data["from"], data["until"]
    return Terms(
        state=ApprovalState(data["state"]),
        owner=str(data["owner"] or ""),
        ticket=str(data["ticket"] or ""),
        reason=str(data["reason"] or ""),
        from_ns=None if begin is None else parse_rfc3339(begin),
        until_ns=None if end is None else parse_rfc3339(end),
    )


def ruling_text(ruling: Ruling) -> str:
    """Say what holds, by whose word and until when, and what no longer does; "" where nobody ever decided."""
    parts = [terms_text(ruling.terms)] if ruling.entry is not None else []
    return "; ".join([*parts, *([ended_text(ruling.ended)] if ruling.ended else [])])


def terms_text(terms: Terms) -> str:
    """As in: approved by IT security, TICKET-1, until 2026-10-01."""
    by = f"{state_text(terms.state)} by {terms.owner}" if terms.owner else state_text(terms.state)
    until = f"until {until_text(terms.until_ns)}" if terms.until_ns is not None else ""
    return ", ".join(part for part in (by, terms.ticket, until) if part)


def ended_text(terms: Terms) -> str:
    """As in: 'approved' by IT security, TICKET-1, ended 2026-10-01."""
    by = f" by {terms.owner}" if terms.owner else ""
    ended = f"ended {until_text(terms.until_ns or 0)}"
    return ", ".join(part for part in (f"'{state_text(terms.state)}'{by}", terms.ticket, ended) if part)


def state_text(state: ApprovalState) -> str:
    """The state as a person writes it."""
    return state.value.replace("_", " ")


def until_text(until_ns: int) -> str:
    """The last day that an entry holds, or the moment where it ends within a day (UTC)."""
    if until_ns % _DAY_NS == 0:
        return rfc3339(until_ns - 1)[:10]
    return f"{rfc3339(until_ns)[:19]}Z"
