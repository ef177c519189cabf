from __future__ import annotations

import struct

import pytest

from egret.sources import bpf
from egret.sources.bpf import Assembler, Instruction
from tests.support.live_bpf import run


def _branch(filler: int) -> tuple[Instruction, ...]:
    """Keep 1 of packets that start with 7, 2 of others; *filler* instructions in between."""
    asm = Assembler()
    asm.op(bpf.LOAD_BYTE_ABS, 0)
    asm.test(bpf.JUMP_EQUAL, 7, yes="seven", no="other")
    for _ in range(filler):
        asm.op(bpf.ADD, 1)
    asm.label("seven")
    asm.op(bpf.RETURN, 1)
    asm.label("other")
    asm.op(bpf.RETURN, 2)
    return asm.assemble()


def test_labels_become_offsets() -> None:
    assert _branch(0)[1] == Instruction(bpf.JUMP_EQUAL, 0, 1, 7)


@pytest.mark.parametrize("filler", [0, 1, 253, 254, 255, 256, 257, 1000])
def test_a_jump_of_any_length_arrives(filler: int) -> None:
    program = _branch(filler)
    assert run(program, b"\x07") == 1
    assert run(program, b"\x08") == 2
    assert all(instruction.jt <= 255 and instruction.jf <= 255 for instruction in program)


def test_a_far_jump_that_falls_through() -> None:
    asm = Assembler()
    asm.op(bpf.LOAD_BYTE_ABS, 0)
    asm.test(bpf.JUMP_GREATER, 7, yes="end")
    for _ in range(300):
        asm.op(bpf.AND, 0)
    asm.goto("out")
    asm.label("end")
    asm.op(bpf.RETURN, 1)
    asm.label("out")
    asm.op(bpf.RETURN, 2)
    assert [run(asm.assemble(), bytes([byte])) for byte in (7, 8)] == [2, 1]


def test_a_load_behind_the_end_drops() -> None:
    assert run(_branch(0), b"") == 0


def test_bad_labels_are_refused() -> None:
    behind = Assembler()
    behind.label("back")
    behind.goto("back")
    missing = Assembler()
    missing.test(bpf.JUMP_SET, 1, yes="nowhere")
    twice = Assembler()
    twice.label("a")
    twice.label("a")
    for asm in (behind, missing, twice):
        with pytest.raises(ValueError, match="label"):
            asm.assemble()


def test_a_program_too_long_for_the_kernel_is_refused() -> None:
    with pytest.raises(ValueError, match="4096"):
        _branch(bpf.MAX_INSTRUCTIONS)


def test_packed_as_the_kernel_reads_it() -> None:
    assert bpf.pack([Instruction(0x15, 1, 2, 0x01020304)]) == struct.pack("=HBBI", 0x15, 1, 2, 0x01020304)
