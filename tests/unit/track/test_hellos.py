from __future__ import annotations

from egret.decode.tls import parse_client_hello
from egret.model import Event, Protocol
from egret.track.naming import said_by_hello
from egret.track.observer import Observer
from tests.support.hello import Tcp, client_hello, connections, ech_outer, observations, records


def said(observer: Observer, data: bytes, port: int, *, sizes: tuple[int, ...] = ()) -> list[Event]:
    tcp = Tcp(sport=port)
    return [event for frame in [*tcp.handshake(), *tcp.stream(data, sizes)] for event in observer.feed(frame)]


def test_what_one_hello_says_is_said_of_the_next_with_its_own_name_and_configuration() -> None:
    observer = Observer()
    for port, name, config in ((40_000, b"one.example", 3), (40_001, b"two.example", 4)):
        data = records(client_hello(name, extensions=[ech_outer(config)]))
        events = said(observer, data, port, sizes=() if port == 40_000 else (20,))
        (observation,), (connection,) = observations(events), connections(events)
        assert observation.name == connection.name == name.decode()
        assert observation.raw is not None
        assert observation.raw.data == data[5:]
        expected = dict(said_by_hello(parse_client_hello(data[5:]), Protocol.TLS).attributes)
        assert dict(observation.attributes) == {"transport": "tcp", **expected} | {"ech_config_id": config}
        assert list(observation.attributes)[1:] == list(expected)


def test_a_hello_that_is_taken_is_not_told() -> None:
    observer = Observer()
    observer.streams.hellos.take = lambda host, ech, ends, _: (host, ech, ends[-2:]) == (b"one.example", -1, b"\1\xbb")
    assert said(observer, records(client_hello(b"one.example")), 40_000) == []
    assert len(said(observer, records(client_hello(b"two.example")), 40_001)) == 2
    assert observer.streams.tracked()["decided"] == 4
