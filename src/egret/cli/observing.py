"""Every name seen in captures, matched or not: what ``egret observe`` does."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

from egret.cli.capture import Captures
from egret.cli.jobs import AUTO, each_file, number_of_jobs
from egret.cli.json_line import dump
from egret.cli.lines import anomaly_line, connection_line, observation_line
from egret.model import Anomaly, Connection, Event
from egret.track.observer import Observer


def observe_files(files: Sequence[str], *, flows: bool = False, anomalies: bool = False, jobs: str = AUTO) -> int:
    """Print a line for every name, and for connections and anomalies where they are wanted; the exit code."""
    number = number_of_jobs(jobs, files)
    work = _Lines(flows=flows, anomalies=anomalies)
    with Captures(files) as captures, each_file(captures, work, number) as each:
        for _, lines in each:
            sys.stdout.writelines(lines)
    return captures.exit_code


class _Lines:
    """The lines that say what is in a capture."""

    def __init__(self, *, flows: bool, anomalies: bool) -> None:
        self._flows = flows
        self._anomalies = anomalies

    def __call__(self, captures: Captures, path: str) -> Iterator[str]:
        """Every line of one file, in order."""
        observer = Observer()
        for frame in captures.frames(path):
            for event in observer.feed(frame):
                yield from self._line(event, path)
        for event in observer.last_words():
            yield from self._line(event, path)

    def _line(self, event: Event, path: str) -> Iterator[str]:
        if isinstance(event, Anomaly):
            if self._anomalies:
                yield dump(anomaly_line(event, path)) + "\n"
        elif isinstance(event, Connection):
            if self._flows:
                yield dump(connection_line(event, path)) + "\n"
        else:
            yield dump(observation_line(event, path)) + "\n"

    def dump(self, step: str) -> bytes:
        """A line for another process."""
        return step.encode()

    def load(self, data: bytes) -> str:
        """What ``dump`` gave."""
        return data.decode()
