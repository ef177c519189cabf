"""An assembler for classic BPF, the little machine that filters packet sockets.

Programs are written with labels and assembled in one go. A conditional jump reaches 255 instructions; one
that must go further becomes the same test over two unconditional jumps, whose reach is 32 bits. All jumps
go forward: that is the machine's rule, and why every program ends.

Ref: Linux Documentation/networking/filter.rst; McCanne and Jacobson, "The BSD Packet Filter" (1993).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple, Protocol

MAX_INSTRUCTIONS = 4096  # BPF_MAXINSNS: the kernel refuses a longer program
_REACH = 255  # jt and jf are one byte each

LOAD_WORD_ABS, LOAD_HALF_ABS, LOAD_BYTE_ABS = 0x20, 0x28, 0x30  # A = packet[k]
LOAD_WORD_X, LOAD_HALF_X, LOAD_BYTE_X = 0x40, 0x48, 0x50  # A = packet[X + k]
LOAD_IMMEDIATE, LOAD_X_IMMEDIATE, LOAD_MEMORY, LOAD_X_MEMORY = 0x00, 0x01, 0x60, 0x61
STORE, STORE_X = 0x02, 0x03
ADD, ADD_X, SUBTRACT_X, AND, SHIFT_LEFT, SHIFT_RIGHT = 0x04, 0x0C, 0x1C, 0x54, 0x64, 0x74
JUMP, JUMP_EQUAL, JUMP_GREATER, JUMP_SET, JUMP_GREATER_X = 0x05, 0x15, 0x25, 0x45, 0x2D
A_TO_X = 0x07
RETURN, RETURN_A = 0x06, 0x16


class Instruction(NamedTuple):
    """One ``struct sock_filter``."""

    code: int
    jt: int
    jf: int
    k: int


class Writer(Protocol):
    """What lines of classic BPF are written to: this module's ``Assembler``, or eBPF's."""

    def op(self, code: int, k: int = 0) -> None:
        """Add one instruction that does not jump."""
        ...

    def test(self, code: int, k: int, yes: str | None = None, no: str | None = None) -> None:
        """Add a conditional jump to the labels *yes* and *no*; None goes on with the next line."""
        ...

    def label(self, name: str) -> None:
        """Name the next line."""
        ...

    def goto(self, label: str) -> None:
        """Add an unconditional jump."""
        ...


class _Test(NamedTuple):
    code: int
    k: int
    yes: str | None  # None: the next line
    no: str | None


class _Label(NamedTuple):
    name: str


class _Goto(NamedTuple):
    label: str


class Assembler:
    """Collects lines; ``assemble`` turns them into instructions."""

    def __init__(self) -> None:
        self._lines: list[Instruction | _Test | _Label | _Goto] = []

    def op(self, code: int, k: int = 0) -> None:
        """Add one instruction that does not jump."""
        self._lines.append(Instruction(code, 0, 0, k))

    def test(self, code: int, k: int, yes: str | None = None, no: str | None = None) -> None:
        """Add a conditional jump to the labels *yes* and *no*; None goes on with the next line."""
        self._lines.append(_Test(code, k, yes, no))

    def label(self, name: str) -> None:
        """Name the next line."""
        self._lines.append(_Label(name))

    def goto(self, label: str) -> None:
        """Add an unconditional jump."""
        self._lines.append(_Goto(label))

    def assemble(self) -> tuple[Instruction, ...]:
        """Place every line and resolve the labels.

        Raises:
            ValueError: a label is missing, doubled or behind its jump, or the program is too long.
        """
        far: set[int] = set()
        while True:
            places, labels = self._layout(far)
            new = {
                n for n, line in enumerate(self._lines) if isinstance(line, _Test) and self._is_far(n, places, labels)
            }
            if new <= far:
                break
            far |= new
        program = [out for n in range(len(self._lines)) for out in self._emit(n, places, labels, n in far)]
        if len(program) > MAX_INSTRUCTIONS:
            raise ValueError(f"a filter of {len(program)} instructions; the kernel takes {MAX_INSTRUCTIONS}")
        return tuple(program)

    def _layout(self, far: set[int]) -> tuple[list[int], dict[str, int]]:
        places, labels, place = [], dict[str, int](), 0
        for number, line in enumerate(self._lines):
            places.append(place)
            if isinstance(line, _Label):
                if line.name in labels:
                    raise ValueError(f"label {line.name} twice")
                labels[line.name] = place
            else:
                place += 3 if number in far else 1
        return places, labels

    def _is_far(self, number: int, places: list[int], labels: dict[str, int]) -> bool:
        line = self._lines[number]
        targets = (line.yes, line.no) if isinstance(line, _Test) else ()
        return any(name and _distance(places[number], name, labels) > _REACH for name in targets)

    def _emit(self, number: int, places: list[int], labels: dict[str, int], far: bool) -> list[Instruction]:
        line, place = self._lines[number], places[number]
        if isinstance(line, _Label):
            return []
        if isinstance(line, _Goto):
            return [Instruction(JUMP, 0, 0, _distance(place, line.label, labels))]
        if isinstance(line, Instruction):
            return [line]
        after = 2 if far else 0  # the next line, counted from behind the test
        yes = _distance(place, line.yes, labels) if line.yes else after
        no = _distance(place, line.no, labels) if line.no else after
        if not far:
            return [Instruction(line.code, yes, no, line.k)]
        jumps = [Instruction(JUMP, 0, 0, yes - 1), Instruction(JUMP, 0, 0, no - 2)]
        return [Instruction(line.code, 0, 1, line.k), *jumps]


def _distance(place: int, label: str, labels: dict[str, int]) -> int:
    distance = labels[label] - place - 1 if label in labels else -1
    if distance < 0:
        raise ValueError(f"label {label} is missing or behind its jump")
    return distance


def pack(program: Sequence[Instruction]) -> bytes:
    """The array of ``struct sock_filter`` that SO_ATTACH_FILTER points to, in native byte order."""
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in program)
