"""Signatures as plain values for JSON, and back. What many of them share stands there once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from egret.model import Category, HostKind, HostPattern, Operator, Reasoning, Scope, ServiceClass, Signature
from egret.value import asdict

T = TypeVar("T", Operator, Reasoning, Scope)
Plain = dict[str, Any]

_KINDS = {kind.value: kind for kind in HostKind}
_LISTS = ("networks", "ports", "alternatives", "references", "examples", "counter_examples")


class _Shared:
    """The values of one class, each once, and where it is."""

    def __init__(self) -> None:
        self.rows: list[Plain] = []
        self._numbers: dict[Any, int] = {}

    def number(self, value: Operator | Reasoning | Scope | None) -> int | None:
        if value is None:
            return None
        found = self._numbers.get(value)
        if found is None:
            found = self._numbers[value] = len(self.rows)
            self.rows.append(_plain(value))
        return found


def _plain(value: Operator | Reasoning | Scope | HostPattern | Signature) -> Plain:
    return asdict(value)


def pack(signatures: Iterable[Signature]) -> Plain:
    """Plain values for ``unpack``."""
    operators, reasons, scopes = _Shared(), _Shared(), _Shared()
    packed = [
        {
            **_plain(each),
            "operator": operators.number(each.operator),
            "reasons": [reasons.number(reason) for reason in each.reasons],
            "scope": scopes.number(each.scope),
            "hosts": [[h.kind.value, h.pattern, h.region, h.source, scopes.number(h.scope)] for h in each.hosts],
        }
        for each in signatures
    ]
    return {"operators": operators.rows, "reasons": reasons.rows, "scopes": scopes.rows, "signatures": packed}


def unpack(plain: Plain) -> list[Signature]:
    """The signatures that were packed.

    Raises:
        LookupError, TypeError, ValueError: that is not what ``pack`` gives.
    """
    operators, reasons = _all(Operator, plain["operators"]), _all(Reasoning, plain["reasons"])
    scopes = _all(Scope, plain["scopes"])

    def scope(number: int | None) -> Scope | None:
        return None if number is None else scopes[number]

    def host(kind: str, pattern: str, region: str | None, source: str, number: int | None) -> HostPattern:
        return HostPattern(kind=_KINDS[kind], pattern=pattern, region=region, source=source, scope=scope(number))

    return [
        Signature(
            **{
                **each,
                **{name: tuple(each[name]) for name in _LISTS},
                "category": Category(each["category"]),
                "service_class": ServiceClass(each["service_class"]),
                "operator": operators[each["operator"]],
                "reasons": tuple(reasons[number] for number in each["reasons"]),
                "scope": scope(each["scope"]),
                "hosts": tuple(host(*row) for row in each["hosts"]),
            }
        )
        for each in plain["signatures"]
    ]


def _all(make: Callable[..., T], rows: Iterable[Plain]) -> list[T]:
    return [make(**row) for row in rows]
