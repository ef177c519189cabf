"""Bytes of real transfers of known sizes, counted live from headers and once more from a capture."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from egret.worker.process import REPORT_EVERY_S
from tests.support.patience import LateError, wait_until
from tests.support.world import plan
from tests.support.world.capture import capturing
from tests.support.world.clients import make
from tests.support.world.plan import DESKTOP, LAPTOP
from tests.support.world.transfers import CLOSE, by_key, curl, datagrams, h3
from tests.support.world.visits import HERE
from tests.support.world.watch import CONFIG, Watch, egret
from tests.support.world.world import World

pytestmark = pytest.mark.integration

MEGABYTE = 1_000_000
DOWN, UP = 30 * MEGABYTE, 20 * MEGABYTE
QUIC_DOWN, QUIC_UP = 3 * MEGABYTE, 2 * MEGABYTE
UPLOAD_PORT = 9443
FOLLOWED_S = 1.0  # the worker follows an address as soon as it has told of it; that it does, nothing tells


@dataclass
class Moved:
    live: dict[str, dict[str, Any]]  # incidents by client and signature
    replayed: dict[str, dict[str, Any]]
    samples: dict[str, float]
    datagrams: tuple[int, int]  # content of the builder's QUIC datagrams, by what tshark says of each


@pytest.fixture(scope="module", params=["world", "offload_world"])
def moved(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Moved]:
    world: World = request.getfixturevalue(request.param)
    folder = tmp_path_factory.mktemp("volume")
    (world.folder / "pages" / "big.bin").write_bytes(bytes(DOWN))
    (folder / "up.bin").write_bytes(bytes(UP))
    server = [sys.executable, str(HERE / "upload_server.py"), str(world.identity.certificate), str(world.identity.key)]
    world.internet.start([*server, plan.BY_NAME["api.deepseek.com"].v4, str(UPLOAD_PORT)], folder / "upload.log")
    wait_until(lambda: f":{UPLOAD_PORT}" in world.internet.run("ss", "-Hlnt"), "the upload server listens")
    with Watch(world) as watch:
        with capturing(world.gateway, "lan0", folder / "all.pcap", buffer_mb=128):
            make(world, curl(LAPTOP, "https://qwen.ai/big.bin", "-o", "/dev/null"))
            make(world, curl(DESKTOP, "https://qwen.ai/"))
            upload = f"https://api.deepseek.com:{UPLOAD_PORT}/"
            make(world, curl(LAPTOP, upload, "-X", "PUT", "-d", "little"))
            # an upload takes 0.1 s: no longer than a busy worker may take to follow its address
            wait_until(lambda: sent(watch, "laptop deepseek.api") > 0, "its address followed")
            make(world, curl(LAPTOP, upload, "-T", str(folder / "up.bin")))
            make(world, curl(LAPTOP, "https://www.example.com/big.bin", "-o", "/dev/null"))  # nobody's business
            make(world, h3("www.kimi.com", 1000, 0))
            wait_until(lambda: reached(watch, "builder moonshot.kimi"), "its address followed")
            time.sleep(FOLLOWED_S)
            make(world, h3("www.kimi.com", QUIC_DOWN, QUIC_UP))
            wait_until(lambda: settled(watch), "the bytes told")
        live, samples = by_key(watch.incidents()), watch.samples()
        done = egret(world, "replay", "-c", str(watch.config), "--format", "jsonl", str(folder / "all.pcap"))
        replayed = by_key([json.loads(line)["incident"] for line in done.stdout.splitlines()])
        yield Moved(live, replayed, samples, datagrams(folder / "all.pcap"))


def sent(watch: Watch, key: str) -> int:
    return by_key(watch.incidents()).get(key, {}).get("bytes_out") or 0


def reached(watch: Watch, key: str) -> bool:
    """Whether a connection was seen, and not only a look-up."""
    return bool(by_key(watch.incidents()).get(key, {}).get("evidence") == "connection")


def settled(watch: Watch) -> bool:
    """Whether everything came, and nothing more does: a worker reports once a second."""
    before = by_key(watch.incidents())
    said = before.get("builder moonshot.kimi", {})
    if (said.get("bytes_in") or 0) <= QUIC_DOWN or (said.get("bytes_out") or 0) <= QUIC_UP:
        return False
    time.sleep(2 * REPORT_EVERY_S)
    return volumes(before) == volumes(by_key(watch.incidents()))


def volumes(said: dict[str, dict[str, Any]]) -> dict[str, tuple[int | None, int | None]]:
    return {key: (each["bytes_out"], each["bytes_in"]) for key, each in said.items()}


def test_a_download_is_measured(moved: Moved) -> None:
    said = moved.live["laptop alibaba.qwen-chat"]
    assert said["bytes_in"] == pytest.approx(DOWN, rel=CLOSE)
    assert 300 < said["bytes_out"] < 20_000
    assert said["volume_source"] == "tcp_sequence"


def test_a_small_page_of_another_client_is_its_own(moved: Moved) -> None:
    said = moved.live["desktop alibaba.qwen-chat"]
    assert 300 < said["bytes_out"] < 3_000
    assert 1_000 < said["bytes_in"] < 10_000


def test_an_upload_is_measured(moved: Moved) -> None:
    said = moved.live["laptop deepseek.api"]
    assert said["bytes_out"] == pytest.approx(UP, rel=CLOSE)
    assert said["bytes_in"] < 20_000


def test_quic_is_measured_both_ways(moved: Moved) -> None:
    said = moved.live["builder moonshot.kimi"]
    assert said["volume_source"] == "udp_datagrams"
    sent, received = moved.datagrams
    assert said["bytes_out"] == pytest.approx(sent, rel=CLOSE)
    assert said["bytes_in"] == pytest.approx(received, rel=CLOSE)
    assert QUIC_UP < said["bytes_out"] < QUIC_UP * 1.2  # a busy machine retransmits
    assert QUIC_DOWN < said["bytes_in"] < QUIC_DOWN * 1.2


def test_a_replay_of_the_same_frames_says_the_same(moved: Moved) -> None:
    assert moved.replayed.keys() == moved.live.keys()
    for key, live in moved.live.items():
        for way in ("bytes_out", "bytes_in"):
            exact = live["volume_source"] == "tcp_sequence"
            assert live[way] == pytest.approx(moved.replayed[key][way], rel=0 if exact else CLOSE), (key, way)


def test_the_metrics_have_it_by_service_and_nothing_was_dropped(moved: Moved) -> None:
    series = {name: value for name, value in moved.samples.items() if name.startswith("egret_volume_bytes_total")}
    incidents = moved.live.values()
    assert sum(series.values()) == sum(each["bytes_out"] + each["bytes_in"] for each in incidents)
    assert len([value for value in series.values() if value]) == 6  # three services, two ways
    lost = [value for name, value in moved.samples.items() if name.startswith("egret_volume_packets_dropped_total")]
    assert lost == [0.0]
    assert not any(plan.LAPTOP.v4 in name or "qwen.ai" in name for name in series)


def test_where_it_is_off_nothing_is_counted(world: World) -> None:
    with Watch(world, config="volume: {{enabled: false}}\n" + CONFIG) as watch:
        make(world, curl(DESKTOP, "https://qwen.ai/"))
        with pytest.raises(LateError):
            wait_until(lambda: any(each["bytes_out"] for each in watch.incidents()), "bytes", 2)
