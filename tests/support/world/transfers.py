"""Transfers of known sizes, and what others say of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.support.world import plan
from tests.support.world.plan import BUILDER, Host
from tests.support.world.visits import HERE, Visit

CLOSE = 0.02
_QUIC_HEADERS, _SHORTEST = 35, 64  # of a full packet; what carries content is longer


def curl(host: Host, url: str, *options: str) -> Visit:
    """A request of *host*'s over TCP."""
    arguments = ("curl", "-sS", "-4", "-m", "50", "--cacert", "{ca}", *options, url)
    return Visit(host=host, tool="curl", arguments=arguments, seen=())


def h3(name: str, down: int, up: int) -> Visit:
    """A request of the builder's over QUIC that moves so many bytes."""
    arguments = (sys.executable, str(HERE / "h3_client.py"), name, "{ca}", f"/{down}", str(up))
    return Visit(host=BUILDER, tool="aioquic", arguments=arguments, seen=())


def by_key(incidents: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Incidents by client and signature."""
    names = {host.v4: host.name for host in plan.HOSTS}
    return {f"{names[each['client']]} {each['signature']}": each for each in incidents}


def datagrams(capture: Path) -> tuple[int, int]:
    """The content of the builder's QUIC datagrams, out and in, by what tshark says of each."""
    fields = ["-T", "fields", "-e", "ip.src", "-e", "udp.length"]
    command = ["tshark", "-n", "-r", str(capture), "-Y", f"udp.port==443 && ip.addr=={BUILDER.v4}", *fields]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    rows = [line.split() for line in done.stdout.splitlines()]
    sizes = [(source, int(length) - 8) for source, length in rows if int(length) - 8 >= _SHORTEST]
    sent = sum(size - _QUIC_HEADERS for source, size in sizes if source == BUILDER.v4)
    return sent, sum(size - _QUIC_HEADERS for source, size in sizes if source != BUILDER.v4)
