"""The hellos that RFCs print: 8448 section 3, 9001 appendix A.2, 9369 appendix A.2; whole, and after every cut."""

from __future__ import annotations

from pathlib import Path

import pytest

from egret.decode.tls import parse_client_hello, read_hello
from egret.errors import DecodeError
from egret.model import Recognition
from tests.support.hello import Tcp, records, run, said, udp

VECTORS = Path(__file__).parents[1] / "vectors"


def vector(name: str) -> bytes:
    return bytes.fromhex("".join((VECTORS / name).read_text().split()))


HELLO = vector("rfc8448_3_client_hello.hex")


def test_rfc_8448_client_hello() -> None:
    hello = parse_client_hello(HELLO)
    assert (len(HELLO), hello.server_name, hello.version_text, hello.anomaly) == (196, b"server", "1.3", None)


@pytest.mark.parametrize("size", range(len(HELLO)))
def test_every_cut_of_it_asks_for_more_or_gives_what_was_whole(size: int) -> None:
    assert read_hello(records(HELLO)[: 5 + size]).recognition is Recognition.NEED_MORE
    try:
        hello = parse_client_hello(HELLO[:size])
    except DecodeError:
        return
    assert hello.server_name in {None, b"server"}


@pytest.mark.parametrize("size", range(1, len(HELLO), 7))
def test_every_split_of_it_in_records_and_segments(size: int) -> None:
    stream, tcp = records(HELLO, [size]), Tcp()
    assert said(run([*tcp.handshake(), *tcp.stream(stream, [size])])) == [("tls", "client_hello", "server")]


@pytest.mark.parametrize("name", ["rfc9001_a2_client_initial.hex", "rfc9369_a2_client_initial.hex"])
def test_initials(name: str) -> None:
    assert said(run([udp(vector(name), 50000, 443)])) == [("quic", "client_hello", "example.com")]


@pytest.mark.parametrize("name", ["rfc9001_a2_client_initial.hex", "rfc9369_a2_client_initial.hex"])
def test_every_cut_of_an_initial(name: str) -> None:
    whole = vector(name)
    for size in range(0, len(whole), 11):
        assert said(run([udp(whole[:size], 50000, 443)])) in ([], [("quic", "client_hello", "example.com")])
