"""The capturing child of the portable backend: the only place where scapy is imported.

``python -m egret.sources.portable_child INTERFACE FILTER on|off UID``: a pcap stream on standard output; if that
cannot begin, a line of text instead that says why.
"""

from __future__ import annotations

import contextlib
import os
import platform
import socket
import sys
import time
from typing import Any

from egret.errors import EgretError, SourceError
from egret.sources import afpacket, kernel_filter, privileges
from egret.sources.portable import FILE_HEADER, MAGIC, MAX_FRAME, RECORD_HEADER

_LINKTYPES = {"Ether": 1, "IP": 101, "IPv6": 101, "Loopback": 0, "CookedLinux": 113}
_ETHERNET = {afpacket.ARPHRD_ETHERNET, afpacket.ARPHRD_LOOPBACK}
_LINUX = platform.system() == "Linux"
_LOST_FRAME_PAUSE_S = 0.2
_NS = 1_000_000_000


def main(arguments: list[str], output: int) -> int:
    """Capture to the descriptor *output* until that is closed or the interface is gone."""
    interface, filter_name, promiscuous, uid = arguments
    try:
        listener, linktype = _listen(interface, filter_name, promiscuous == "on")
        privileges.drop(privileges.find_user(uid) if uid else None)
    except EgretError as error:
        _write(output, f"{error}\n".encode())
        return 1
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        _write(output, FILE_HEADER.pack(MAGIC, 2, 4, 0, 0, MAX_FRAME, linktype))
        _copy(listener, interface, output)
    return 0


def _listen(interface: str, filter_name: str, promiscuous: bool) -> tuple[Any, int]:
    from scapy.config import conf  # noqa: PLC0415  after the arguments are known to be good, for it takes a second
    from scapy.error import Scapy_Exception  # noqa: PLC0415

    conf.logLevel = 40
    import scapy.arch  # noqa: PLC0415  chooses this system's sockets
    import scapy.layers.all  # noqa: F401, PLC0415  names the link types

    try:
        listener = conf.L2listen(iface=interface, promisc=promiscuous)
    except (OSError, ValueError, Scapy_Exception) as error:
        raise SourceError(f"scapy cannot capture: {error}") from None
    linktype = _linktype(listener)
    if _LINUX and linktype in {kernel_filter.ETHERNET, kernel_filter.RAW_IP}:
        afpacket.attach(listener.ins, kernel_filter.program(filter_name, linktype))
    return listener, linktype


def _linktype(listener: Any) -> int:
    if _LINUX:
        hardware = listener.ins.getsockname()[3]
        return kernel_filter.ETHERNET if hardware in _ETHERNET else kernel_filter.RAW_IP
    layer = getattr(listener, "LL", None) or listener.guess_cls()
    name = getattr(layer, "__name__", "")
    if name not in _LINKTYPES:
        raise SourceError(f"frames of kind {name} are not read here; name another interface")
    return _LINKTYPES[name]


def _copy(listener: Any, interface: str, output: int) -> None:
    index = _index(interface)
    while True:
        try:
            _layer, data, seconds = listener.recv_raw()
        except OSError:
            if index is None or _index(interface) != index:
                return
            time.sleep(_LOST_FRAME_PAUSE_S)  # it is down: the socket wakes when it is up again
            continue
        if data:
            time_ns = int((seconds or time.time()) * _NS)
            _write(output, RECORD_HEADER.pack(time_ns // _NS, time_ns % _NS, len(data), len(data)) + data)


def _index(interface: str) -> int | None:
    try:
        return socket.if_nametoindex(interface)
    except OSError:
        return None


def _write(output: int, data: bytes) -> None:
    while data:
        data = data[os.write(output, data) :]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], sys.stdout.fileno()))
