"""Kea's memfile: CSV, a header line, and a row for each change of a lease; the last row of an address holds."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from egret.judge.devices import Lease
from egret.sources.lease_values import FOREVER_NS, Journal, address, label, mac, mac_of_duid, octets, seconds_ns

LOOKS = re.compile(r"address,(hwaddr|duid),")
MAX_COLUMNS = 64
_INFINITE_S = 0xFFFFFFFF
_DECLINED = "1"  # the address is in use by somebody unknown
_PREFIX = "2"  # lease_type: a delegated prefix, no client's address
_ESCAPED = re.compile(r"&#x([0-9a-fA-F]{2})")  # how Kea writes a comma in a value
_NUMBER = re.compile(r"\d{1,12}")


def parse(text: str) -> list[Lease]:
    """Every lease in *text*; a row that is none is skipped."""
    journal = Journal()
    for row in _rows(text):
        _take(journal, row)
    return journal.leases()


def _rows(text: str) -> Iterator[Mapping[str, str]]:
    """Rows by column; a file put together of several has several headers. No field is quoted."""
    columns: list[str] = []
    for line in text.split("\n"):
        fields = line.rstrip("\r").split(",", MAX_COLUMNS)
        if fields[0] == "address":
            columns = fields
        elif len(fields) >= 5:
            yield dict(zip(columns, fields, strict=False))


def _take(journal: Journal, row: Mapping[str, str]) -> None:
    ip = address(row.get("address", ""))
    valid, expire = row.get("valid_lifetime", ""), row.get("expire", "")
    if ip is None or row.get("lease_type") == _PREFIX or not (_NUMBER.fullmatch(valid) and _NUMBER.fullmatch(expire)):
        return
    start_ns = seconds_ns(int(expire) - int(valid))
    if row.get("state") == _DECLINED or int(valid) == 0:  # given back: the row says when
        journal.end(ip, start_ns)
        return
    end_ns = FOREVER_NS if int(valid) >= _INFINITE_S else seconds_ns(int(expire))
    duid = octets(row.get("duid", ""))
    hardware = mac(row.get("hwaddr", "")) or (mac_of_duid(duid) if duid is not None else None)
    name = label(_ESCAPED.sub(lambda found: chr(int(found[1], 16)), row.get("hostname", "")))
    journal.add(
        Lease(ip=ip, start_ns=start_ns, end_ns=end_ns, mac=hardware, duid=duid.hex() if duid else None, name=name)
    )
