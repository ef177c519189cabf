"""By which protocol an incident's service was named, and over which transport."""

from __future__ import annotations

from egret.alerts.model import Incident
from egret.model import Protocol

_TRANSPORT = {  # the most telling first
    Protocol.TLS: "TCP",
    Protocol.HTTP: "TCP",
    Protocol.SOCKS: "TCP",
    Protocol.QUIC: "UDP",
    Protocol.DTLS: "UDP",
}


def named_by(incident: Incident) -> Protocol | None:
    """The protocol that named a connection; DNS where there was none yet, None where nothing named it."""
    seen = next((protocol for protocol in _TRANSPORT if protocol in incident.protocols), None)
    return seen if seen is not None or incident.servers or not incident.hosts else Protocol.DNS


def transport(incident: Incident) -> str | None:
    """``TCP`` or ``UDP``, where it is known; look-ups are taken for UDP."""
    seen = named_by(incident)
    return None if seen is None else _TRANSPORT.get(seen, "UDP")
