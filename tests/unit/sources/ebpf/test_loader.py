from __future__ import annotations

import ctypes
import errno
import os
import platform
import socket

import pytest

from egret.sources import kernel_filter
from egret.sources.ebpf import loader
from egret.sources.ebpf.assembler import Instruction
from egret.sources.ebpf.loader import UnavailableError, YoungStreams, load_for


class Kernel:
    """Answers bpf(2); *refusals* are taken in turn, 0: a descriptor."""

    def __init__(self, *refusals: int, log: bytes = b"") -> None:
        self.refusals = list(refusals)
        self.log = log
        self.commands: list[int] = []
        self.given: list[int] = []

    def syscall(self, _number: int, command: int, attributes: object, _size: int) -> int:
        self.commands.append(command)
        refusal = self.refusals.pop(0) if self.refusals else 0
        if not refusal:
            self.given.append(os.open("/dev/null", os.O_RDONLY))
            return self.given[-1]
        at = ctypes.c_uint64.from_buffer_copy(bytes(attributes._obj)[32:40]).value  # type: ignore[attr-defined]
        if at:
            ctypes.memmove(at, self.log, len(self.log))
        ctypes.set_errno(refusal)
        return -1


def kernel(monkeypatch: pytest.MonkeyPatch, *refusals: int, log: bytes = b"") -> Kernel:
    made = Kernel(*refusals, log=log)
    monkeypatch.setattr(loader, "_libc", made)
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    return made


def is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def test_a_map_and_a_program_for_each_kind_of_link(monkeypatch: pytest.MonkeyPatch) -> None:
    made = kernel(monkeypatch)
    young = YoungStreams()
    assert made.commands == [0, 5, 5]
    assert young.streams == made.given[0]
    assert dict(young.programs) == {kernel_filter.ETHERNET: made.given[1], kernel_filter.RAW_IP: made.given[2]}
    young.close()
    young.close()
    assert not any(map(is_open, made.given))


@pytest.mark.parametrize(
    ("refusals", "why"),
    [
        ((errno.EPERM,), "no right to load it"),
        ((0, errno.EPERM), "no right to load it"),
        ((errno.ENOSYS,), "has no bpf"),
        ((0, 0, errno.EINVAL, errno.EINVAL), "the kernel refuses it: .*R1 is not a pointer"),
        ((errno.ENOMEM,), "the kernel refuses it"),
    ],
)
def test_what_cannot_be_loaded_says_why_and_leaves_nothing(
    refusals: tuple[int, ...], why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = kernel(monkeypatch, *refusals, log=b"0: (61)\nR1 is not a pointer\n")
    with pytest.raises(UnavailableError, match=why):
        YoungStreams()
    assert not any(map(is_open, made.given))


def test_a_machine_whose_call_number_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel(monkeypatch)
    monkeypatch.setattr(platform, "machine", lambda: "vax")
    with pytest.raises(UnavailableError, match="has no bpf"):
        YoungStreams()


def test_refused_once_and_taken_with_a_log(monkeypatch: pytest.MonkeyPatch) -> None:
    made = kernel(monkeypatch, errno.EINVAL)
    descriptor = loader.load((Instruction(0x95),))
    assert made.commands == [5, 5]
    os.close(descriptor)


def test_attached_by_the_kind_of_link(monkeypatch: pytest.MonkeyPatch) -> None:
    made = kernel(monkeypatch)
    young, asked = YoungStreams(), list[tuple[int, int, int]]()

    class Socket:
        def setsockopt(self, *arguments: int) -> None:
            asked.append(arguments)  # type: ignore[arg-type]

    young.attach(Socket(), kernel_filter.RAW_IP)  # type: ignore[arg-type]
    assert asked == [(socket.SOL_SOCKET, 50, made.given[2])]
    young.close()


@pytest.mark.parametrize("planned", [kernel_filter.YOUNG, kernel_filter.YOUNG_DNS])
def test_loaded_where_it_is_planned(planned: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made = kernel(monkeypatch)
    assert load_for({"classic", kernel_filter.EVERYTHING}) == (None, None)
    assert made.commands == []
    young, why = load_for({planned, "classic"})
    assert young is not None
    assert why is None
    young.close()


def test_a_filter_that_cannot_be_loaded_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel(monkeypatch, errno.EPERM)
    young, why = load_for({kernel_filter.YOUNG})
    assert young is None
    assert why is not None
    assert "CAP_BPF" in why
