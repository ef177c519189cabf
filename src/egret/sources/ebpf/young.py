"""The filter that remembers: of each TCP client's stream its first 16 KB, and nothing of the bulk behind them.

What is no TCP is judged as by ``kernel_filter``, whose lines these are. Of TCP, what passes:

1. SYN, FIN, RST; port 53. A SYN says where its sender's stream begins.
2. What begins within 16 KB of where its stream began (a retransmission too, in any order).
3. What begins like a client's hello or an HTTP request, however late: its stream is young again from there.
4. What begins like any other TLS handshake or an HTTP answer.
5. Of a stream that is not known (its SYN came before us, or a flood pushed it out): what goes to the lower port, unless
   the other direction is known as the client's. It is young from there.

A stream is known by addresses and ports, in a map that throws out what was not used for the longest time; that costs
at most another 16 KB of the stream. After 4 GB sequence numbers begin anew, and a stream is young again.
"""

from __future__ import annotations

from egret.sources import bpf, kernel_filter
from egret.sources.ebpf.assembler import (
    FRAME,
    IF_NOT_ZERO,
    IF_ZERO,
    KNOWN,
    LOAD32,
    MEMORY,
    MOVE32,
    MOVE32_IMMEDIATE,
    MOVE64,
    PACKET,
    R0,
    R1,
    R2,
    R3,
    R4,
    STORE64_IMMEDIATE,
    SUBTRACT32,
    A,
    Assembler,
    Instruction,
    X,
)

YOUNG = 1 << 14  # bytes of a stream that pass
KEY_SIZE = 36  # addresses (IPv4 in the first eight bytes) and ports, as on the wire
VALUE_SIZE = 4  # the sequence number where the stream began

_KEY, _REVERSE = -40, -80  # on the stack, eight bytes aligned
_PORTS = 32  # their place in a key
_LOOKUP, _UPDATE, _LOAD_BYTES = 1, 2, 26  # enum bpf_func_id
_AT, _IS_IPV6, _TRANSPORT, _PAYLOAD, _BEGAN = range(10, 15)  # scratch memory, behind that of kernel_filter
_SYN, _FIN_RST, _ACK = 0x02, 0x05, 0x10
_CLIENT_HELLO = 1  # RFC 8446 section 4


def program(linktype: int, streams: int, *, any_dns: bool = False) -> tuple[Instruction, ...]:
    """The instructions for frames of *linktype*; *streams* is the descriptor of their map.

    Raises:
        ValueError: no filter reads that link type.
    """
    asm = Assembler()
    for at in range(_REVERSE, 0, 8):
        asm.add(STORE64_IMMEDIATE, FRAME, 0, at)
    _ip(asm, kernel_filter.link_header(asm, linktype))
    asm.label("transport")
    asm.op(bpf.LOAD_MEMORY, kernel_filter.PROTOCOL)
    asm.test(bpf.JUMP_EQUAL, 6, yes="tcp")
    asm.test(bpf.JUMP_EQUAL, 17, yes="udp", no="drop")
    kernel_filter.udp(asm, any_dns=any_dns)
    _tcp(asm, streams, any_dns=any_dns)
    asm.label("pass")
    asm.op(bpf.RETURN, kernel_filter.WHOLE)
    asm.label("drop")
    asm.op(bpf.RETURN, 0)
    return asm.assemble()


def _ip(asm: Assembler, offsets: list[int]) -> None:
    """As the classic filter, but remember where the IP header is."""
    for version in (4, 6):
        for at in offsets:
            asm.label(f"ipv{version} at {at}")
            asm.op(bpf.LOAD_X_IMMEDIATE, at)
            asm.goto(f"note ipv{version}")
    for version in (4, 6):
        asm.label(f"note ipv{version}")
        asm.op(bpf.STORE_X, _AT)
        asm.op(bpf.LOAD_IMMEDIATE, version == 6)
        asm.op(bpf.STORE, _IS_IPV6)
        asm.goto(f"ipv{version}")
    kernel_filter.ipv4(asm)
    kernel_filter.ipv6(asm)


def _tcp(asm: Assembler, streams: int, *, any_dns: bool) -> None:
    asm.label("tcp")
    asm.op(bpf.STORE_X, _TRANSPORT)
    asm.op(bpf.LOAD_BYTE_X, 13)
    asm.test(bpf.JUMP_SET, _SYN, yes="syn")
    asm.test(bpf.JUMP_SET, _FIN_RST, yes="pass")
    kernel_filter.ports(asm)
    kernel_filter.to_payload(asm)
    asm.op(bpf.STORE_X, _PAYLOAD)
    asm.op(bpf.LOAD_MEMORY, kernel_filter.END)
    asm.op(bpf.SUBTRACT_X)
    asm.test(bpf.JUMP_EQUAL, 0, yes="drop")
    _key(asm, "segment")
    _sequence(asm)
    _is_young(asm, streams)
    _starts(asm, any_dns=any_dns)
    _unknown(asm, streams)
    asm.label("syn")
    asm.test(bpf.JUMP_SET, _ACK, yes="pass")  # the server's
    _key(asm, "syn")
    _sequence(asm)
    asm.op(bpf.ADD, 1)
    asm.op(bpf.STORE, _BEGAN)
    asm.label("begin")
    _begin(asm, streams)


def _key(asm: Assembler, label: str) -> None:
    """Both addresses and both ports as they lie in the packet."""
    asm.op(bpf.LOAD_X_MEMORY, _AT)
    asm.op(bpf.LOAD_MEMORY, _IS_IPV6)
    asm.test(bpf.JUMP_EQUAL, 1, yes=f"{label}: ipv6")
    _copy(asm, 12, 8, _KEY)
    asm.goto(f"{label}: ports")
    asm.label(f"{label}: ipv6")
    _copy(asm, 8, 32, _KEY)
    asm.label(f"{label}: ports")
    asm.op(bpf.LOAD_X_MEMORY, _TRANSPORT)
    _copy(asm, 0, 4, _KEY + _PORTS)


def _copy(asm: Assembler, at: int, size: int, to: int) -> None:
    """Copy *size* bytes of the packet from X + *at* to the stack."""
    asm.add(MOVE64, R1, PACKET)
    asm.add(MOVE32, R2, X)
    asm.add(bpf.ADD, R2, immediate=at)
    asm.stack(R3, to)
    asm.add(MOVE32_IMMEDIATE, R4, immediate=size)
    asm.call(_LOAD_BYTES)


def _sequence(asm: Assembler) -> None:
    """A and the memory become the segment's sequence number; X the transport's offset."""
    asm.op(bpf.LOAD_X_MEMORY, _TRANSPORT)
    asm.op(bpf.LOAD_WORD_X, 4)
    asm.op(bpf.STORE, _BEGAN)


def _look_up(asm: Assembler, streams: int, key: int) -> None:
    """R0 becomes the address of the stream's value, or 0."""
    asm.map(R1, streams)
    asm.stack(R2, key)
    asm.call(_LOOKUP)


def _is_young(asm: Assembler, streams: int) -> None:
    """Pass what begins at most YOUNG bytes behind where its stream did.

    Or before it: of a stream whose SYN was not seen an earlier piece may come later. Behind a SYN nothing is earlier.
    """
    _look_up(asm, streams, _KEY)
    asm.branch(IF_ZERO, R0, "payload")
    asm.add(MOVE32_IMMEDIATE, KNOWN, immediate=1)
    asm.add(LOAD32, R1, R0)
    asm.op(bpf.LOAD_MEMORY, _BEGAN)
    asm.add(SUBTRACT32, A, R1)
    asm.op(bpf.ADD, YOUNG)
    asm.test(bpf.JUMP_GREATER, 2 * YOUNG - 1, no="pass")


def _starts(asm: Assembler, *, any_dns: bool) -> None:
    """What a payload's first bytes say."""
    asm.label("payload")
    asm.op(bpf.LOAD_X_MEMORY, _PAYLOAD)
    asm.op(bpf.LOAD_MEMORY, kernel_filter.END)
    asm.op(bpf.SUBTRACT_X)
    asm.test(bpf.JUMP_GREATER, 7, no="old")  # too short to be told, and a load behind the end would drop it
    asm.op(bpf.LOAD_HALF_X, 0)
    asm.test(bpf.JUMP_EQUAL, kernel_filter.HANDSHAKE, no="http")
    asm.op(bpf.LOAD_BYTE_X, 5)
    asm.test(bpf.JUMP_EQUAL, _CLIENT_HELLO, yes="begin", no="pass")
    asm.label("http")
    asm.op(bpf.LOAD_WORD_X, 0)
    for start in kernel_filter.HTTP_REQUESTS:
        asm.test(bpf.JUMP_EQUAL, int.from_bytes(start), yes="begin")
    asm.test(bpf.JUMP_EQUAL, int.from_bytes(kernel_filter.HTTP_ANSWER), yes="pass")
    if any_dns:
        kernel_filter.any_dns_over_tcp(asm)


def _unknown(asm: Assembler, streams: int) -> None:
    """Of a stream that is not known: is it a client's?"""
    asm.label("old")
    asm.branch(IF_NOT_ZERO, KNOWN, "drop")
    kernel_filter.if_upload(asm, no="drop")
    asm.op(bpf.LOAD_X_MEMORY, _AT)
    asm.op(bpf.LOAD_MEMORY, _IS_IPV6)
    asm.test(bpf.JUMP_EQUAL, 1, yes="reverse: ipv6")
    _swap(asm, 12, 4)
    asm.goto("reverse: ports")
    asm.label("reverse: ipv6")
    _swap(asm, 8, 16)
    asm.label("reverse: ports")
    asm.op(bpf.LOAD_X_MEMORY, _TRANSPORT)
    _swap(asm, 0, 2, _REVERSE + _PORTS)
    _look_up(asm, streams, _REVERSE)
    asm.branch(IF_NOT_ZERO, R0, "drop")
    asm.goto("begin")


def _swap(asm: Assembler, at: int, size: int, to: int = _REVERSE) -> None:
    """Copy two neighbours of *size* bytes at X + *at*, the second one first."""
    _copy(asm, at, size, to + size)
    _copy(asm, at + size, size, to)


def _begin(asm: Assembler, streams: int) -> None:
    """Remember where the stream is young from, and pass."""
    asm.map(R1, streams)
    asm.stack(R2, _KEY)
    asm.stack(R3, MEMORY + 4 * _BEGAN)
    asm.add(MOVE32_IMMEDIATE, R4)
    asm.call(_UPDATE)
