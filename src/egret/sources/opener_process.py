"""The opener's own process: a loop over three kinds of descriptors, and nothing that blocks.

It does what the ``Plan`` names and refuses anything else. A worker that sends rubbish, asks for what is not its own,
or asks without reading the answers, is killed: its code is not ours any more.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import stat
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from egret.errors import EgretError, SourceError
from egret.names import printable
from egret.sources import afpacket, channel, privileges
from egret.sources.channel import BadMessage, Channel, ChannelClosed
from egret.sources.conntrack import Tracking
from egret.sources.ebpf.loader import YoungStreams, load_for
from egret.sources.opener_plan import Plan, WorkerLink
from egret.sources.portable import PortableChild, start_child
from egret.sources.prober import Prober
from egret.sources.tallies import TALLY, Clerk

_MAX_WORKERS = 64
_OPENS_PER_WINDOW, _WINDOW_S = 60, 60.0  # enough for interfaces that flap; each ring is memory of the kernel's
_GRACE_S = 2.0  # for workers to end after the daemon has

WorkerMain = Callable[[int, WorkerLink], None]


@dataclass(slots=True)
class _Child:
    index: int
    pid: int
    pidfd: int
    link: Channel | None
    clerk: Clerk | None
    opened_at_s: deque[float] = field(default_factory=lambda: deque(maxlen=_OPENS_PER_WINDOW))


class _RefusedError(SourceError):
    """A request that no honest worker makes."""


def run(worker_main: WorkerMain, plan: Plan, control: Channel, events: Channel, daemon: int) -> NoReturn:
    """Be the opener until the daemon is gone; never returns."""
    status = 1
    try:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)  # meant for the daemon; its end of the channel tells us
        server = _Server(worker_main, plan, control, events)
        server.young = _prepare(plan, control, daemon)
        server.serve()
        status = 0
    except ChannelClosed:
        status = 0
    except Exception as error:  # noqa: BLE001  the last frame of a process
        _say(f"the opener stopped: {type(error).__name__}: {error}")
    finally:
        os._exit(status)


def _say(text: str) -> None:
    """One line for the operator; the daemon's log is in another process."""
    sys.stderr.write(f"egret: {printable(text)}\n")
    sys.stderr.flush()


def _prepare(plan: Plan, control: Channel, daemon: int) -> YoungStreams | None:
    """Load what needs rights, give them up, and say whether what is left is enough."""
    young, why = None, None
    try:
        if plan.backend == "afpacket":
            young, why = load_for({options.filter for options in plan.interfaces.values()})
            privileges.drop(plan.user, _rights(plan))
            if missing := privileges.may_capture():
                raise SourceError(missing)
        privileges.die_with_parent(signal.SIGKILL, daemon)
    except EgretError as error:
        control.send({"error": str(error)})
        raise ChannelClosed(str(error)) from None
    control.send({"ok": True, "no_young": why})
    return young


def _rights(plan: Plan) -> set[int]:
    """Capturing; emptying the workers' bounding sets; asking connection tracking, reading any file: where planned."""
    reads = bool(plan.files) and os.geteuid() == 0
    rights = {privileges.CAP_NET_RAW, privileges.CAP_SETPCAP}
    rights |= {privileges.CAP_NET_ADMIN} if plan.conntrack else set()
    return rights | {privileges.CAP_DAC_READ_SEARCH} if reads else rights


class _Server:
    def __init__(self, worker_main: WorkerMain, plan: Plan, control: Channel, events: Channel) -> None:
        self._worker_main = worker_main
        self.young: YoungStreams | None = None
        self._groups: dict[str, int] = {}  # of the rings that share an interface
        self._plan = plan
        self._control = control
        self._events = events
        self._children: dict[int, _Child] = {}
        self._streams: dict[str, PortableChild] = {}
        self._files = _Files(plan)
        self._prober = Prober(plan.canary)
        self._tracking = Tracking() if plan.conntrack else None
        self._poll = select.poll()
        self._poll.register(control, select.POLLIN)

    def serve(self) -> None:
        """Until the daemon closes the control channel."""
        try:
            while True:
                for descriptor, _event in self._poll.poll(self._prober.wake_ms):
                    self._turn(descriptor)
                if silence := self._prober.overdue():
                    _say(silence)
        except ChannelClosed:
            self._end()

    def _turn(self, descriptor: int) -> None:
        if descriptor == self._control.fileno():
            self._obey()
            return
        for child in tuple(self._children.values()):
            if descriptor == child.pidfd:
                self._bury(child)
            elif child.link and descriptor == child.link.fileno():
                self._serve_worker(child)

    def _obey(self) -> None:
        received = self._control.receive()
        if received is None:
            return
        message = received.message
        try:
            answer, passed = self._do(message)
        except (SourceError, OSError, TypeError, ValueError) as error:
            answer, passed = {"error": str(error)}, []
        self._control.send({**answer, "id": message.get("id")}, passed)
        channel.close_all(passed)

    def _do(self, message: dict[str, object]) -> tuple[dict[str, object], list[int]]:
        match message:
            case {"do": "spawn", "index": int(index)}:
                return self._spawn(index)
            case {"do": "kill", "index": int(index)} if index in self._children:
                signal.pidfd_send_signal(self._children[index].pidfd, signal.SIGKILL)
                return {"ok": True}, []
            case {"do": "open_file", "path": str(path)}:
                return {"ok": True}, [self._files.open(path)]
            case {"do": "probe", "probe": str(probe), "port": int(port)}:
                self._prober.send(probe, port)
                return {"ok": True}, []
        raise SourceError("not a request the opener knows")

    def _spawn(self, index: int) -> tuple[dict[str, object], list[int]]:
        if index in self._children or not 0 <= index < _MAX_WORKERS:
            raise SourceError(f"worker {index} runs already, or is one too many")
        link, link_there = channel.pair()
        pipe, pipe_there = channel.pair()
        opener = os.getpid()
        pid = os.fork()
        if pid == 0:
            self._forget_all()
            link.close()
            pipe.close()
            _be_worker(self._worker_main, index, WorkerLink(link_there, pipe_there), self._plan, opener)
        link_there.close()
        pipe_there.close()
        clerk = Clerk(self._tracking) if self._tracking else None
        child = _Child(index, pid, os.pidfd_open(pid), link, clerk)
        self._children[index] = child
        self._poll.register(child.pidfd, select.POLLIN)
        self._poll.register(link, select.POLLIN)
        passed = os.dup(pipe.fileno())
        pipe.close()
        return {"ok": True, "pid": pid}, [passed]

    def _forget_all(self) -> None:
        """In a new worker: nothing of the opener's or of another worker's stays open."""
        self._control.close()
        self._events.close()
        if self._tracking:
            self._tracking.close()
        if self.young:
            self.young.close()
        for child in self._children.values():
            os.close(child.pidfd)
            if child.link:
                child.link.close()

    def _serve_worker(self, child: _Child) -> None:
        if child.link is None:
            return
        try:
            received = child.link.receive()
            if received is not None:
                self._answer_worker(child, child.link, received.message)
        except ChannelClosed:
            self._cut(child)
        except (BadMessage, _RefusedError) as error:
            _say(f"worker {child.index} is killed: it sent {error}")
            signal.pidfd_send_signal(child.pidfd, signal.SIGKILL)
            self._cut(child)

    def _answer_worker(self, child: _Child, link: Channel, message: dict[str, object]) -> None:
        if message.get("do") == TALLY and child.clerk is not None:
            self._answer_tally(child.clerk, link, message)
            return
        interface = message.get("interface")
        if not isinstance(interface, str) or not self._is_planned(message.get("do"), interface):
            raise _RefusedError("a request for an interface that is not in the plan")
        try:
            self._limit(child)
            answer, passed = self._open(message.get("do"), interface)
        except _RefusedError:
            raise
        except (SourceError, OSError) as error:
            answer, passed = {"error": str(error)}, None
        try:
            if not link.send({**answer, "id": message.get("id")}, [passed.fileno()] if passed else ()):
                raise _RefusedError("requests without reading the answers")
        finally:
            if passed:
                passed.close()

    def _answer_tally(self, clerk: Clerk, link: Channel, message: dict[str, object]) -> None:
        try:
            answer = clerk.answer(message)
        except ValueError as error:
            raise _RefusedError(f"a request for {error}") from None
        if not link.send({**answer, "id": message.get("id")}):
            raise _RefusedError("requests without reading the answers")

    def _is_planned(self, what: object, interface: str) -> bool:
        if what == "open_canary_ring":
            return self._plan.canary is not None and interface == self._plan.canary.interface
        return interface in self._plan.interfaces

    def _limit(self, child: _Child) -> None:
        now_s, times = time.monotonic(), child.opened_at_s
        if len(times) == _OPENS_PER_WINDOW and now_s - times[0] < _WINDOW_S:
            raise SourceError("opened too often within a minute; later")
        times.append(now_s)

    def _open(self, what: object, interface: str) -> tuple[dict[str, object], socket.socket]:
        canary = self._plan.canary.options if self._plan.canary else None
        rings = {"open_ring": self._plan.interfaces.get(interface), "open_volume_ring": self._plan.volume}
        rings["open_canary_ring"] = canary
        options = rings.get(what) if isinstance(what, str) else None
        if options is not None and self._plan.backend == "afpacket":
            opened = afpacket.open_ring(interface, options, self.young, self._groups.get(interface))
            if opened.group is not None:
                self._groups[interface] = opened.group
            answer = {"index": opened.index, "linktype": opened.linktype, "geometry": list(opened.geometry)}
            return answer, opened.socket
        if what == "open_stream" and self._plan.backend == "portable":
            return {"ok": True}, self._stream(interface)
        raise _RefusedError("a request that is not in the plan")

    def _stream(self, interface: str) -> socket.socket:
        """A new portable child; the one before ended, or belonged to a worker that did."""
        if before := self._streams.pop(interface, None):
            before.end()
        child = start_child(interface, self._plan.interfaces[interface], self._plan.user)
        self._streams[interface] = child
        return child.stream

    def _cut(self, child: _Child) -> None:
        if child.link:
            self._poll.unregister(child.link)
            child.link.close()
            child.link = None

    def _bury(self, child: _Child) -> None:
        """Reap one worker and report it."""
        _pid, status = os.waitpid(child.pid, os.WNOHANG)
        self._cut(child)
        self._poll.unregister(child.pidfd)
        os.close(child.pidfd)
        del self._children[child.index]
        code = os.waitstatus_to_exitcode(status)
        self._events.send({"index": child.index, "pid": child.pid, "status": code})

    def _end(self) -> None:
        """The daemon is gone: its workers see their pipes end; after a grace they are killed."""
        deadline_s = time.monotonic() + _GRACE_S
        for child in self._children.values():
            poll = select.poll()
            poll.register(child.pidfd, select.POLLIN)
            if not poll.poll(max(0.0, deadline_s - time.monotonic()) * 1000):
                signal.pidfd_send_signal(child.pidfd, signal.SIGKILL)
            os.waitpid(child.pid, 0)
            self._cut(child)
            os.close(child.pidfd)
        for stream in self._streams.values():
            stream.end()


def _be_worker(worker_main: WorkerMain, index: int, link: WorkerLink, plan: Plan, opener: int) -> NoReturn:
    """In the new process: give up every right, then work; never returns."""
    status = 1
    try:
        privileges.drop(plan.user)
        privileges.die_with_parent(signal.SIGKILL, opener)
        worker_main(index, link)
        status = 0
    except BaseException as error:  # noqa: BLE001  the last frame of a process
        _say(f"worker {index} stopped: {type(error).__name__}: {error}")
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


class _Files:
    """The plan's files. A link is followed where the operator's own path was one at the start, and nowhere else."""

    def __init__(self, plan: Plan) -> None:
        paths = [Path(os.path.abspath(path)) for path in plan.files]  # noqa: PTH100  resolve() would follow links
        self._links = {str(path): path.is_symlink() for path in paths}
        self._directories = {str(path) for path in paths if path.is_dir()}

    def open(self, path: str) -> int:
        """A read-only descriptor of a regular file or directory."""
        if path not in self._links and not self._is_entry(path):
            raise SourceError(f"{printable(path)}: not one of the files named at the start; restart to use it")
        follow = 0 if self._links.get(path) else os.O_NOFOLLOW
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | follow)
        except (OSError, ValueError) as error:
            raise SourceError(f"{printable(path)}: cannot be opened: {error}") from None
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
            os.close(descriptor)
            raise SourceError(f"{printable(path)}: neither a file nor a directory")
        return descriptor

    def _is_entry(self, path: str) -> bool:
        folder, _, name = path.rpartition("/")
        return folder in self._directories and name not in {"", ".", ".."}
