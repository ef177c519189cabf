"""An assembler for eBPF, the kernel's larger machine, that also takes the lines of a classic program.

So one description of link and IP headers serves both: the classic accumulator lives in one register, the index in
another, the scratch memory on the stack, and loads from the packet are the same instructions, with the same end where
the packet is too short. What classic BPF does not have, calls and memory above all, is added by name. Jumps go forward.

Ref: RFC 9669; Linux Documentation/bpf/classic_vs_extended.rst.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from egret.sources import bpf

R0, R1, R2, R3, R4, R5, PACKET, A, X, KNOWN, FRAME = range(11)  # calls keep PACKET to KNOWN and set R0
MEMORY = -144  # where the scratch memory begins on the stack: sixteen words

LOAD32, STORE32, STORE64_IMMEDIATE = 0x61, 0x63, 0x7A
MOVE32, MOVE32_IMMEDIATE, MOVE64, ADD64_IMMEDIATE = 0xBC, 0xB4, 0xBF, 0x07
SUBTRACT32 = 0x1C
IF_ZERO, IF_NOT_ZERO = 0x15, 0x55  # of 64 bits, against an immediate 0
_WIDE = 0x18  # a 64-bit immediate, in two slots; with 1 as its source it is the address of a map
_CALL, _EXIT, _JUMP = 0x85, 0x95, 0x05
_JUMP32, _OPERATION, _FROM_X = 0x06, 0xF0, 0x08
_WORD = 0xFFFFFFFF


class Instruction(NamedTuple):
    """One ``struct bpf_insn``."""

    code: int
    target: int = 0  # registers
    source: int = 0
    offset: int = 0
    immediate: int = 0


class Assembler:
    """Collects instructions; ``assemble`` resolves the labels. A ``bpf.Writer``, and more."""

    def __init__(self) -> None:
        self._code: list[Instruction] = []
        self._labels: dict[str, int] = {}
        self._jumps: list[tuple[int, str]] = []
        self.add(MOVE64, PACKET, R1)
        self.add(MOVE32_IMMEDIATE, A)
        self.add(MOVE32_IMMEDIATE, X)
        self.add(MOVE32_IMMEDIATE, KNOWN)

    # the lines of classic BPF

    def op(self, code: int, k: int = 0) -> None:
        """Add one classic instruction that does not jump."""
        match code:
            case bpf.LOAD_WORD_ABS | bpf.LOAD_HALF_ABS | bpf.LOAD_BYTE_ABS:
                self._load_packet(code, 0, k)
            case bpf.LOAD_WORD_X | bpf.LOAD_HALF_X | bpf.LOAD_BYTE_X:
                self._load_packet(code, X, k)
            case bpf.LOAD_IMMEDIATE | bpf.LOAD_X_IMMEDIATE:
                self.add(MOVE32_IMMEDIATE, X if code == bpf.LOAD_X_IMMEDIATE else A, immediate=k)
            case bpf.LOAD_MEMORY | bpf.LOAD_X_MEMORY:
                self.add(LOAD32, X if code == bpf.LOAD_X_MEMORY else A, FRAME, MEMORY + 4 * k)
            case bpf.STORE | bpf.STORE_X:
                self.add(STORE32, FRAME, X if code == bpf.STORE_X else A, MEMORY + 4 * k)
            case bpf.A_TO_X:
                self.add(MOVE32, X, A)
            case bpf.RETURN:
                self.add(MOVE32_IMMEDIATE, R0, immediate=k)
                self.add(_EXIT)
            case _:  # arithmetic of 32 bits has the same codes
                self.add(code, A, X if code & _FROM_X else 0, immediate=k)

    def _load_packet(self, code: int, index: int, k: int) -> None:
        """In network byte order, to R0; behind the packet's end the program ends with 0."""
        self.add(code, 0, index, immediate=k)
        self.add(MOVE32, A, R0)

    def test(self, code: int, k: int, yes: str | None = None, no: str | None = None) -> None:
        """Add a conditional jump to the labels *yes* and *no*; None goes on with the next line."""
        source = X if code & _FROM_X else 0
        compare = Instruction((code & (_OPERATION | _FROM_X)) | _JUMP32, A, source, 0, k)
        if yes is None:
            self._code.append(compare._replace(offset=1))
        else:
            self._jump(compare, yes)
        if no is not None:
            self.goto(no)

    def label(self, name: str) -> None:
        """Name the next line."""
        if name in self._labels:
            raise ValueError(f"label {name} twice")
        self._labels[name] = len(self._code)

    def goto(self, label: str) -> None:
        """Add an unconditional jump."""
        self._jump(Instruction(_JUMP), label)

    # what only eBPF has

    def add(self, code: int, target: int = 0, source: int = 0, offset: int = 0, immediate: int = 0) -> None:
        """Add one instruction as it is."""
        self._code.append(Instruction(code, target, source, offset, immediate))

    def branch(self, code: int, register: int, label: str) -> None:
        """Go to *label* if *register* is zero, or is not."""
        self._jump(Instruction(code, register), label)

    def stack(self, register: int, offset: int) -> None:
        """Point *register* to a place on the stack."""
        self.add(MOVE64, register, FRAME)
        self.add(ADD64_IMMEDIATE, register, immediate=offset)

    def map(self, register: int, descriptor: int) -> None:
        """Point *register* to the map behind *descriptor*."""
        self.add(_WIDE, register, 1, immediate=descriptor)
        self.add(0)

    def call(self, helper: int) -> None:
        """Call one of the kernel's helpers: arguments in R1 to R5, the result in R0."""
        self.add(_CALL, immediate=helper)

    def _jump(self, instruction: Instruction, label: str) -> None:
        self._jumps.append((len(self._code), label))
        self._code.append(instruction)

    def assemble(self) -> tuple[Instruction, ...]:
        """The program.

        Raises:
            ValueError: a label is missing, or lies before its jump.
        """
        code = list(self._code)
        for place, label in self._jumps:
            distance = self._labels.get(label, place) - place - 1
            if distance < 0:
                raise ValueError(f"label {label} is missing or behind its jump")
            code[place] = code[place]._replace(offset=distance)
        return tuple(code)


def pack(program: tuple[Instruction, ...]) -> bytes:
    """The array of ``struct bpf_insn`` that bpf(2) takes, as on little-endian machines."""
    return b"".join(
        struct.pack("=BBhI", each.code, each.target | each.source << 4, each.offset, each.immediate & _WORD)
        for each in program
    )
