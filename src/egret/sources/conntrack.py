"""Connection tracking: the counters of one connection at a time, asked of nfnetlink.

Never a dump: a gateway tracks everybody's connections, and only flagged ones are our business. The tuple that is asked
for is the one that the client's packets have before NAT, so the numbers are those of the inside.

The kernel answers in ``send`` already; what it says is read as if anybody could have written it.

Ref: netlink(7); linux/netfilter/nfnetlink.h, nfnetlink_conntrack.h.
"""

from __future__ import annotations

import contextlib
import socket
import struct
from pathlib import Path

from egret.model import FlowKey, Transport
from egret.sources.netlink import attributes
from egret.sources.privileges import CAP_NET_ADMIN, current_capabilities
from egret.track.tally import Tally

MAX_FLOWS = 64  # asked for in one message of a worker
ACCOUNTING = Path("/proc/sys/net/netfilter/nf_conntrack_acct")  # of the namespace of whoever reads it

_NETFILTER = 12
_GET, _NEW = 0x101, 0x100  # NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET, IPCTNL_MSG_CT_NEW
_REQUEST = 1
_HEADER = struct.Struct("=IHHII")
_FAMILY = struct.Struct("=BBH")  # struct nfgenmsg
_ATTRIBUTE = struct.Struct("=HH")
_NESTED = 0x8000
_ORIG, _REPLY, _COUNTERS_ORIG, _COUNTERS_REPLY, _ID = 1, 2, 9, 10, 12
_TUPLE_IP, _TUPLE_PROTO = 1, 2
_IP_SOURCE, _IP_DESTINATION = {4: 1, 16: 3}, {4: 2, 16: 4}  # by the length of an address
_PROTO_NUMBER, _PROTO_SOURCE, _PROTO_DESTINATION = 1, 2, 3
_COUNTER_PACKETS, _COUNTER_BYTES = 1, 2
_COUNTER = 8  # bytes, big endian
_PROTOCOLS = {Transport.TCP: 6, Transport.UDP: 17}
_BUFFER = 1 << 14  # an answer has some 300 bytes
_TRIES = 4  # datagrams read for one answer


def missing() -> list[str]:
    """What this process lacks to read counters, each with what to do; empty: it can."""
    found = []
    if CAP_NET_ADMIN not in current_capabilities():
        found.append("right CAP_NET_ADMIN: run as root, or use the unit's drop-in of docs/deploy.md")
    accounting = _accounting()
    if accounting is None:
        found.append("connection tracking in this kernel: load nf_conntrack, or have a firewall rule use it")
    elif not accounting:
        found.append("counters in it: sysctl -w net.netfilter.nf_conntrack_acct=1, for connections that begin then")
    return found


def _accounting() -> bool | None:
    """Whether connections are counted; None where they are not tracked."""
    try:
        return ACCOUNTING.read_text(encoding="ascii").strip() == "1"
    except (OSError, ValueError):
        return None


class Tracking:
    """The opener's socket to connection tracking; needs CAP_NET_ADMIN at every question, and blocks at none.

    Where the kernel has no such socket it knows of no connection.
    """

    def __init__(self) -> None:
        self._socket: socket.socket | None = None
        with contextlib.suppress(OSError):
            self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETFILTER)
            self._socket.setblocking(False)
        self._asked = 0

    def close(self) -> None:
        """Let go; safe to call twice."""
        if self._socket is not None:
            self._socket.close()

    def tally(self, flow: FlowKey) -> Tally | None:
        """The counters of the connection *flow*, from the client; None where there is none, or none are kept."""
        if self._socket is None:
            return None
        self._asked = (self._asked + 1) & 0xFFFFFFFF
        with contextlib.suppress(OSError):  # it says nothing, now: as if there were no entry
            self._socket.send(question(flow, self._asked))
            for _ in range(_TRIES):
                data, (port, _groups) = self._socket.recvfrom(_BUFFER)
                if port == 0 and is_answer(data, self._asked):  # 0: the kernel
                    return parse(data, flow)
        return None


def question(flow: FlowKey, number: int) -> bytes:
    """The message that asks for the entry of *flow*; *number* comes back with the answer."""
    source, destination = flow.source, flow.destination
    length = len(source.ip)
    addresses = _attribute(_IP_SOURCE[length], source.ip) + _attribute(_IP_DESTINATION[length], destination.ip)
    ports = (
        _attribute(_PROTO_NUMBER, bytes([_PROTOCOLS[flow.transport]]))
        + _attribute(_PROTO_SOURCE, source.port.to_bytes(2, "big"))
        + _attribute(_PROTO_DESTINATION, destination.port.to_bytes(2, "big"))
    )
    wanted = _attribute(_NESTED | _TUPLE_IP, addresses) + _attribute(_NESTED | _TUPLE_PROTO, ports)
    family = socket.AF_INET if length == 4 else socket.AF_INET6
    body = _FAMILY.pack(family, 0, 0) + _attribute(_NESTED | _ORIG, wanted)
    return _HEADER.pack(_HEADER.size + len(body), _GET, _REQUEST, number, 0) + body


def _attribute(kind: int, value: bytes) -> bytes:
    return _ATTRIBUTE.pack(_ATTRIBUTE.size + len(value), kind) + value + bytes(-len(value) % 4)


def is_answer(data: bytes, number: int) -> bool:
    """Whether *data* answers the question *number*, with an entry or an error."""
    return len(data) >= _HEADER.size and _HEADER.unpack_from(data)[3] == number


def parse(data: bytes, flow: FlowKey) -> Tally | None:
    """Read an answer; None: an error, another connection, or no counters in it."""
    if len(data) < _HEADER.size + _FAMILY.size:
        return None
    length, kind, *_ = _HEADER.unpack_from(data)
    if kind != _NEW or not _HEADER.size + _FAMILY.size <= length <= len(data):
        return None
    found = attributes(data[:length], _HEADER.size + _FAMILY.size)
    out, into = _counters(found.get(_COUNTERS_ORIG)), _counters(found.get(_COUNTERS_REPLY))
    if out is None or into is None:
        return None
    if not _is_from(found.get(_ORIG), flow):
        if not _is_from(found.get(_REPLY), flow):
            return None
        out, into = into, out  # the server's packet came first
    return Tally(int.from_bytes(found.get(_ID, b"")[:4], "big"), *out, *into)


def _counters(nested: bytes | None) -> tuple[int, int] | None:
    """Bytes and packets of one direction."""
    found = attributes(nested or b"", 0)
    moved, packets = found.get(_COUNTER_BYTES), found.get(_COUNTER_PACKETS)
    if moved is None or packets is None or len(moved) != _COUNTER or len(packets) != _COUNTER:
        return None
    return int.from_bytes(moved, "big"), int.from_bytes(packets, "big")


def _is_from(nested: bytes | None, flow: FlowKey) -> bool:
    """Whether a tuple begins where *flow* does; its other end may be another after NAT."""
    found = attributes(nested or b"", 0)
    addresses, ports = attributes(found.get(_TUPLE_IP, b""), 0), attributes(found.get(_TUPLE_PROTO, b""), 0)
    source = flow.source
    return (
        addresses.get(_IP_SOURCE[len(source.ip)]) == source.ip
        and ports.get(_PROTO_SOURCE) == source.port.to_bytes(2, "big")
        and ports.get(_PROTO_NUMBER) == bytes([_PROTOCOLS[flow.transport]])
    )
