from __future__ import annotations

from collections import Counter
from unittest.mock import patch

from egret.model import Kind, NamedBy, Protocol, Transport
from egret.worker import requested
from egret.worker.requested import Requested, remember

CLIENT, GUEST, SERVER, LISTED = b"\xc0\0\2\1", b"\xc6\x33\x64\1", b"\xcb\0\x71\1", b"\xcb\0\x71\2"
TENCENT = b"\x77\x1d\x1d\x1d"
NAMES, CONNECTIONS = ("names", Protocol.HTTP, Kind.REQUEST), ("connections", Transport.TCP, NamedBy.HTTP)


def ends(client: bytes = CLIENT, server: bytes = SERVER) -> bytes:
    return client + server + b"\x9c\x40\0\x50"


def asked(watched: tuple[bytes, ...] = ()) -> tuple[Requested, Counter[tuple[str, ...]]]:
    counts = Counter[tuple[str, ...]]()
    return Requested(
        {},
        watched,
        lambda name: name.endswith("flagged.example"),
        lambda ip, port: (ip, port) == (LISTED, 80),
        lambda ip: ip == CLIENT,
        counts,
    ), counts


def test_plain_ones_are_counted_once_a_name() -> None:
    requests, counts = asked()
    assert requests.begins(b"www.example.org", ends())
    assert requests.begins(b"www.example.org", ends(GUEST))
    assert requests.goes_on(b"www.example.org", b"www.example.org", ends())
    assert requests.goes_on(b"cdn.example.org", b"www.example.org", ends())
    requests.elsewhere = lambda: (10, 5)
    requests.settle()
    assert counts == {NAMES: 13, CONNECTIONS: 6}


def test_what_must_be_told_is_not_counted() -> None:
    requests, counts = asked()
    for host, between in (
        (b"www.flagged.example", ends()),
        (b"httpdns.baidu.com", ends()),
        (b"www.example.org", ends(server=LISTED)),
        (b"www.example.org", ends(GUEST, LISTED)),
        (b"www.example.org", ends(server=TENCENT)),
    ):
        assert not requests.begins(host, between)
        assert not requests.goes_on(host, host, between)
    watching, _ = asked((CLIENT,))
    assert not watching.begins(b"www.example.org", ends())
    requests.settle()
    assert not counts


def test_it_asks_again_once_it_was_told_to() -> None:
    requests, _ = asked()
    assert requests.begins(b"www.example.org", ends())
    requests.forget()
    assert (len(requests.hosts), len(requests.servers)) == (0, 0)


def test_a_table_never_grows_beyond_its_bound() -> None:
    table = dict[bytes, bool]()
    with patch.object(requested, "MAX_KNOWN", 2):
        assert [remember(table, key, True) for key in (b"a", b"b", b"c")] == [True] * 3
    assert table == {b"c": True}
