from __future__ import annotations

import pytest

from egret.decode import gquic
from egret.decode.quic import Frames, parse_long_header
from egret.decode.quic_keys import VERSION_1, initial_keys
from egret.errors import Reason
from egret.model import Endpoint, Transport
from egret.track.assembly import Assembly
from egret.track.attempt import Attempt, Pair, parse
from egret.track.direction import ends_of
from tests.support.datagrams import chlo
from tests.support.hello import client_hello, crypto_frame, quic_initial

DCID = b"original"
HELLO = client_hello(key_share=1216)
CLIENT, SERVER = Endpoint(b"\xc0\0\2\1", 50_000), Endpoint(b"\xcb\0\x71\1", 443)


def attempt(version: int = VERSION_1) -> Attempt:
    return Attempt(DCID, version, False, initial_keys(DCID, version))


def pair() -> Pair:
    return Pair(1, ends_of(CLIENT, SERVER), "lan0")


def crypto(*pieces: tuple[int, bytes]) -> Frames:
    return Frames(pieces, False, None)


def test_it_opens_what_its_keys_fit_until_it_is_done() -> None:
    one, datagram = attempt(), quic_initial(crypto_frame(0, HELLO[:1000]), dcid=DCID)
    header = parse_long_header(datagram, 0)
    frames = one.open(datagram, header)
    assert frames is not None
    assert frames.crypto == ((0, HELLO[:1000]),)
    other = quic_initial(b"\1", dcid=b"another!")
    assert one.open(other, parse_long_header(other, 0)) is None
    one.finish()
    assert one.open(datagram, header) == ((), False, None)


def test_it_knows_when_the_hello_is_whole() -> None:
    one = attempt()
    one.put(crypto((1000, HELLO[1000:]), (1 << 20, b"far away")))
    assert (one.whole, one.parts()) == (b"", [b"", HELLO[1000:]])
    one.put(crypto((0, HELLO[:1000])))
    assert one.whole == HELLO
    one.put(crypto((len(HELLO), b"and more")))
    assert one.record(one.whole) == b"\x16\3\1" + len(HELLO).to_bytes(2) + HELLO
    said, error = parse(HELLO, one)
    assert said is not None
    assert (said.name, said.raw and said.raw.dcid, error) == ("chat.qwen.ai", DCID, None)


def test_what_is_not_proven_or_not_tls_is_no_record() -> None:
    one = attempt()
    one.put(crypto((0, HELLO)))
    one.unverified = True
    assert one.record(one.whole) == b""
    said, _ = parse(HELLO, one)
    assert said is not None
    assert said.attributes["unverified"]
    google = attempt(gquic.Q050)
    google.put(crypto((0, chlo())))
    assert google.whole
    assert google.record(google.whole) == b""


@pytest.mark.parametrize(
    ("data", "reason"), [(b"", None), (b"\2\0\0\1\0", Reason.BAD_VALUE), (b"\1", Reason.TRUNCATED)]
)
def test_what_cannot_be_read_says_why(data: bytes, reason: Reason | None) -> None:
    assert parse(data, attempt()) == (None, reason)


def test_a_pair_knows_its_ends_and_what_its_attempts_take() -> None:
    two, one = pair(), attempt()
    assert two.ends == (Transport.UDP, CLIENT, SERVER, "lan0")
    assert two.now() == 0
    two.attempts.append(one)
    one.put(crypto((0, HELLO)))
    assert two.now() == one.assembly.cost > len(HELLO)
    one.finish()
    assert two.now() == Assembly(0).cost


def test_a_pair_knows_initials_that_need_not_be_opened() -> None:
    two, one = pair(), attempt()
    first, later, failed = (
        parse_long_header(quic_initial(b"\1", dcid=dcid), 0) for dcid in (DCID, b"server's", b"nobody's")
    )
    two.server_ids, two.failed = (later.dcid,), (b"\0\0\0\1" + failed.dcid,)
    assert [two.has_done(header) for header in (first, later, failed)] == [False, False, False]
    two.attempts.append(one)
    assert (two.begun(first), two.begun(later)) == (one, None)
    assert [two.has_done(header) for header in (first, later, failed)] == [False, False, False]
    one.finish()
    assert [two.has_done(header) for header in (first, later, failed)] == [True, True, True]
    assert not two.has_done(parse_long_header(quic_initial(b"\1", dcid=b"another!"), 0))
    assert not two.has_done(parse_long_header(quic_initial(b"\1", dcid=DCID, version=0x6B3343CF), 0))


def test_a_hello_in_one_frame_need_not_be_put_anywhere() -> None:
    one = attempt()
    assert one.at_once(crypto((0, HELLO))) == HELLO
    assert one.at_once(crypto((0, HELLO[:-1]))) == b""
    assert one.at_once(crypto((1, HELLO))) == b""
    assert one.at_once(crypto((0, HELLO[:9]), (9, HELLO[9:]))) == b""
    one.put(crypto((0, HELLO[:9])))
    assert one.at_once(crypto((0, HELLO))) == b""
