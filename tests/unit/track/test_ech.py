"""Encrypted Client Hello: real, GREASE or unknown, and whose it is, through the observer's door."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Mapping
from ipaddress import ip_address

import dns.message
import dns.rrset
import pytest

from egret.decode.ech import EchConfig
from egret.model import Frame
from egret.track.ech import MAX_ADDRESSES, MAX_NAMES, EchLookups
from egret.track.limits import Limits
from egret.track.observer import Observer
from tests.support.hello import (
    CLIENT,
    SECOND_NS,
    SERVER,
    START_NS,
    Tcp,
    client_hello,
    crypto_frame,
    ech_config,
    ech_outer,
    observations,
    quic_initial,
    records,
    run,
    udp,
    vector,
)

RESOLVER = "192.0.2.53"
PUBLIC = "public.example"
ECH = base64.b64encode(vector(2, ech_config(42, PUBLIC.encode()))).decode()
INNER = "chat.example"


def https(name: str, *data: str, client: str = CLIENT, at_ns: int = START_NS, owner: str | None = None) -> Frame:
    message = dns.message.make_response(dns.message.make_query(name, "HTTPS"))
    for one in data:
        message.answer.append(dns.rrset.from_text((owner or name) + ".", 300, "IN", "HTTPS", one))
    return udp(message.to_wire(), 53, 5555, source=RESOLVER, destination=client, at_ns=at_ns)


def address(name: str, to: str = SERVER, client: str = CLIENT) -> Frame:
    message = dns.message.make_response(dns.message.make_query(name, "A"))
    message.answer.append(dns.rrset.from_text(name + ".", 300, "IN", "A", to))
    return udp(message.to_wire(), 53, 5556, source=RESOLVER, destination=client)


def hello(
    name: str = PUBLIC, *, config_id: int = 42, client: str = CLIENT, after_s: int = 0, server: str = SERVER
) -> Frame:
    tcp = Tcp(client=client, server=server)
    tcp.at_ns += after_s * SECOND_NS
    return tcp.send(0, records(client_hello(name.encode(), extensions=[ech_outer(config_id)])))


def judged(*frames: Frame) -> Mapping[str, object]:
    last = observations(run(frames))[-1]
    kept = ("ech", "outer_name", "inner_name", "inner_confidence")
    return {key: last.attributes[key] for key in kept if key in last.attributes}


REAL = {"ech": "real", "outer_name": PUBLIC}
KNOWN = {**REAL, "inner_name": INNER, "inner_confidence": "high"}


@pytest.mark.parametrize("hinted", [True, False])
def test_a_real_one_and_its_inner_name(hinted: bool) -> None:
    record = f"1 . alpn=h2 ech={ECH}" + (f" ipv4hint={SERVER}" if hinted else "")
    frames = [https(INNER, record)] if hinted else [address(INNER), https(INNER, record)]
    assert judged(*frames, hello()) == KNOWN
    assert judged(*frames[::-1], hello()) == KNOWN
    assert [o.name for o in observations(run([*frames, hello()]))][-1] == PUBLIC


def test_over_quic() -> None:
    message = client_hello(PUBLIC.encode(), extensions=[ech_outer(42)])
    frames = [https(INNER, f"1 . ech={ECH} ipv4hint={SERVER}"), udp(quic_initial(crypto_frame(0, message)), 50000, 443)]
    assert judged(*frames) == KNOWN


def test_a_record_of_an_alias_and_of_another_port() -> None:
    record = f"1 . ech={ECH} ipv4hint={SERVER}"
    assert judged(https(INNER, record, owner="pool.example"), hello()) == KNOWN
    assert judged(https("_8443._https." + INNER, record), hello()) == KNOWN


def test_several_that_fit_are_a_guess() -> None:
    record = f"1 . ech={ECH} ipv4hint={SERVER}"
    frames = [https("other.example", record), https(INNER, record)]
    assert judged(*frames, hello()) == {**KNOWN, "inner_confidence": "low"}
    assert judged(*frames[::-1], hello())["inner_name"] == "other.example"


def test_an_address_that_does_not_fit_gives_no_inner_name() -> None:
    frame = https(INNER, f"1 . ech={ECH} ipv4hint=203.0.113.7")
    assert judged(frame, hello()) == REAL
    assert judged(frame, hello(server="203.0.113.7")) == KNOWN


def test_grease_shows_the_true_name() -> None:
    assert judged(https(INNER, "1 . alpn=h2"), hello(INNER)) == {"ech": "grease"}
    assert judged(https(INNER), hello(INNER)) == {"ech": "grease"}  # an answer without a record
    assert judged(https(INNER, f"1 . ech={ECH}"), hello(INNER)) == {"ech": "grease"}
    assert judged(https(INNER, f"1 . ech={ECH}"), hello(INNER, config_id=9)) == {"ech": "grease"}


def test_nothing_is_known_without_a_look_up_of_that_client() -> None:
    record = f"1 . ech={ECH} ipv4hint={SERVER}"
    assert judged(hello()) == {"ech": "unknown"}
    assert judged(https(INNER, record, client="192.0.2.99"), hello()) == {"ech": "unknown"}
    assert judged(https(INNER, record), hello(config_id=41)) == {"ech": "unknown"}
    assert judged(https(INNER, record), hello(after_s=900)) == {"ech": "unknown"}  # 300 s and the grace are over


def test_an_observer_without_any_ech_adds_nothing() -> None:
    (observation,) = observations(run([Tcp().send(0, records(client_hello()))]))
    assert "ech" not in observation.attributes


def test_bounds() -> None:
    evictions: Counter[str] = Counter()
    lookups = EchLookups(Limits(ech_names=10, ech_configs=4), evictions)
    for number in range(100):
        client = number.to_bytes(4, "big")
        lookups.learn_https(client, "a.example", (EchConfig(1, "p.example"),), 60, START_NS)
    assert len(lookups) == 14
    assert evictions == {"ech_names": 90, "ech_configs": 96}
    assert lookups.judge("p.example", None, b"", b"", 0) == {"ech": "unknown"}


def test_many_names_and_addresses_of_one_client() -> None:
    lookups = EchLookups(Limits(), Counter())
    config = EchConfig(1, "p.example")
    for number in range(MAX_NAMES * 2):
        name = f"n{number}.example"
        lookups.learn_https(b"cccc", name, (config,), 60, START_NS)
        lookups.learn_addresses(b"cccc", name, [number.to_bytes(4, "big")], 60, START_NS)
    assert len(lookups._users.get((b"cccc", config)) or ()) == MAX_NAMES
    for number in range(100):
        lookups.learn_addresses(b"cccc", "n63.example", [number.to_bytes(4, "big")] * 2, 60, START_NS)
    judged_now = lookups.judge("p.example", 1, b"cccc", (99).to_bytes(4, "big"), START_NS)
    assert judged_now["inner_name"] == "n63.example"
    told = lookups._told.get((b"cccc", "n63.example"))
    assert told is not None
    assert len(told.addresses) <= MAX_ADDRESSES


def test_the_tables_are_counted() -> None:
    observer = Observer()
    run([https(INNER, f"1 . ech={ECH}")], observer)
    assert observer.counters.tracked["answers"] == 1  # kept as it came: nobody has asked yet
    assert observer.answers.name_of(ip_address(CLIENT).packed, ip_address(SERVER).packed, START_NS) is None
    assert observer.counters.tracked["ech_names"] == 2
