"""The opener's part of the canary: it sends the plan's frames when asked, and says so if nobody asks any more.

It sends nothing but those frames, and on nothing but a loopback interface: a frame there has nowhere to go.
"""

from __future__ import annotations

import socket
import time

from egret.alerts.sensor import Probe
from egret.errors import SourceError
from egret.sources import afpacket
from egret.sources.probes import FIRST_PORT, PORTS, CanaryPlan, from_port

_ETH_P_IP = 0x0800
_SILENT = "the daemon has asked for no canary probe for {:.0f} s: it hangs, and alerts nobody; restart it"


class Prober:
    """Sends probes; a *plan* of None allows none."""

    def __init__(self, plan: CanaryPlan | None) -> None:
        self._plan = plan
        self._asked_at_s: float | None = None  # None: not yet, or it was said that nobody does
        self.wake_ms = None if plan is None else int(plan.patience_s * 500)  # how often ``overdue`` is to be asked

    def send(self, probe: str, port: int) -> None:
        """Send *probe* from *port*.

        Raises:
            SourceError: not in the plan, no loopback interface, or the kernel refuses.
        """
        plan = self._plan
        if plan is None or probe not in plan.frames or not FIRST_PORT <= port < FIRST_PORT + PORTS:
            raise SourceError("a probe that is not in the plan")
        self._asked_at_s = time.monotonic()
        frame = from_port(plan.frames[Probe(probe)], port)
        try:
            self._send(plan.interface, frame)
        except OSError as error:
            raise SourceError(f"{plan.interface}: the canary cannot be sent: {error.strerror or error}") from None

    def _send(self, interface: str, frame: bytes) -> None:
        if afpacket.hardware_type(interface) != afpacket.ARPHRD_LOOPBACK:
            raise SourceError(f"{interface}: no loopback interface; the canary must not leave this host")
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, 0) as sock:
            sock.sendto(frame, (interface, _ETH_P_IP))

    def overdue(self) -> str | None:
        """What to say, once, when the daemon has stopped to ask."""
        if self._plan is None or self._asked_at_s is None:
            return None
        silent_s = time.monotonic() - self._asked_at_s
        if silent_s < self._plan.patience_s:
            return None
        self._asked_at_s = None
        return _SILENT.format(silent_s)
