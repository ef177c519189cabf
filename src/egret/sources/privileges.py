"""Rights: what this process may do, and giving up all of it that is not needed.

Through prctl(2) and capset(2) in the C library; Python has no door to them. ``drop`` checks what it did.

Ref: capabilities(7), prctl(2), credentials(7).
"""

from __future__ import annotations

import ctypes
import errno
import os
import pwd
import socket
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from egret.errors import SourceError

CAP_DAC_READ_SEARCH, CAP_SETPCAP, CAP_NET_ADMIN, CAP_NET_RAW = 2, 8, 12, 13
_CAP_SETGID, _CAP_SETUID = 6, 7
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_KEEPCAPS, _PR_CAPBSET_DROP = 1, 4, 8, 24
_PR_SET_NO_NEW_PRIVS, _PR_CAP_AMBIENT = 38, 47
_AMBIENT_RAISE, _AMBIENT_CLEAR_ALL = 2, 4
_CAPABILITY_VERSION_3 = 0x20080522
_FALLBACK_USERS = ("egret", "nobody")


class Identity(NamedTuple):
    """Whom to become."""

    name: str
    uid: int
    gid: int


def find_user(name: str | None) -> Identity:
    """The user *name* (or number); None: ``egret`` where it exists, else ``nobody``.

    Raises:
        SourceError: there is no such user.
    """
    for candidate in (name,) if name else _FALLBACK_USERS:
        if found := _lookup(candidate):
            return found
    raise SourceError(f"there is no user {name or ' or '.join(_FALLBACK_USERS)}; set capture.user to one that exists")


def _lookup(name: str) -> Identity | None:
    try:
        entry = pwd.getpwuid(int(name)) if name.isdigit() else pwd.getpwnam(name)
    except KeyError:
        return None
    return Identity(entry.pw_name, entry.pw_uid, entry.pw_gid)


def drop(user: Identity | None, keep: Iterable[int] = (), *, ambient: bool = False) -> None:
    """Become *user* (None: stay who we are) with the capabilities *keep* and no way to get more.

    Args:
        user: taken on where this process may; an ordinary user stays itself.
        keep: capability numbers, of those this process has; all others leave every set, the bounding one too.
        ambient: hand *keep* on to programs that this process executes.

    Raises:
        SourceError: something could not be given up; nothing must be read from outside then.
    """
    kept = current_capabilities() & frozenset(keep)
    changes = user if _may_become() else None
    try:
        _empty_bounding_set(kept)
        if changes:
            _become(changes)
        _prctl(_PR_CAP_AMBIENT, _AMBIENT_CLEAR_ALL)
        _capset(kept, kept if ambient else frozenset())
        for capability in kept if ambient else ():
            _prctl(_PR_CAP_AMBIENT, _AMBIENT_RAISE, capability)
        _prctl(_PR_SET_NO_NEW_PRIVS, 1)
        _prctl(_PR_SET_DUMPABLE, 0)  # nobody attaches to it, no core with packets in it
    except OSError as error:
        raise SourceError(f"cannot give up rights: {error.strerror or error}") from None
    _verify(changes, kept)


def _empty_bounding_set(kept: frozenset[int]) -> None:
    if CAP_SETPCAP not in current_capabilities():
        return  # an ordinary user cannot; no_new_privs keeps the set out of reach
    for capability in range(_last_capability() + 1):
        if capability not in kept:
            _prctl(_PR_CAPBSET_DROP, capability)


def _may_become() -> bool:
    """Only root changes its user; in a container without CAP_SETUID not even root."""
    return os.geteuid() == 0 and current_capabilities() >= {_CAP_SETGID, _CAP_SETUID}


def _become(user: Identity) -> None:
    _prctl(_PR_SET_KEEPCAPS, 1)
    os.setgroups([])
    os.setresgid(user.gid, user.gid, user.gid)
    os.setresuid(user.uid, user.uid, user.uid)


def _verify(user: Identity | None, kept: frozenset[int]) -> None:
    left = current_capabilities() - kept
    if left or (user and user.uid != 0 and 0 in os.getresuid()):
        raise SourceError(
            f"rights are still there after giving them up: uid {os.getresuid()}, capabilities {sorted(left)}"
        )


def die_with_parent(signal_number: int, parent: int) -> None:
    """Be killed when *parent* ends. After ``drop``: a change of user clears it (prctl(2))."""
    _prctl(_PR_SET_PDEATHSIG, signal_number)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal_number)


def current_capabilities() -> frozenset[int]:
    """The effective capabilities of this process; none where the system has no such thing."""
    return capability_set("CapEff")


def capability_set(field: str) -> frozenset[int]:
    """One set of /proc/self/status: CapInh, CapPrm, CapEff, CapBnd or CapAmb."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return frozenset()
    mask = next((int(line.split()[1], 16) for line in lines if line.startswith(field)), 0)
    return frozenset(bit for bit in range(mask.bit_length()) if mask >> bit & 1)


def may_capture() -> str | None:
    """None if this process may open a packet socket; else one line: what is missing and what to do."""
    if not hasattr(socket, "AF_PACKET"):
        return "this system has no AF_PACKET sockets; use --backend portable"
    try:
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0).close()
    except PermissionError:
        return "capturing needs CAP_NET_RAW: run as root (sudo), or as the installed service, whose unit grants it"
    except OSError as error:
        unsupported = error.errno in {errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT}
        what = "this kernel has no packet sockets" if unsupported else f"packet sockets fail: {error.strerror}"
        return f"{what}; use --backend portable"
    return None


def _last_capability() -> int:
    try:
        return int(Path("/proc/sys/kernel/cap_last_cap").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return 63


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _prctl(option: int, *arguments: int) -> None:
    padded = [ctypes.c_ulong(argument) for argument in (*arguments, 0, 0, 0, 0)[:4]]
    if _libc().prctl(option, *padded) < 0:
        raise OSError(ctypes.get_errno(), f"prctl {option}: {os.strerror(ctypes.get_errno())}")


def _capset(effective: frozenset[int], inheritable: frozenset[int]) -> None:
    """Effective and permitted sets become the same (struct __user_cap_data_struct, two of 32 bits)."""
    wanted, passed = (sum(1 << capability for capability in each) for each in (effective, inheritable))
    low, high = (wanted & 0xFFFFFFFF, passed & 0xFFFFFFFF), (wanted >> 32, passed >> 32)
    header = struct.pack("=Ii", _CAPABILITY_VERSION_3, 0)
    data = struct.pack("=6I", low[0], low[0], low[1], high[0], high[0], high[1])
    if _libc().capset(header, data) < 0:
        raise OSError(ctypes.get_errno(), f"capset: {os.strerror(ctypes.get_errno())}")
