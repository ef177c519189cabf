"""Differential: on the demo's capture of real clients, every hello and request that tshark names, we name as often."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from egret.model import Kind, Observation
from egret.sources.files import open_capture
from egret.track.observer import Observer

CAPTURE = Path(__file__).parents[2] / "src/egret/data/demo/egret-demo.pcapng"
FIELDS = ("tls.handshake.extensions_server_name", "http.host", "udp.port")

pytestmark = pytest.mark.skipif(
    shutil.which("tshark") is None or not CAPTURE.exists(), reason="needs tshark and the demo's capture"
)


def theirs() -> Counter[tuple[str, str]]:
    command = ["tshark", "-r", str(CAPTURE), "-T", "fields"]
    for field in FIELDS:
        command += ["-e", field]
    out = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
    names: Counter[tuple[str, str]] = Counter()
    for line in out.splitlines():
        server_names, hosts, udp = (line.split("\t") + [""] * 3)[:3]
        names.update(("quic" if udp else "tls", name.lower()) for name in server_names.split(",") if name)
        names.update(("http", host.lower().rpartition(":")[0] or host.lower()) for host in hosts.split(",") if host)
    return names


def ours() -> Counter[tuple[str, str]]:
    observer = Observer()
    with closing(open_capture(str(CAPTURE))) as source:
        events = [event for frame in source.frames() for event in observer.feed(frame)] + observer.flush()
    return Counter(
        (event.protocol.value, event.name)
        for event in events
        if isinstance(event, Observation) and event.kind in {Kind.CLIENT_HELLO, Kind.REQUEST, Kind.CONNECT}
    )


def test_each_incident_has_the_community_id_of_a_flow() -> None:
    command = ["tshark", "-r", str(CAPTURE), "--enable-protocol", "communityid", "-T", "fields", "-e", "communityid"]
    out = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
    flows = set(out.replace(",", "\n").split())
    command = [sys.executable, "-m", "egret", "replay", "--format", "jsonl", str(CAPTURE)]
    lines = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout.splitlines()
    ours = [json.loads(line)["incident"]["community_id"] for line in lines]
    assert len(ours) > 10
    assert set(ours) <= flows


def test_the_same_names_as_often() -> None:
    assert ours() == theirs()
