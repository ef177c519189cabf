"""A digest with something of everything in it; documentation addresses only."""

from __future__ import annotations

from datetime import UTC, date

from egret.alerts.digest import Digest, FirstUse, Grant, Moved, Sight, Use, digest_id, span
from egret.judge.approvals import ApprovalState
from egret.model import ServiceClass, Severity
from egret.value import replace

DAY = date(2026, 1, 1)
START_NS, END_NS = span(DAY, UTC)
MADE_NS = END_NS + 7 * 3600 * 1_000_000_000


def first_use(client: str = "192.0.2.7", name: str | None = "laptop-7", signature: str = "example.chat") -> FirstUse:
    return FirstUse(
        time_ns=START_NS + 8 * 3600 * 1_000_000_000,
        client=client,
        client_key=f"name:{name}" if name else f"ip:{client}",
        client_name=name,
        groups=("office",),
        signature=signature,
        vendor="Example",
        service="Example Chat",
        service_class=ServiceClass.AI,
        severity=Severity.HIGH,
        approval=ApprovalState.UNREVIEWED,
        incident="1f0c2a52-3b1d-5c6e-9f00-0123456789ab",
    )


def digest(**changes: object) -> Digest:
    whole = Digest(
        id=digest_id("gw.example", DAY),
        day=DAY,
        zone="UTC",
        start_ns=START_NS,
        end_ns=END_NS,
        time_ns=MADE_NS,
        opened={"high": 2, "low": 1},
        first_uses=(first_use(), first_use("192.0.2.8", None, "other.api")),
        uses=(
            Use(
                Grant(ApprovalState.APPROVED, "example.chat", ("office",), "it@example", "T-1"), 120, 1_200_000, 340_000
            ),
            Use(Grant(ApprovalState.TOLERATED, "other.api", (), "", ""), 4, 0, 0),
        ),
        moved=(Moved("example.chat", 1_300_000, 400_000),),
        sight=Sight(
            watched_s=86_400,
            connections=1000,
            named_share=0.991,
            lost=3,
            link_down_s={"lan0": 30},
            canary_sent=96,
            canary_missed=1,
            problems={"canary_missed": 1},
            undelivered={"rejected": 2},
        ),
    )
    return replace(whole, **changes)


def quiet() -> Digest:
    return digest(
        opened={}, first_uses=(), uses=(), moved=(), sight=Sight(watched_s=86_400, connections=10, named_share=1.0)
    )
