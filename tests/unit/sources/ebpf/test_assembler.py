from __future__ import annotations

import pytest

from egret.sources import bpf
from egret.sources.ebpf import assembler
from egret.sources.ebpf.assembler import FRAME, R0, R1, A, Assembler, Instruction, X, pack

_PROLOGUE = 4


def code(asm: Assembler) -> tuple[Instruction, ...]:
    return asm.assemble()[_PROLOGUE:]


@pytest.mark.parametrize(
    ("op", "expected"),
    [
        (bpf.LOAD_HALF_ABS, [Instruction(0x28, 0, 0, 0, 12), Instruction(0xBC, A, R0)]),
        (bpf.LOAD_BYTE_X, [Instruction(0x50, 0, X, 0, 12), Instruction(0xBC, A, R0)]),
        (bpf.LOAD_IMMEDIATE, [Instruction(0xB4, A, 0, 0, 12)]),
        (bpf.LOAD_X_IMMEDIATE, [Instruction(0xB4, X, 0, 0, 12)]),
        (bpf.LOAD_MEMORY, [Instruction(0x61, A, FRAME, -96)]),
        (bpf.LOAD_X_MEMORY, [Instruction(0x61, X, FRAME, -96)]),
        (bpf.STORE, [Instruction(0x63, FRAME, A, -96)]),
        (bpf.STORE_X, [Instruction(0x63, FRAME, X, -96)]),
        (bpf.A_TO_X, [Instruction(0xBC, X, A)]),
        (bpf.RETURN, [Instruction(0xB4, R0, 0, 0, 12), Instruction(0x95)]),
        (bpf.SHIFT_LEFT, [Instruction(0x64, A, 0, 0, 12)]),
        (bpf.ADD_X, [Instruction(0x0C, A, X, 0, 12)]),
    ],
)
def test_a_classic_line(op: int, expected: list[Instruction]) -> None:
    asm = Assembler()
    asm.op(op, 12)
    assert list(code(asm)) == expected


def test_tests_jump_over_what_lies_between() -> None:
    asm = Assembler()
    asm.test(bpf.JUMP_EQUAL, 0xFACEB000, yes="end", no="other")
    asm.test(bpf.JUMP_SET, 7, no="end")
    asm.label("other")
    asm.test(bpf.JUMP_GREATER_X, 0, yes="end")
    asm.branch(assembler.IF_ZERO, R0, "end")
    asm.label("end")
    asm.op(bpf.RETURN)
    assert [(each.code, each.source, each.offset) for each in code(asm)[:6]] == [
        (0x16, 0, 5),
        (0x05, 0, 2),
        (0x46, 0, 1),
        (0x05, 0, 2),
        (0x2E, X, 1),
        (0x15, 0, 0),
    ]


def test_what_only_this_machine_has() -> None:
    asm = Assembler()
    asm.map(R1, 9)
    asm.stack(R1, -8)
    asm.call(26)
    assert code(asm) == (
        Instruction(0x18, R1, 1, 0, 9),
        Instruction(0),
        Instruction(0xBF, R1, FRAME),
        Instruction(0x07, R1, 0, 0, -8),
        Instruction(0x85, immediate=26),
    )


def test_labels_that_are_missing_behind_or_doubled_are_errors() -> None:
    asm = Assembler()
    asm.label("here")
    with pytest.raises(ValueError, match="here twice"):
        asm.label("here")
    asm.goto("here")
    with pytest.raises(ValueError, match="here is missing or behind"):
        asm.assemble()
    asm = Assembler()
    asm.goto("nowhere")
    with pytest.raises(ValueError, match="nowhere is missing"):
        asm.assemble()


def test_packed_with_both_registers_in_a_byte() -> None:
    assert pack((Instruction(0x63, 10, 7, -4, -1),))[:2] == b"\x63\x7a"
    assert len(pack((Instruction(0x95), Instruction(0x95)))) == 16
