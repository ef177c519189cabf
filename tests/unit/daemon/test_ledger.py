from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from egret.alerts.incidents import IncidentPolicy
from egret.alerts.suppress import Suppression
from egret.daemon import ledger as module
from egret.errors import SinkRejected, SinkTemporary, StoreError
from egret.judge.approvals import Approval, ApprovalState, Terms
from egret.judge.directory import ClientDirectory, Declared, StaticClient
from egret.judge.verdict import Policy
from egret.model import Kind, Protocol
from egret.sinks.base import Outcome
from egret.store import outbox
from egret.worker.pipeline import Hit
from tests.support.alerts import START_NS, volume
from tests.support.daemon import Room, live
from tests.support.patience import PATIENCE_S, until
from tests.support.pipeline import CATALOG, seen
from tests.support.stored import stored

RESOLVER = bytes([192, 0, 2, 53])
NOT_ALLOWED = "egret_detections_not_allowed_total"


def hit(name: str = "chat.example", **how: object) -> Hit:
    match = CATALOG.match_name(name)
    assert match is not None
    return Hit(seen(name, **how), match)  # type: ignore[arg-type]  # passed through


def lookup() -> Hit:
    return hit(protocol=Protocol.DNS, kind=Kind.QUERY)


def test_an_alert_is_committed_and_then_delivered(tmp_path: Path) -> None:
    room = Room(tmp_path / "i.db")

    async def during() -> None:
        room.ledger.hit(lookup())
        room.ledger.hit(hit())
        await until(lambda: len(room.said()) == 2)

    live(room, during)
    assert room.said() == ["opened example.chat", "escalated example.chat"]
    again = Room(tmp_path / "i.db")
    (incident,) = again.store.open_incidents()
    assert [alert.action for alert in again.store.alerts(incident.id)] == ["opened", "escalated"]
    assert room.telemetry.total("egret_alerts_total") == 2
    assert room.telemetry.total("egret_detections_total", service="Example Chat") == 2
    assert room.telemetry.value("egret_deliveries_total", "collector", "delivered") == 2
    assert room.telemetry.registry.get_sample_value("egret_alert_latency_seconds_count") == 2


def test_what_was_open_continues_after_a_restart_without_a_second_alert(tmp_path: Path) -> None:
    first = Room(tmp_path / "i.db")

    async def before() -> None:
        first.ledger.hit(hit())

    live(first, before)
    second = Room(tmp_path / "i.db")

    async def after() -> None:
        assert await second.ledger.restore() == 1
        second.ledger.hit(hit(at_s=5.0))

    live(second, after)
    assert second.said() == []
    assert second.store.open_incidents()[0].detections == 2


def again(path: Path) -> tuple[Room, int]:
    """A second start on the same store: its room, and how many alerts were offered again."""
    room = Room(path)
    numbers: list[int] = []

    async def during() -> None:
        numbers.append(await room.ledger.resume())
        await until(lambda: len(room.said()) == numbers[0])

    live(room, during)
    return room, numbers[0]


def test_what_a_receiver_did_not_take_is_offered_again_after_a_restart(tmp_path: Path) -> None:
    room = Room(tmp_path / "i.db")
    room.sink.trouble = SinkTemporary("down")

    async def during() -> None:
        room.ledger.hit(lookup())
        room.ledger.hit(hit())
        await until(lambda: room.outputs.queue_lengths == {"collector": 2})

    live(room, during)
    assert room.telemetry.value("egret_deliveries_total", "collector", "kept") == 2
    second, number = again(tmp_path / "i.db")
    assert (number, second.said()) == (2, ["opened example.chat", "escalated example.chat"])
    assert again(tmp_path / "i.db")[1] == 0


def test_what_a_receiver_refused_is_not_offered_again(tmp_path: Path) -> None:
    room = Room(tmp_path / "i.db")
    room.sink.trouble = SinkRejected("no")

    async def during() -> None:
        room.ledger.hit(hit())
        await until(lambda: room.became(Outcome.REJECTED) == 1)

    live(room, during)
    assert again(tmp_path / "i.db")[1] == 0


def test_what_was_delivered_is_not_offered_again(tmp_path: Path) -> None:
    room = Room(tmp_path / "i.db")

    async def during() -> None:
        room.ledger.hit(hit())

    live(room, during)
    assert room.said() == ["opened example.chat"]
    assert again(tmp_path / "i.db")[1] == 0


def test_a_full_disk_stops_no_alert_and_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    room = Room(tmp_path / "i.db")

    def full(*_: object, **__: object) -> None:
        raise StoreError("disk full")

    monkeypatch.setattr(room.store, "record", full)

    async def during() -> None:
        room.ledger.hit(hit())
        await until(lambda: len(room.said()) == 1)

    live(room, during)
    assert room.said() == ["opened example.chat"]
    assert room.telemetry.value("egret_store_errors_total") >= 1


def test_a_disk_that_hangs_holds_alerts_up_for_a_bounded_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    room = Room(tmp_path / "i.db")
    monkeypatch.setattr(module, "STORE_PATIENCE_S", 0.1)
    answers = threading.Event()
    monkeypatch.setattr(room.store, "record", lambda *_, **__: answers.wait(PATIENCE_S))

    async def during() -> None:
        room.ledger.hit(hit())
        await until(lambda: room.said() == ["opened example.chat"])
        answers.set()

    live(room, during)
    assert room.telemetry.value("egret_store_errors_total") >= 1


def test_a_stop_amid_a_commit_loses_no_alert(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    room = Room(tmp_path / "i.db")
    record, begun = room.store.record, threading.Event()

    def slowly(*arguments: object, **how: object) -> None:
        begun.set()
        time.sleep(0.2)
        record(*arguments, **how)  # type: ignore[arg-type]  # passed through

    async def during() -> None:
        monkeypatch.setattr(room.store, "record", slowly)
        room.ledger.hit(hit())
        await until(begun.is_set)

    live(room, during)
    assert room.said() == ["opened example.chat"]


def test_suppressed_and_counted_detections_make_no_alert_but_a_number(tmp_path: Path) -> None:
    room = Room(tmp_path / "i.db", IncidentPolicy(suppress=(Suppression(service="example.chat"),)))

    async def during() -> None:
        room.ledger.hit(hit())

    live(room, during)
    assert room.said() == []
    assert room.telemetry.value("egret_alerts_suppressed_total", "suppress_list") == 1
    assert room.telemetry.total(NOT_ALLOWED) == 0


@pytest.mark.parametrize(
    ("state", "severity"),
    [("approved", None), ("tolerated", "info"), ("in_review", "high"), ("unapproved", "critical")],
)
def test_what_rules_alert_on_is_what_nobody_allowed(state: str, severity: str | None, tmp_path: Path) -> None:
    entry = Approval(terms=Terms(state=ApprovalState(state)), number=1, service="example.chat")
    room = Room(tmp_path / "i.db", IncidentPolicy(approvals=(entry,)))

    async def during() -> None:
        room.ledger.hit(hit())

    live(room, during)
    assert room.telemetry.total("egret_detections_total", severity="high") == 1
    assert room.telemetry.total(NOT_ALLOWED) == (severity is not None)
    assert severity is None or room.telemetry.total(NOT_ALLOWED, severity=severity) == 1


def test_ticks_close_what_is_quiet_and_show_gauges(tmp_path: Path) -> None:
    room = Room(tmp_path / "i.db")

    async def during() -> None:
        room.ledger.hit(hit())
        await room.ledger.tick(START_NS)
        assert room.telemetry.value("egret_incidents_open", "high") == 1
        await room.ledger.tick(START_NS + 7200 * 10**9)
        await until(lambda: len(room.said()) == 2)

    live(room, during)
    assert room.said() == ["opened example.chat", "closed example.chat"]
    assert room.telemetry.value("egret_incidents_open", "high") == 0


def test_old_incidents_are_purged(tmp_path: Path) -> None:
    room = Room(tmp_path / "i.db")

    async def during() -> None:
        room.ledger.hit(hit())
        await room.ledger.tick(START_NS + 7200 * 10**9)
        await until(lambda: len(room.said()) == 2)
        room.ledger._purged_at_s = -1e9
        await room.ledger.tick(START_NS + 2 * 86_400 * 10**9)

    live(room, during)
    assert len(stored(Room(tmp_path / "i.db").store)) == 0


def test_a_bug_in_a_verdict_is_counted_and_stops_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    room = Room(tmp_path / "i.db")

    def bug(*_: object) -> None:
        raise ZeroDivisionError

    async def during() -> None:
        with monkeypatch.context() as broken:
            broken.setattr(room.ledger.judge, "detect", bug)
            room.ledger.hit(hit())
        with monkeypatch.context() as broken:
            broken.setattr(room.incidents, "feed", bug)
            room.ledger.hit(hit())
        room.ledger.hit(hit())

    live(room, during)
    assert room.said() == ["opened example.chat"]
    assert room.telemetry.total("egret_internal_errors_total") == 2


def test_volume_reaches_the_incident_and_the_metrics(tmp_path: Path) -> None:
    room = Room(tmp_path / "i.db")
    room.telemetry.catalog(CATALOG.signatures, "test", Policy().possible)
    room.ledger.volume(volume(0, 5, 7))  # counted, though it is nobody's
    room.ledger.hit(hit())
    room.ledger.volume(volume(1, 100, 200))
    (incident,) = room.incidents.open_incidents
    assert (incident.bytes_out, incident.bytes_in) == (100, 200)
    labels = (incident.vendor, incident.service)
    assert room.telemetry.value("egret_volume_bytes_total", *labels, "sent") == 105
    assert room.telemetry.value("egret_volume_bytes_total", *labels, "received") == 207


def test_a_volume_that_breaks_something_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    room = Room(tmp_path / "i.db")
    monkeypatch.setattr(room.incidents, "add_volume", lambda _volume: 1 / 0)
    room.ledger.volume(volume())
    assert room.telemetry.value("egret_internal_errors_total", "incidents") == 1


def test_an_alert_says_who_the_client_is(tmp_path: Path) -> None:
    room = Room(tmp_path / "i.db")
    desk = StaticClient(address=hit().event.client.ip, name="desk", groups=("office",))
    room.ledger._directory = ClientDirectory(Declared(static=(desk,)))

    async def during() -> None:
        room.ledger.hit(hit())
        await until(lambda: len(room.said()) == 1)

    live(room, during)
    (alert,) = room.sink.alerts
    assert (alert.incident.client_name, alert.incident.client_groups) == ("desk", ("office",))
    (kept,) = Room(tmp_path / "i.db").store.open_incidents()
    assert kept.client_key == "name:desk"


def test_dead_letters_that_are_put_back_are_sent_at_once_and_nothing_else_is(tmp_path: Path) -> None:
    room = Room(tmp_path / "i.db")
    room.sink.trouble = SinkRejected("no")

    async def during() -> None:
        room.ledger.hit(hit())
        await until(lambda: outbox.counts(room.store.database) == {("collector", outbox.State.DEAD): 1})
        room.sink.trouble = None
        room.ledger.hit(hit("cloud.example"))
        await until(lambda: len(room.said()) == 1)
        assert await room.ledger.resend("*", "tester") == {"offered": 0}
        assert outbox.revive(room.store.database, outbox.Choice()) == 1
        assert await room.ledger.resend("*", "tester") == {"offered": 1}
        await until(lambda: len(room.said()) == 2)

    live(room, during)
    assert len(room.said()) == 2
    assert outbox.counts(room.store.database) == {}


def test_a_spool_that_cannot_be_read_at_the_start_is_read_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Room(tmp_path / "i.db")
    first.sink.trouble = SinkTemporary("down")

    async def before() -> None:
        first.ledger.hit(hit())

    live(first, before)
    room = Room(tmp_path / "i.db")
    waiting_ids = room.store.waiting_ids

    def broken(*_: object) -> None:
        raise StoreError("not now")

    async def during() -> None:
        monkeypatch.setattr(room.store, "waiting_ids", broken)
        assert await room.ledger.resume() == 0
        monkeypatch.setattr(room.store, "waiting_ids", waiting_ids)
        await room.ledger.tick(START_NS)
        await until(lambda: len(room.said()) == 1)

    live(room, during)
    assert room.said() == ["opened example.chat"]


def test_what_is_dead_waiting_or_unrecorded_is_a_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    room = Room(tmp_path / "i.db")
    room.sink.trouble = SinkRejected("no")

    async def during() -> None:
        room.ledger.hit(hit())
        await until(lambda: outbox.counts(room.store.database) == {("collector", outbox.State.DEAD): 1})
        room.store.lost = 3
        room.ledger._saved_at_s = -1e9
        await room.ledger.tick(START_NS)
        assert room.telemetry.value("egret_dead_letters", "collector") == 1
        assert room.telemetry.value("egret_alerts_unrecorded_total") == 3
        monkeypatch.setattr(room.ledger, "max_dead", 0)
        room.ledger._purged_at_s = -1e9
        await room.ledger.tick(START_NS)
        assert room.telemetry.value("egret_dead_letters_dropped_total", "collector") == 1

    live(room, during)


def test_a_full_disk_costs_no_alert_of_a_burst_its_place_in_the_history(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "i.db"
    room = Room(path)
    monkeypatch.setattr(room.outputs, "route", lambda alert: ("collector", alert.severity.value))
    path.mkdir()

    async def during() -> None:
        room.ledger.hit(hit())
        room.ledger.hit(hit("cloud.example"))
        await until(lambda: len(room.said()) == 2)
        path.rmdir()

    live(room, during)
    assert len(room.said()) == 2
    assert len(stored(Room(path).store)) == len(outbox.find(Room(path).store.database, outbox.Choice())) == 2


def test_a_spool_that_is_spoilt_meanwhile_is_set_aside_and_every_alert_is_told(tmp_path: Path) -> None:
    path = tmp_path / "i.db"
    room = Room(path)
    room.sink.trouble = SinkTemporary("down")

    def spoil() -> None:
        room.store.close()
        for each in tmp_path.iterdir():
            each.unlink()
        path.write_bytes(b"no database at all" * 1000)

    async def during() -> None:
        room.ledger.hit(hit())
        await until(lambda: room.outputs.queue_lengths == {"collector": 1})
        spoil()
        room.ledger.hit(hit("cloud.example"))
        await until(lambda: room.outputs.queue_lengths == {"collector": 2})
        room.sink.trouble = None

    live(room, during)
    assert room.said() == ["opened example.chat", "opened example.cloud"]
    assert [aside.name for aside, _ in room.store.moved_aside] == ["i.db.1.corrupt"]
    assert len(stored(Room(path).store)) == 2
