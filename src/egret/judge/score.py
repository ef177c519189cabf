"""The score: 0 to 100, a sum of named parts that a person can add up again.

What one detection says by itself (``parts``) is cached with its verdict. What the network adds (``context_parts``:
who uses the service, since when, how much is sent) is known when detections fold into an incident.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from egret.evidence import ScorePart
from egret.judge.hosting import MAINLAND
from egret.judge.jurisdiction import Place
from egret.judge.points import DEFAULT_POINTS, Points
from egret.model import Category, Match, Operator, Severity
from egret.value import Struct

VOLUME, HOUR = "volume", "hour"
_NS = 1_000_000_000
_LATEST_S = 253_402_300_799  # the last second of year 9999, which a capture's clock may lie beyond


class Context(Struct, frozen=True):
    """What the network adds to a verdict. The default knows nothing, and adds nothing."""

    first_in_network: bool = False
    first_by_client: bool = False
    clients: int | None = None  # that used the service within the window, this one included; None: not known
    server: bool = False  # the client is declared a server


NO_CONTEXT = Context()


def parts(
    match: Match, where: Place, *, lookup_only: bool, unsure_name: bool = False, points: Points = DEFAULT_POINTS
) -> tuple[ScorePart, ...]:
    """The summands of one detection, each with its reason; those without points are there too: nothing is hidden."""
    signature = match.signature
    found = [
        ScorePart("class", points.classes.get(signature.service_class, 0), f"service class {signature.service_class}"),
        ScorePart("category", points.categories.get(signature.category, 0), f"category {signature.category}"),
        _operator(signature.operator, points),
        _place(where, points),
    ]
    if match.scope is not None and match.scope.includes_mainland is not None:
        found.append(_scope(where, includes_mainland=match.scope.includes_mainland, points=points))
    if lookup_only:
        found.append(ScorePart("look-up only", points.lookup_only, "no connection seen"))
    if unsure_name:
        found.append(ScorePart("unsure name", points.unsure_name, "several names fit this encrypted hello"))
    return tuple(found)


def context_parts(category: Category, context: Context, points: Points = DEFAULT_POINTS) -> tuple[ScorePart, ...]:
    """What the network adds when an incident opens; only what applies."""
    found = []
    if context.first_in_network:
        found.append(ScorePart("first seen", points.first_in_network, "new in this network"))
    elif context.first_by_client:
        found.append(ScorePart("first seen", points.first_by_client, "new for this client, known in this network"))
    if context.clients is not None:
        found.append(_prevalence(context.clients, points, new=context.first_in_network))
    if context.server and category is Category.API:
        found.append(ScorePart("server", points.server_api, "a server calls the API"))
    return tuple(found)


def volume_part(bytes_out: int | None, points: Points = DEFAULT_POINTS) -> ScorePart | None:
    """What the bytes sent since detection add; None below the first step and where they are not counted."""
    if bytes_out is None:
        return None
    reached = [step for step in points.volume if bytes_out >= step.from_bytes]
    if not reached:
        return None
    step = max(reached)
    return ScorePart(VOLUME, step.points, f"{size_text(step.from_bytes)} or more sent")


def hour_part(time_ns: int, points: Points = DEFAULT_POINTS) -> ScorePart | None:
    """What the hour adds; None within the hours, and while it is worth nothing (the default)."""
    if not points.odd_hours:
        return None
    hour = datetime.fromtimestamp(min(max(0, time_ns // _NS), _LATEST_S - 86_400), points.time_zone).hour
    first, end = points.hours
    inside = first <= hour < end if first <= end else hour >= first or hour < end
    return None if inside else ScorePart(HOUR, points.odd_hours, f"outside {first:02}:00 to {end:02}:00")


def total(summands: Sequence[ScorePart]) -> int:
    """The sum, kept between 0 and 100."""
    return min(100, max(0, sum([part.points for part in summands])))


def raise_line(severity: Severity, score: int, points: Points = DEFAULT_POINTS) -> str:
    """Why a severity is above its class's."""
    return f"{RAISED}{severity}: the score of {score} reaches {points.threshold(severity)} (score.raise_to_{severity})"


RAISED = "Raised to "


def size_text(size: int) -> str:
    """Decimal bytes as people write them: ``10 MB``."""
    for unit, scale in (("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000)):
        if size >= scale:
            return f"{size / scale:.3g} {unit}"
    return f"{size} B"


def _operator(operator: Operator, points: Points) -> ScorePart:
    if operator.contested:
        return ScorePart("operator", points.operator_contested, "whether PRC law reaches the operator is contested")
    if operator.country == MAINLAND:
        return ScorePart("operator", points.operator_prc, "operator under PRC law")
    return ScorePart("operator", 0, f"operator in {operator.country or 'an unknown country'}")


def _place(where: Place, points: Points) -> ScorePart:
    if where.country is None:
        return ScorePart("hosting", 0, "place unknown")
    return ScorePart("hosting", points.hosting_in_china if where.in_china else 0, f"{where.country} by {where.basis}")


def _scope(where: Place, *, includes_mainland: bool, points: Points) -> ScorePart:
    if not includes_mainland:
        return ScorePart("inference scope", 0, "documented without the Chinese mainland")
    said = "storage or inference documented on the Chinese mainland"
    if where.in_china:
        return ScorePart("inference scope", 0, f"{said}, counted as hosting already")
    return ScorePart("inference scope", points.inference_mainland, said)


def _prevalence(clients: int, points: Points, *, new: bool) -> ScorePart:
    rare = clients <= points.rare_clients and not new  # what is new has one client anyway
    used = "1 client" if clients == 1 else f"{clients} clients"
    return ScorePart("prevalence", points.rare if rare else 0, f"used by {used} of this network")
