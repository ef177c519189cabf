"""Bytes of QUIC by the gateway's own connection tracking, behind NAT, beside TCP by sequence numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from egret.sources.privileges import CAP_NET_ADMIN, CAP_NET_RAW, CAP_SETPCAP
from tests.support.live import status
from tests.support.patience import wait_until
from tests.support.world.capture import capturing
from tests.support.world.clients import make
from tests.support.world.plan import LAPTOP
from tests.support.world.transfers import CLOSE, by_key, curl, datagrams, h3
from tests.support.world.watch import CONFIG, Watch, egret
from tests.support.world.world import World

pytestmark = pytest.mark.integration

MEGABYTE = 1_000_000
QUIC_DOWN, QUIC_UP = 3 * MEGABYTE, 2 * MEGABYTE
PROMPT = "alerts: {{update_every: 1s}}\n" + CONFIG


@dataclass
class Tracked:
    incidents: dict[str, dict[str, Any]]
    samples: dict[str, float]
    page: str
    datagrams: tuple[int, int]
    rights: list[int]  # effective, of the daemon, the opener, the worker
    doctor: str


@pytest.fixture
def counted_world(nat_world: World) -> Iterator[World]:
    """A gateway whose masquerading tracks connections, and whose kernel counts them."""
    accounting = "net.netfilter.nf_conntrack_acct"
    nat_world.gateway.run("sysctl", "-qw", f"{accounting}=1")
    yield nat_world
    nat_world.gateway.run("sysctl", "-qw", f"{accounting}=0")


def tracked(world: World, folder: Path) -> Tracked:
    with Watch(world, "-i", "lan0", config=PROMPT) as watch:
        with capturing(world.gateway, "lan0", folder / "all.pcap", buffer_mb=128):
            make(world, h3("www.kimi.com", QUIC_DOWN, QUIC_UP))
            make(world, curl(LAPTOP, "https://qwen.ai/"))
        rounds = found(watch)
        wait_until(lambda: found(watch) >= rounds + 2, "asked again after the end")
        watch.wait_for(lambda alert: alert["egret"]["incident"]["volume_source"] == "conntrack")
        doctor = egret(world, "doctor", "-c", str(watch.config)).stdout
        incidents, samples = by_key(watch.incidents()), watch.samples()
        page = watch.get(f"/incidents/{incidents['builder moonshot.kimi']['id']}")
        return Tracked(incidents, samples, page, datagrams(folder / "all.pcap"), rights(watch), doctor)


def found(watch: Watch) -> float:
    return watch.samples()['egret_conntrack_lookups_total{result="found"}']


def rights(watch: Watch) -> list[int]:
    assert watch._process is not None
    pid, found = watch._process.pid, []
    for _ in range(3):
        found.append(int(status(pid)["CapEff"], 16))
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        pid = int(children[0]) if children else pid
    return found


def test_quic_is_measured_by_connection_tracking_and_tcp_by_numbers(counted_world: World, tmp_path: Path) -> None:
    seen = tracked(counted_world, tmp_path)
    quic, page = seen.incidents["builder moonshot.kimi"], seen.incidents["laptop alibaba.qwen-chat"]
    assert (quic["volume_source"], page["volume_source"]) == ("conntrack", "tcp_sequence")
    sent, received = seen.datagrams
    assert quic["bytes_out"] == pytest.approx(sent, rel=CLOSE)
    assert quic["bytes_in"] == pytest.approx(received, rel=CLOSE)
    assert QUIC_UP < quic["bytes_out"] < QUIC_UP * 1.2  # a busy machine retransmits
    assert QUIC_DOWN < quic["bytes_in"] < QUIC_DOWN * 1.2
    assert seen.samples['egret_conntrack_lookups_total{result="found"}'] >= 1
    assert seen.samples['egret_conntrack_lookups_total{result="failed"}'] == 0
    total = sum(value for name, value in seen.samples.items() if name.startswith("egret_volume_bytes_total"))
    assert total == sum(each["bytes_out"] + each["bytes_in"] for each in (quic, page))
    assert "(by connection tracking)" in seen.page
    assert seen.rights == [0, 1 << CAP_NET_ADMIN | 1 << CAP_NET_RAW | 1 << CAP_SETPCAP, 0]
    assert "by this host's connection tracking" in seen.doctor


def test_where_the_kernel_does_not_count_no_right_is_kept(nat_world: World) -> None:
    with Watch(nat_world, "-i", "lan0") as watch:
        assert rights(watch) == [0, 1 << CAP_NET_RAW | 1 << CAP_SETPCAP, 0]
        assert "no counters in it" in egret(nat_world, "doctor", "-c", str(watch.config)).stdout
