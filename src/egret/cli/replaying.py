"""Captures through the whole pipeline: what ``egret replay`` does.

What only some replays need is imported where they need it, for a start is most of what a small capture takes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from pathlib import Path

from egret import __version__
from egret.alerts.incidents import Incidents
from egret.alerts.model import Alert, Incident, Sensor
from egret.cli.capture import Captures, by_time
from egret.cli.coverage_summary import coverage_summary
from egret.cli.incident_table import incident_table
from egret.cli.jobs import AUTO, Divided, each_file, number_of_jobs
from egret.cli.output import FOUND, complain
from egret.cli.scan import Scan
from egret.cli.steps import Found, Moved, Step
from egret.daemon.grounds import Grounds, load_grounds
from egret.daemon.rules import load_rules
from egret.evidence import Proof
from egret.judge.directory import Mark
from egret.model import Detection, NamedBy, Severity
from egret.settings.places import default_config_file
from egret.telemetry.coverage import Counts, Interval, of_worker, together
from egret.value import replace
from egret.worker.heap import resting
from egret.worker.pipeline import Hit

_BUNCH = 512  # steps and what is found in them


class Format(StrEnum):
    """What to print for each incident."""

    TABLE = "table"
    JSONL = "jsonl"
    ECS = "ecs"
    OCSF = "ocsf"
    EVE = "eve"
    CEF = "cef"
    LEEF = "leef"


def replay_files(
    files: Sequence[str],
    config: Path | None = None,
    output: Format = Format.TABLE,
    *,
    detections: bool = False,
    evidence: Path | None = None,
    fail_on: Severity | None = None,
    jobs: str = AUTO,
) -> int:
    """Run captures through the pipeline and print what was found; the exit code. See ``cli.replay`` for the options.

    Raises:
        ConfigErrors, GeoError: as ``load_rules`` and ``load_grounds``.   typer.BadParameter: options that contradict.
    """
    line = _detection_format(output) if detections else None
    number = number_of_jobs(jobs, files, divided=True)
    grounds = load_grounds(load_rules(config or default_config_file()), late=number == 1)  # or all would open their own
    run = _Replay(grounds, evidence, weighs=fail_on is not None)
    run.read_names()
    scan = Scan(grounds, prove=evidence is not None)
    with (
        resting(),
        Captures(files if detections else by_time(files)) as captures,
        each_file(captures, scan, number, _divided(captures, scan)) as each,
    ):
        for path, steps in each:
            for detection in run.detections(steps if line is not None else _in_bunches(steps)):
                if line is not None:
                    sys.stdout.write(line(detection, path) + "\n")
                else:
                    run.fold(detection)
            run.end_of_file()
    if line is None:
        _print(run.incidents(), output, run)
    if captures.exit_code == 0 and fail_on is not None and run.worst >= fail_on.rank:
        return FOUND
    return captures.exit_code


def _divided(captures: Captures, scan: Scan) -> Callable[[str, int], Divided[Step]]:
    """What reads one file by several processes."""

    def divide(path: str, number: int) -> Divided[Step]:
        from egret.cli.division import Division  # noqa: PLC0415 (see the top)

        return Division(captures, scan, path, number)

    return divide


def _in_bunches(steps: Iterable[Step]) -> Iterator[Step]:
    """The same steps, many read before the first of them is judged.

    What reads and what judges are each more than a processor keeps at hand: in turns, they are fetched for every step.
    """
    bunch, size = list[Step](), 0
    for step in steps:
        bunch.append(step)
        size += 1 + len(step.hits) if isinstance(step, Found) else 1
        if size >= _BUNCH:
            yield from bunch
            bunch, size = [], 0
    yield from bunch


def _detection_format(output: Format) -> Callable[[Detection, str], str]:
    """What writes the line of one detection; most formats know incidents only (OCSF: findings)."""
    if output not in {Format.TABLE, Format.JSONL, Format.ECS}:
        from typer import BadParameter  # noqa: PLC0415 (who asks for this came through it)

        name = output.value.upper()
        raise BadParameter(f"{name} has no form for single detections; leave out --detections, or use jsonl or ecs")
    from egret.cli.detection_line import detection_line  # noqa: PLC0415 (see the top)
    from egret.cli.json_line import dump  # noqa: PLC0415

    if output is Format.ECS:
        from egret.alerts.formats.ecs import detection_to_ecs  # noqa: PLC0415 (see the top)

        sensor = _sensor()
        return lambda detection, _path: dump(detection_to_ecs(detection, sensor))
    return lambda detection, path: dump(detection_line(detection, path))


class _Replay:
    """One replay: a pipeline a file, incidents over all of them."""

    def __init__(self, grounds: Grounds, evidence: Path | None = None, *, weighs: bool) -> None:
        self._weighs = weighs  # whether somebody asks for the worst
        self._grounds, rules = grounds, grounds.rules
        place = None if evidence is None else str(evidence.absolute())
        self._folder = Incidents(replace(rules.incidents, evidence=place), rules.veil, only_last=True)
        self._keep_proof = None if evidence is None else _keeper(grounds, evidence)
        self._closed: list[Alert] = []
        self._end_ns = 0
        self.names = 0
        self.coverage: Counts = {}
        self.worst = -1

    def read_names(self) -> None:
        """Read the clients' names that the configuration points to; a file that cannot be read costs its names."""
        if self._grounds.rules.clients is None:
            return
        from egret.daemon.clients import ClientReader, learn  # noqa: PLC0415 (see the top)

        news = ClientReader(self._grounds.rules.clients, live=False).read()
        learn(self._grounds.directory, news, 0)
        for problem in (each for wrong in news.problems.values() for each in wrong):
            complain(problem)

    def detections(self, steps: Iterable[Step]) -> Iterator[Detection]:
        """Every detection of one file, in order."""
        for step in steps:
            if isinstance(step, Found):
                for mark in step.marks:  # who was seen to speak for others
                    self._grounds.directory.mark(Mark(*mark))
                yield from self._judged(step.hits)
            elif isinstance(step, Moved):
                for volume in step.volumes:
                    self._keep(self._folder.add_volume(volume))
            else:
                self._end_ns = step.time_ns or self._end_ns
                self._count(step.counts)

    def _judged(self, hits: Iterable[Hit]) -> Iterator[Detection]:
        judge, directory = self._grounds.judge, self._grounds.directory
        for event, match, proof in hits:
            detection = judge.detect(event, match, directory.identify(event.client.ip, event.time_ns), proof)
            if self._weighs:
                self._weigh(self._folder.weight(detection))
            yield detection

    def _weigh(self, severity: Severity | None) -> None:
        if severity is not None:
            self.worst = max(self.worst, severity.rank)

    def fold(self, detection: Detection) -> None:
        """Fold one detection; the last word on each incident is kept, as the daemon would have said it."""
        self._keep(self._folder.feed(detection))
        if self._keep_proof is not None and detection.proof is not None:
            incident = self._folder.of(detection)
            if incident is not None:
                self._keep_proof(detection, detection.proof, incident)

    def end_of_file(self) -> None:
        """Close what was quiet at the file's end."""
        if self._end_ns:
            self._keep(self._folder.tick(self._end_ns))

    def _keep(self, alerts: Iterable[Alert]) -> None:
        self._closed += alerts

    def incidents(self) -> list[Alert]:
        """The last alert of each incident, with the incident as it stands at the end."""
        alerts = {alert.incident.id: alert for alert in (*self._closed, *self._folder.newest())}
        for severity in {alert.severity for alert in alerts.values()}:  # none was ever graver than it is at its end
            self._weigh(severity)
        return sorted(alerts.values(), key=_place)

    def _count(self, counts: Mapping[tuple[str, ...], int]) -> None:
        self.names += sum(number for key, number in counts.items() if key[0] == "names")
        self.coverage = together((self.coverage, of_worker(counts)))


def _keeper(grounds: Grounds, place: Path) -> Callable[[Detection, Proof, Incident], bool]:
    """What writes the proof of an incident down."""
    from egret.daemon.describer import Describer  # noqa: PLC0415 (see the top)
    from egret.store.evidence import EvidenceFolder  # noqa: PLC0415

    folder = EvidenceFolder(place, grounds.rules.bounds, f"Egret {__version__}")
    describe = Describer(grounds, _sensor(), grounds.rules.veil)
    return lambda detection, proof, incident: folder.add(describe(detection, proof, incident))


def _sensor() -> Sensor:
    import socket  # noqa: PLC0415 (see the top)

    return Sensor(__version__, socket.gethostname())


def _place(alert: Alert) -> tuple[int, int, str, str]:
    """The gravest first, and of those the oldest."""
    incident = alert.incident
    return -alert.severity.rank, incident.first_ns, incident.client, incident.signature


def _print(alerts: list[Alert], output: Format, run: _Replay) -> None:
    if output is Format.TABLE:
        incident_table([alert.incident for alert in alerts])
        row = Interval(start_s=0, seconds=0, counts=run.coverage)
        named = row.connections - row.part("named_by").get(NamedBy.NOTHING.value, 0)
        share = f"{named} of {row.connections} connections named" if row.connections else "no connection"
        sys.stdout.write(f"{len(alerts)} incidents; {run.names} names seen, {share}.\n")
        sys.stdout.writelines(f"  {line}\n" for line in coverage_summary(run.coverage))
        return
    sensor = _sensor()
    for alert in alerts:
        sys.stdout.write(_line(alert, output, sensor) + "\n")


def _line(alert: Alert, output: Format, sensor: Sensor) -> str:
    from egret.alerts.formats.lines import LINES  # noqa: PLC0415 (see the top)
    from egret.alerts.formats.table import FORMATS  # noqa: PLC0415
    from egret.cli.json_line import dump  # noqa: PLC0415

    if output.value in FORMATS:
        return dump(FORMATS[output.value](alert, sensor))
    return LINES[output.value](alert, sensor, None)
