from __future__ import annotations

from unittest.mock import patch

from egret.model import Endpoint
from egret.track import known_streams
from egret.track.direction import key_of
from egret.track.late import LATE_START, RECORD_START
from egret.track.observer import Observer
from tests.support.hello import Tcp, openssl_hello

CLIENT, SERVER = Endpoint(b"\xc0\0\2\x0a", 40_000), Endpoint(b"\xc6\x33\x64\x14", 443)
KEY, OTHER = key_of(CLIENT, SERVER), key_of(SERVER, CLIENT)
HELLO = openssl_hello("one.example")


def seen(*frames_of: bytes) -> tuple[Observer, Tcp]:
    observer, tcp = Observer(), Tcp()
    for frame in tcp.handshake():
        observer.feed(frame)
    for data in frames_of:
        observer.feed(tcp.send(0, data))
    return observer, tcp


def test_all_of_a_young_connection_is_awaited_and_only_another_hello_of_a_decided_one() -> None:
    young, _ = seen()
    assert young.streams.watched(KEY, OTHER) is None
    decided, _ = seen(HELLO)
    assert decided.streams.watched(KEY, OTHER) == RECORD_START
    assert decided.streams.watched(OTHER, KEY) == frozenset()
    odd, _ = seen(b"\0" * 20)
    odd.streams.expire(1 << 62)
    assert odd.streams.watched(KEY, OTHER) == LATE_START


def test_where_its_stream_began_is_known_before_and_after_it_was_decided() -> None:
    for frames in ((), (HELLO,)):
        observer, tcp = seen(*frames)
        assert observer.streams.began_at(CLIENT, SERVER) == tcp.isn + 1
        assert observer.streams.began_at(SERVER, CLIENT) is None


def test_it_says_when_that_is_forgotten() -> None:
    observer, tcp = seen(HELLO)
    forgotten: list[None] = []
    observer.streams.on_change(lambda: forgotten.append(None))
    tcp.isn += 5_000
    observer.feed(tcp.syn())
    assert forgotten
    assert observer.streams.watched(KEY, OTHER) is None


def test_entries_are_counted_by_table() -> None:
    observer, _ = seen()
    assert observer.streams.tracked() == {"flows": 1, "decided": 0, "http_flows": 0, "late_hellos": 0}
    observer.feed(Tcp(sport=40_001).syn())
    observer.streams.rebase(0)
    observer, _ = seen(HELLO)
    assert observer.streams.tracked() == {"flows": 0, "decided": 2, "http_flows": 0, "late_hellos": 1}


def test_a_web_server_is_listened_to_only_where_it_was_asked_for_addresses() -> None:
    page, asking = (
        b"GET /%s HTTP/1.1\r\nHost: %s\r\n\r\n" % each
        for each in ((b"", b"www.example.org"), (b"d?dn=www.example.org", b"httpdns.qcloud.com"))
    )
    observer, tcp = seen(page)
    said: list[object] = []
    observer.streams.on_change(lambda: said.append(observer.streams.watched(OTHER, KEY)))
    assert observer.streams.watched(KEY, OTHER) is None
    assert observer.streams.watched(OTHER, KEY) == frozenset()
    observer.feed(tcp.send(len(page), asking))
    assert said == [frozenset()]
    assert observer.streams.watched(OTHER, KEY) is None


def test_who_asks_for_addresses_at_once_changes_nothing_that_was_said() -> None:
    observer, tcp = seen()
    said: list[object] = []
    observer.streams.on_change(lambda: said.append(1))
    asking = b"GET /d?dn=www.example.org HTTP/1.1\r\nHost: httpdns.qcloud.com\r\n\r\n"
    observer.feed(tcp.send(0, asking))
    assert not said
    assert observer.streams.watched(OTHER, KEY) is None
    observer, tcp = seen(asking[:-2])
    assert observer.streams.watched(OTHER, KEY) == frozenset()
    observer.streams.on_change(lambda: said.append(1))
    observer.feed(tcp.send(len(asking) - 2, b"\r\n"))
    assert said


def test_of_a_server_whose_client_has_said_nothing_only_a_beginning_is_awaited() -> None:
    observer, tcp = seen()
    assert observer.streams.watched(OTHER, KEY) == LATE_START
    changes: list[None] = []
    observer.streams.on_change(lambda: changes.append(None))
    assert observer.streams.watched(OTHER, KEY) == LATE_START
    observer.feed(tcp.reply(0, b"\x16\3\1\0\x50\1\0\0\x4c\3\3"))  # it is the client after all
    assert changes
    assert observer.streams.watched(OTHER, KEY) is None
    assert observer.streams.watched(KEY, OTHER) is None


def test_look_ups_on_another_port_make_all_of_both_sides_matter() -> None:
    observer, tcp = seen()
    changes: list[None] = []
    observer.streams.on_change(lambda: changes.append(None))
    observer.streams.watched(OTHER, KEY)
    observer.feed(tcp.send(0, b"\0\x1d\0\1\1\0\0\1\0\0\0\0\0\0\3www\7example\0\0\1\0\1"))
    assert changes
    assert observer.streams.watched(OTHER, KEY) is None


def test_what_was_said_of_many_is_forgotten_with_a_word() -> None:
    observer, _ = seen()
    changes: list[None] = []
    observer.streams.on_change(lambda: changes.append(None))
    with patch.object(known_streams, "MAX_BESIDE", 1):
        observer.streams.watched(OTHER, KEY)
        assert not changes
        observer.streams.watched(OTHER, KEY)
        assert changes
