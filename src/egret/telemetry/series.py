"""Every series in a registry of its own; with ``telemetry.metrics`` the door to prometheus_client."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, disable_created_metrics, generate_latest
from prometheus_client.samples import Sample

from egret.telemetry.logs import Log
from egret.telemetry.table import BY_NAME, METRICS, Labels, Type

# a `_created` series for each counter would double the series and say nothing a first sample does not
disable_created_metrics()  # type: ignore[no-untyped-call]  # the library leaves it without types


class Series:
    """The metrics of the table, and the log beside them; only label sets announced beforehand exist."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self.refresh: Callable[[], None] = _nothing  # brings gauges up to date when somebody asks
        self.registry = CollectorRegistry(auto_describe=False)
        self._counters: dict[str, Counter] = {}
        self._children: dict[tuple[str, Labels], Counter] = {}  # of counters, which unlike gauges are never cleared
        self._gauges: dict[str, Gauge] = {}
        self._known: dict[str, set[Labels]] = {}
        for metric in METRICS:
            self._declare(metric.name)

    def _declare(self, name: str) -> None:
        metric = BY_NAME[name]
        self._known[name] = {()} if not metric.labels else set()
        if metric.type is Type.COUNTER:
            self._counters[name] = Counter(name, metric.help, metric.labels, registry=self.registry)
        elif metric.type is Type.GAUGE:
            self._gauges[name] = Gauge(name, metric.help, metric.labels, registry=self.registry)

    def _announce(self, name: str, combinations: Iterable[Labels]) -> None:
        """Let these label sets of *name* exist, at 0."""
        family = self._counters.get(name) or self._gauges[name]
        for labels in combinations:
            if labels not in self._known[name]:
                self._known[name].add(labels)
                family.labels(*labels)

    def _add(self, name: str, amount: float, *labels: str) -> None:
        child = self._children.get((name, labels))
        if child is None:
            family = self._counters[name]
            child = self._children[name, labels] = family.labels(*labels) if labels else family
        child.inc(amount)

    def _set(self, name: str, value: float, *labels: str) -> None:
        self._known[name].add(labels)
        family = self._gauges[name]
        (family.labels(*labels) if labels else family).set(value)

    def _forget(self, name: str) -> None:
        self._known[name].clear()
        self._gauges[name].clear()

    def exposition(self) -> bytes:
        """Everything in Prometheus' text format, for ``CONTENT_TYPE``; ``refresh`` comes first."""
        self.refresh()
        return generate_latest(self.registry)

    def value(self, name: str, *labels: str) -> float:
        """The value of one series, 0 if it does not exist; for the status page and for tests."""
        wanted = dict(zip(BY_NAME[name].labels, labels, strict=True))
        return next((sample.value for sample in self._samples(name) if sample.labels == wanted), 0.0)

    def total(self, name: str, **labels: str) -> float:
        """The sum over the series of *name* that carry *labels*."""
        return sum(sample.value for sample in self._samples(name) if labels.items() <= sample.labels.items())

    def by_label(self, name: str, label: str, **labels: str) -> dict[str, float]:
        """The sums of *name* for each value of *label*, over the series that carry *labels*."""
        sums: dict[str, float] = {}
        for sample in (each for each in self._samples(name) if labels.items() <= each.labels.items()):
            sums[sample.labels[label]] = sums.get(sample.labels[label], 0.0) + sample.value
        return sums

    def _samples(self, name: str) -> Iterator[Sample]:
        """Those of one metric: the whole registry has thousands."""
        family = self._counters.get(name) or self._gauges[name]
        return (sample for collected in family.collect() for sample in collected.samples)

    def series_count(self) -> int:
        """How many series an exposition has."""
        return sum(len(family.samples) for family in self.registry.collect())


def _nothing() -> None:
    """Where no gauge is measured only when asked for."""
