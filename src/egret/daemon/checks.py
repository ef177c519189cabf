"""What is looked at, every few seconds: the metrics say it all, and the settings say what is too much."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Protocol

from egret.alerts.sensor import Finding, Problem, Standing
from egret.alerts.silence import Silence
from egret.model import Severity
from egret.settings.watch_section import WatchSettings
from egret.telemetry import Telemetry

LOOK_EVERY_NS = 5 * 1_000_000_000
_MINUTE_NS = 60 * 1_000_000_000
_DAY_NS = 24 * 60 * _MINUTE_NS
_LOOP_NS = 15 * _MINUTE_NS
_CALM_NS = 5 * _MINUTE_NS  # a loss or a death is over after so long without another
_LEAST_LOST = 10  # packets: one lost of fifty is no news
_RECEIVED, _DROPPED = "egret_packets_received_total", "egret_packets_dropped_total"


class Board(Protocol):
    """What ``daemon.watch.Watch`` is to the checks."""

    @property
    def standing(self) -> list[Standing]:
        """What is amiss now."""
        ...

    def bad(self, finding: Finding) -> None:
        """Something is amiss."""
        ...

    def good(self, problem: Problem, subject: str = "", after_ns: int = 0) -> None:
        """Nothing is, for *after_ns* at least."""
        ...


class Checks:
    """Looks at everything but the canary.

    Args:
        settings: replaced on reload.
        interfaces: those that are watched.
        telemetry: where everything is counted.
        board: hears what is found.
    """

    def __init__(self, settings: WatchSettings, interfaces: Iterable[str], telemetry: Telemetry, board: Board) -> None:
        self.settings = settings
        self._interfaces = tuple(interfaces)
        self._telemetry = telemetry
        self._board = board
        self._looked_ns = 0
        self._since: dict[tuple[Problem, str], int] = {}  # when a condition that must last began
        self._silences = {name: Silence(_ns(settings.silent_after)) for name in self._interfaces}
        self._received: dict[str, float] = {}
        self._minute_ns: int | None = None
        self._packets: dict[str, tuple[float, float]] = {}  # received and lost, a minute ago
        self._restarts = self._set_aside = 0.0
        self._deaths: deque[int] = deque(maxlen=16)

    def tick(self, now_ns: int) -> None:
        """Look, if it is time."""
        if self.settings.enabled and not 0 <= now_ns - self._looked_ns < LOOK_EVERY_NS:
            self._looked_ns = now_ns
            self._look(now_ns)

    def _look(self, now_ns: int) -> None:
        self._links(now_ns)
        self._loss(now_ns)
        self._workers(now_ns)
        self._outputs(now_ns)
        self._store(now_ns)
        self._reload()
        self._ages(now_ns)

    def _links(self, now_ns: int) -> None:
        up = self._telemetry.by_label("egret_link_up", "interface")
        received = self._telemetry.by_label(_RECEIVED, "interface")
        for name in self._interfaces:
            down = not up.get(name)
            text, advice = f"{name} is down or gone", "what passes there is not seen; see: egret doctor"
            self._lasting(
                _finding(Problem.LINK_DOWN, name, Severity.HIGH, text, advice), down, self.settings.link_down, now_ns
            )
            silence = self._silences[name]
            silence.after_ns = _ns(self.settings.silent_after)
            heard = down or received.get(name, 0.0) != self._received.get(name, 0.0)  # down is another problem
            self._received[name] = received.get(name, 0.0)
            silent_ns = silence.look(now_ns, heard=heard)
            minutes = (silent_ns or 0) // _MINUTE_NS
            text = f"{name} is up and usually busy, and has given nothing for {minutes} min"
            advice = "has the SPAN session, the tap or the cabling changed?"
            self._judge(_finding(Problem.LINK_SILENT, name, Severity.MEDIUM, text, advice), silent_ns is not None)

    def _loss(self, now_ns: int) -> None:
        """Once a minute."""
        if self._minute_ns is not None and 0 <= now_ns - self._minute_ns < _MINUTE_NS:
            return
        first, self._minute_ns = self._minute_ns is None, now_ns
        received = self._telemetry.by_label(_RECEIVED, "interface")
        lost = self._telemetry.by_label(_DROPPED, "interface")
        before, self._packets = self._packets, {n: (received.get(n, 0.0), lost.get(n, 0.0)) for n in self._interfaces}
        for name in self._interfaces if not first else ():
            came, went = (now - then for now, then in zip(self._packets[name], before[name], strict=True))
            percent = 100 * went / (came + went) if went >= _LEAST_LOST else 0.0
            text = f"{name} lost {percent:.1f} % of a minute's packets"
            advice = "names may have been missed; raise capture.ring_mb or capture.workers, or watch fewer interfaces"
            finding = _finding(Problem.PACKETS_LOST, name, Severity.MEDIUM, text, advice)
            self._judge(finding, percent > self.settings.max_loss_percent, _CALM_NS)

    def _workers(self, now_ns: int) -> None:
        restarts = self._telemetry.value("egret_worker_restarts_total")
        died, self._restarts = int(restarts - self._restarts), restarts
        self._deaths.extend([now_ns] * died)
        while self._deaths and not 0 <= now_ns - self._deaths[0] < _LOOP_NS:
            self._deaths.popleft()
        text, advice = "a capture process died and another took its place", "the log holds the reason; please report it"
        self._judge(_finding(Problem.WORKER_DIED, "", Severity.LOW, text, advice), died > 0, _CALM_NS)
        text = f"capture processes died {len(self._deaths)} times in a quarter of an hour"
        advice = "the log holds the reason; what came while they started was not read"
        loop = len(self._deaths) >= self.settings.worker_restarts
        self._judge(_finding(Problem.WORKER_RESTARTS, "", Severity.MEDIUM, text, advice), loop)

    def _outputs(self, now_ns: int) -> None:
        closed = self._telemetry.by_label("egret_delivery_circuit", "sink", state="closed")
        self._forget(Problem.OUTPUT_FAILING, closed)
        for name, is_closed in closed.items():
            text, advice = f"alerts do not reach {name}", "they wait and are tried again; see: egret alerts list"
            finding = _finding(Problem.OUTPUT_FAILING, name, Severity.HIGH, text, advice)
            self._lasting(finding, not is_closed, self.settings.output_failing, now_ns)

    def _store(self, now_ns: int) -> None:
        broken = bool(self._telemetry.value("egret_store_errors_total")) and not self._telemetry.value(
            "egret_store_healthy"
        )
        text, advice = (
            "incidents cannot be written",
            "detection goes on, a restart would forget; is the disk full or read-only?",
        )
        self._lasting(
            _finding(Problem.STORE_FAILED, "", Severity.MEDIUM, text, advice),
            broken,
            self.settings.store_failing,
            now_ns,
        )
        aside = self._telemetry.value("egret_store_set_aside_total")
        text = "the store of incidents was damaged; what could be read of it is in a new one"
        advice = "the log says how much; the damaged file is kept beside it; check the disk"
        damaged, self._set_aside = aside > self._set_aside, aside
        self._judge(_finding(Problem.STORE_DAMAGED, "", Severity.MEDIUM, text, advice), damaged, _DAY_NS)

    def _reload(self) -> None:
        refused = not self._telemetry.value("egret_config_last_reload_successful")
        text, advice = (
            "the last reload was refused; what was in use before still is",
            "egret check -c FILE; egret reload",
        )
        self._judge(_finding(Problem.RELOAD_REFUSED, "", Severity.MEDIUM, text, advice), refused)

    def _ages(self, now_ns: int) -> None:
        now_s, limit = now_ns / 1e9, self.settings.catalogue_age
        reviewed_s = self._telemetry.value("egret_catalog_last_reviewed_timestamp_seconds")
        text, advice = (
            f"nothing in the catalogue was reviewed for {limit.days} days",
            "egret catalog update, or update Egret",
        )
        old = 0 < reviewed_s < now_s - limit.total_seconds()
        self._judge(_finding(Problem.CATALOGUE_OLD, "", Severity.LOW, text, advice), old)
        built = self._telemetry.by_label("egret_geoip_build_timestamp_seconds", "database")
        limit = self.settings.database_age
        self._forget(Problem.DATABASE_OLD, built)
        for name, built_s in built.items():
            text, advice = f"the database {name} was built over {limit.days} days ago", "egret geoip update"
            old = 0 < built_s < now_s - limit.total_seconds()
            self._judge(_finding(Problem.DATABASE_OLD, name, Severity.LOW, text, advice), old)

    def _lasting(self, finding: Finding, bad: bool, hold: timedelta, now_ns: int) -> None:
        """As ``_judge``, where a moment of it is no news."""
        key = (finding.problem, finding.subject)
        if not bad:
            self._since.pop(key, None)
            self._judge(finding, bad)
            return
        since_ns = min(self._since.setdefault(key, now_ns), now_ns)
        if now_ns - since_ns >= _ns(hold):
            self._judge(finding, bad)

    def _judge(self, finding: Finding, bad: bool, calm_ns: int = 0) -> None:
        if bad:
            self._board.bad(finding)
        else:
            self._board.good(finding.problem, finding.subject, calm_ns)

    def _forget(self, problem: Problem, there: Mapping[str, float]) -> None:
        """What a reload took away is no problem any more."""
        for standing in self._board.standing:
            if standing.finding.problem is problem and standing.finding.subject not in there:
                self._board.good(problem, standing.finding.subject)


def _finding(problem: Problem, subject: str, severity: Severity, text: str, advice: str) -> Finding:
    return Finding(problem=problem, subject=subject, severity=severity, text=text, advice=advice)


def _ns(span: timedelta) -> int:
    return int(span.total_seconds() * 1_000_000_000)
