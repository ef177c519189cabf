"""The kernel as a machine to run filters in: one frame after the other, without a network (root)."""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import struct
from collections.abc import Iterator

from egret.sources import kernel_filter
from egret.sources.ebpf import loader
from egret.sources.ebpf.loader import YoungStreams

_DELETE, _NEXT_KEY, _TEST_RUN = 3, 4, 10
_NUMBERS = {"x86_64": 321, "aarch64": 280}
_libc = ctypes.CDLL(None, use_errno=True)


class Judge:
    """A loaded filter that is asked about frames."""

    def __init__(self, young: YoungStreams) -> None:
        self._young = young

    def passes(self, frame: bytes, linktype: int = kernel_filter.ETHERNET) -> bool:
        """Whether the kernel passes *frame*: it takes a link header off first, so one is put before it."""
        data = ctypes.create_string_buffer(bytes(12) + b"\x08\x00" + frame, 14 + len(frame))
        head = struct.pack("=4I2Q2I", self._young.programs[linktype], 0, len(data), 0, ctypes.addressof(data), 0, 1, 0)
        attributes = ctypes.create_string_buffer(head, 120)
        assert _call(_TEST_RUN, attributes) == 0, os.strerror(ctypes.get_errno())
        return int(struct.unpack_from("=I", attributes, 4)[0]) > 0

    def forget(self) -> None:
        """Empty the map."""
        key, following = ctypes.create_string_buffer(36), ctypes.create_string_buffer(36)
        while _call(_NEXT_KEY, self._at(None, following)) == 0:
            key.raw = following.raw
            _call(_DELETE, self._at(key, None))

    def _at(self, key: ctypes.Array[ctypes.c_char] | None, value: ctypes.Array[ctypes.c_char] | None) -> object:
        where = [0 if each is None else ctypes.addressof(each) for each in (key, value)]
        return ctypes.create_string_buffer(struct.pack("=Q2Q", self._young.streams, *where), 120)


def _call(command: int, attributes: object) -> int:
    number = _NUMBERS[platform.machine()]
    return int(_libc.syscall(number, command, ctypes.byref(attributes), 120))  # type: ignore[arg-type]


@contextlib.contextmanager
def loaded(*, any_dns: bool = False, streams: int = loader.STREAMS) -> Iterator[Judge]:
    young = YoungStreams(any_dns=any_dns, streams=streams)
    try:
        yield Judge(young)
    finally:
        young.close()
