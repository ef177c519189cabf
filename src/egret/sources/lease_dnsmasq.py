"""dnsmasq's lease file: one lease a line, as it stands now; when a lease began it does not say.

``EXPIRY MAC ADDRESS NAME CLIENT-ID``, and after a line ``duid SERVER-DUID`` for IPv6 ``EXPIRY IAID ADDRESS NAME DUID``.
"""

from __future__ import annotations

import re

from egret.judge.devices import Lease
from egret.sources.lease_values import FOREVER_NS, address, label, mac, mac_of_duid, octets, seconds_ns

LOOKS = re.compile(r"duid( |$)|\d{1,12} \S+ [0-9A-Fa-f.:]+ \S+")
_SINCE_1973_S = 100_000_000  # dnsmasq without a clock writes how long, not until when
_HARDWARE_TYPE = re.compile(r"[0-9a-fA-F]{2}-")


def parse(text: str) -> list[Lease]:
    """Every lease in *text*; a line that is none is skipped."""
    found = (_lease(line.split(maxsplit=8)) for line in text.split("\n"))
    return [lease for lease in found if lease is not None]


def _lease(fields: list[str]) -> Lease | None:
    if len(fields) < 4 or not (fields[0].isascii() and fields[0].isdigit() and len(fields[0]) <= 12):
        return None
    ip = address(fields[2])
    if ip is None:
        return None
    expiry_s = int(fields[0])
    end_ns = seconds_ns(expiry_s) if expiry_s >= _SINCE_1973_S else FOREVER_NS
    name = label(fields[3])
    if len(ip) == 4:
        hardware = None if _HARDWARE_TYPE.match(fields[1]) else mac(fields[1])
        return Lease(ip=ip, start_ns=0, end_ns=end_ns, mac=hardware, name=name)
    duid = octets(fields[4]) if len(fields) > 4 else None
    known = (mac_of_duid(duid), duid.hex()) if duid is not None else (None, None)
    return Lease(ip=ip, start_ns=0, end_ns=end_ns, mac=known[0], duid=known[1], name=name)
