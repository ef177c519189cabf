"""The clients' names: the operator's word first, then DHCP, then the hosts file; pure, fed by the shell."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from collections.abc import Iterable, Mapping

from egret.judge.devices import SECOND_NS, Device, Devices, Lease
from egret.judge.relays import SIGNS
from egret.judge.selectors import Selector
from egret.model import ClientIdentity, IdentitySource, Role
from egret.names import address_text
from egret.value import Struct, field, replace

MAX_ANSWERS = 4_096
MAX_MARKS = 1_024  # clients recognised as speaking for others; a network has a handful
MARK_HOLDS_NS = 24 * 3600 * 1_000_000_000  # then somebody else may have the address
DECLARED = "declared"
ROUTER_MAC = "it has the hardware address of this machine's router"


class StaticClient(Struct, frozen=True, kw_only=True):
    """One entry of ``clients.static``; exactly one of *address*, *mac* and *subnet* is set."""

    address: bytes | None = None
    mac: str | None = None
    subnet: str | None = None  # CIDR
    name: str | None = None
    groups: tuple[str, ...] = ()
    role: Role | None = None


class Declared(Struct, frozen=True, kw_only=True):
    """What the operator says of clients."""

    static: tuple[StaticClient, ...] = ()
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # members as ``selectors.Selector`` reads them
    roles: Mapping[Role, tuple[str, ...]] = field(default_factory=dict)


class Mark(Struct, frozen=True):
    """A client that was seen to speak for others, as a resolver or a proxy."""

    ip: bytes
    role: Role
    time_ns: int


class ClientDirectory:
    """Answers who a client is. Everything in it is bounded by the configuration or by a limit."""

    def __init__(self, declared: Declared | None = None) -> None:
        self.devices = Devices()
        self._hosts: Mapping[bytes, str] = {}
        self._marks: OrderedDict[bytes, Mark] = OrderedDict()
        self._answers: dict[tuple[bytes, int, int], ClientIdentity] = {}
        self.apply(declared or Declared())

    def apply(self, declared: Declared) -> None:
        """Use another configuration from now on; what was learnt stays."""
        self._answers.clear()
        self._by_address = {entry.address: entry for entry in declared.static if entry.address is not None}
        self._by_mac = {entry.mac: entry for entry in declared.static if entry.mac is not None}
        self._subnets = [(Selector([entry.subnet]), entry) for entry in _narrow_first(declared.static) if entry.subnet]
        self._taken = frozenset(entry.name.lower() for entry in declared.static if entry.name)
        self._groups = {name: Selector(members) for name, members in declared.groups.items()}
        self._roles = {role: Selector(members) for role, members in declared.roles.items()}

    def learn_leases(self, leases: Iterable[Lease]) -> int:
        """Replace what DHCP servers say; how many leases were left out."""
        return self.devices.learn_leases(leases)

    def learn_hosts(self, names: Mapping[bytes, str]) -> None:
        """Replace what the hosts file says."""
        self._hosts = names
        self._answers.clear()

    def mark(self, mark: Mark) -> bool:
        """Note that a client was seen to speak for others; whether that is news."""
        known = self._marks.get(mark.ip)
        self._marks[mark.ip] = mark
        self._answers.clear()
        self._marks.move_to_end(mark.ip)
        if len(self._marks) > MAX_MARKS:
            self._marks.popitem(last=False)
        return known is None or known.role is not mark.role

    def identify(self, ip: bytes, time_ns: int) -> ClientIdentity:
        """See ``identity.Directory``. One answer holds for its second, unless something is learnt meanwhile.

        Where there is neither a lease nor a mark, which alone go by the time, it holds for good.
        """
        goes_by_time = self._marks or self.devices.has_leases
        key = (ip, time_ns // SECOND_NS if goes_by_time else 0, self.devices.version)
        known = self._answers.get(key)
        if known is None:
            if len(self._answers) >= MAX_ANSWERS:
                self._answers.clear()
            known = self._answers[key] = self._identify(ip, time_ns)
        return known

    def _identify(self, ip: bytes, time_ns: int) -> ClientIdentity:
        device = self.devices.at(ip, time_ns)
        entries = self._entries(ip, device, time_ns)
        own = next((entry.name for entry in entries if entry.name and entry.subnet is None), None)
        identity = ClientIdentity(key=_key(ip, own, device), ip=ip, mac=device.mac, source=device.source)
        claimed = device.source is IdentitySource.EUI64  # anybody may take such an address: it names, no more
        if claimed:
            identity = replace(identity, name=own)
            entries = [entry for entry in entries if entry.address == ip or entry.subnet is not None]
        named = next((entry.name for entry in entries if entry.name), None)
        if named is not None:
            identity = replace(identity, name=named, source=IdentitySource.STATIC)
        elif identity.name is None:
            identity = self._learnt_name(identity, device, time_ns)
        believed = replace(identity, mac=None) if claimed else identity
        role, reason = self._role(believed, entries, time_ns)
        return replace(identity, groups=self._groups_of(believed, entries), role=role, role_reason=reason)

    def _entries(self, ip: bytes, device: Device, time_ns: int) -> list[StaticClient]:
        """What the operator says of the client, the most specific first."""
        own = [self._by_address.get(ip), self._by_mac.get(device.mac or "")]
        if own == [None, None] and self._by_address and device.mac is not None:
            own += [
                self._by_address[other]
                for other in sorted(self.devices.addresses(device) & self._by_address.keys())
                if self.devices.at(other, time_ns).mac == device.mac
            ]
        subnets = [entry for selector, entry in self._subnets if selector.covers(ip)]
        return [entry for entry in own if entry is not None] + subnets

    def _learnt_name(self, identity: ClientIdentity, device: Device, time_ns: int) -> ClientIdentity:
        """A name that others gave; one that the operator gave to somebody else is no name of this client's."""
        lease = self.devices.lease_of(device, time_ns)
        if lease is not None and lease.name not in self._taken:
            return replace(identity, name=lease.name, source=IdentitySource.LEASE)
        host = self._hosts.get(identity.ip)
        if host is None or host in self._taken:
            return identity
        return replace(identity, name=host, source=IdentitySource.HOSTS)

    def _groups_of(self, identity: ClientIdentity, entries: list[StaticClient]) -> tuple[str, ...]:
        """Groups come from the configuration alone."""
        own = {group for entry in entries for group in entry.groups}
        return tuple(sorted(own | {name for name, members in self._groups.items() if members.matches(identity)}))

    def _role(self, identity: ClientIdentity, entries: list[StaticClient], time_ns: int) -> tuple[Role | None, str]:
        declared = next((entry.role for entry in entries if entry.role is not None), None)
        declared = declared or next((role for role, members in self._roles.items() if members.matches(identity)), None)
        if declared is not None:
            return declared, DECLARED
        mark = self._marks.get(identity.ip)
        if mark is not None and abs(time_ns - mark.time_ns) < MARK_HOLDS_NS:
            return mark.role, SIGNS[mark.role].value
        return (Role.NAT, ROUTER_MAC) if self.devices.is_router(identity.ip) else (None, "")

    def addresses_of(self, client: str, time_ns: int) -> frozenset[str]:
        """See ``identity.Directory``."""
        asked = _packed(client)
        keys = {client, f"name:{client}", f"mac:{client.lower()}"}
        if asked is not None:
            keys = {self.identify(asked, time_ns).key}
        known = {*self.devices.known(), *self._by_address, *self._hosts}
        found = {ip for ip in known if self._is_one_of(self.identify(ip, time_ns), keys, client)}
        return frozenset(map(address_text, found | ({asked} if asked is not None else set())))

    @staticmethod
    def _is_one_of(identity: ClientIdentity, keys: set[str], client: str) -> bool:
        return identity.key in keys or identity.name == client


def _key(ip: bytes, name: str | None, device: Device) -> str:
    if name is not None:
        return f"name:{name}"
    if device.mac is not None:
        return f"mac:{device.mac}"
    return f"duid:{device.duid}" if device.duid is not None else f"ip:{address_text(ip)}"


def _narrow_first(entries: Iterable[StaticClient]) -> list[StaticClient]:
    return sorted((entry for entry in entries if entry.subnet), key=lambda entry: -_prefix(entry.subnet or ""))


def _prefix(subnet: str) -> int:
    return ipaddress.ip_network(subnet).prefixlen


def _packed(text: str) -> bytes | None:
    try:
        return ipaddress.ip_address(text).packed
    except ValueError:
        return None
