"""AF_PACKET sockets: opened complete before they are bound, so that no frame comes in unfiltered.

The order is the point: a socket of protocol 0 receives nothing; it gets filter, ring and lock, and only then is bound.
Interfaces without a link header (ppp, tun, wg) are read cooked: the kernel cuts whatever link header there
may be, and what is left is IP.

Ref: packet(7); Linux Documentation/networking/packet_mmap.rst.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import mmap
import socket
import struct
from dataclasses import dataclass, field
from typing import NamedTuple

from egret.errors import SourceError
from egret.sources import bpf, fanout, kernel_filter
from egret.sources.ebpf.loader import YoungStreams
from egret.sources.ring import Geometry

ARPHRD_ETHERNET, ARPHRD_LOOPBACK = 1, 772  # linux/if_arp.h; both carry an Ethernet header
_NO_IP_ON_THESE = {801, 802, 803, 804, 805}  # 802.11 in monitor mode, 802.15.4: frames of their own kind
_SOL_PACKET, _ETH_P_ALL = 263, 0x0003
_ADD_MEMBERSHIP, _RX_RING, _STATISTICS, _VERSION, _IGNORE_OUTGOING = 1, 5, 6, 10, 23
_TPACKET_V3, _MR_PROMISCUOUS = 2, 1
_SO_ATTACH_FILTER, _SO_LOCK_FILTER = 26, 44
_SIOCGIFHWADDR = 0x8927


@dataclass(frozen=True, slots=True, kw_only=True)
class RingOptions:
    """How one interface is captured."""

    filter: str = kernel_filter.DEFAULT
    promiscuous: bool = False
    geometry: Geometry = field(default_factory=Geometry)
    fanout: tuple[bpf.Instruction, ...] | None = None  # the ring shares its interface with others, by this program
    locked: bool = True  # who holds the socket later cannot change its filter


@dataclass(frozen=True, slots=True)
class Opened:
    """A bound socket with its ring: what the opener passes to a worker."""

    socket: socket.socket
    interface: str
    index: int  # of the interface; another one after it was gone and came back
    linktype: int
    geometry: Geometry
    group: int | None = None  # of the rings that share the interface


class Counts(NamedTuple):
    """What the kernel counted since the last reading."""

    received: int  # frames that passed the filter and were put into the ring
    dropped: int  # frames that passed the filter and found no room
    frozen: int  # times the ring stood full


def open_ring(
    interface: str, options: RingOptions, young: YoungStreams | None = None, group: int | None = None
) -> Opened:
    """Open, filter, map out and bind a socket on *interface*.

    Args:
        interface: its name.
        options: how it is captured.
        young: the loaded filter that options with ``kernel_filter.YOUNG`` mean; without it they get the classic one.
        group: what an earlier ring on the interface came to, with options that say ``fanout``.

    Raises:
        SourceError: no such interface, no right to capture, or no memory for the ring; says which and what to do.
    """
    try:
        return _open_ring(interface, options, young, group)
    except OSError as error:
        raise SourceError(f"{interface}: {_explain(error)}") from None


def _open_ring(interface: str, options: RingOptions, young: YoungStreams | None, group: int | None) -> Opened:
    index = _index(interface)
    hardware = hardware_type(interface)
    has_header = hardware in {ARPHRD_ETHERNET, ARPHRD_LOOPBACK}
    linktype = kernel_filter.ETHERNET if has_header else kernel_filter.RAW_IP
    if hardware in _NO_IP_ON_THESE:
        raise SourceError(f"{interface}: hardware type {hardware} carries no IP that Egret can read; name another one")
    with contextlib.ExitStack() as undo:
        sock = undo.enter_context(
            socket.socket(socket.AF_PACKET, socket.SOCK_RAW if has_header else socket.SOCK_DGRAM, 0)
        )
        shared = options.fanout is not None
        _filter(sock, kernel_filter.NOTHING if shared else options.filter, linktype, young)
        if options.locked and not shared:
            sock.setsockopt(socket.SOL_SOCKET, _SO_LOCK_FILTER, 1)
        sock.setsockopt(_SOL_PACKET, _VERSION, _TPACKET_V3)
        sock.setsockopt(_SOL_PACKET, _RX_RING, options.geometry.request())
        if hardware == ARPHRD_LOOPBACK:
            sock.setsockopt(_SOL_PACKET, _IGNORE_OUTGOING, 1)  # each frame passes lo twice: out, and in again
        sock.bind((interface, _ETH_P_ALL))
        if options.fanout is not None:  # until here it had every frame, which is why it passed none
            group = fanout.join(sock, options.fanout, group, outgoing=hardware != ARPHRD_LOOPBACK)
            _filter(sock, options.filter, linktype, young)
            if options.locked:
                sock.setsockopt(socket.SOL_SOCKET, _SO_LOCK_FILTER, 1)
        if options.promiscuous:
            request = struct.pack("=iHH8s", index, _MR_PROMISCUOUS, 0, b"")
            sock.setsockopt(_SOL_PACKET, _ADD_MEMBERSHIP, request)
        undo.pop_all()
    return Opened(sock, interface, index, linktype, options.geometry, group)


def _filter(sock: socket.socket, name: str, linktype: int, young: YoungStreams | None) -> None:
    if young is not None and name in kernel_filter.FLOOR:
        young.attach(sock, linktype)
    else:
        attach(sock, kernel_filter.program(kernel_filter.FLOOR.get(name, name), linktype))


def _index(interface: str) -> int:
    try:
        return socket.if_nametoindex(interface)
    except OSError:
        raise OSError(errno.ENODEV, "no such interface") from None


def attach(sock: socket.socket, program: tuple[bpf.Instruction, ...]) -> None:
    """Put *program* in the place of the socket's filter; no right is needed for it.

    Raises:
        OSError: the filter is locked, or has more instructions than net.core.optmem_max allows (ENOMEM).
    """
    code = ctypes.create_string_buffer(bpf.pack(program))
    sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("@HP", len(program), ctypes.addressof(code)))


def hardware_type(interface: str) -> int:
    """What kind of link it is: ARPHRD_LOOPBACK and others of linux/if_arp.h.

    Raises:
        OSError: there is no such interface.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        answer = fcntl.ioctl(sock, _SIOCGIFHWADDR, struct.pack("=16s16x8x", interface.encode()))
    return int(struct.unpack_from("=H", answer, 16)[0])


def _explain(error: OSError) -> str:
    if error.errno in {errno.ENODEV, errno.ENXIO}:
        return "there is no such interface; `ip link` lists those there are"
    if error.errno in {errno.EPERM, errno.EACCES}:
        return "capturing needs CAP_NET_RAW: run as root, or give it with AmbientCapabilities= in the unit"
    if error.errno == errno.ENOMEM:
        return "no memory for the ring; lower capture.ring_mb"
    return error.strerror or str(error)


def map_ring(opened: Opened) -> mmap.mmap:
    """Map the ring of an open socket into this process."""
    return mmap.mmap(opened.socket.fileno(), opened.geometry.size, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)


def read_counts(sock: socket.socket) -> Counts:
    """Read and reset the kernel's counters (``struct tpacket_stats_v3``; its total includes the drops)."""
    total, dropped, frozen = struct.unpack("=III", sock.getsockopt(_SOL_PACKET, _STATISTICS, 12))
    return Counts(total - dropped, dropped, frozen)
