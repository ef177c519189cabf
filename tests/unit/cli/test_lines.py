from __future__ import annotations

from egret.cli.lines import anomaly_line, connection_line, observation_line
from egret.errors import Reason
from egret.model import Anomaly, Endpoint, FlowKey, Kind, NamedBy, Protocol, Transport
from egret.value import replace
from tests.support.alerts import CLIENT, SERVER
from tests.support.pipeline import flow, seen

ENDS = ["client", "server", "file", "interface"]
COMMON = ["time", "protocol", "kind", "name", *ENDS]


def test_a_query_has_the_contracts_fields() -> None:
    line = observation_line(seen("chat.example", protocol=Protocol.DNS, kind=Kind.QUERY), "x.pcap")
    assert line == {
        "time": "2026-01-01T00:00:00.123456789Z",
        "protocol": "dns",
        "kind": "query",
        "name": "chat.example",
        "client": {"ip": "192.0.2.7", "port": 40000},
        "server": {"ip": "192.0.2.53", "port": 53},
        "file": "x.pcap",
        "interface": "lan0",
        "qtype": "A",
        "transport": "udp",
    }


def test_answers_have_addresses_and_cnames_a_target() -> None:
    answer = seen("chat.example", protocol=Protocol.DNS, kind=Kind.ANSWER, addresses=(SERVER, bytes(16)))
    assert observation_line(answer, None)["addresses"] == ["203.0.113.9", "::"]
    alias = observation_line(seen("chat.example", protocol=Protocol.DNS, kind=Kind.CNAME), None)
    assert alias["target"] == "far.example"
    assert "addresses" not in alias


def test_attributes_never_overwrite_the_contract() -> None:
    observation = replace(seen("chat.example"), attributes={"name": "evil", "version": "1.3"})
    line = observation_line(observation, None)
    assert (line["name"], line["version"]) == ("chat.example", "1.3")


def test_flows_and_anomalies() -> None:
    line = connection_line(flow("chat.example", NamedBy.ANSWER), "-")
    assert list(line) == [*COMMON, "transport", "named_by", "reason"]
    key = FlowKey(Transport.TCP, Endpoint(CLIENT, 1), Endpoint(SERVER, 2))
    assert anomaly_line(Anomaly(0, "tls", Reason.BAD_LENGTH, key), None)["source"] == {"ip": "192.0.2.7", "port": 1}
    assert anomaly_line(Anomaly(0, "link", Reason.TRUNCATED), None)["destination"] is None
