"""A classic BPF machine, as slow and as plain as can be: the oracle for the filters we hand to the kernel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from egret.sources.bpf import Instruction

_SIZES = {0x00: 4, 0x08: 2, 0x10: 1}
_MASK = 0xFFFFFFFF


class _OutOfPacketError(Exception):
    pass


_NETWORK, _ETHERTYPE = 0xFFF00000, 0xFFFFF000


def run(program: Sequence[Instruction], packet: bytes, network: int = 0, ethertype: int = 0) -> int:
    """Bytes of *packet* that the program keeps; 0 drops it, as a load behind the end of the packet does.

    *network* is where the kernel says that the network header is, *ethertype* what it says is in it.
    """
    try:
        return _run(program, _Packet(packet, network, ethertype))
    except _OutOfPacketError:
        return 0


class _Packet(NamedTuple):
    data: bytes
    network: int
    ethertype: int


def _load(packet: _Packet, at: int, size: int) -> int:
    if at == _ETHERTYPE:
        return packet.ethertype
    if at >= _NETWORK:
        at += packet.network - _NETWORK
    if at + size > len(packet.data):
        raise _OutOfPacketError
    return int.from_bytes(packet.data[at : at + size])


def _run(program: Sequence[Instruction], packet: _Packet) -> int:
    a = x = pc = 0
    memory = [0] * 16
    while True:
        code, jt, jf, k = program[pc]
        pc += 1
        kind = code & 0x07
        if kind == 0x00:
            mode = code & 0xE0
            at = k + (x if mode == 0x40 else 0)
            a = k if code == 0 else memory[k] if mode == 0x60 else _load(packet, at, _SIZES[code & 0x18])
        elif kind == 0x01:
            mode = code & 0xE0
            x = memory[k] if mode == 0x60 else k
        elif kind == 0x02:
            memory[k] = a
        elif kind == 0x03:
            memory[k] = x
        elif kind == 0x04:
            operand = x if code & 0x08 else k
            a = _compute(code & 0xF0, a, operand)
        elif kind == 0x05:
            pc += k if code == 0x05 else jt if _holds(code & 0xF0, a, x if code & 0x08 else k) else jf
        elif kind == 0x06:
            return a if code & 0x10 else k
        else:
            x = a


def _compute(op: int, a: int, operand: int) -> int:
    results = {
        0x00: a + operand,
        0x10: a - operand,
        0x20: a * operand,
        0x50: a & operand,
        0x60: a << min(operand, 32),
        0x70: a >> min(operand, 32),
    }
    return results[op] & _MASK


def _holds(op: int, a: int, operand: int) -> bool:
    return {0x10: a == operand, 0x20: a > operand, 0x40: bool(a & operand)}[op]
