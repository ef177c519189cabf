"""Build the bundled GeoIP database from openly licensed data; the same inputs give the same bytes.

    python -m scripts.build_geoip [--inputs FOLDER] [--output FILE]

Needs npm, which fetches the pinned packages into FOLDER (kept between runs) from whatever registry
it is set up with; each one's SHA-256 is checked. Nothing under the GeoLite2 licence goes in.

How the facts are merged:

* number and organisation: the `asn` package (Route Views, RIR statistics, DB-IP Lite);
* country, IPv4: the RIRs' delegated statistics (`asn-country`) decide whether an address is CN; for
  the rest geofeeds and whois (`geo-whois-asn-country`) know clouds better (docs/geoip.md has numbers);
* country, IPv6: delegated statistics only. The geofeed package's IPv6 file is broken (it puts
  2001:200:: to 2001:218:: into AU), and its authors say so;
* the operator beats the registration: a network that one of the mainland clouds in `geoip_mainland.csv` really
  announces (`iptoasn-country` has announced networks only) is CN. AS37963 announces some three million addresses of
  8.128.0.0/10, used in the mainland and registered in SG.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import subprocess
import sys
import tarfile
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from io import TextIOWrapper
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import maxminddb

from scripts.geoip_mmdb import V4_ALIASES, Span, Uint64, write

ROOT = Path(__file__).resolve().parent.parent
OUTPUT = ROOT / "src/egret/data/geo/egret-country-asn.mmdb"
MAINLAND = Path(__file__).with_name("geoip_mainland.csv")
VERSION = "2.3.2026061719"
BUILT = int(datetime(2026, 6, 17, 19, tzinfo=UTC).timestamp())  # what VERSION says
PACKAGES = {
    "asn": "b9425daf2f011c28f8586685d4f89166e77627e2c15fd93c6262c3e2dead6153",
    "asn-country": "f1ba738e7a4c3f5b5fd1ccef47576ad797625a9d8efd5f2fb06a3abef3db3b91",
    "geo-whois-asn-country": "2a3e609015884c93c2d398e777ce1d2d34cab026054c43559bff32b25669f606",
    "iptoasn-country-mmdb": "58129284b6beca9f3ad68cae72f941488bb03060d9a51590824890899bf9f773",
}
DESCRIPTION = (
    "Country, ASN and organisation for Egret. Sources, CC BY 4.0: Route Views (routeviews.org); NRO extended "
    "delegated statistics and RIR whois (nro.net) with published geofeeds; IP to ASN Lite by DB-IP (db-ip.com); "
    f"PDDL: IPtoASN (iptoasn.com). Packaged by ip-location-db {VERSION}; merged by Egret. Contains no GeoLite2 data."
)
TEREDO = (0x20010000 << 96, 32)  # RFC 4380: the address inside is looked up instead
GRAIN_V4 = 1 << 8  # /24 and /48 are the longest prefixes that the Internet routes (RFC 7454 section 6.1.3);
GRAIN_V6 = 1 << 80  # finer whois rows would take a tenth of the file and say nothing about where packets go
GLOBAL_UNICAST = (0x2000 << 112, (0x4000 << 112) - 1)  # RFC 4291 section 2.4, as allocated so far


class Range(NamedTuple):
    """One row of a table: inclusive addresses and what they have."""

    first: int
    last: int
    value: str


class Ranges:
    """A sorted table of disjoint ranges."""

    def __init__(self, rows: Iterable[Range]) -> None:
        self.rows = sorted(rows)
        self._firsts = [row.first for row in self.rows]

    def at(self, address: int) -> str | None:
        """What *address* has."""
        index = bisect_right(self._firsts, address) - 1
        return self.rows[index].value if index >= 0 and self.rows[index].last >= address else None

    def edges(self) -> Iterator[int]:
        """Every address at which the answer may change."""
        for row in self.rows:
            yield row.first
            yield row.last + 1


def fetch(name: str, folder: Path) -> Path:
    """The package's archive in *folder*, fetched if it is not there, and known to be the pinned one."""
    archive = folder / f"ip-location-db-{name}-{VERSION}.tgz"
    if not archive.exists():
        folder.mkdir(parents=True, exist_ok=True)
        command = ["npm", "pack", "--silent", f"@ip-location-db/{name}@{VERSION}"]
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    if digest != PACKAGES[name]:
        sys.exit(f"{archive}: SHA-256 is {digest}, pinned is {PACKAGES[name]}: delete it and run again")
    return archive


def rows_of(archive: Path, member: str) -> Iterator[list[str]]:
    """The rows of one CSV file in a package."""
    with tarfile.open(archive) as tar:
        handle = tar.extractfile(f"package/{member}")
        if handle is None:
            sys.exit(f"{archive}: holds no {member}")
        yield from csv.reader(TextIOWrapper(handle, encoding="utf-8", newline=""))


def table(archive: Path, member: str) -> Ranges:
    """A table of first, last, value (the third column)."""
    return Ranges(Range(int(row[0]), int(row[1]), row[2]) for row in rows_of(archive, member))


def organisations(archive: Path) -> dict[str, str]:
    """One spelling an ASN: the one most rows have, the first in the alphabet where that is a draw."""
    counts: dict[str, Counter[str]] = {}
    for version in (4, 6):
        for row in rows_of(archive, f"asn-ipv{version}-num.csv"):
            counts.setdefault(row[2], Counter())[" ".join(row[3].split())] += 1
    return {asn: min(names, key=lambda name: (-names[name], name)) for asn, names in counts.items()}


def announced_from_cn(archive: Path) -> Ranges:
    """IPv4 networks that are announced, by an operator registered in CN."""
    with tarfile.open(archive) as tar:
        handle = tar.extractfile("package/iptoasn-country-ipv4.mmdb")
        if handle is None:
            sys.exit(f"{archive}: holds no iptoasn-country-ipv4.mmdb")
        reader = maxminddb.open_database(handle, maxminddb.MODE_FD)
    return Ranges(
        Range(int(net.network_address), int(net.broadcast_address), "CN")
        for net, record in reader
        if isinstance(record, dict) and record.get("country_code") == "CN"
    )


def mainland_asns() -> frozenset[str]:
    """The networks whose announcements are mainland ones."""
    return frozenset(row["asn"] for row in csv.DictReader(MAINLAND.read_text(encoding="utf-8").splitlines()))


class CountryV4(NamedTuple):
    """The rule for IPv4; see the top of the file."""

    delegated: Ranges
    whois: Ranges
    announced: Ranges
    asn: Ranges
    mainland: frozenset[str]

    def at(self, address: int) -> str | None:
        """The country of *address*."""
        if self.asn.at(address) in self.mainland and self.announced.at(address):
            return "CN"
        registered, whois = self.delegated.at(address), self.whois.at(address)
        return (registered or whois) if "CN" in {registered, whois} else (whois or registered)


class Records:
    """Every different record, numbered."""

    def __init__(self, organisation: dict[str, str]) -> None:
        self.rows: list[dict[str, object]] = []
        self._numbers: dict[tuple[str | None, str | None], int] = {}
        self._organisation = organisation

    def number(self, country: str | None, asn: str | None) -> int:
        """The number of the record with these facts."""
        key = (country, asn)
        if key not in self._numbers:
            self._numbers[key] = len(self.rows)
            self.rows.append(self._record(country, asn))
        return self._numbers[key]

    def _record(self, country: str | None, asn: str | None) -> dict[str, object]:
        record: dict[str, object] = {}
        if country:
            record["country"] = {"iso_code": country}
        if asn:
            record["autonomous_system_number"] = int(asn)
            record["autonomous_system_organization"] = self._organisation[asn]
        return record


def edges_of(grain: int, *tables: Ranges) -> set[int]:
    """Every address at which an answer may change, to the grain; a block has the answer of its first address."""
    return {edge for rows in tables for edge in rows.edges() if edge % grain == 0}


def spans(edges: set[int], country: Callable[[int], str | None], asn: Ranges, records: Records) -> list[Span]:
    """The merged table: neighbours with the same record are one span."""
    merged: list[Span] = []
    ordered = sorted(edges)
    for first, following in pairwise(ordered):
        place, network = country(first), asn.at(first)
        if place is None and network is None:
            continue
        number = records.number(place, network)
        if merged and merged[-1].record == number and merged[-1].last + 1 == first:
            merged[-1] = merged[-1]._replace(last=following - 1)
        else:
            merged.append(Span(first, following - 1, number))
    return merged


def global_only(rows: Iterable[Span]) -> list[Span]:
    """IPv6 spans outside of the ranges that stand for IPv4 addresses."""
    reserved = [(first, first + (1 << (128 - bits)) - 1) for first, bits in (*V4_ALIASES, TEREDO)]
    low, high = GLOBAL_UNICAST
    return [
        row
        for row in rows
        if low <= row.first and row.last <= high and not any(row.first <= b and row.last >= a for a, b in reserved)
    ]


def build(inputs: Path) -> bytes:
    """The whole file."""
    archive = {name: fetch(name, inputs) for name in PACKAGES}
    records = Records(organisations(archive["asn"]))
    asn4, asn6 = (table(archive["asn"], f"asn-ipv{version}-num.csv") for version in (4, 6))
    delegated4, delegated6 = (table(archive["asn-country"], f"asn-country-ipv{version}-num.csv") for version in (4, 6))
    whois4 = table(archive["geo-whois-asn-country"], "geo-whois-asn-country-ipv4-num.csv")
    announced4 = announced_from_cn(archive["iptoasn-country-mmdb"])
    rule = CountryV4(delegated4, whois4, announced4, asn4, mainland_asns())
    edges4 = edges_of(GRAIN_V4, asn4, delegated4, whois4, announced4)
    edges6 = edges_of(GRAIN_V6, asn6, delegated6)
    v4 = spans(edges4, rule.at, asn4, records)
    v6 = global_only(spans(edges6, delegated6.at, asn6, records))
    metadata: dict[str, object] = {
        "database_type": "Egret-Country-ASN",
        "build_epoch": Uint64(BUILT),
        "languages": ["en"],
        "description": {"en": DESCRIPTION},
    }
    return write(v4, v6, records.rows, metadata)


def main() -> None:
    """Build, write, and say what came out."""
    parser = argparse.ArgumentParser(description="Build the bundled GeoIP database.")
    parser.add_argument("--inputs", type=Path, default=ROOT / "build/geoip", help="where the packages are or go")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    arguments = parser.parse_args()
    content = build(arguments.inputs)
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    checksum = arguments.output.with_name(f"{arguments.output.name}.sha256")
    checksum.write_text(f"{digest}  {arguments.output.name}\n", encoding="ascii")  # as sha256sum -c reads it
    print(f"{arguments.output}: {len(content)} bytes, SHA-256 {digest}")


if __name__ == "__main__":
    main()
