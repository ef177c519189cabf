"""systemd's notification protocol (sd_notify(3)): ready, status, watchdog."""

from __future__ import annotations

import os
import socket
import time


class Notifier:
    """Tells the service manager how the daemon is; silent where there is none."""

    def __init__(self, address: str | None = None, watchdog_usec: str | None = None) -> None:
        address = os.environ.get("NOTIFY_SOCKET") if address is None else address
        watchdog_usec = os.environ.get("WATCHDOG_USEC") if watchdog_usec is None else watchdog_usec
        self._socket: socket.socket | None = None
        if address:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
            self._socket.setblocking(False)
            self._address = "\0" + address[1:] if address.startswith("@") else address
        self._watchdog_usec = int(watchdog_usec) if watchdog_usec and watchdog_usec.isdigit() else 0

    @property
    def watchdog_interval_s(self) -> float | None:
        """How often to say "alive": a third of what the manager allows; None without a watchdog."""
        return self._watchdog_usec / 3_000_000 if self._watchdog_usec and self._socket else None

    def ready(self, status: str) -> None:
        """Start-up is over."""
        self._send(f"READY=1\nSTATUS={_line(status)}")

    def reloading(self) -> None:
        """A reload has begun; ``ready`` ends it."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def status(self, status: str) -> None:
        """One line for ``systemctl status``."""
        self._send(f"STATUS={_line(status)}")

    def alive(self) -> None:
        """Keep the watchdog from biting."""
        self._send("WATCHDOG=1")

    def stopping(self) -> None:
        """Shut-down has begun."""
        self._send("STOPPING=1")

    def close(self) -> None:
        """Say no more."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _send(self, message: str) -> None:
        if self._socket is None:
            return
        try:
            self._socket.sendto(message.encode(), self._address)
        except OSError:
            return  # a manager that does not listen must not stop the daemon


def _line(text: str) -> str:
    return " ".join(text.split())
