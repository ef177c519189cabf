from __future__ import annotations

from collections.abc import Sequence

import pytest

from egret.cli import merging
from egret.cli.merging import MANY, TWICE, Merger, Tangle
from egret.cli.reading import Placed
from egret.cli.steps import END, Ended, Entangled, Found, Moved, Passed, Place, Step
from egret.judge.unnamed import UNNAMED
from egret.model import Endpoint, Kind, Match, Protocol, Role, Volume, VolumeSource
from egret.track.partial import Remembers
from egret.value import replace
from egret.worker.partial import FORGETFUL, PROXIED
from egret.worker.pipeline import Hit
from tests.support.alerts import CLIENT, SERVER, START_NS
from tests.support.pipeline import seen

MOST = Remembers(10, 5)
MATCH = Match(next(iter(UNNAMED.values())), "x", None)


def hit(at_s: float = 0, client: bytes = CLIENT, server: bytes = SERVER) -> Hit:
    return Hit(replace(seen("chat.example", at_s=at_s, client=client), server=Endpoint(server, 443)), MATCH)


def end(number: int = 1) -> list[Placed]:
    return [(END, Found((), ())), (END, Moved(())), (END, Ended(7, {("x",): number, ("y", str(number)): 1}))]


def merged(*parts: Sequence[Placed]) -> list[Step]:
    return list(Merger([iter(part) for part in parts], MOST).steps())


def entangled(*parts: Sequence[Placed]) -> tuple[list[Step], str]:
    found: list[Step] = []
    with pytest.raises(Tangle) as tangle:
        found.extend(Merger([iter(part) for part in parts], MOST).steps())
    return found, str(tangle.value)


def test_steps_in_the_order_of_their_places() -> None:
    mark = (CLIENT, Role.RESOLVER, START_NS)
    one: list[Placed] = [
        (Place(1, 4), Found((mark,), ())),
        (Place(2, 0), Passed(Remembers(3, 3))),
        (Place(2, 9), Found((), (hit(9),))),
        *end(),
    ]
    other: list[Placed] = [(Place(1, 5), Found((), (hit(5),))), (Place(2, 8), Found((), (hit(8),))), *end(2)]
    assert merged(one, other) == [
        Found((mark,), ()),
        Found((), (hit(5),)),
        Found((), (hit(8),)),
        Found((), (hit(9),)),
        Found((), ()),
        Moved(()),
        Ended(7, {("x",): 3, ("y", "1"): 1, ("y", "2"): 1}),
    ]


def test_what_came_to_light_at_one_turn_is_one_step() -> None:
    volumes = [Volume(CLIENT, "x", 1, 2, VolumeSource.TCP, 5), Volume(SERVER, "x", 3, 4, VolumeSource.TCP, 6)]
    turn = Place(3, 0)
    one: list[Placed] = [(turn, Found((), (hit(2),))), (turn, Moved((volumes[1],))), *end()]
    other: list[Placed] = [(turn, Found((), (hit(1),))), (turn, Moved((volumes[0], volumes[1]))), *end()]
    summed = volumes[1]._replace(bytes_out=6, bytes_in=8)
    assert merged(one, other)[:2] == [Found((), (hit(1), hit(2))), Moved((volumes[0], summed))]


def test_one_packet_that_several_have_to_do_with_is_nobody_s() -> None:
    part: list[Placed] = [(Place(1, 4), Found((), (hit(),))), *end()]
    assert entangled(part, part) == ([], TWICE)


def test_until_one_of_them_does_not_know() -> None:
    one: list[Placed] = [(Place(1, 4), Found((), (hit(),))), (Place(2, 7), Found((), (hit(3),))), *end()]
    other: list[Placed] = [(Place(2, 0), Entangled("this"))]
    assert entangled(one, other) == ([Found((), (hit(),))], "this")


RELAY = bytes([192, 0, 2, 99])


def lookup(client: bytes) -> Hit:
    return Hit(seen("chat.example", kind=Kind.QUERY, protocol=Protocol.DNS, client=client), MATCH)


@pytest.mark.parametrize("own", [hit(2, client=RELAY), lookup(RELAY)])
@pytest.mark.parametrize("asked_first", [True, False])
def test_who_may_ask_on_behalf_of_another_s_clients(own: Hit, asked_first: bool) -> None:
    asked = hit(1, server=RELAY)
    one: list[Placed] = [(Place(1, 4 + asked_first), Found((), (own,))), *end()]
    other: list[Placed] = [(Place(1, 5 - asked_first), Found((), (asked,))), *end()]
    assert entangled(one, other) == ([Found((), (asked if asked_first else own,))], PROXIED)
    both = sorted([one[0], other[0]], key=lambda placed: placed[0])
    assert len(merged([*both, *end()], end())) == 5


def test_a_client_of_several_parts_is_one_of_each() -> None:
    asked: list[Placed] = [(Place(1, 4), Found((), (lookup(RELAY),))), (Place(1, 6), Found((), (hit(server=RELAY),)))]
    other: list[Placed] = [(Place(1, 5), Found((), (hit(client=RELAY),))), *end()]
    assert entangled([*asked, *end()], other)[1] == PROXIED


def test_what_is_kept_in_mind_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merging, "_MAX_MET", 3)
    part: list[Placed] = [(Place(1, n), Found((), (hit(client=bytes([192, 0, 2, n])),))) for n in range(1, 9)]
    found, why = entangled(part)
    assert (len(found), why) == (2, MANY)


@pytest.mark.parametrize(
    ("more", "why"), [(Remembers(8, 4), None), (Remembers(9, 4), FORGETFUL), (Remembers(8, 5), FORGETFUL)]
)
def test_all_of_them_remember_no_more_than_one_does(more: Remembers, why: str | None) -> None:
    one: list[Placed] = [(Place(1, 0), Passed(Remembers(2, 1))), (Place(1, 4), Found((), (hit(),))), *end()]
    other: list[Placed] = [(Place(1, 0), Passed(Remembers(1, 0))), (Place(2, 0), Passed(more)), *end()]
    if why is None:
        assert len(merged(one, other)) == 4
    else:
        assert entangled(one, other) == ([Found((), (hit(),))], why)
