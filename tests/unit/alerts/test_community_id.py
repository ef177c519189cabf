from __future__ import annotations

import hashlib
import shutil
import subprocess
from base64 import b64decode
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.utils import wrpcap

from egret.alerts.community_id import community_id, flow_of
from egret.model import Endpoint, FlowKey, Observation, Protocol, Transport
from egret.value import replace
from tests.support.alerts import connection, hello, lookup


def flow(transport: Transport, source: str, sport: int, destination: str, dport: int) -> FlowKey:
    ends = (Endpoint(ip_address(source).packed, sport), Endpoint(ip_address(destination).packed, dport))
    return FlowKey(transport, *ends)


V4 = flow(Transport.TCP, "192.0.2.7", 50000, "203.0.113.9", 443)
V6 = flow(Transport.UDP, "2001:db8::7", 50000, "2001:db8::9", 443)
HIGH_FIRST = flow(Transport.UDP, "203.0.113.9", 53, "192.0.2.7", 40000)
SAME_ADDRESS = flow(Transport.TCP, "192.0.2.7", 8000, "192.0.2.7", 7000)
FLOWS = [V4, V6, HIGH_FIRST, SAME_ADDRESS]


@pytest.mark.parametrize(
    ("example", "hashed"),
    # the specification's order, written out by hand: seed, low address, high address, protocol, 0, their ports
    [
        (V4, "0000 c0000207 cb007109 06 00 c350 01bb"),
        (V6, "0000 20010db8000000000000000000000007 20010db8000000000000000000000009 11 00 c350 01bb"),
        (HIGH_FIRST, "0000 c0000207 cb007109 11 00 9c40 0035"),
        (SAME_ADDRESS, "0000 c0000207 c0000207 06 00 1b58 1f40"),
    ],
)
def test_what_is_hashed_is_what_the_specification_says(example: FlowKey, hashed: str) -> None:
    version, _, digest = community_id(example).partition(":")
    assert version == "1"
    assert b64decode(digest) == hashlib.sha1(bytes.fromhex(hashed)).digest()


@pytest.mark.parametrize("example", FLOWS)
def test_both_directions_are_one_flow_and_the_seed_tells_domains_apart(example: FlowKey) -> None:
    back = FlowKey(example.transport, example.destination, example.source)
    assert community_id(back) == community_id(example)
    assert community_id(example, seed=1) != community_id(example)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("tshark") is None, reason="needs tshark")
def test_tshark_says_the_same(tmp_path: Path) -> None:
    packets = []
    for transport, source, destination in FLOWS:
        layer = TCP if transport is Transport.TCP else UDP
        ip = IPv6 if len(source.ip) == 16 else IP
        addresses: dict[str, Any] = {"src": str(ip_address(source.ip)), "dst": str(ip_address(destination.ip))}
        packets.append(ip(**addresses) / layer(sport=source.port, dport=destination.port))
    capture = tmp_path / "flows.pcap"
    wrpcap(str(capture), packets, linktype=101)
    command = ["tshark", "-r", str(capture), "--enable-protocol", "communityid", "-T", "fields", "-e", "communityid"]
    out = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
    assert out.split() == [community_id(each) for each in FLOWS]


@pytest.mark.parametrize(
    ("protocol", "attributes", "transport"),
    [
        (Protocol.TLS, {}, Transport.TCP),
        (Protocol.QUIC, {}, Transport.UDP),
        (Protocol.DNS, {}, Transport.UDP),
        (Protocol.DNS, {"transport": "tcp"}, Transport.TCP),
        (Protocol.TLS, {"transport": "udp"}, Transport.UDP),
    ],
)
def test_a_flow_has_the_transport_that_is_said_or_that_its_protocol_has(
    protocol: Protocol, attributes: dict[str, str], transport: Transport
) -> None:
    seen = hello().observation
    assert isinstance(seen, Observation)
    assert flow_of(replace(seen, protocol=protocol, attributes=attributes)) == (transport, seen.client, seen.server)


def test_a_connection_says_its_transport_and_a_look_up_is_a_datagram() -> None:
    assert flow_of(connection().observation)[0] is Transport.TCP
    assert flow_of(lookup().observation)[0] is Transport.UDP
