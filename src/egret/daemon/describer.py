"""What is written down of a proof, where, and how much of it is kept."""

from __future__ import annotations

from egret import __version__
from egret.alerts.model import Incident, Sensor
from egret.alerts.showing import show, summary
from egret.alerts.veil import Veil
from egret.daemon.setup import Knowledge
from egret.evidence import Proof
from egret.model import Detection
from egret.settings.config import Config
from egret.store.evidence import Bounds, EvidenceFolder, Piece
from egret.store.seal import Seal

_MEBIBYTE = 1 << 20


def bounds(config: Config) -> Bounds:
    """How much the settings keep."""
    settings = config.evidence
    keep_ns = round(settings.keep.total_seconds()) * 1_000_000_000
    return Bounds(keep_ns, settings.max_mb * _MEBIBYTE, settings.max_incidents, settings.per_incident)


def folder(config: Config) -> EvidenceFolder:
    """The folder of the settings."""
    return EvidenceFolder(config.paths.evidence, bounds(config), f"Egret {__version__}", Seal(config.paths.state))


class Describer:
    """Makes what is written down of a proof.

    Args:
        knowledge: what the verdicts rest on.
        sensor: who says it.
        veil: what incidents are said through.
    """

    def __init__(self, knowledge: Knowledge, sensor: Sensor, veil: Veil) -> None:
        self._sensor = sensor
        self._veil = veil
        self.apply(knowledge)

    def apply(self, knowledge: Knowledge) -> None:
        """Describe by other knowledge from now on."""
        self._catalog = knowledge.catalog.version
        self._databases = [info.source for info in knowledge.geo.info()]

    def __call__(self, detection: Detection, proof: Proof, incident: Incident) -> Piece:
        """One observation of *incident*."""
        shown = show(detection, proof, self._veil)
        told = summary(incident, self._sensor, self._catalog, self._databases)
        time_ns = detection.observation.time_ns
        return Piece(incident.id, incident.severity, told, shown.values, shown.packets, time_ns)
