"""Lease files, and settings that read them alone."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path

from egret.settings.clients_section import Clients, LeaseFile

LAPTOP, PHONE, ROUTER = "02:00:5e:10:00:01", "02:00:5e:10:00:02", "02:00:5e:10:00:fe"
A, B, V6 = (ip_address(text).packed for text in ("192.0.2.7", "192.0.2.8", "2001:db8::7"))
NOW = 1_767_700_000 * 10**9


def line(mac: str = LAPTOP, address: str = "192.0.2.7", name: str = "laptop") -> str:
    return f"1767709999 {mac} {address} {name} *\n"


def settings(leases: Path | None = None, **more: object) -> Clients:
    files = (LeaseFile(path=leases),) if leases else ()
    return Clients(leases=files, **({"neighbours": False, "discover": False} | more))  # type: ignore[arg-type]
