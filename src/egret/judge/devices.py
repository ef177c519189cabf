"""Which device used an address, and when: leases, neighbours, and addresses made of hardware addresses.

Event time decides between the leases of one address, so that two devices that used it after each other stay
two. What a client says of itself (its DHCP name, its hardware address) names it; it never makes it trusted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from egret.model import IdentitySource
from egret.value import Struct

SECOND_NS = 1_000_000_000
GRACE_NS = 600 * SECOND_NS  # a lease's times are its server's, and clients outlive their leases by minutes
REMEMBER_NS = 3600 * SECOND_NS  # the kernel forgets a neighbour that is silent; its device kept the address
MAX_NEIGHBOURS = 65_536
MAX_LEASES = 131_072  # all of a /16, v4 and v6
MAX_IPV4_OF_MAC = 8  # more at a time is a router that answers for others, not one device


class Lease(Struct, frozen=True, kw_only=True):
    """One lease: who had an address, from when until when."""

    ip: bytes
    start_ns: int  # 0: unknown
    end_ns: int  # exclusive
    mac: str | None = None
    duid: str | None = None  # hexadecimal
    name: str | None = None  # a label; the client chose it

    @property
    def device(self) -> str | None:
        """What tells it from other devices."""
        return self.mac or self.duid


class Device(NamedTuple):
    """What is known of the device behind an address."""

    mac: str | None
    duid: str | None
    lease: Lease | None  # the one that holds, if it is this device's
    source: IdentitySource


NO_DEVICE = Device(None, None, None, IdentitySource.ADDRESS)


class Devices:
    """Everything that tells devices apart. Bounded; replaced piece by piece as files and tables are read."""

    def __init__(self) -> None:
        self._leases: dict[bytes, list[Lease]] = {}  # by start
        self._leases_of: dict[str, list[Lease]] = {}  # by device
        self._neighbours: dict[bytes, tuple[str, int]] = {}  # the hardware address, and when it was last there
        self._macs: dict[str, set[bytes]] = {}
        self._current: frozenset[bytes] = frozenset()
        self._routers: frozenset[str] = frozenset()
        self.version = 0  # rises with everything learnt

    def learn_leases(self, leases: Iterable[Lease]) -> int:
        """Replace the leases; how many were left out because there are too many."""
        self.version += 1
        self._leases, self._leases_of, number, more = {}, {}, 0, 0
        for lease in leases:
            if number >= MAX_LEASES:
                more += 1
                continue
            number += 1
            self._leases.setdefault(lease.ip, []).append(lease)
            if lease.device is not None:
                self._leases_of.setdefault(lease.device, []).append(lease)
        for rows in self._leases.values():
            rows.sort(key=lambda lease: lease.start_ns)
        return more

    @property
    def has_leases(self) -> bool:
        """Whether anything of it goes by the time that is asked about."""
        return bool(self._leases)

    def learn_neighbours(self, entries: Mapping[bytes, str], routers: Iterable[str], now_ns: int) -> None:
        """Take the neighbour table as it is now.

        Args:
            entries: hardware addresses by packed address.
            routers: hardware addresses of the next hops of this machine's routes.
            now_ns: the clock's time; one that was set back makes nothing older.
        """
        self.version += 1
        kept = {
            ip: (mac, min(seen_ns, now_ns))
            for ip, (mac, seen_ns) in self._neighbours.items()
            if now_ns - seen_ns < REMEMBER_NS and ip not in entries
        }
        kept |= {ip: (mac, now_ns) for ip, mac in entries.items()}
        self._neighbours = dict(list(kept.items())[-MAX_NEIGHBOURS:])
        self._current = frozenset(entries)
        self._routers = frozenset(routers)
        self._macs = {}
        for ip, (mac, _) in self._neighbours.items():
            self._macs.setdefault(mac, set()).add(ip)

    def at(self, ip: bytes, time_ns: int) -> Device:
        """The device that used *ip* at *time_ns*."""
        neighbour = self._neighbours.get(ip)
        lease = self._lease(ip, time_ns)
        if neighbour is not None and (ip in self._current or lease is None):
            mac = neighbour[0]
            held = lease if lease is not None and lease.mac in {None, mac} else None
            known = None if self.is_shared(mac) else mac
            return Device(known, None, held, IdentitySource.NEIGHBOUR if known else IdentitySource.ADDRESS)
        if lease is not None:
            return Device(lease.mac, lease.duid, lease, IdentitySource.LEASE)
        mac64 = mac_of(ip)
        return Device(mac64, None, None, IdentitySource.EUI64) if mac64 else NO_DEVICE

    def _lease(self, ip: bytes, time_ns: int) -> Lease | None:
        rows = self._leases.get(ip)
        if rows is None:
            return None
        for lease in reversed(rows):  # a renewal comes after what it renews
            if lease.start_ns <= time_ns < lease.end_ns:
                return lease
        near = min(rows, key=lambda lease: _distance(lease, time_ns))
        return near if _distance(near, time_ns) <= GRACE_NS else None

    def lease_of(self, device: Device, time_ns: int) -> Lease | None:
        """A lease with a name that the device has, for whichever of its addresses."""
        if device.lease is not None and device.lease.name is not None:
            return device.lease
        rows = self._leases_of.get(device.mac or device.duid or "", [])
        named = [each for each in rows if each.name is not None and _distance(each, time_ns) <= GRACE_NS]
        return max(named, key=lambda lease: lease.start_ns, default=None)

    def addresses(self, device: Device) -> set[bytes]:
        """The addresses that the device has or had, as far as they are still known."""
        found = set(self._macs.get(device.mac or "", ()))
        return found | {lease.ip for lease in self._leases_of.get(device.mac or device.duid or "", [])}

    def known(self) -> set[bytes]:
        """Every address of which something is known."""
        return {*self._neighbours, *self._leases}

    def is_shared(self, mac: str) -> bool:
        """Whether a hardware address is a router's, who answers for others, and thus no one device's."""
        if mac in self._routers:
            return True
        return sum(len(ip) == 4 and ip in self._current for ip in self._macs.get(mac, ())) > MAX_IPV4_OF_MAC

    def is_router(self, ip: bytes) -> bool:
        """Whether *ip* has the hardware address of a next hop."""
        neighbour = self._neighbours.get(ip)
        return neighbour is not None and ip in self._current and neighbour[0] in self._routers


def _distance(lease: Lease, time_ns: int) -> int:
    """How far a time is from a lease; 0 inside it."""
    return max(lease.start_ns - time_ns, time_ns - lease.end_ns, 0)


def mac_text(raw: bytes) -> str | None:
    """Six bytes as text; None for what cannot be one device's: all zero, and group addresses."""
    if len(raw) != 6 or raw[0] & 1 or not any(raw):
        return None
    return raw.hex(":")


def mac_of(ip: bytes) -> str | None:
    """The hardware address in an IPv6 address, if it has one.

    Ref: RFC 4291 appendix A. Only where its "universal" bit is set: a random address may have ff:fe by chance.
    """
    if len(ip) != 16 or ip[11:13] != b"\xff\xfe" or not ip[8] & 2:
        return None
    return mac_text(bytes([ip[8] ^ 2]) + ip[9:11] + ip[13:16])
