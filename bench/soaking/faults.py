"""What goes wrong, at random times under load. Each fault ends with Egret as it should be again, and says in the diary
from when to when packets may have gone unseen, and from when on counts may not have been saved."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from bench.soaking.place import Daemon, Disk
from bench.soaking.receivers import Alertmanager, SyslogReceiver, WebhookReceiver
from bench.soaking.traffic import Sender

HOLD_S = 5.0
DETECTIONS = "egret_detections_total"
SAVED_EVERY_S = 20.0  # counts of open incidents that made no alert: twice the ledger's pause, on a busy machine
PATIENCE_S = 120.0
RESTART_S = 1.0  # what systemd waits


class Span(NamedTuple):
    """From when to when, in Unix seconds."""

    since_s: float
    until_s: float


@dataclass
class Diary:
    """What happened, as far as the account must know."""

    blind: list[Span] = field(default_factory=list)  # nobody captured, or what was captured died with its process
    unsaved: list[Span] = field(default_factory=list)  # what came meanwhile may be missing in the incidents' counts
    untold: list[Span] = field(default_factory=list)  # alerts were told that could not be committed, and then a kill
    faults: dict[str, int] = field(default_factory=dict)


@dataclass
class Rig:
    """All that a fault may touch."""

    daemon: Daemon
    state: Disk
    out: Disk
    good: WebhookReceiver
    hanging: WebhookReceiver
    syslog: SyslogReceiver
    alertmanager: Alertmanager | None
    configure: Callable[[str], None]  # "plain", "other" or "bad"
    sender: Sender
    chance: random.Random
    pace: float  # of what a fault lasts
    diary: Diary = field(default_factory=Diary)
    settled: tuple[int, int] = (0, 0)  # flows sent, and the detections of this life, when all was last counted

    def settle(self) -> None:
        """All that was sent is counted, as far as anybody captured it."""
        self.settled = len(self.sender.sent), self.daemon.last[self.daemon.life].total(DETECTIONS)

    def counted_until_s(self) -> float:
        """When the first flow was sent that is not counted now: it may be on its way, and die with who carries it."""
        scrape = self.daemon.scrape()
        sent, counted = self.settled
        first = sent + scrape.total(DETECTIONS) - counted
        return self.sender.sent[first].time_s if first < len(self.sender.sent) else scrape.time_s

    def hold(self, longest_s: float = HOLD_S) -> None:
        time.sleep(self.pace * self.chance.uniform(longest_s / 2, longest_s))

    def written(self) -> None:
        """The disk is as it should be: soon everything that waited is on it."""
        _wait(lambda: self.daemon.scrape().total("egret_store_healthy") == 1, "store that recovers")


def kill_daemon(rig: Rig, unsaved_since_s: float | None = None, meanwhile: Callable[[], None] = lambda: None) -> None:
    """SIGKILL, as a power cut; *meanwhile* is done before it starts again."""
    daemon = rig.daemon
    seen_s = rig.counted_until_s()
    daemon.end(signal.SIGKILL)
    killed_s = time.time()
    meanwhile()
    time.sleep(RESTART_S)
    daemon.start()
    rig.diary.blind.append(Span(seen_s, time.time()))
    rig.diary.unsaved.append(Span(min(seen_s - SAVED_EVERY_S, unsaved_since_s or seen_s), killed_s))


def restart_daemon(rig: Rig) -> None:
    """SIGTERM: it ends in order, and loses but what nobody captured."""
    seen_s = rig.counted_until_s()
    code = rig.daemon.stop()
    if code:
        raise RuntimeError(f"egret ended with {code} after SIGTERM")
    time.sleep(RESTART_S)
    rig.daemon.start()
    rig.diary.blind.append(Span(seen_s, time.time()))


def kill_worker(rig: Rig) -> None:
    daemon, seen_s = rig.daemon, rig.counted_until_s()
    before = daemon.scrape().total("egret_worker_restarts_total")
    for worker in daemon.workers:
        os.kill(worker, signal.SIGKILL)
    _wait(lambda: daemon.scrape().total("egret_worker_restarts_total") > before and bool(daemon.workers), "a worker")
    received = daemon.scrape().total("egret_packets_received_total", interface="lan0")
    _wait(lambda: daemon.scrape().total("egret_packets_received_total", interface="lan0") > received, "its packets")
    rig.diary.blind.append(Span(seen_s, time.time()))


def kill_opener(rig: Rig) -> None:
    """The daemon cannot go on without: it ends in order, and is started again."""
    daemon, seen_s = rig.daemon, rig.counted_until_s()
    family = [daemon.opener, *daemon.workers]
    os.kill(daemon.opener, signal.SIGKILL)
    if daemon.ended(family) != 1:
        raise RuntimeError("egret did not fail without its opener")
    time.sleep(RESTART_S)
    daemon.start()
    rig.diary.blind.append(Span(seen_s, time.time()))


def pause_daemon(rig: Rig) -> None:
    """SIGSTOP, as a machine that swaps or is moved."""
    rig.daemon.signal(signal.SIGSTOP)
    rig.hold()
    rig.daemon.signal(signal.SIGCONT)


def fill_disk(rig: Rig) -> None:
    rig.state.fill()
    rig.hold(2 * HOLD_S)
    rig.state.free()
    rig.written()


def fill_disk_and_kill(rig: Rig) -> None:
    rig.state.fill()
    full_s = time.time()
    rig.hold()
    kill_daemon(rig, full_s - SAVED_EVERY_S)
    rig.diary.untold.append(Span(full_s, rig.diary.unsaved[-1].until_s))
    rig.hold()
    rig.state.free()
    rig.written()


def start_read_only(rig: Rig) -> None:
    """The file system is read-only when it starts, and writable later."""

    def remount() -> None:
        if not rig.state.read_only():
            raise RuntimeError("a file is still open for writing")

    kill_daemon(rig, meanwhile=remount)
    rig.hold(2 * HOLD_S)
    rig.state.writable()
    rig.written()


def fill_other_disk(rig: Rig) -> None:
    """The one that the file output writes to."""
    rig.out.fill()
    rig.hold(2 * HOLD_S)
    rig.out.free()


def hang(rig: Rig) -> None:
    rig.hanging.faulty = True
    rig.hold(4 * HOLD_S)
    rig.hanging.faulty = False


def hang_and_kill(rig: Rig) -> None:
    rig.hanging.faulty = True
    rig.hold()
    kill_daemon(rig)
    rig.hanging.faulty = False


def restart_receiver(rig: Rig) -> None:
    rig.good.close()
    rig.hold(2 * HOLD_S)
    rig.good.open()


def restart_syslog(rig: Rig) -> None:
    rig.syslog.close()
    rig.hold(2 * HOLD_S)
    rig.syslog.open()


def kill_alertmanager(rig: Rig) -> None:
    if rig.alertmanager is not None:
        rig.alertmanager.close()
        rig.hold()
        rig.alertmanager.open()


def _reload(rig: Rig, name: str, outcome: str) -> None:
    before = rig.daemon.scrape().total("egret_reloads_total", outcome=outcome)
    rig.configure(name)
    rig.daemon.signal(signal.SIGHUP)
    _wait(lambda: rig.daemon.scrape().total("egret_reloads_total", outcome=outcome) > before, f"{outcome} a reload")


def reload_well(rig: Rig) -> None:
    _reload(rig, "other", "applied")
    rig.hold()
    _reload(rig, "plain", "applied")


def reload_badly(rig: Rig) -> None:
    _reload(rig, "bad", "refused")
    rig.configure("plain")


def _wait(ready: Callable[[], bool], what: str, timeout_s: float = PATIENCE_S) -> None:
    end_s = time.monotonic() + timeout_s
    while not ready():
        if time.monotonic() > end_s:
            raise TimeoutError(f"egret: no {what} within {timeout_s:g} s")
        time.sleep(0.25)


FAULTS: dict[str, Callable[[Rig], None]] = {
    "daemon killed": kill_daemon,
    "worker killed": kill_worker,
    "opener killed": kill_opener,
    "daemon restarted": restart_daemon,
    "daemon paused": pause_daemon,
    "disk full": fill_disk,
    "disk full, daemon killed": fill_disk_and_kill,
    "disk read-only at a start": start_read_only,
    "file's disk full": fill_other_disk,
    "receiver hangs": hang,
    "receiver hangs, daemon killed": hang_and_kill,
    "receiver restarted": restart_receiver,
    "syslog server restarted": restart_syslog,
    "Alertmanager killed": kill_alertmanager,
    "reload": reload_well,
    "reload of a bad file": reload_badly,
}
