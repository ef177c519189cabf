"""tcpdump on the gateway, from its first packet to its last."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.patience import wait_until
from tests.support.world.namespaces import Namespace, stop


@contextmanager
def capturing(namespace: Namespace, interface: str, target: Path, *, buffer_mb: int = 2) -> Iterator[None]:
    """Capture everything on *interface* into *target* (pcap, nanoseconds) while the block runs."""
    log = target.with_suffix(".log")
    precise = ("--immediate-mode", "--time-stamp-precision=nano", "-Z", "root", "-B", str(buffer_mb * 1024))
    process = namespace.start(["tcpdump", "-n", "-U", *precise, "-i", interface, "-w", str(target)], log)
    try:
        wait_until(lambda: "listening on" in log.read_text(), f"tcpdump on {interface}; see {log}")
        yield
    finally:
        stop(process)
