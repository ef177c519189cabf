from __future__ import annotations

from functools import lru_cache

import pytest

from egret.catalog.match import Catalog
from egret.catalog.resolvers import Resolver, Resolvers
from egret.errors import Reason
from egret.judge.unnamed import unnamed_match
from egret.model import (
    Anomaly,
    Connection,
    Endpoint,
    Event,
    Kind,
    Match,
    NamedBy,
    Nameless,
    Observation,
    Protocol,
    Role,
)
from egret.settings.resolvers import load_resolvers
from egret.value import replace
from egret.worker.pipeline import Pipeline
from egret.worker.scope import Scope
from tests.support.catalog import bundled
from tests.support.hello import (
    CLIENT,
    CLIENT6,
    Tcp,
    client_hello,
    crypto_frame,
    openssl_hello,
    quic_initial,
    records,
    udp,
)
from tests.support.pipeline import CATALOG, LISTED, flow, seen


class InChina:
    def prc_network(self, ip: bytes) -> tuple[str, str] | None:
        return ("CN", "prc-cloud") if ip[0] == 203 else None

    def unnamed(self, ip: bytes) -> Match | None:
        return unnamed_match(45102) if ip[0] == 100 else None


def hits(*events: Event, pipeline: Pipeline | None = None) -> list[str]:
    return [hit.match.signature.id for hit in (pipeline or Pipeline(CATALOG)).hits(events)]


def test_a_frame_becomes_a_hit() -> None:
    client = Tcp()
    flow_frames = [*client.handshake(), *client.stream(records(openssl_hello("www.chat.example")))]
    pipeline = Pipeline(CATALOG)
    found = [hit for frame in flow_frames for hit in pipeline.feed(frame)] + pipeline.flush()
    assert [hit.match.signature.id for hit in found] == ["example.chat"]
    assert pipeline.take_counts()["names", "tls", "client_hello"] == 1
    assert pipeline.take_counts() == {}


@pytest.mark.parametrize("name", ["notchat.example", "chat.example.org", "example"])
def test_what_the_catalogue_does_not_name_is_only_counted(name: str) -> None:
    pipeline = Pipeline(CATALOG)
    assert hits(seen(name), pipeline=pipeline) == []
    assert pipeline.counts == {("names", "tls", "client_hello"): 1}


@pytest.mark.parametrize("mark", ["quoted", "in_request"])
def test_what_shows_no_traffic_is_only_counted(mark: str) -> None:
    pipeline = Pipeline(CATALOG)
    claimed = replace(seen("chat.example"), attributes={mark: True})
    assert hits(claimed, pipeline=pipeline) == []
    assert pipeline.counts == {("names", "tls", "client_hello"): 1}


def test_an_answer_repeats_no_question() -> None:
    question = seen("chat.example", protocol=Protocol.DNS, kind=Kind.QUERY)
    answer = seen("chat.example", protocol=Protocol.DNS, kind=Kind.ANSWER, at_s=0.01)
    assert hits(question, question, answer) == ["example.chat", "example.chat"]


def test_an_answer_speaks_for_a_question_that_was_not_seen() -> None:
    assert hits(seen("chat.example", protocol=Protocol.DNS, kind=Kind.ANSWER)) == ["example.chat"]


def test_an_alias_that_leads_to_an_ai_service_is_a_look_up_of_it_but_one_hosted_on_a_cloud_is_not() -> None:
    question = seen("shop.example", protocol=Protocol.DNS, kind=Kind.QUERY)
    alias = seen("shop.example", protocol=Protocol.DNS, kind=Kind.CNAME)
    to_cloud = seen("x.cloud.example", protocol=Protocol.DNS, kind=Kind.ANSWER)
    to_ai = seen("x.chat.example", protocol=Protocol.DNS, kind=Kind.ANSWER)
    assert hits(question, alias, to_cloud, to_ai) == ["example.chat"]


def test_an_answer_long_after_its_question_counts_again() -> None:
    question = seen("chat.example", protocol=Protocol.DNS, kind=Kind.QUERY)
    late = seen("chat.example", protocol=Protocol.DNS, kind=Kind.ANSWER, at_s=60)
    assert hits(question, late) == ["example.chat", "example.chat"]


def test_a_connection_named_by_an_answer_is_a_hit_and_one_named_by_a_hello_was_one_already() -> None:
    assert hits(flow("chat.example", NamedBy.ANSWER)) == ["example.chat"]
    assert hits(flow("chat.example", NamedBy.HELLO)) == []


def test_an_address_is_matched_where_no_name_is() -> None:
    assert hits(flow(server=LISTED)) == ["example.dns"]
    assert hits(flow("other.example", NamedBy.HELLO, server=LISTED)) == ["example.dns"]
    assert hits(flow("chat.example", NamedBy.HELLO, server=LISTED)) == []


@pytest.mark.parametrize(
    ("connection", "found"),
    [
        (flow(server=bytes([100, 64, 0, 1])), ["network.alibaba-international"]),
        (replace(flow(server=bytes([100, 64, 0, 1])), reason=Nameless.NO_PAYLOAD), []),
        (flow("other.example", NamedBy.HELLO, server=bytes([100, 64, 0, 1])), []),
        (flow("chat.example", NamedBy.ANSWER, server=bytes([100, 64, 0, 1])), ["example.chat"]),
    ],
)
def test_what_nothing_named_is_what_its_network_is(connection: Connection, found: list[str]) -> None:
    assert hits(connection, pipeline=Pipeline(CATALOG, InChina())) == found


def test_prc_hosted_connections_without_a_signature_are_counted_by_country_and_network() -> None:
    pipeline = Pipeline(CATALOG, InChina())
    assert hits(
        flow(), flow("chat.example", NamedBy.ANSWER), flow(server=bytes([198, 51, 100, 1])), pipeline=pipeline
    ) == ["example.chat"]
    assert pipeline.counts["prc_hosted", "CN", "prc-cloud"] == 1
    assert pipeline.counts["connections", "tcp", "nothing"] == 2
    assert pipeline.counts["nameless", "no_sni"] == 2


def test_only_clients_inside_are_judged_and_relays_are_not_blamed() -> None:
    scope = Scope(["192.0.2.0/24"], relays=["192.0.2.53/32"])
    outsider, relay = bytes([198, 51, 100, 9]), bytes([192, 0, 2, 53])
    for client, expected in ((bytes([192, 0, 2, 9]), ["example.chat"]), (outsider, []), (relay, [])):
        pipeline = Pipeline(CATALOG, scope=scope)
        assert hits(seen("chat.example", client=client), flow(client=client), pipeline=pipeline) == expected
        assert ("connections", "tcp", "nothing") in pipeline.counts or not expected


def test_anomalies_are_counted() -> None:
    pipeline = Pipeline(CATALOG)
    assert hits(Anomaly(0, "tls", Reason.BAD_LENGTH), pipeline=pipeline) == []
    assert pipeline.counts == {("anomalies", "tls", "bad_length"): 1}


def test_remembered_look_ups_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("egret.worker.pipeline.RECENT_LOOKUPS", 10)
    pipeline = Pipeline(CATALOG)
    for number in range(100):
        client = bytes([192, 0, 2, number])
        hits(seen("chat.example", protocol=Protocol.DNS, kind=Kind.QUERY, client=client), pipeline=pipeline)
    assert len(pipeline._lookups) == 10


def test_the_name_behind_an_encrypted_hello_is_matched_and_marked() -> None:
    attributes = {"ech": "real", "inner_name": "www.chat.example", "inner_confidence": "high"}
    outer = replace(seen("public.example"), attributes=attributes)
    (hit,) = Pipeline(CATALOG).hits([outer])
    assert isinstance(hit.event, Observation)
    assert (hit.event.name, hit.event.attributes) == ("www.chat.example", {**attributes, "via": "ech-lookup"})
    unlisted = replace(outer, attributes={**attributes, "inner_name": "x.example"})
    assert Pipeline(CATALOG).hits([unlisted]) == []


RESOLVERS = Resolvers(
    [
        Resolver(operator="Example DNS", country="SE", names=("doh.example",), addresses=(bytes([198, 51, 100, 53]),)),
        Resolver(operator="Other DNS", country=None, addresses=(bytes([198, 51, 100, 54]),)),
    ]
)


def test_encrypted_look_ups_that_are_no_detection_are_counted_by_who_runs_the_resolver() -> None:
    pipeline = Pipeline(CATALOG, resolvers=RESOLVERS)
    tcp = Tcp(server="198.51.100.9")
    named = [*tcp.handshake(), *tcp.stream(openssl_hello("eu.doh.example"))]
    bare = [
        frame
        for server, port in (
            ("198.51.100.53", 853),
            ("198.51.100.54", 443),
            ("198.51.100.54", 80),
            ("198.51.100.55", 443),
        )
        for one in [Tcp(server=server, dport=port)]
        for frame in (*one.handshake(), *one.stream(openssl_hello(None)))
    ]
    assert [hit for frame in (*named, *bare) for hit in pipeline.feed(frame)] == []
    counted = {key[1]: number for key, number in pipeline.take_counts().items() if key[0] == "encrypted_dns"}
    assert counted == {"Example DNS": 2, "Other DNS": 1}


@pytest.mark.parametrize(
    ("server", "port", "signature", "operator"),
    [
        ("223.5.5.5", 443, "alibaba.dns", None),
        ("223.5.5.5", 853, "alibaba.dns", None),
        ("2400:3200::1", 853, "alibaba.dns", None),
        ("1.12.12.12", 443, "tencent.dns", None),
        ("180.76.76.200", 80, "baidu.httpdns", None),
        ("8.8.8.8", 443, None, "Google DNS"),
        ("8.8.8.8", 8443, None, None),
        ("9.9.9.9", 853, None, "Quad9 DNS"),
    ],
)
def test_the_bundled_resolvers_at_bare_addresses(
    server: str, port: int, signature: str | None, operator: str | None
) -> None:
    pipeline = Pipeline(_bundled(), resolvers=load_resolvers())
    client = CLIENT6 if ":" in server else CLIENT
    tcp = Tcp(client=client, server=server, dport=port)
    frames = [*tcp.handshake(), *tcp.stream(openssl_hello(None))]
    assert [hit.match.signature.id for frame in frames for hit in pipeline.feed(frame)] == [signature] * bool(signature)
    assert [key[1] for key in pipeline.take_counts() if key[0] == "encrypted_dns"] == [operator] * bool(operator)
    if port == 853:  # DoQ
        doq = udp(quic_initial(crypto_frame(0, client_hello(None))), 50000, port, source=client, destination=server)
        found = pipeline.feed(doq) + pipeline.flush()
        assert [hit.match.signature.id for hit in found] == [signature] * bool(signature)


@lru_cache
def _bundled() -> Catalog:
    return bundled()


@pytest.mark.parametrize(
    ("attributes", "counted"),
    [
        ({"ech": "real", "inner_name": "chat.example"}, "real_named"),
        ({"ech": "real"}, "real_hidden"),
        ({"ech": "grease"}, "grease"),
        ({"ech": "unknown"}, "unknown"),
    ],
)
def test_encrypted_hellos_are_counted_by_what_they_hide(attributes: dict[str, object], counted: str) -> None:
    pipeline = Pipeline(CATALOG, scope=Scope(["192.0.2.0/24"]))
    pipeline.hits([replace(seen("provider.example"), attributes=attributes)])
    pipeline.hits([replace(seen("provider.example", client=bytes([198, 51, 100, 7])), attributes=attributes)])
    assert {key: number for key, number in pipeline.counts.items() if key[0] == "ech"} == {("ech", counted): 1}


def test_httpdns_is_counted_by_provider_and_prc_resolvers_by_service() -> None:
    pipeline = Pipeline(CATALOG)
    question = replace(
        seen("a.example", protocol=Protocol.HTTPDNS, kind=Kind.QUERY), attributes={"provider": "alibaba"}
    )
    pipeline.hits([question, replace(question, kind=Kind.ANSWER)])
    pipeline.hits([flow("dns.example", NamedBy.HELLO), flow(server=LISTED), flow("other.example", NamedBy.HELLO)])
    assert pipeline.counts["httpdns", "alibaba"] == 1
    assert pipeline.counts["prc_resolver", "Example DNS"] == 2


def test_what_a_resolver_asks_for_a_client_is_no_second_hit_and_it_is_recognised() -> None:
    resolver = bytes([192, 0, 2, 53])
    pipeline = Pipeline(CATALOG, scope=Scope(["192.0.2.0/24"]))
    question = seen("chat.example", protocol=Protocol.DNS, kind=Kind.QUERY)
    own = replace(question, client=Endpoint(resolver, 5353), server=Endpoint(bytes([198, 51, 100, 53]), 53))
    answer = replace(question, kind=Kind.ANSWER)
    found = pipeline.hits([question, own, answer, question, own, answer])
    assert {hit.event.client.ip for hit in found} == {question.client.ip}
    assert pipeline.counts["relayed",] == 2
    assert [mark[:2] for mark in pipeline.relays.take_marks()] == [(resolver, Role.RESOLVER)]
    assert len(pipeline.hits([replace(own, time_ns=own.time_ns + 60 * 10**9)])) == 1  # nobody asked it for this


def test_bytes_of_a_service_that_left_the_catalogue_are_not_told() -> None:
    client = Tcp()
    pipeline = Pipeline(CATALOG)
    for frame in [*client.handshake(), *client.stream(records(openssl_hello("www.chat.example")))]:
        pipeline.feed(frame)
    pipeline.equip(Catalog((), "2"), None, Scope(), Resolvers(()))
    assert pipeline.take_volumes() == []
