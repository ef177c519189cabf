"""Network namespaces for the capture tests: made here, with no way out, and gone afterwards."""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.support.patience import PATIENCE_S

_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)
_numbers = itertools.count()


class Namespace:
    """One network namespace, with only lo in it."""

    def __init__(self) -> None:
        self.name = f"egl-{os.getpid()}-{next(_numbers)}"
        run("ip", "netns", "add", self.name)
        self.ip("link", "set", "lo", "up")

    def ip(self, *arguments: str) -> str:
        return run("ip", "-n", self.name, *arguments)

    def run(self, *command: str) -> str:
        return run("ip", "netns", "exec", self.name, *command)

    def close(self) -> None:
        run("ip", "netns", "delete", self.name)


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout


@contextlib.contextmanager
def namespaces(count: int) -> Iterator[list[Namespace]]:
    made: list[Namespace] = []
    try:
        made.extend(Namespace() for _ in range(count))
        yield made
    finally:
        for namespace in made:
            namespace.close()


@contextlib.contextmanager
def inside(namespace: Namespace) -> Iterator[None]:
    """This thread is in *namespace*; sockets opened here stay there."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    there = os.open(f"/run/netns/{namespace.name}", os.O_RDONLY)
    try:
        _setns(there)
        yield
    finally:
        _setns(home)
        os.close(home)
        os.close(there)


def _setns(descriptor: int) -> None:
    assert _libc.setns(descriptor, _CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())


def veth(a: Namespace, b: Namespace, name: str = "eth0", *, offloads: bool = False) -> None:
    """A cable from *name* in a to *name* in b, 192.0.2.1 and .2, 2001:db8::1 and ::2."""
    a.ip("link", "add", name, "type", "veth", "peer", "name", name, "netns", b.name)
    for number, end in ((1, a), (2, b)):
        end.ip("addr", "add", f"192.0.2.{number}/24", "dev", name)
        end.ip("addr", "add", f"2001:db8::{number}/64", "dev", name, "nodad")
        if not offloads:
            end.run("ethtool", "-K", name, "tso", "off", "gso", "off", "gro", "off", "tx", "off")
        end.ip("link", "set", name, "up")


def silence(namespace: Namespace, interface: str) -> None:
    """No router solicitations and the like: only what the test sends."""
    namespace.run("sysctl", "-qw", f"net.ipv6.conf.{interface}.disable_ipv6=1")


def send_frames(namespace: Namespace, interface: str, frames: list[bytes]) -> None:
    with inside(namespace), socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as sock:
        sock.bind((interface, 0))
        for frame in frames:
            sock.send(frame)


def status(pid: int | str = "self") -> dict[str, str]:
    """The fields of /proc/PID/status."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}
