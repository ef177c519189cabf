from __future__ import annotations

import asyncio
import contextlib
import os
import select
import signal
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest

from egret.catalog.match import Catalog
from egret.daemon import crew as module
from egret.daemon.crew import Crew, Kit, OpenerGoneError
from egret.model import Role
from egret.sources.channel import ChannelClosed
from egret.sources.opener import Opener, OpenerClient
from egret.sources.opener_plan import Plan, WorkerLink
from egret.sources.probes import NAME
from egret.telemetry import Telemetry
from egret.track.answers import Learnt
from egret.worker.canary import CATALOG as CANARY
from egret.worker.equipment import seal, unseal
from egret.worker.pipeline import Hit
from egret.worker.wire import (
    Speakers,
    decode_learnt,
    encode_heard,
    encode_hit,
    encode_learnt,
    encode_marks,
    encode_report,
)
from tests.support.alerts import CLIENT, SERVER
from tests.support.equipment import PLAIN
from tests.support.patience import PATIENCE_S, until
from tests.support.pipeline import CATALOG, seen

pytestmark = pytest.mark.slow  # real openers and workers


def stay(link: WorkerLink) -> None:
    """As long as the daemon does, deaf to what it says."""
    with contextlib.suppress(ChannelClosed):
        while link.pipe.wait(PATIENCE_S):
            link.pipe.receive()


def worker(_index: int, link: WorkerLink) -> None:
    """Says one hit, one report and one piece of nonsense; then waits to be ended."""
    match = CATALOG.match_name("chat.example")
    assert match is not None
    link.pipe.send(encode_hit(Hit(seen("chat.example"), match)))
    row = {"interface": "lan0", "up": True, "received": 5, "dropped": 1}
    link.pipe.send(encode_report({("names", "tls", "client_hello"): 1}, {"streams": 3}, [row], 1))
    for message in encode_marks([(CLIENT, Role.RESOLVER, 1)]):
        link.pipe.send(message)
    canary = CANARY.match_name(NAME)
    assert canary is not None
    link.pipe.send(encode_heard(Hit(seen(NAME), canary)))
    link.pipe.send({"hit": "nonsense"})
    stay(link)


def remembering(_index: int, link: WorkerLink) -> None:
    """Says what it learnt, and as interfaces what it is told of earlier workers."""
    for message in encode_learnt(
        [Learnt(CLIENT, SERVER, "a.chat.example", 1), Learnt(CLIENT, CLIENT, "no.example", 1)]
    ):
        link.pipe.send(message)
    names = ["begun"]
    while True:
        rows = [{"interface": name, "up": True, "received": 0, "dropped": 0} for name in names]
        link.pipe.send(encode_report({}, {}, rows, 1))
        while (told := link.pipe.receive()) is None:
            link.pipe.wait(PATIENCE_S)
        names = [each.name for each in decode_learnt(told.message).learnt]


class Stage:
    """A real opener and real workers around a crew."""

    def __init__(self, client: OpenerClient, catalog: Catalog = CATALOG, number: int = 1) -> None:
        self.hits: list[Hit] = []
        self.telemetry = Telemetry("test")
        self.telemetry.watch(["lan0"])
        self.crew = Crew(client, number, catalog, self.hits.append, self.telemetry)
        self.speakers: list[Speakers] = []
        self.crew.on_speakers = self.speakers.append
        self.heard: list[tuple[int, str | None]] = []
        self.crew.on_heard = lambda worker, hit: self.heard.append((worker, hit.event.name))


def play(
    during: Callable[[Stage, OpenerClient], Awaitable[None]], work: Callable[[int, WorkerLink], None] = worker
) -> None:
    client = Opener.start(work, Plan(interfaces={}, backend="portable"))

    async def scene() -> None:
        stage = Stage(client)
        stage.crew.start()
        await during(stage, client)
        await stage.crew.stop()

    asyncio.run(scene())


def test_hits_and_counts_arrive_and_nonsense_is_counted() -> None:
    async def during(stage: Stage, _: OpenerClient) -> None:
        await until(lambda: stage.telemetry.value("egret_internal_errors_total", "wire") == 1)
        assert [hit.match.signature.id for hit in stage.hits] == ["example.chat"]
        assert stage.speakers == [Speakers(((CLIENT, Role.RESOLVER, 1),))]
        assert stage.heard == [(0, NAME)]
        assert stage.telemetry.value("egret_names_total", "tls", "client_hello") == 1
        assert stage.telemetry.value("egret_packets_received_total", "lan0") == 5
        assert stage.telemetry.value("egret_packets_dropped_total", "lan0", "kernel") == 1
        assert stage.crew.links == {"lan0": True}
        assert stage.telemetry.value("egret_workers_up") == 1

    play(during)


def test_a_worker_that_dies_is_counted_and_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RESTART_FIRST_S", 0.01)

    async def during(stage: Stage, client: OpenerClient) -> None:
        await until(lambda: len(stage.hits) == 1)
        client.kill_worker(0)
        await until(lambda: len(stage.hits) == 2)
        assert stage.telemetry.value("egret_worker_restarts_total") == 1
        assert stage.crew.running == 1

    play(during)


def dying(_index: int, link: WorkerLink) -> None:
    """Says fifty hits and ends."""
    match = CATALOG.match_name("chat.example")
    assert match is not None
    for _ in range(50):
        assert link.pipe.send(encode_hit(Hit(seen("chat.example"), match)))


def test_what_a_worker_said_before_it_died_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BATCH", 10)
    monkeypatch.setattr(module, "RESTART_FIRST_S", 60.0)

    async def during(stage: Stage, client: OpenerClient) -> None:
        assert select.select([client.fileno()], [], [], PATIENCE_S)[0]  # the loop heard neither hits nor the death yet
        stage.crew._deaths()
        assert (len(stage.hits), stage.crew.running) == (50, 0)

    play(during, dying)


def test_flagged_names_of_addresses_are_said_to_the_next_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RESTART_FIRST_S", 0.05)

    async def during(stage: Stage, client: OpenerClient) -> None:
        await until(lambda: "begun" in stage.crew.links)
        client.kill_worker(0)
        await until(lambda: "a.chat.example" in stage.crew.links)
        assert "no.example" not in stage.crew.links

    play(during, remembering)


def test_without_its_opener_the_daemon_cannot_go_on() -> None:
    async def during(stage: Stage, client: OpenerClient) -> None:
        await until(lambda: len(stage.hits) == 1)
        os.kill(client.pid, signal.SIGKILL)
        with pytest.raises(OpenerGoneError, match="nothing can be captured"):
            await asyncio.wait_for(stage.crew.gone(), PATIENCE_S)

    play(during)


def learner(_index: int, link: WorkerLink) -> None:
    """Says one flagged and one ordinary name of an address; then waits to be ended."""
    rows = [["c0000207", "cb007109", name, 2**62] for name in ("chat.example", "other.example")]
    link.pipe.send({"learnt": rows})
    stay(link)


def test_flagged_names_of_addresses_outlive_the_daemon_and_ordinary_ones_nobody() -> None:
    flagged = Learnt(bytes([192, 0, 2, 7]), bytes([203, 0, 113, 9]), "chat.example", 2**62)

    async def scene() -> None:
        stage = Stage(Opener.start(learner, Plan(interfaces={}, backend="portable")))
        stage.crew.recall([])
        assert stage.crew.take_learnt() is None
        stage.crew.start()
        found: list[Learnt] = []

        def learnt() -> bool:
            found.extend(stage.crew.take_learnt() or [])
            return bool(found)

        await until(learnt)
        assert found == [flagged]
        assert stage.crew.forget(lambda ip: ip == bytes(4)) == 0
        assert stage.crew.take_learnt() is None
        assert stage.crew.forget(lambda ip: ip == flagged.client) == 1
        assert stage.crew.take_learnt() == []
        await stage.crew.stop()

    asyncio.run(scene())


def one_of_two(index: int, link: WorkerLink) -> None:
    """The first says a flagged and an ordinary name; the second what it is told. Each holds as many flows."""
    counts: Counter[tuple[str, ...]] = Counter()
    link.pipe.send(encode_report(counts, {"flows": 20 + index}, [], 1))
    if index == 0:
        link.pipe.send({"learnt": [["c0000207", "cb007109", n, 2**62] for n in ("chat.example", "other.example")]})
    with contextlib.suppress(ChannelClosed):
        while link.pipe.wait(PATIENCE_S):
            received = link.pipe.receive()
            assert received is not None
            for each in decode_learnt(received.message).learnt:
                row = {"interface": each.name, "up": True, "received": 0, "dropped": 0}
                link.pipe.send(encode_report(counts, {"flows": 20 + index}, [row], 1))


def test_what_one_worker_learnt_the_others_are_told_and_what_they_hold_is_added_up() -> None:
    async def scene() -> None:
        stage = Stage(Opener.start(one_of_two, Plan(interfaces={}, backend="portable")), number=2)
        stage.crew.start()
        await until(lambda: "chat.example" in stage.crew.links)
        assert stage.crew.links == {"chat.example": True}
        assert stage.telemetry.value("egret_tracked", "flows") == 41
        stage.crew.take_learnt()
        names = {1: "private.example", 2: "a.chat.example"}
        late = [Learnt(CLIENT, bytes([198, 51, 100, number]), name, 2**62) for number, name in names.items()]
        stage.crew.recall([Learnt(CLIENT, SERVER, "b.chat.example", 1), *late])
        await until(lambda: "a.chat.example" in stage.crew.links)
        assert set(stage.crew.links) == {"chat.example", "a.chat.example"}  # newer is known of b's address
        assert stage.crew.take_learnt() is None
        await stage.crew.stop()

    asyncio.run(scene())


def equipped(_index: int, link: WorkerLink) -> None:
    """Says a hit of a name that is only in the new catalogue, once it was handed that."""
    handed = None
    while handed is None:
        link.pipe.wait(PATIENCE_S)
        handed = link.pipe.receive(descriptors=1)
    made = unseal(handed.descriptors[0])
    match = Catalog(made.signatures, made.version).match_name("chat.example")
    assert match is not None
    link.pipe.send({"equipped": made.generation})
    link.pipe.send(encode_hit(Hit(seen("chat.example"), match)))
    stay(link)


def kit() -> Kit:
    return Kit(1, CATALOG, seal(PLAIN))


def test_workers_are_handed_a_kit_and_their_hits_are_read_with_it() -> None:
    async def scene() -> None:
        client = Opener.start(equipped, Plan(interfaces={}, backend="portable"))
        stage = Stage(client, Catalog((), "old"))
        stage.crew.start()
        assert await stage.crew.equip(kit(), PATIENCE_S) == 0
        await until(lambda: len(stage.hits) == 1)
        client.kill_worker(0)  # the next is handed it at its start
        await until(lambda: len(stage.hits) == 2)
        assert stage.telemetry.value("egret_internal_errors_total", "wire") == 0
        await stage.crew.stop()

    asyncio.run(scene())


def test_a_worker_that_does_not_take_its_kit_is_ended() -> None:
    async def during(stage: Stage, _: OpenerClient) -> None:
        await until(lambda: len(stage.hits) == 1)
        assert await stage.crew.equip(kit(), 0.1) == 1
        await until(lambda: stage.telemetry.value("egret_worker_restarts_total") == 1)

    play(during)
