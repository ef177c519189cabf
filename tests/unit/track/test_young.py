from __future__ import annotations

from egret.model import Endpoint
from egret.track.direction import key_of
from egret.track.flow import Flow
from egret.track.limits import SECOND_NS, Counters, Limits
from egret.track.young import FLOW_COST, SERVER_SIDE, YoungFlows
from tests.support.hello import Tcp, connections, openssl_hello, run, said

CLIENT, SERVER = Endpoint(b"\xc0\0\2\1", 40000), Endpoint(b"\xc0\0\2\2", 443)


def flow(payload: bytes = b"", last_ns: int = 0, port: int = 40000) -> Flow:
    client = Endpoint(CLIENT.ip, port)
    made = Flow(key_of(client, SERVER), client, SERVER, None, 1000)
    made.begin_at(100)
    made.last_ns = last_ns
    if payload:
        made.add(100, memoryview(payload))
    return made


def test_what_is_decided_holds_nothing_and_both_its_directions_are_known() -> None:
    young = YoungFlows(Limits(), Counters())
    one = flow(b"GET")
    young.put(one.key, one)
    young.charge(one)
    assert (young.has(one), young.held > 0, young.began_at(CLIENT, SERVER)) == (True, True, 100)
    young.decide(one)
    assert (young.has(one), young.held, len(young), one.settled) == (False, 0, 0, True)
    assert young.decided.get(one.key) == 100
    assert young.decided.get(key_of(SERVER, CLIENT)) == SERVER_SIDE
    assert (young.began_at(CLIENT, SERVER), young.began_at(SERVER, CLIENT)) == (100, None)


def test_the_oldest_goes_while_all_hold_too_much() -> None:
    young = YoungFlows(Limits(stream_bytes=FLOW_COST - 1), Counters())
    one, other = flow(b"GET"), flow(b"GET", port=40001)
    for each in (one, other):
        young.put(each.key, each)
        young.charge(each)
    assert young.overdrawn() is one
    young.drop(one)
    assert young.overdrawn() is other
    young.drop(other)
    assert (young.overdrawn(), young.held) == (None, 0)


def test_due_is_who_has_waited_oldest_first() -> None:
    limits = Limits()
    young = YoungFlows(limits, Counters())
    flows = [flow(), flow(b"GET", port=40001), flow(b"GET", limits.silent_s * SECOND_NS, 40002)]
    for each in flows:
        young.put(each.key, each)
    assert young.due(limits.wait_s * SECOND_NS) == [(flows[1], False)]
    assert young.due(limits.silent_s * SECOND_NS) == [(flows[0], True), (flows[1], True)]
    young.rebase(0)
    assert [each.last_ns for each in young.all()] == [0, 0, 0]


def test_a_hello_with_the_numbers_of_another_syn_is_said() -> None:
    first, second = Tcp(isn=1000), Tcp(isn=3_000_000_000)
    for stream in (openssl_hello("one.example"), b"GET / HTTP/1.1\r\nHost: one.example\r\n\r\n"):
        stray = [first.syn(), second.syn(), second.syn_ack(), first.send(0, stream)]
        assert [name for _, _, name in said(run(stray))] == ["one.example"]
        real = second.send(0, openssl_hello("two.example"))
        events = run([*stray, first.send(90_000, b"\x16rubbish"), real])
        assert [name for _, _, name in said(events)] == ["one.example", "two.example"]
        assert [connection.name for connection in connections(events)] == ["two.example"]


def test_who_was_connected_to_may_say_the_hello() -> None:
    tcp, hello = Tcp(sport=20, dport=50_000), openssl_hello("one.example")
    frames = [tcp.reply(0, hello[:100]), tcp.reply(100, hello[100:]), tcp.send(0, b"\x16\3\3\0\x40\2" + bytes(63))]
    events = run([*tcp.handshake(), *frames])
    assert [name for _, _, name in said(events)] == ["one.example"]
    assert [(connection.name, connection.client.port) for connection in connections(events)] == [
        ("one.example", 50_000)
    ]


def test_what_comes_late_into_the_table_is_due_in_its_time() -> None:
    limits = Limits()
    wait_ns = limits.wait_s * SECOND_NS
    young = YoungFlows(limits, Counters())
    flows = [flow(b"GET", SECOND_NS // 2), flow(b"GET", 0, 40001), flow(b"GET", 2 * SECOND_NS, 40002)]
    for each in flows:
        young.put(each.key, each)
    assert young.due(wait_ns) == [(flows[1], False)]
    assert young.due(wait_ns + SECOND_NS // 2) == [(flows[1], False), (flows[0], False)]
    assert young.all() == [flows[1], flows[0], flows[2]]


def test_a_connection_that_never_came_is_known_as_one_that_said_hello() -> None:
    young = YoungFlows(Limits(), Counters())
    key, other = key_of(CLIENT, SERVER), key_of(SERVER, CLIENT)
    young.put(other, Flow(other, SERVER, CLIENT, None, 1000))
    assert (young.knows(key), young.knows(other)) == (False, True)
    young.pass_over(key, other, 100, 617)
    assert (young.knows(key), young.knows(other), len(young)) == (True, True, 0)
    assert (young.began_at(CLIENT, SERVER), young.decided.get(other)) == (100, SERVER_SIDE)
    assert young.late.starts(key)
    assert not young.late.starts(other)
