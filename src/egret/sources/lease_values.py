"""What lease files have in common: names, hardware addresses, and a log of leases that becomes spans of time.

All of it may be hostile: a client chooses its name and its identifiers. What is no plain label is no name.
"""

from __future__ import annotations

import ipaddress
import re

from egret.judge.devices import SECOND_NS, Lease, mac_text

FOREVER_NS = 2**63 - 1
MAX_OF_ADDRESS = 16  # leases of one address that are kept, the newest
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?")
_BYTES = re.compile(r"[0-9a-f]{1,2}(?::[0-9a-f]{1,2}){0,254}")
_ETHERNET = b"\0\1"
_DUID_LLT, _DUID_LL = b"\0\1", b"\0\3"  # RFC 8415 sections 11.2 and 11.4


def label(text: str) -> str | None:
    """The first label of a host name, in lower case; None for what is no plain one."""
    first = text.strip().lower().split(".", 1)[0]
    return first if _LABEL.fullmatch(first) else None


def octets(text: str) -> bytes | None:
    """Bytes written as ``2:0:5e:10:0:1``; None for anything else."""
    text = text.strip().lower()
    return bytes(int(each, 16) for each in text.split(":")) if _BYTES.fullmatch(text) else None


def mac(text: str) -> str | None:
    """A hardware address in its one spelling."""
    raw = octets(text)
    return None if raw is None else mac_text(raw)


def mac_of_duid(raw: bytes) -> str | None:
    """The Ethernet address that a DHCP unique identifier is made of, if it is."""
    if raw[:2] == _DUID_LL and raw[2:4] == _ETHERNET:
        return mac_text(raw[4:])
    if raw[:2] == _DUID_LLT and raw[2:4] == _ETHERNET:
        return mac_text(raw[8:])
    return None


def address(text: str) -> bytes | None:
    """A packed address; None for what is none."""
    try:
        return ipaddress.ip_address(text.strip()).packed
    except ValueError:
        return None


def seconds_ns(seconds: int) -> int:
    """A time since the epoch, kept within what fits."""
    return max(0, min(seconds * SECOND_NS, FOREVER_NS))


class Journal:
    """Leases in the order in which a server wrote them: what comes later corrects what came before."""

    def __init__(self) -> None:
        self._rows: dict[bytes, list[Lease]] = {}

    def add(self, lease: Lease) -> None:
        """Take a new lease, or a renewal; another device's ends the one before."""
        rows = self._rows.setdefault(lease.ip, [])
        last = rows[-1] if rows else None
        if last is not None and last.device == lease.device and lease.start_ns <= last.end_ns:
            start_ns = min(last.start_ns, lease.start_ns)
            rows[-1] = Lease(
                ip=lease.ip,
                start_ns=start_ns,
                end_ns=max(start_ns, lease.end_ns),
                mac=lease.mac,
                duid=lease.duid,
                name=lease.name,
            )
            return
        self.end(lease.ip, lease.start_ns)
        rows.append(lease)
        del rows[:-MAX_OF_ADDRESS]

    def end(self, ip: bytes, time_ns: int) -> None:
        """Nobody has the address from then on."""
        rows = self._rows.get(ip)
        if rows and rows[-1].end_ns > time_ns:
            last = rows[-1]
            end_ns = max(last.start_ns, time_ns)
            rows[-1] = Lease(ip=ip, start_ns=last.start_ns, end_ns=end_ns, mac=last.mac, duid=last.duid, name=last.name)

    def leases(self) -> list[Lease]:
        """All of them, each address's in order."""
        return [lease for rows in self._rows.values() for lease in rows]
