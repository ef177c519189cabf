"""The door to bpf(2): a map of streams and the filters that use it, loaded while there is the right to.

Loading needs CAP_BPF, or root; what was loaded works on without. Whoever holds a program's descriptor may attach it to
a socket of his own. Other kernels, locked-down ones and other machines refuse: ``Unavailable`` says why, and the
classic filter needs none of this.

Ref: bpf(2); linux/bpf.h.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import socket
import struct
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from types import MappingProxyType

from egret.errors import SourceError
from egret.sources import kernel_filter
from egret.sources.ebpf import young
from egret.sources.ebpf.assembler import Instruction, pack

STREAMS = 1 << 16  # streams that are remembered, some 100 bytes of the kernel's memory each
_NUMBERS = {"x86_64": 321, "aarch64": 280, "riscv64": 280, "loongarch64": 280, "armv7l": 386, "ppc64le": 361}
_MAP_CREATE, _PROG_LOAD = 0, 5
_LRU_HASH, _SOCKET_FILTER = 9, 1
_SO_ATTACH_BPF = 50
_LOG = 1 << 16
_ATTRIBUTES = 120  # bytes of ``union bpf_attr``; unused ones are zero, as older kernels demand
_libc = ctypes.CDLL(None, use_errno=True)


class UnavailableError(SourceError):
    """This machine loads no such filter now; says why and what to do."""


class YoungStreams:
    """The filter that passes young streams, loaded: one map, and a program for each kind of link.

    Raises:
        UnavailableError: it cannot be loaded.
    """

    def __init__(self, *, any_dns: bool = False, streams: int = STREAMS) -> None:
        self._descriptors: list[int] = []
        try:
            self.streams = self._keep(create_map(young.KEY_SIZE, young.VALUE_SIZE, streams))
            programs = {
                linktype: self._keep(load(young.program(linktype, self.streams, any_dns=any_dns)))
                for linktype in (kernel_filter.ETHERNET, kernel_filter.RAW_IP)
            }
        except OSError as error:
            self.close()
            raise UnavailableError(_explain(error)) from None
        self.programs: Mapping[int, int] = MappingProxyType(programs)  # link type: descriptor

    def _keep(self, descriptor: int) -> int:
        self._descriptors.append(descriptor)
        return descriptor

    def attach(self, sock: socket.socket, linktype: int) -> None:
        """Put the filter in the place of the socket's; no right is needed for it.

        Raises:
            OSError: the kernel refuses.
        """
        sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_BPF, self.programs[linktype])

    def close(self) -> None:
        """Let go of it; sockets keep what they use. Safe to call twice."""
        while self._descriptors:
            os.close(self._descriptors.pop())


def load_for(filters: AbstractSet[str]) -> tuple[YoungStreams | None, str | None]:
    """The filter that remembers, where one of *filters* is it; or why it cannot be had."""
    wanted = filters & kernel_filter.FLOOR.keys()
    if not wanted:
        return None, None
    try:
        return YoungStreams(any_dns=kernel_filter.YOUNG_DNS in wanted), None
    except UnavailableError as error:
        return None, str(error)


def _explain(error: OSError) -> str:
    if error.errno in {errno.EPERM, errno.EACCES}:
        return f"no right to load it ({error.strerror}): it needs CAP_BPF, or root, at the start"
    if error.errno == errno.ENOSYS:
        return "this kernel or machine has no bpf(2)"
    return f"the kernel refuses it: {error.strerror}"


def bpf(command: int, attributes: bytes) -> int:
    """Ask the kernel once.

    Raises:
        OSError: what the kernel says; ENOSYS where we do not know the call's number.
    """
    number = _NUMBERS.get(platform.machine())
    if number is None or not hasattr(_libc, "syscall"):
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    buffer = ctypes.create_string_buffer(attributes, _ATTRIBUTES)
    result = int(_libc.syscall(number, command, ctypes.byref(buffer), _ATTRIBUTES))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


def create_map(key_size: int, value_size: int, entries: int) -> int:
    """The descriptor of a map that throws out what was not used for the longest time.

    Raises:
        OSError: the kernel refuses.
    """
    return bpf(_MAP_CREATE, struct.pack("=5I", _LRU_HASH, key_size, value_size, entries, 0))


def load(program: tuple[Instruction, ...]) -> int:
    """The descriptor of a socket filter.

    Raises:
        OSError: the kernel refuses; with the last words of its verifier.
    """
    code = ctypes.create_string_buffer(pack(program))
    licence = ctypes.create_string_buffer(b"MIT")
    ends = ctypes.addressof(code), ctypes.addressof(licence)
    try:
        return bpf(_PROG_LOAD, struct.pack("=II2Q", _SOCKET_FILTER, len(program), *ends))
    except OSError as error:
        if error.errno not in {errno.EINVAL, errno.EACCES, errno.E2BIG}:
            raise
        log = ctypes.create_string_buffer(_LOG)
        attributes = struct.pack("=II2QIIQ", _SOCKET_FILTER, len(program), *ends, 1, _LOG, ctypes.addressof(log))
        return _load_with_reasons(attributes, log)


def _load_with_reasons(attributes: bytes, log: ctypes.Array[ctypes.c_char]) -> int:
    """Again, to hear why not."""
    try:
        return bpf(_PROG_LOAD, attributes)
    except OSError as error:
        said = log.value.decode("ascii", "replace").strip().splitlines()
        raise OSError(error.errno, f"{error.strerror}: {' '.join(said[-3:])}") from None
