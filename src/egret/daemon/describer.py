"""What is written down of a proof, where, and how much of it is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from egret import __version__
from egret.alerts.model import Incident, Sensor
from egret.alerts.showing import show, summary
from egret.alerts.veil import Veil
from egret.daemon.grounds import Grounds
from egret.daemon.rules import bounds
from egret.evidence import Proof
from egret.model import Detection
from egret.store.evidence import EvidenceFolder, Piece
from egret.store.seal import Seal

if TYPE_CHECKING:
    from egret.settings.config import Config


def folder(config: Config) -> EvidenceFolder:
    """The folder of the settings."""
    return EvidenceFolder(config.paths.evidence, bounds(config), f"Egret {__version__}", Seal(config.paths.state))


class Describer:
    """Makes what is written down of a proof.

    Args:
        grounds: what the verdicts rest on.
        sensor: who says it.
        veil: what incidents are said through.
    """

    def __init__(self, grounds: Grounds, sensor: Sensor, veil: Veil) -> None:
        self._sensor = sensor
        self._veil = veil
        self.apply(grounds)

    def apply(self, grounds: Grounds) -> None:
        """Describe by other grounds from now on."""
        self._catalog = grounds.catalog.version
        self._databases = [info.source for info in grounds.geo.info()]

    def __call__(self, detection: Detection, proof: Proof, incident: Incident) -> Piece:
        """One observation of *incident*."""
        shown = show(detection, proof, self._veil)
        told = summary(incident, self._sensor, self._catalog, self._databases)
        time_ns = detection.observation.time_ns
        return Piece(incident.id, incident.severity, told, shown.values, shown.packets, time_ns)
