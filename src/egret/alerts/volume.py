"""How much an incident moved, in words: never a number without how it was counted."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from egret.alerts.model import Incident
from egret.model import VolumeSource

_COUNTED: Mapping[VolumeSource, str] = MappingProxyType(
    {
        VolumeSource.TCP: "TCP by sequence numbers",
        VolumeSource.UDP: "UDP by datagrams",
        VolumeSource.TCP_UDP: "TCP by sequence numbers, UDP by datagrams",
        VolumeSource.CONNTRACK: "by connection tracking",
    }
)
_TCP_LIMITS = (
    "TCP: payload with TLS records, without retransmissions; connections whose start was missed count from when they "
    "were first seen"
)
_UDP_LIMITS = (
    "UDP: by the lengths of datagrams, with QUIC less an estimate of its headers; from detection on, with "
    "retransmissions; not what came while the sensor dropped packets, nor after the connection moved to other ports"
)
_CONNTRACK_LIMITS = (
    "UDP: by this host's connection tracking, from the hello on, less headers of IP and UDP and, with "
    "QUIC, an estimate of its own; with retransmissions; not after the connection moved to other ports"
)
VOLUME_LIMITS: Mapping[VolumeSource, str] = MappingProxyType(
    {
        VolumeSource.TCP: _TCP_LIMITS,
        VolumeSource.UDP: _UDP_LIMITS,
        VolumeSource.TCP_UDP: f"{_TCP_LIMITS}. {_UDP_LIMITS}",
        VolumeSource.CONNTRACK: f"{_CONNTRACK_LIMITS}. {_TCP_LIMITS}",
    }
)
COUNTED = "bytes since detection; of TCP by sequence numbers, of UDP by datagrams"  # where a table has many
_STEP = 1000
_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")


def volume_text(incident: Incident) -> str | None:
    """Say what was sent and received, and how that is known; None where nothing was measured."""
    if incident.volume_source is None:
        return None
    sent, received = bytes_text(incident.bytes_out or 0), bytes_text(incident.bytes_in or 0)
    return f"sent {sent}, received {received} since detection ({_COUNTED[incident.volume_source]})"


def bytes_text(number: int) -> str:
    """A number of bytes with a decimal unit: 1234567 is "1.2 MB"."""
    value, unit = float(number), 0
    while value >= _STEP - 0.05 * (unit > 0) and unit < len(_UNITS) - 1:  # 999.96 kB would read 1000.0 kB
        value, unit = value / _STEP, unit + 1
    return f"{number} B" if unit == 0 else f"{value:.1f} {_UNITS[unit]}"
