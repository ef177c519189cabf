"""Several rings share one interface, and all that one client does comes to the same of them.

The kernel asks a classic BPF program for a number, and takes the rest of its division by the number of rings. Ours is
made of the client's address: of the end that is inside, so that look-ups, answers and connections of a client meet in
one worker whatever their ports. Where both ends are inside, or none, it is the end with the higher port (clients sit
on high ports); fragments there, which have no ports, go by both addresses together. docs/adr/0035-fanout.md says why.

Ref: packet(7); Linux Documentation/networking/packet_mmap.rst.
"""

from __future__ import annotations

import contextlib
import ctypes
import socket
import struct
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network

from egret.sources import bpf
from egret.sources.bpf import Assembler, Instruction

MAX_NETWORKS = 128  # inside ones that are told apart; a segment of bulk meets each

_SOL_PACKET, _FANOUT, _FANOUT_DATA = 263, 18, 22
_BY_CLASSIC_BPF, _ANY_ID, _IGNORE_OUTGOING = 6, 0x2000, 0x4000
_NETWORK, _ETHERTYPE = 0xFFF00000, 0xFFFFF000  # loads from the network header on; what the kernel says is in it
_TAGS, _IPV4, _IPV6, _PPPOE = (0x8100, 0x88A8, 0x9100), 0x0800, 0x86DD, 0x8864
_PPP_IPV4, _PPP_IPV6 = 0x0021, 0x0057
_TCP, _UDP = 6, 17
_TUNNELS = (4789, 8472, 6081)  # VXLAN, Linux's older one, Geneve: whose source port is a hash, so no end is a client
_GOLDEN = 0x9E3779B1  # multiplied with it, addresses in a row are spread
_SOURCE, _DESTINATION, _SOURCE_IN, _DESTINATION_IN, _AT = range(5)  # scratch memory; two words of ends, two flags
_MULTIPLY = 0x24


def program(inside: Sequence[str]) -> tuple[Instruction, ...]:
    """The number of a frame's client; *inside* are networks, of which the first MAX_NETWORKS count.

    Raises:
        ValueError: one of them is no network.
    """
    networks = [ip_network(each) for each in inside][:MAX_NETWORKS]
    asm = Assembler()
    offsets = _headers(asm)
    for version in ("ipv4", "ipv6"):
        for at in offsets:
            asm.label(f"{version} at {at}")
            asm.op(bpf.LOAD_X_IMMEDIATE, at)
            asm.goto(version)
    _ipv4(asm, [each for each in networks if isinstance(each, IPv4Network)])
    _ipv6(asm, [each for each in networks if isinstance(each, IPv6Network)])
    _choose(asm)
    return asm.assemble()


def _headers(asm: Assembler) -> list[int]:
    """Find the IP header behind at most two tags that are still in the frame, and PPPoE."""
    offsets = (0, 4, 8)
    asm.op(bpf.LOAD_WORD_ABS, _ETHERTYPE)
    for at in offsets:
        asm.label(f"type {at}")
        asm.test(bpf.JUMP_EQUAL, _IPV4, yes=f"ipv4 at {at}")
        asm.test(bpf.JUMP_EQUAL, _IPV6, yes=f"ipv6 at {at}")
        asm.test(bpf.JUMP_EQUAL, _PPPOE, yes=f"ppp {at}")
        if at < offsets[-1]:
            for tag in _TAGS:
                asm.test(bpf.JUMP_EQUAL, tag, yes=f"tag {at}")
            asm.op(bpf.RETURN)
            asm.label(f"tag {at}")
            asm.op(bpf.LOAD_HALF_ABS, _NETWORK + at + 2)
    asm.op(bpf.RETURN)  # no IP: the filter drops it wherever it goes
    for at in offsets:
        asm.label(f"ppp {at}")
        asm.op(bpf.LOAD_HALF_ABS, _NETWORK + at + 6)
        asm.test(bpf.JUMP_EQUAL, _PPP_IPV4, yes=f"ipv4 at {at + 8}")
        asm.test(bpf.JUMP_EQUAL, _PPP_IPV6, yes=f"ipv6 at {at + 8}")
        asm.op(bpf.RETURN)
    return sorted({*offsets, *(at + 8 for at in offsets)})


def _ipv4(asm: Assembler, networks: Sequence[IPv4Network]) -> None:
    asm.label("ipv4")
    for end, at in ((_SOURCE, 12), (_DESTINATION, 16)):
        asm.op(bpf.LOAD_WORD_X, _NETWORK + at)
        asm.op(bpf.STORE, end)
        asm.op(bpf.LOAD_IMMEDIATE, 0)
        asm.op(bpf.STORE, _SOURCE_IN + end)
        for number, each in enumerate(networks):
            asm.op(bpf.LOAD_MEMORY, end)
            asm.op(bpf.AND, int(each.netmask))
            asm.test(bpf.JUMP_EQUAL, int(each.network_address), yes=f"in 4 {end}", no=f"not 4 {end} {number}")
            asm.label(f"not 4 {end} {number}")
        asm.goto(f"done 4 {end}")
        asm.label(f"in 4 {end}")
        asm.op(bpf.LOAD_IMMEDIATE, 1)
        asm.op(bpf.STORE, _SOURCE_IN + end)
        asm.label(f"done 4 {end}")
    _compare(asm, "4")
    asm.op(bpf.LOAD_HALF_X, _NETWORK + 6)
    asm.test(bpf.JUMP_SET, 0x3FFF, yes="both")
    asm.op(bpf.LOAD_BYTE_X, _NETWORK + 9)
    asm.test(bpf.JUMP_EQUAL, _TCP, yes="4 ports")
    asm.test(bpf.JUMP_EQUAL, _UDP, yes="4 ports", no="both")
    asm.label("4 ports")
    asm.op(bpf.STORE_X, _AT)
    asm.op(bpf.LOAD_BYTE_X, _NETWORK)
    asm.op(bpf.AND, 0x0F)
    asm.op(bpf.SHIFT_LEFT, 2)
    asm.op(bpf.ADD_X)
    asm.op(bpf.A_TO_X)
    asm.goto("ports")


def _ipv6(asm: Assembler, networks: Sequence[IPv6Network]) -> None:
    """An address counts by the sum of its words; extension headers are not walked: those go by both addresses."""
    asm.label("ipv6")
    asm.op(bpf.STORE_X, _AT)
    for end, at in ((_SOURCE, 8), (_DESTINATION, 24)):
        for number, each in enumerate(networks):
            _in_ipv6(asm, each, at, f"in 6 {end}", f"not 6 {end} {number}")
        asm.op(bpf.LOAD_IMMEDIATE, 0)
        asm.goto(f"done 6 {end}")
        asm.label(f"in 6 {end}")
        asm.op(bpf.LOAD_IMMEDIATE, 1)
        asm.label(f"done 6 {end}")
        asm.op(bpf.STORE, _SOURCE_IN + end)
        asm.op(bpf.LOAD_WORD_X, _NETWORK + at)
        for word in range(at + 4, at + 16, 4):
            asm.op(bpf.STORE, end)
            asm.op(bpf.LOAD_WORD_X, _NETWORK + word)
            asm.op(bpf.LOAD_X_MEMORY, end)
            asm.op(bpf.ADD_X)
            asm.op(bpf.LOAD_X_MEMORY, _AT)
        asm.op(bpf.STORE, end)
    _compare(asm, "6")
    asm.op(bpf.LOAD_BYTE_X, _NETWORK + 6)
    asm.test(bpf.JUMP_EQUAL, _TCP, yes="6 ports")
    asm.test(bpf.JUMP_EQUAL, _UDP, yes="6 ports", no="both")
    asm.label("6 ports")
    asm.op(bpf.LOAD_IMMEDIATE, 40)
    asm.op(bpf.ADD_X)
    asm.op(bpf.A_TO_X)


def _in_ipv6(asm: Assembler, network: IPv6Network, at: int, yes: str, no: str) -> None:
    """Go to *yes* if the address at X + *at* is in *network*; else to *no*, which is next."""
    words, masks = (struct.unpack("!4I", each.packed) for each in (network.network_address, network.netmask))
    for number, (word, mask) in enumerate(zip(words, masks, strict=True)):
        if mask:
            asm.op(bpf.LOAD_WORD_X, _NETWORK + at + 4 * number)
            asm.op(bpf.AND, mask)
            asm.test(bpf.JUMP_EQUAL, word, no=no)
    asm.goto(yes)
    asm.label(no)


def _compare(asm: Assembler, version: str) -> None:
    """The end that is inside, if only one is."""
    asm.op(bpf.LOAD_MEMORY, _SOURCE_IN)
    asm.test(bpf.JUMP_EQUAL, 1, yes=f"{version} source in")
    asm.op(bpf.LOAD_MEMORY, _DESTINATION_IN)
    asm.test(bpf.JUMP_EQUAL, 1, yes="destination", no=f"{version} undecided")
    asm.label(f"{version} source in")
    asm.op(bpf.LOAD_MEMORY, _DESTINATION_IN)
    asm.test(bpf.JUMP_EQUAL, 1, no="source")
    asm.label(f"{version} undecided")


def _choose(asm: Assembler) -> None:
    asm.label("ports")
    asm.op(bpf.LOAD_HALF_X, _NETWORK + 2)
    for port in _TUNNELS:
        asm.test(bpf.JUMP_EQUAL, port, yes="both")
    asm.op(bpf.STORE, _AT)
    asm.op(bpf.LOAD_HALF_X, _NETWORK)
    asm.op(bpf.LOAD_X_MEMORY, _AT)
    asm.test(bpf.JUMP_GREATER_X, 0, yes="source")
    asm.op(bpf.STORE, _AT)
    asm.op(bpf.LOAD_IMMEDIATE, 0)
    asm.op(bpf.ADD_X)  # the destination's port
    asm.op(bpf.LOAD_X_MEMORY, _AT)
    asm.test(bpf.JUMP_GREATER_X, 0, yes="destination", no="both")
    asm.label("source")
    asm.op(bpf.LOAD_MEMORY, _SOURCE)
    asm.goto("spread")
    asm.label("destination")
    asm.op(bpf.LOAD_MEMORY, _DESTINATION)
    asm.goto("spread")
    asm.label("both")
    asm.op(bpf.LOAD_X_MEMORY, _SOURCE)
    asm.op(bpf.LOAD_MEMORY, _DESTINATION)
    asm.op(bpf.ADD_X)
    asm.label("spread")
    asm.op(_MULTIPLY, _GOLDEN)
    asm.op(bpf.SHIFT_RIGHT, 16)
    asm.op(bpf.RETURN_A)


def join(sock: socket.socket, code: tuple[Instruction, ...], group: int | None, *, outgoing: bool) -> int:
    """Have a bound socket share its interface with the others of *group*; None begins one.

    Args:
        sock: bound, its filter not locked.
        code: what ``program`` made; the same for each of the group.
        group: as an earlier call said; one that has ended since is begun anew.
        outgoing: whether frames that leave by the interface are shared as well.

    Returns:
        The group.

    Raises:
        OSError: the kernel refuses.
    """
    kind = _BY_CLASSIC_BPF | (0 if outgoing else _IGNORE_OUTGOING)
    joined = False
    if group is not None:
        with contextlib.suppress(OSError):  # its number is another program's by now: ours has ended
            sock.setsockopt(_SOL_PACKET, _FANOUT, group | kind << 16)
            joined = True
    if not joined:
        sock.setsockopt(_SOL_PACKET, _FANOUT, (kind | _ANY_ID) << 16)
    packed = ctypes.create_string_buffer(bpf.pack(code))
    sock.setsockopt(_SOL_PACKET, _FANOUT_DATA, struct.pack("@HP", len(code), ctypes.addressof(packed)))
    return int(sock.getsockopt(_SOL_PACKET, _FANOUT)) & 0xFFFF
