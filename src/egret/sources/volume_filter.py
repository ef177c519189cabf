"""The filter of the second ring: headers of what flows to and from a set of addresses.

A frame passes, cut behind its headers, if its server is one of them: the end with the lower port. Of TCP only what
tells how far the streams got: segments without payload, and those that begin, push or end; what lies between says
nothing more. Of UDP every datagram, for each counts.

An address becomes one word, IPv6 by adding its four; those that pass for others' sake are sorted out by whoever reads
the ring. The words are found by a binary search down to a few comparisons, so that a frame costs some twenty
instructions whatever their number.
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterable, Sequence

from egret.sources import bpf, kernel_filter
from egret.sources.bpf import Assembler, Instruction

MAX_ADDRESSES = 2_048  # what fits into bpf.MAX_INSTRUCTIONS whatever they are (tests/unit/sources)
KEPT = 160  # bytes of a frame: two tags, PPPoE, IPv6 with an extension header, TCP with all options
_TCP, _UDP = 6, 17
_TELLING = 0x0F  # FIN, SYN, RST, PSH
_LEAF = 8
_SOURCE, _DESTINATION, _AT, _SPORT, _DPORT = range(8, 13)  # scratch memory, behind that of kernel_filter
_WORDS = {4: struct.Struct("!I"), 16: struct.Struct("!4I")}


def word(address: bytes) -> int:
    """The word that stands for a packed address."""
    words: tuple[int, ...] = _WORDS[len(address)].unpack(address)
    return sum(words) & 0xFFFFFFFF


def program(addresses: Iterable[bytes], linktype: int) -> tuple[Instruction, ...]:
    """The instructions for at most MAX_ADDRESSES packed addresses.

    Raises:
        ValueError: more addresses than that, or no filter reads that link type.
    """
    words = sorted({word(address) for address in addresses})
    if not words:
        return kernel_filter.nothing(linktype)
    if len(words) > MAX_ADDRESSES:
        raise ValueError(f"a filter of {len(words)} addresses; at most {MAX_ADDRESSES}")
    asm = Assembler()
    _ends(asm, kernel_filter.link_header(asm, linktype))
    _transport(asm)
    asm.goto("search")
    asm.label("pass")  # where kernel_filter sends fragments: later ones have no ports, so none is counted
    asm.label("drop")
    asm.op(bpf.RETURN, 0)
    asm.label("search")
    _search(asm, words, itertools.count())
    return asm.assemble()


def _ends(asm: Assembler, offsets: Sequence[int]) -> None:
    """Both addresses as words into memory; then X becomes the transport's offset."""
    for version in ("ipv4", "ipv6"):
        for at in offsets:
            asm.label(f"{version} at {at}")
            asm.op(bpf.LOAD_X_IMMEDIATE, at)
            asm.goto(f"{version} ends")
    asm.label("ipv4 ends")
    for place, at in ((_SOURCE, 12), (_DESTINATION, 16)):
        asm.op(bpf.LOAD_WORD_X, at)
        asm.op(bpf.STORE, place)
    kernel_filter.ipv4(asm)
    asm.label("ipv6 ends")
    asm.op(bpf.STORE_X, _AT)
    for place, first in ((_SOURCE, 8), (_DESTINATION, 24)):
        asm.op(bpf.LOAD_WORD_X, first)
        for at in range(first + 4, first + 16, 4):
            asm.op(bpf.STORE, place)
            asm.op(bpf.LOAD_WORD_X, at)
            asm.op(bpf.LOAD_X_MEMORY, place)
            asm.op(bpf.ADD_X)
            asm.op(bpf.LOAD_X_MEMORY, _AT)
        asm.op(bpf.STORE, place)
    asm.goto("ipv6")
    kernel_filter.ipv6(asm)


def _transport(asm: Assembler) -> None:
    """Leave what tells nothing; A becomes the word of the end with the lower port."""
    asm.label("transport")
    asm.op(bpf.LOAD_HALF_X, 0)
    asm.op(bpf.STORE, _SPORT)
    asm.op(bpf.LOAD_HALF_X, 2)
    asm.op(bpf.STORE, _DPORT)
    asm.op(bpf.LOAD_MEMORY, kernel_filter.PROTOCOL)
    asm.test(bpf.JUMP_EQUAL, _UDP, yes="server")
    asm.test(bpf.JUMP_EQUAL, _TCP, no="drop")
    asm.op(bpf.LOAD_BYTE_X, 13)
    asm.test(bpf.JUMP_SET, _TELLING, yes="server")
    asm.op(bpf.LOAD_BYTE_X, 12)
    asm.op(bpf.AND, 0xF0)
    asm.op(bpf.SHIFT_RIGHT, 2)
    asm.op(bpf.ADD_X)
    asm.op(bpf.A_TO_X)
    asm.op(bpf.LOAD_MEMORY, kernel_filter.END)
    asm.op(bpf.SUBTRACT_X)
    asm.test(bpf.JUMP_EQUAL, 0, no="drop")
    asm.label("server")
    asm.op(bpf.LOAD_MEMORY, _SPORT)
    asm.op(bpf.LOAD_X_MEMORY, _DPORT)
    asm.test(bpf.JUMP_GREATER_X, 0, no="server is source")
    asm.op(bpf.LOAD_MEMORY, _DESTINATION)
    asm.goto("search")
    asm.label("server is source")
    asm.op(bpf.LOAD_MEMORY, _SOURCE)


def _search(asm: Assembler, words: Sequence[int], numbers: Iterable[int]) -> None:
    """Pass if A is one of the sorted *words*, else drop; the ends are near, for a far jump takes three instructions."""
    numbers = iter(numbers)
    number = next(numbers)
    if len(words) > _LEAF:
        half = len(words) // 2
        asm.test(bpf.JUMP_GREATER, words[half - 1], yes=f"above {number}")
        _search(asm, words[:half], numbers)
        asm.label(f"above {number}")
        _search(asm, words[half:], numbers)
        return
    for each in words:
        asm.test(bpf.JUMP_EQUAL, each, yes=f"found {number}")
    asm.op(bpf.RETURN, 0)
    asm.label(f"found {number}")
    asm.op(bpf.RETURN, KEPT)
