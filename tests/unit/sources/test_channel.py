from __future__ import annotations

import os
import socket
from collections.abc import Iterator

import pytest

from egret.errors import SourceError
from egret.sources import channel
from egret.sources.channel import BadMessage, Channel, ChannelClosed

Ends = tuple[Channel, Channel]


@pytest.fixture
def ends() -> Iterator[Ends]:
    made = channel.pair()
    yield made
    for end in made:
        end.close()


def raw(end: Channel) -> socket.socket:
    return end._socket


def test_a_message_arrives_whole(ends: Ends) -> None:
    assert ends[0].send({"do": "this", "text": "ä\x00"})
    received = ends[1].receive()
    assert received == ({"do": "this", "text": "ä\x00"}, ())
    assert ends[1].receive() is None


def test_descriptors_come_with_it(ends: Ends) -> None:
    reader, writer = os.pipe()
    ends[0].send({}, [writer])
    os.close(writer)
    received = ends[1].receive(descriptors=1)
    assert received is not None
    assert not os.get_inheritable(received.descriptors[0])
    os.write(received.descriptors[0], b"x")
    assert os.read(reader, 1) == b"x"
    channel.close_all([*received.descriptors, reader, 9999])


def test_descriptors_nobody_asked_for_do_not_come(ends: Ends) -> None:
    reader, writer = os.pipe()
    socket.send_fds(raw(ends[0]), [b"{}"], [writer])
    os.close(writer)
    assert ends[1].receive() == ({}, ())
    assert os.read(reader, 1) == b""
    os.close(reader)


def test_a_full_channel_says_so_and_does_not_block(ends: Ends) -> None:
    count = 0
    while ends[0].send({"text": "x" * 1000}):
        count += 1
        assert count < 100_000
    assert count > 20
    ends[1].receive()
    assert ends[0].send({})


def test_the_other_end_is_gone(ends: Ends) -> None:
    ends[1].close()
    with pytest.raises(ChannelClosed):
        ends[0].receive()
    with pytest.raises(ChannelClosed):
        ends[0].send({})
    with pytest.raises(ChannelClosed):
        ends[1].receive()


@pytest.mark.parametrize(
    "data",
    [b"[]", b"7", b"{", b"\xff\x00", b"\xff\xfe{\x00}\x00", b"[" * 100_000, b'{"a":' * 20_000, b" " * (128 * 1024 + 1)],
)
def test_rubbish_is_refused(ends: Ends, data: bytes) -> None:
    raw(ends[0]).send(data)
    with pytest.raises(BadMessage):
        ends[1].receive()
    ends[0].send({"still": "here"})
    assert ends[1].receive() == ({"still": "here"}, ())


def test_rubbish_with_a_descriptor_leaks_none(ends: Ends) -> None:
    reader, writer = os.pipe()
    socket.send_fds(raw(ends[0]), [b"rubbish"], [writer])
    os.close(writer)
    with pytest.raises(BadMessage):
        ends[1].receive(descriptors=1)
    assert os.read(reader, 1) == b""
    os.close(reader)


def test_a_message_too_long_is_not_sent(ends: Ends) -> None:
    with pytest.raises(BadMessage, match="at most 131072"):
        ends[0].send({"text": "x" * channel.MAX_MESSAGE})


def test_an_answer(ends: Ends) -> None:
    ends[1].send({"id": 1, "ok": True})
    assert ends[0].ask({"do": "x"}, 1).message == {"id": 1, "ok": True}
    question = ends[1].receive()
    assert question is not None
    assert question.message == {"do": "x", "id": 1}


def test_a_late_answer_to_another_question_is_passed_over(ends: Ends) -> None:
    with pytest.raises(SourceError, match=r"did not answer within 0\.01 s"):
        ends[0].ask({}, 0.01)
    for number in (1, 2):
        ends[1].send({"id": number})
    assert ends[0].ask({}, 1).message == {"id": 2}


def test_an_answer_that_is_an_error(ends: Ends) -> None:
    ends[1].send({"id": 1, "error": "no such thing"})
    with pytest.raises(SourceError, match="no such thing"):
        ends[0].ask({}, 1)


def test_nobody_listens(ends: Ends) -> None:
    while ends[0].send({"text": "x" * 100_000}):
        pass
    while ends[0].send({}):
        pass
    with pytest.raises(SourceError, match="does not listen"):
        ends[0].ask({}, 1)


def test_adopting_a_descriptor(ends: Ends) -> None:
    adopted = channel.adopt(os.dup(ends[0].fileno()))
    adopted.send({"from": "adopted"})
    assert ends[1].receive() == ({"from": "adopted"}, ())
    adopted.close()
