"""A soak: real packets through the daemon as a user runs it, while everything around it fails; then the account.

    sudo python bench/soak.py [--minutes M] [--flagged FLOWS_A_SECOND] [--seed N]

In namespaces of its own: a paced sender on one end of a veth pair (look-ups, TLS and QUIC hellos; flagged names and
ordinary ones), ``egret run -c`` on the other, outputs whose receivers fail on purpose, small disks. Faults come at
random but seeded times (``soaking/faults.py``). At the end faults stop, what waits is delivered, and all must add up
(``soaking/books.py``): exit 0 only if nothing is unexplained. Then the store is damaged in four ways while alerts wait
in it (``soaking/damage.py``). Steps of the clock are not part of it: a namespace has
no clock of its own for them; ``tests/property`` has them.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import shutil
import statistics
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack, suppress
from datetime import datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.soaking import books as accounts
from bench.soaking.damage import damage
from bench.soaking.faults import DETECTIONS, FAULTS, Rig
from bench.soaking.place import FAR, WATCHED, Daemon, copy_config, disk, enter_namespaces, furnish
from bench.soaking.receivers import ALERTMANAGER, Alertmanager, Memory, SyslogReceiver, WebhookReceiver
from bench.soaking.traffic import Pair, Sender
from egret.store.database import Database
from egret.store.outbox import Choice, find
from tests.support.world.addresses import write_database

CONFIG = """
capture: {{interfaces: [{watched}]}}
networks: {{inside: [192.0.2.0/24]}}
clients: {{discover: false, neighbours: false}}
geoip: {{databases: [{folder}/world.mmdb], geolocate_reserved: true}}
alerts: {{update_every: {update}, close_after: 20s}}
evidence: {{max_mb: 8, max_incidents: 200}}
log: {{format: json}}
outputs:
  terminal: {{enabled: false}}
  file: {{path: "{folder}/out/alerts.jsonl", min_severity: info}}
  spool: {{backoff_cap: 2s}}
  webhooks:
    - {{name: good, url: "http://127.0.0.1:{good}/", min_severity: info, timeout: 1s}}
    - {{name: flaky, url: "http://127.0.0.1:{flaky}/", min_severity: info, timeout: {timeout}}}
    - {{name: hanging, url: "http://127.0.0.1:{hanging}/", min_severity: info, timeout: 1s}}
  syslog:
    - {{name: tcp, transport: tcp, host: 127.0.0.1, port: {syslog}, min_severity: info}}
"""
PEERS = """
  alertmanagers:
    - {{name: peers, urls: ["http://127.0.0.1:{alertmanager}"], min_severity: info, repeat: 5s, expire: 20s}}
"""
VARIANTS = {"plain": {"update": "15s", "timeout": "1s"}, "other": {"update": "10s", "timeout": "2s"}}
BAD = "\nouputs: {}\n"
FLAKY = (*(200,) * 12, 503, 429, 400, 500, "cut", "cut late", "hang")
QUIET_S = 12.0  # longest pause between faults
SHORT_MIN = 10.0  # below it faults last half as long, or two minutes would be four
SETTLE_S = 60.0
DRAIN_S = 300.0
TO_COME = ("egret_incidents_open", "egret_delivery_queue_length", "egret_delivery_unread")


class Soak:
    """One run."""

    def __init__(self, folder: Path, options: argparse.Namespace, stack: ExitStack) -> None:
        folder.chmod(0o755)
        self.books, self._options, self._folder = accounts.Books(), options, folder
        seed = options.seed
        self.receivers = {"good": WebhookReceiver((200,), seed), "flaky": WebhookReceiver(FLAKY, seed)}
        self.receivers["hanging"] = WebhookReceiver(("hang",), seed)
        self.receivers["hanging"].faulty = False
        self.syslog = SyslogReceiver()
        peers = Alertmanager(folder / "alertmanager") if shutil.which(ALERTMANAGER) else None
        write_database(folder / "world.mmdb")
        self.state = stack.enter_context(
            disk(folder / "state", 64 + round(options.minutes * 24))
        )  # damaged stores are kept
        out = stack.enter_context(disk(folder / "out", 32 + round(options.minutes * 8)))
        self._ports = {name: each.port for name, each in self.receivers.items()} | {"syslog": self.syslog.port}
        self._ports["alertmanager"] = peers.port if peers else 0
        self.log = folder / "log"
        self.daemon = Daemon(folder / "egret.yaml", self.state.folder, self.log)
        pace = 1.0 if options.minutes >= SHORT_MIN else 0.5
        chance, good, hanging = random.Random(seed), self.receivers["good"], self.receivers["hanging"]
        self._counted = self._dropped_before = 0  # detections, and what was dropped, when all was last settled
        self.sender = Sender(FAR, options.flagged, options.ordinary, seed)
        receivers = (good, hanging, self.syslog, peers)
        self.rig = Rig(self.daemon, self.state, out, *receivers, self.configure, self.sender, chance, pace)

    def configure(self, name: str) -> None:
        values = VARIANTS.get(name, VARIANTS["plain"])
        peers = PEERS if self._ports["alertmanager"] else ""
        text = (CONFIG + peers).format(folder=self._folder, watched=WATCHED, **self._ports, **values)
        copy_config(self._folder / "egret.yaml", text + (BAD if name == "bad" else ""))

    def run(self) -> None:
        """Load and faults, until the time is over and each fault was had."""
        self.configure("plain")
        self.daemon.start()
        self.sender.start()
        end_s = time.monotonic() + self._options.minutes * 60
        gap_s = min(QUIET_S, self._options.minutes * 60 / len(FAULTS) / 3)
        while time.monotonic() < end_s or not self.rig.diary.faults:
            for name in self.rig.chance.sample(sorted(FAULTS), len(FAULTS)):
                if time.monotonic() < end_s or name not in self.rig.diary.faults:
                    self._once(name, gap_s)
        self.sender.pause()

    def _once(self, name: str, gap_s: float) -> None:
        self.sender.resume()
        time.sleep(self.rig.chance.uniform(gap_s / 2, gap_s))
        FAULTS[name](self.rig)
        faults = self.rig.diary.faults
        faults[name] = faults.get(name, 0) + 1
        print(f"{sum(faults.values())}: {name}", file=sys.stderr, flush=True)
        time.sleep(self.rig.chance.uniform(gap_s / 4, gap_s / 2))
        self.sender.pause()
        self._balance(name)

    def _balance(self, name: str) -> None:
        """After each fault: what was sent since the one before is counted, but for what came when nobody looked."""
        sent = self.sender.sent[self.rig.settled[0] :]
        most = self._counted + len(sent)
        wanted = most - len(accounts.within(self.rig.diary.blind, sent)) + self._dropped_before
        end_s, counted, least = time.monotonic() + SETTLE_S, -1, most
        while time.monotonic() < end_s:
            before, scrape = counted, self.daemon.scrape()
            counted, least = self.daemon.totals()[DETECTIONS], wanted - self._drops()
            if counted == before and counted >= least:
                break
            time.sleep(1.0)
        if not least <= counted <= most:
            self.books.wrong.append(f"after {name}: {counted} detections, {least} to {most} expected")
        self._counted, self._dropped_before = counted, self._drops()
        self.books.instant(scrape)
        self.rig.settle()

    def _drops(self) -> int:
        totals = self.daemon.totals()
        return totals["egret_packets_dropped_total"] + totals["egret_messages_dropped_total"]

    def drain(self) -> None:
        """No more faults, no more packets: everything closes and is delivered."""
        for receiver in self.receivers.values():
            receiver.faulty = False
        end_s = time.monotonic() + DRAIN_S
        while time.monotonic() < end_s:
            scrape = self.daemon.scrape()
            if not any(scrape.total(name) for name in TO_COME):
                break
            time.sleep(1.0)
        time.sleep(2.0)
        self.books.instant(self.daemon.scrape())
        firing = self.rig.alertmanager.firing() if self.rig.alertmanager else set()
        self.books.title("Alertmanager")
        self.books.line(f"{len(firing)} alerts still firing {sorted(firing)[:3] or ''}", holds=not firing)
        if code := self.daemon.stop():
            self.books.wrong.append(f"egret ended with {code}")

    def account(self) -> None:
        """Everything, once the daemon is gone."""
        books, diary, sent, totals = self.books, self.rig.diary, self.sender.sent, self.daemon.totals()
        recorded = self._recorded()
        accounts.detections(books, sent, totals, diary)
        accounts.pairs(books, sent, recorded, diary)
        accounts.alerts(books, recorded)
        books.title("outputs: on record = delivered + dead + dropped + waiting")
        for name, memory in {**self.receivers, "tcp": self.syslog, "file": self._file()}.items():
            accounts.output(books, name, memory, recorded, self._dropped(name), diary)
        self._promptness(recorded)
        tracebacks = self.log.read_text(errors="replace").count("Traceback")
        books.line(f"{tracebacks} tracebacks in the log", holds=not tracebacks)
        books.line(f"{self.sender.ordinary:,} ordinary flows sent, none on record (see pairs)")
        wanted = ("store_errors", "alerts_unrecorded", "worker_restarts", "messages_dropped", "packets_dropped")
        said = ", ".join(f"{totals[f'egret_{name}_total']:,} {name}" for name in wanted)
        books.line(f"{self.daemon.life + 1} lives of the daemon; counted: {said}")

    def damage(self) -> None:
        """Afterwards, since it takes away what the account rests on."""
        self.daemon.start()
        damage(self.rig, self.sender, self.books)
        if code := self.daemon.stop():
            self.books.wrong.append(f"egret ended with {code}")

    def _dropped(self, name: str) -> int:
        lives = self.daemon.last.values()
        return sum(each.total("egret_deliveries_total", sink=name, outcome="dropped") for each in lives)

    def _recorded(self) -> accounts.Recorded:
        database = Database(self.state.folder / "incidents.db")
        rows = database.run(lambda c: c.execute("SELECT client, signature, closed_ns, body FROM incidents").fetchall())
        alerts = find(database, Choice(), 10**7)
        moved = [*database.moved_aside, *self.state.folder.glob("*.corrupt")]
        database.close()
        self.books.line(f"{len(moved)} databases set aside", holds=not moved)
        counts: Counter[Pair] = Counter()
        for client, signature, _, body in rows:
            counts[Pair(client, signature)] += json.loads(body)["detections"]
        return accounts.Recorded(counts, sum(row[2] is None for row in rows), alerts)

    def _file(self) -> Memory:
        memory = Memory()
        for line in (self._folder / "out" / "alerts.jsonl").read_text().splitlines():
            alert = json.loads(line)
            if alert["event"]["dataset"] != "egret.sensor":
                said = (alert["event"]["id"], alert["@timestamp"], alert["egret"]["action"])
                memory.take(alert["event"]["id"], said)
            written_s = datetime.fromisoformat(alert["@timestamp"]).timestamp()  # a file has no times of its own
            memory.first_s[alert["event"]["id"]] = written_s
        for receiver in (*self.receivers.values(), self.syslog):
            memory.first_s |= receiver.first_s
        return memory

    def _promptness(self, recorded: accounts.Recorded) -> None:
        """How long after an incident's first packet the receiver that always answers had the alert."""
        came_s = self.receivers["good"].first_s
        opened = [kept for kept in recorded.alerts if json.loads(kept.body)["action"] == "opened"]
        waits = sorted(came_s[kept.id] - kept.time_ns / 1e9 for kept in opened if kept.id in came_s)
        if waits:
            late = waits[int(len(waits) * 0.99)]
            words = f"{statistics.median(waits) * 1000:.0f} ms median, {late:.2f} s for 99 %, {waits[-1]:.1f} s at most"
            self.books.line(f"packet to receiver, opened, all faults included: {words}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--flagged", type=float, default=5.0, help="flagged flows a second")
    parser.add_argument("--ordinary", type=float, default=20.0, help="other flows a second")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if os.geteuid() != 0:
        print("the soak makes network namespaces and mounts: run it as root", file=sys.stderr)
        return 2
    if not options.inside:
        enter_namespaces()
    furnish()
    return soak(options)


def soak(options: argparse.Namespace) -> int:
    began_s = time.monotonic()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="egret-soak-")))
        run = Soak(folder, options, stack)
        try:
            run.run()
            run.drain()
            run.account()
            run.damage()
        except Exception:
            print(run.log.read_text(errors="replace")[-6000:], file=sys.stderr)
            raise
        finally:
            run.sender.stop()
    return report(run, time.monotonic() - began_s)


def report(run: Soak, seconds: float) -> int:
    faults = run.rig.diary.faults
    print(
        f"faults: {sum(faults.values())}: " + ", ".join(f"{name} {number}" for name, number in sorted(faults.items()))
    )
    with suppress(ChildProcessError):  # orphans of killed daemons are ours now; their time counts once they are reaped
        while os.waitpid(-1, os.WNOHANG)[0]:
            continue
    own, theirs = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = own.ru_utime + own.ru_stime + theirs.ru_utime + theirs.ru_stime
    print(f"{seconds:.0f} s, {cpu_s:.0f} s of CPU in all: {cpu_s / seconds:.0%} of a core")
    for each in run.books.wrong:
        print(f"WRONG: {each}")
    print("FAILED" if run.books.wrong else "the account balances")
    return 1 if run.books.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
