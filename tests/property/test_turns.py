"""What comes before a hello is held with it: all is said and counted as if none were, in Python and compiled."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from egret.decode.link import ETHERNET
from egret.model import Frame, Recognition, ServiceClass
from egret.track.preludes import is_plain_prelude
from egret.track.recognise import recognise, recognise_anywhere
from egret.worker import engine
from egret.worker.pipeline import Pipeline
from tests.support.dialogues import STARTTLS, connect, socks5
from tests.support.gated import CATALOG, START_NS, passed, passed_as_file
from tests.support.hello import ACK, FIN, SYN, openssl_hello
from tests.support.jumbles import STEPS_NS, Ends, outcome
from tests.support.native import compiled as _gate
from tests.support.turns import ODD, turns

HELLO = openssl_hello("www.example.org")
SEEDS = (*(b"".join(said) for said in STARTTLS.values()), b"<?xml?><a>", b"0 NOOP\r\n", b"USER a\r\nPASS b\r\n")
PIECES = (*ODD, b" HTTP/1.1\r\n", b"head ", b"GET ", b"OPTIONS", b"PRI * ", b"\r\n", b"\xff", b"<", b"\x30")


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 1 << 32), st.sampled_from(STEPS_NS), st.sampled_from([4_096, 4, 1]))
def test_connections_that_take_turns_say_the_same_held_or_not(seed: int, step_ns: int, most: int) -> None:
    frames = turns(random.Random(seed), 40)
    told = outcome(frames, step_ns, gated=False)
    assert outcome(frames, step_ns, most=most) == told
    assert outcome(frames, step_ns, pure=True, most=most) == told


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1 << 32), st.sampled_from(STEPS_NS))
def test_in_a_file_they_say_the_same(seed: int, step_ns: int) -> None:
    frames = turns(random.Random(seed), 40)
    told = passed(frames, step_ns, gated=False)
    assert passed_as_file(frames, step_ns, pure=True) == told
    assert passed_as_file(frames, step_ns, pure=False) == told


KINDS: dict[str, tuple[list[bytes], bytes]] = {  # what the client says a line at a time, and its hello
    **{f"STARTTLS {name}": (STARTTLS[name], HELLO) for name in STARTTLS.keys() - {"xmpp", "sql server", "amqp"}},
    "CONNECT": ([connect("www.example.org")], HELLO),
    "SOCKS": ([socks5(b"www.example.org")[:3], socks5(b"www.example.org")[3:]], HELLO),
    "SSH": ([b"SSH-2.0-x\r\n", b"\0\0\4\x3c\7\x14" + bytes(range(200))], b""),
    "nothing said": ([], b""),
}


def talk(port: int, lines: list[bytes], hello: bytes) -> Iterator[bytes]:
    """The frames of a connection in which the server answers every line."""
    ends, seq, heard = Ends(random.Random(1)), 8, 10
    ends.port = port
    yield ends.frame(7, SYN)
    yield ends.frame(9, SYN | ACK, back=True)
    for line in (*lines, hello):
        if line:
            yield ends.frame(heard, ACK, b"ok", back=True)
            yield ends.frame(seq, ACK, line)
            seq, heard = seq + len(line), heard + 2
    yield ends.frame(seq, FIN | ACK)


@pytest.mark.parametrize("switch", ["1", ""])
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_where_nothing_is_known_of_them_the_observer_sees_none(
    kind: str, switch: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(engine.SWITCH, switch)
    pipeline = Pipeline(CATALOG, measured=frozenset(ServiceClass))

    def taken(data: bytes) -> bool:
        return pipeline.gate.sluice.skip(data, 0, len(data), START_NS, len(data))

    for data in talk(40_000, *KINDS[kind]):  # of a proxy must be known that it is one
        if not taken(data):
            pipeline.feed(Frame(START_NS, ETHERNET, memoryview(data), len(data)))
    frames = list(talk(40_001, *KINDS[kind]))
    assert [taken(data) for data in frames] == [True] * len(frames)


def changed(chance: random.Random) -> bytes:
    data = bytearray(chance.choice(SEEDS))
    for _ in range(chance.choice((0, 0, 1, 2, 3))):
        at = chance.randrange(len(data) + 1)
        match chance.randrange(4):
            case 0 if at < len(data):
                data[at] = chance.choice((0, 1, 3, 0x0A, 0x0D, 0x16, 0x20, 0x3C, 0x50, 0x80, chance.randrange(256)))
            case 1:
                data[at:at] = chance.choice(PIECES)
            case 2:
                del data[at:]
            case _:
                data += chance.choice(SEEDS)
    return bytes(data)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 1 << 32))
def test_behind_a_plain_prelude_a_hello_is_found_and_without_it_waited_for(seed: int) -> None:
    chance = random.Random(seed)
    for data in (changed(chance) for _ in range(100)):
        is_plain = is_plain_prelude(data)
        assert _gate.is_plain_prelude(data) == is_plain, data
        if not is_plain:
            continue
        waits, whole = recognise_anywhere(data), recognise_anywhere(data + HELLO)
        part = recognise_anywhere(data + HELLO[: chance.randrange(60, len(HELLO))])
        assert (waits.prelude, waits.needed, recognise(data).recognition) == (True, len(data) + 1, Recognition.NO)
        assert (part.recognition, part.needed) == (Recognition.NEED_MORE, len(data) + len(HELLO))
        assert whole.said is not None
        assert (whole.said.name, whole.size) == ("www.example.org", len(data) + len(HELLO))
        assert recognise_anywhere(data, final=True).recognition is Recognition.NO
