from __future__ import annotations

from egret.alerts.timestamps import parse_rfc3339
from egret.catalog.match import Catalog
from egret.daemon.approvals import LOOK_EVERY_NS, ApprovalWatch
from egret.settings.config import Config, read_config
from egret.settings.positions import parse
from egret.telemetry import Telemetry
from egret.telemetry.logs import Log
from tests.support.alerts import signature

DAY_NS = 86_400_000_000_000
NOW_NS = parse_rfc3339("2026-06-01T00:00:00Z")
ENTRIES = (
    "{vendor: Example, state: approved}",
    "{vendor: Example, state: approved, until: 2026-06-01, owner: IT security}",
    "{vendor: Example, state: unapproved, until: 2026-05-31}",
    "{vendor: Example, state: tolerated, from: 2026-06-01T00:00:01Z}",
)


class Lines(Log):
    def __init__(self) -> None:
        super().__init__()
        self.said: list[tuple[str, dict[str, object]]] = []

    def event(self, level: int, event: str, **fields: object) -> None:
        self.said.append((event, fields))


def config(*entries: str) -> Config:
    return read_config(parse(f"approvals: {{entries: [{', '.join(entries)}]}}".encode(), "t.yaml"))


def watch(*entries: str) -> tuple[ApprovalWatch, Telemetry, Lines]:
    lines = Lines()
    telemetry = Telemetry("test", lines)
    return ApprovalWatch(telemetry, config(*entries), Catalog([signature()], "1")), telemetry, lines


def test_what_holds_ends_and_ended_is_counted_and_said_once() -> None:
    watched, telemetry, lines = watch(*ENTRIES)
    watched.look(NOW_NS)
    assert telemetry.value("egret_approvals", "approved") == 2
    assert telemetry.value("egret_approvals", "tolerated") == 0
    assert (telemetry.value("egret_approvals_ending"), telemetry.value("egret_approvals_ended")) == (1, 1)
    assert [event for event, _ in lines.said] == ["approval_ends_soon", "approval_ended"]
    assert lines.said[0][1] == {
        "entry": 2,
        "state": "approved",
        "what": "vendor Example",
        "owner": "IT security",
        "ticket": "",
        "until": "2026-06-01",
    }
    watched.look(NOW_NS + 1_000_000_000)  # too early to look again
    assert telemetry.value("egret_approvals", "tolerated") == 0
    watched.look(NOW_NS + LOOK_EVERY_NS)
    assert telemetry.value("egret_approvals", "tolerated") == 1
    watched.look(NOW_NS + DAY_NS)
    assert telemetry.value("egret_approvals_ended") == 2
    assert [event for event, _ in lines.said].count("approval_ended") == 2


def test_a_new_configuration_is_watched_and_the_old_not_told_again() -> None:
    watched, telemetry, lines = watch(ENTRIES[2])
    watched.look(NOW_NS)
    watched.apply(config(ENTRIES[2], "{class: ai, state: approved, until: 2020-01-01}"), Catalog([signature()], "1"))
    watched.look(NOW_NS)
    assert telemetry.value("egret_approvals_ended") == 2
    assert [event for event, _ in lines.said] == ["approval_ended", "approval_ended"]


def test_a_decision_that_matches_nothing_is_a_warning_and_no_reason_not_to_start() -> None:
    _, _, lines = watch("{service: exampl.chat, state: approved}")
    assert lines.said[0][0] == "approval_matches_nothing"
    assert "did you mean 'example.chat'" in str(lines.said[0][1]["why"])
