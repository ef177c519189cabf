"""How well a database knows CN, against a reference on random addresses.

    python bench/geoip_accuracy.py REFERENCE.mmdb [DATABASE.mmdb] [--count N] [--seed N]

The reference is yours (for instance GeoLite2 Country, under its own licence); none is in the repository. IPv4
addresses are uniform over the whole space, IPv6 ones uniform over the networks of the database under test. Only
addresses that the reference knows count. Exits 1 below 99.5 % recall or 99 % precision on IPv4.
"""

from __future__ import annotations

import argparse
import ipaddress
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import maxminddb

from egret.geo.records import read_record
from egret.settings.bundled import geo_dir

RECALL, PRECISION = 0.995, 0.99
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def country(reader: maxminddb.Reader, address: Address) -> str | None:
    return read_record(reader.get(address)).country


def v4_addresses(count: int, seed: int) -> Iterator[Address]:
    draw = random.Random(seed)
    for _ in range(count):
        yield ipaddress.IPv4Address(draw.getrandbits(32))


def v6_addresses(path: Path, count: int, seed: int) -> Iterator[Address]:
    draw = random.Random(seed)
    with maxminddb.open_database(path) as reader:
        networks = [net for net, _ in reader if net.version == 6 and net.prefixlen >= 16]
    for _ in range(count):
        net = draw.choice(networks)
        yield net.network_address + draw.getrandbits(128 - net.prefixlen)


def compare(name: str, reference: maxminddb.Reader, tested: maxminddb.Reader, addresses: Iterator[Address]) -> bool:
    tally: Counter[str] = Counter()
    for address in addresses:
        true = country(reference, address)
        if true is None:
            continue
        said = country(tested, address)
        tally["known"] += 1
        tally["agree"] += said == true
        tally["both"] += said == true == "CN"
        tally["reference"] += true == "CN"
        tally["tested"] += said == "CN"
    recall, precision = (tally["both"] / max(1, tally[side]) for side in ("reference", "tested"))
    print(f"{name}: {tally['known']} addresses, {tally['reference']} in CN by the reference")
    print(
        f"  CN recall {recall:.4%}, precision {precision:.4%}; any country agrees {tally['agree'] / tally['known']:.2%}"
    )
    return recall >= RECALL and precision >= PRECISION


def speed(reader: maxminddb.Reader, count: int, seed: int) -> None:
    sample = list(v4_addresses(count, seed))
    start = time.perf_counter()
    for address in sample:
        reader.get(address)
    print(f"raw look-ups: {count / (time.perf_counter() - start):,.0f} a second")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("reference", type=Path)
    parser.add_argument("database", type=Path, nargs="?", default=geo_dir() / "egret-country-asn.mmdb")
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=7)
    args = parser.parse_args()
    with maxminddb.open_database(args.reference) as reference, maxminddb.open_database(args.database) as tested:
        fine = compare("IPv4", reference, tested, v4_addresses(args.count, args.seed))
        compare("IPv6", reference, tested, v6_addresses(args.database, args.count // 5, args.seed))
        speed(tested, min(args.count, 200_000), args.seed)
    print(f"{args.database}: {args.database.stat().st_size} bytes")
    sys.exit(0 if fine else 1)


if __name__ == "__main__":
    main()
