from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egret.judge.unnamed import UNNAMED, unnamed_match
from egret.model import Connection, Kind, NamedBy, Observation, Protocol, Role, Volume, VolumeSource
from egret.sources.channel import MAX_MESSAGE
from egret.sources.probes import NAME
from egret.worker.canary import CATALOG as CANARY
from egret.worker.pipeline import Hit
from egret.worker.wire import (
    MAX_LEARNT,
    Heard,
    LinkReport,
    Moved,
    Report,
    Speakers,
    WireError,
    decode,
    encode_heard,
    encode_hit,
    encode_marks,
    encode_report,
    encode_volumes,
)
from tests.support.alerts import CLIENT, SERVER
from tests.support.pipeline import CATALOG, flow, seen

EVENTS = [
    seen("chat.example"),
    seen("chat.example", protocol=Protocol.DNS, kind=Kind.QUERY),
    seen("chat.example", protocol=Protocol.DNS, kind=Kind.ANSWER, addresses=(SERVER, bytes(16))),
    flow("chat.example", NamedBy.ANSWER),
    flow(),
]


def hit(event: Observation | Connection) -> Hit:
    match = CATALOG.match_name("chat.example")
    assert match is not None
    return Hit(event, match)


def through_json(message: dict[str, object]) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(json.dumps(message))
    return read


@pytest.mark.parametrize("event", EVENTS)
def test_hits_come_through_whole(event: Observation | Connection) -> None:
    sent = hit(event)
    assert decode(through_json(encode_hit(sent)), CATALOG) == sent


def test_the_canary_comes_through_and_as_nothing_else() -> None:
    match = CANARY.match_name(NAME)
    assert match is not None
    sent = Hit(seen(NAME), match)
    assert decode(through_json(encode_heard(sent)), CATALOG) == Heard(sent)
    with pytest.raises(WireError):
        decode(through_json(encode_hit(sent)), CATALOG)  # no real incident can be made of it
    with pytest.raises(WireError):
        decode(through_json(encode_heard(hit(flow()))), CATALOG)


def test_a_connection_that_only_its_network_names_comes_through() -> None:
    match = unnamed_match(37963)
    assert match is not None
    sent = Hit(flow(), match)
    assert decode(through_json(encode_hit(sent)), CATALOG) == sent
    moved = [Volume(bytes(4), match.signature.id, 1, 2, VolumeSource.TCP, 3)]
    assert decode(through_json(encode_volumes(moved)[0][0]), CATALOG) == Moved(tuple(moved))


def test_reports_come_through_whole() -> None:
    link = {"interface": "lan0", "up": True, "received": 5, "dropped": 1}
    message = encode_report({("names", "dns", "query"): 3}, {"streams": 2}, [link], 7)
    expected = Report(((("names", "dns", "query"), 3),), {"streams": 2}, (LinkReport("lan0", True, 5, 1),), 7)
    assert decode(through_json(message), CATALOG) == expected


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"hit": None},
        {"hit": {"signature": "no.such", "pattern": "x", "region": None, "event": {}}},
        {"hit": {"signature": "example.chat", "pattern": "x" * 5000, "region": None, "event": {}}},
        {"learnt": [["c0000201", "c0000202", "a.example", -1]]},
        {"learnt": [["c0000201", "c0000202", "a.example", 1]] * 101},
        {"learnt": [["c00002", "c0000202", "a.example", 1]]},
        {"report": {"counts": [["names", -1]], "gauges": {}, "links": [], "time": 0}},
        {"report": {"counts": [], "gauges": {"a": True}, "links": [], "time": 0}},
        {"report": {"counts": [], "gauges": {}, "links": [{"interface": "x"}], "time": 0}},
        {"report": {"counts": [], "gauges": {}, "links": [], "time": "now"}},
    ],
)
def test_what_is_no_message_is_a_wire_error(message: dict[str, Any]) -> None:
    with pytest.raises(WireError):
        decode(message, CATALOG)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=12,
)


@given(st.sampled_from(EVENTS), st.data())
def test_a_worker_that_was_taken_over_can_only_cause_wire_errors(
    event: Observation | Connection, data: st.DataObject
) -> None:
    message = through_json(encode_hit(hit(event)))
    place = message["hit"] if data.draw(st.booleans()) else message["hit"]["event"]
    place[data.draw(st.sampled_from(sorted(place)))] = data.draw(JSON)
    try:
        decode(message, CATALOG)
    except WireError:
        return


def volumes(count: int) -> list[Volume]:
    return [Volume(bytes([192, 0, 2, n % 250]), "example.chat", n, 7, VolumeSource.TCP, 5) for n in range(count)]


def test_volumes_arrive_as_they_were_in_messages_that_fit() -> None:
    sent = volumes(1001)
    messages = encode_volumes(sent)
    assert [len(part) for _, part in messages] == [500, 500, 1]
    read = [decode(through_json(message), CATALOG) for message, _ in messages]
    assert [volume for said in read if isinstance(said, Moved) for volume in said.volumes] == sent
    assert max(len(json.dumps(message)) for message, _ in messages) < MAX_MESSAGE
    assert encode_volumes([]) == []


@pytest.mark.parametrize(
    "row",
    [
        ["c000", "example.chat", 1, 1, "tcp_sequence", 1],
        ["c0000201", "no.such", 1, 1, "tcp_sequence", 1],
        ["c0000201", "example.chat", -1, 1, "tcp_sequence", 1],
        ["c0000201", "example.chat", 1, True, "tcp_sequence", 1],
        ["c0000201", "example.chat", 1, 1, "guessed", 1],
        ["c0000201", "example.chat", 1, 1, "tcp_sequence"],
        ["c0000201", ["example.chat"], 1, 1, "tcp_sequence", 1],
    ],
)
def test_a_volume_that_is_none_is_a_wire_error(row: list[Any]) -> None:
    with pytest.raises(WireError):
        decode({"moved": [row]}, CATALOG)


def test_more_volumes_than_a_message_has_are_refused() -> None:
    with pytest.raises(WireError):
        decode({"moved": [["c0000201", "example.chat", 1, 1, "tcp_sequence", 1]] * 501}, CATALOG)


def test_clients_that_speak_for_others_come_through_whole_and_nothing_else_does() -> None:
    marks = [(CLIENT, Role.RESOLVER, 1), (SERVER, Role.PROXY, 2)]
    (message,) = encode_marks(marks)
    assert decode(json.loads(json.dumps(message)), CATALOG) == Speakers(tuple(marks))
    assert encode_marks([]) == []
    assert len(encode_marks(marks * MAX_LEARNT)) == 2
    rows: list[object] = [[["00", "resolver", 1]], [[CLIENT.hex(), "server", 1]], [[CLIENT.hex(), "nat", 1]], [[]], 5]
    rows += [[[CLIENT.hex(), "resolver", -1]], [[CLIENT.hex(), "resolver", 1]] * (MAX_LEARNT + 1)]
    for bad in rows:
        with pytest.raises(WireError):
            decode({"marks": bad}, CATALOG)


def test_volumes_of_clouds_that_nothing_named_are_read() -> None:
    sent = [volumes(1)[0]._replace(signature=next(iter(UNNAMED)))]
    ((message, _told),) = encode_volumes(sent)
    read = decode(through_json(message), CATALOG)
    assert isinstance(read, Moved)
    assert list(read.volumes) == sent
