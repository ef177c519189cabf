"""The opener: a tiny process that keeps the right to open packet sockets, so that nobody else needs it.

Start it before anything else: before threads, and while rights are still there. It is single-threaded, forks the
workers (all they need is imported by then), passes them rings, tells the daemon who died, and ends with the daemon.

``Opener.start`` returns the daemon's end; a worker gets a ``WorkerLink``. The process itself is in
``opener_process``.
"""

from __future__ import annotations

import codecs
import contextlib
import os
import sys
from collections.abc import Callable
from pathlib import Path

from egret.alerts.sensor import Probe
from egret.errors import SourceError
from egret.sources import channel
from egret.sources.channel import Channel, ChannelClosed
from egret.sources.opener_plan import ANSWER_TIMEOUT_S, Death, Plan, Worker, WorkerLink
from egret.sources.opener_process import run

# Python imports these when first used, which fails for a user who cannot read where Python is installed.
_CODECS = ("ascii", "idna", "latin-1", "punycode", "utf-8", "utf-16", "utf-32", "unicode_escape", "raw_unicode_escape")
_CLOSE_TIMEOUT_S = 5.0
PROBE_TIMEOUT_S = 0.5  # sending takes microseconds; whoever asks waits in an event loop


class OpenerClient:
    """The daemon's end. ``fileno`` is readable when a worker died or the opener is gone: then call ``events``.

    ``no_young`` says why the filter that remembers could not be loaded, so that the classic one is in its place; None
    where it was loaded, or not planned.
    """

    def __init__(self, pid: int, control: Channel, events: Channel) -> None:
        self.pid = pid
        self.no_young: str | None = None
        self._control = control
        self._events = events

    def spawn_worker(self, index: int) -> Worker:
        """Fork worker *index*.

        Raises:
            SourceError: it runs already, or the opener is gone.
        """
        answer = self._control.ask({"do": "spawn", "index": index}, ANSWER_TIMEOUT_S, descriptors=1)
        if len(answer.descriptors) != 1:
            raise SourceError("the opener passed no pipe")
        return Worker(index, int(str(answer.message["pid"])), channel.adopt(answer.descriptors[0]))

    def kill_worker(self, index: int) -> None:
        """Kill worker *index*; its death comes as an event. For one that does not end when its pipe closes."""
        self._control.ask({"do": "kill", "index": index}, ANSWER_TIMEOUT_S)

    def send_probe(self, probe: Probe, port: int) -> None:
        """Send one of the plan's canary frames from *port*.

        Raises:
            SourceError: it cannot be sent, and why.
        """
        self._control.ask({"do": "probe", "probe": probe.value, "port": port}, PROBE_TIMEOUT_S)

    def open_file(self, path: Path | str) -> int:
        """A read-only descriptor of one of the plan's files (or one in its directories; or such a directory).

        Raises:
            SourceError: it is not in the plan, or cannot be opened.
        """
        answer = self._control.ask({"do": "open_file", "path": os.fspath(path)}, ANSWER_TIMEOUT_S, descriptors=1)
        if len(answer.descriptors) != 1:
            raise SourceError(f"{path}: the opener passed no file")
        return answer.descriptors[0]

    def fileno(self) -> int:
        """The descriptor to watch."""
        return self._events.fileno()

    def events(self) -> list[Death]:
        """The workers that died since the last call.

        Raises:
            ChannelClosed: the opener is gone, and its workers with it.
        """
        deaths = []
        while received := self._events.receive():
            message = received.message
            deaths.append(Death(*(int(str(message[key])) for key in ("index", "pid", "status"))))
        return deaths

    def close(self) -> None:
        """End the opener and its workers, and wait for them; safe to call twice."""
        self._control.close()
        with contextlib.suppress(ChannelClosed):
            while self._events.fileno() >= 0 and self._events.wait(_CLOSE_TIMEOUT_S):
                self._events.receive()
        self._events.close()
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, 0)


class Opener:
    """How to start it."""

    @staticmethod
    def start(worker_main: Callable[[int, WorkerLink], None], plan: Plan) -> OpenerClient:
        """Fork the opener; *worker_main(index, link)* is what each worker runs, without rights.

        Raises:
            SourceError: it could not give up its own rights, or has none to capture.
        """
        for codec in _CODECS:
            codecs.lookup(codec)
        control, control_there = channel.pair()
        events, events_there = channel.pair()
        sys.stdout.flush()
        sys.stderr.flush()
        daemon = os.getpid()
        pid = os.fork()
        if pid == 0:
            control.close()
            events.close()
            run(worker_main, plan, control_there, events_there, daemon)
        control_there.close()
        events_there.close()
        client = OpenerClient(pid, control, events)
        try:
            why = control.expect(ANSWER_TIMEOUT_S).message.get("no_young")
            client.no_young = None if why is None else str(why)
        except SourceError:
            client.close()
            raise
        return client
