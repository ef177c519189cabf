"""DNS questions at a fixed rate until told to stop: a child process in a namespace, and what it says at its end.

As a program: ``steady.py SERVER RATE FLAGGED EVERY``; each EVERYth question names a host below FLAGGED, the others one
that nobody knows; every name is asked for once.
"""

from __future__ import annotations

import signal
import socket
import struct
import sys
import time

BURST_S = 0.005
LONGEST_S = 180.0  # a bound, if whoever started it is gone


def question(number: int, parent: str) -> bytes:
    """One question for the address of the *number*th host below *parent*."""
    labels = f"h{number}.{parent}".split(".")
    name = b"".join(bytes([len(label)]) + label.encode() for label in labels) + b"\0"
    return struct.pack(">6H", number & 0xFFFF, 0x0100, 1, 0, 0, 0) + name + struct.pack(">2H", 1, 1)


def main(server: str, rate: int, flagged: str, every: int) -> None:
    """Ask until SIGTERM; print how many questions were sent, and how many of them named *flagged*."""
    told: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: told.append(number))
    ask = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    began, sent, named = time.monotonic(), 0, 0
    while not told and (passed := time.monotonic() - began) < LONGEST_S:
        while sent < passed * rate:
            is_named = sent % every == 0
            ask.sendto(question(sent, flagged if is_named else "example.org"), (server, 53))
            sent, named = sent + 1, named + is_named
        time.sleep(BURST_S)
    print(f"{sent} {named} {time.monotonic() - began:.1f}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
