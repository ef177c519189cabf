"""Files of DHCP leases: found, told apart, read bounded, and read again when they change."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from egret.errors import SourceError
from egret.judge.devices import Lease
from egret.sources import lease_dnsmasq, lease_isc, lease_kea

MAX_BYTES = 32 << 20  # some 300,000 leases; a server rewrites its file long before
USUAL_PLACES = (
    Path("/var/lib/misc/dnsmasq.leases"),
    Path("/var/lib/dnsmasq/dnsmasq.leases"),
    Path("/tmp/dhcp.leases"),  # noqa: S108 - where OpenWrt's dnsmasq keeps them; only read, as hostile as any
    Path("/var/lib/kea/kea-leases4.csv"),
    Path("/var/lib/kea/kea-leases6.csv"),
    Path("/var/lib/dhcp/dhcpd.leases"),
    Path("/var/lib/dhcp/dhcpd6.leases"),
)
FORMATS: Mapping[str, Callable[[str], list[Lease]]] = {
    "dnsmasq": lease_dnsmasq.parse,
    "kea": lease_kea.parse,
    "isc": lease_isc.parse,
}
_LOOKS = {"kea": lease_kea.LOOKS, "isc": lease_isc.LOOKS, "dnsmasq": lease_dnsmasq.LOOKS}
_LOOK_AT = 4096  # characters: behind a long comment
_CLEANED = (".completed", ".2", ".1")  # what Kea sets aside while it tidies up, the oldest first


@dataclass(frozen=True, slots=True)
class LeaseSource:
    """One file to read."""

    path: Path
    format: str = "auto"


def discover(places: Sequence[Path] = USUAL_PLACES) -> list[LeaseSource]:
    """The lease files of DHCP servers on this machine."""
    return [LeaseSource(path) for path in places if _is_file(path)]


def _is_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return False


def read_leases(source: LeaseSource) -> list[Lease]:
    """Read one file.

    Raises:
        SourceError: it cannot be read, or has no form that we know; says which file, and what to do.
    """
    text = read_bounded(source.path, MAX_BYTES)
    name = source.format if source.format != "auto" else _format_of(text, source.path)
    if name == "kea":
        text = "".join(_aside(source.path.with_name(source.path.name + suffix)) for suffix in _CLEANED) + text
    return FORMATS[name](text) if name else []


def _aside(path: Path) -> str:
    return read_bounded(path, MAX_BYTES) if _is_file(path) else ""


def _format_of(text: str, path: Path) -> str | None:
    """Whose form a file has; None for an empty one."""
    lines = [line for line in text[:_LOOK_AT].splitlines() if line.strip()]
    for line in lines:
        for name, looks in _LOOKS.items():
            if looks.match(line):
                return name
    if not lines:
        return None
    raise SourceError(f"{path}: no lease file of dnsmasq, Kea or ISC dhcpd; set its format, or correct the path")


def read_bounded(path: Path, most: int) -> str:
    """The text of a regular file; bytes that are no UTF-8 become U+FFFD.

    Raises:
        SourceError: it cannot be read, is something else than a file, or is longer than *most* bytes.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a FIFO must not hold us up
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise SourceError(f"{path}: is no file; name one")
            data = file.read(most + 1)
    except OSError as error:
        raise SourceError(f"{path}: cannot be read: {error.strerror}; let the service's user read it") from None
    if len(data) > most:
        raise SourceError(f"{path}: longer than {most >> 20} MiB; it is left out")
    return data.decode("utf-8", "replace")


def signature(paths: Sequence[Path]) -> tuple[tuple[int, ...] | None, ...]:
    """What changes when one of the files does: its place on disk, its length, its time."""
    return tuple(map(_stamp, paths))


def _stamp(path: Path) -> tuple[int, ...] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
