"""Names that Egret, tshark and ndpiReader find in the same captures.

    python bench/names.py FOLDER|FILE...  [--misses FILE]

For each kind: how many names the union of all engines has, each engine's share of it, and what Egret alone has.
Where a ``.names`` file lies beside a capture (bench/make_captures.py writes them), its names are the union
instead, and what an engine says beyond them is counted as wrong. ndpiReader says one name a flow and no kind
of DNS record, so it is asked for TLS, QUIC, HTTP and DNS questions only. Exits 1 below the targets: 99.8 % of
all names, 99.5 % of each kind, 99.9 % precision where the truth is known.
"""

from __future__ import annotations

import argparse
import csv
import ipaddress
import json
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

KINDS = ("query", "cname", "answer", "tls", "dtls", "quic", "http", "connect")
OVERALL, EACH, PRECISION = 0.998, 0.995, 0.999
Names = set[tuple[str, str]]
_LOCAL = {"mdns", "llmnr", "nbns"}
_FIELDS = (
    "frame.protocols",
    "dns.flags.response",
    "dns.qry.name",
    "dns.resp.name",
    "dns.resp.type",
    "tls.handshake.extensions_server_name",
    "dtls.handshake.extensions_server_name",
    "gquic.tag.sni",
    "http.host",
    "http.request.method",
    "http.request.uri",
)
_RECORDS = {"1": "answer", "28": "answer", "5": "cname", "39": "cname"}
_TIMEOUT_S = 300


def clean(host: str) -> str | None:
    """A host as Egret writes it; None where it is no name."""
    host = host.strip().lower()
    if host.startswith("["):
        return None
    name, colon, port = host.rpartition(":")
    host = (name if colon and port.isdigit() else host).removesuffix(".")
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host if host and host != "<root>" else None
    return None


def egret(path: Path) -> Names:
    command = [sys.executable, "-m", "egret", "observe", str(path)]
    out = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_TIMEOUT_S)
    if out.returncode not in {0, 1, 2} or "Traceback" in out.stderr:
        sys.exit(f"egret observe {path}: {out.returncode}\n{out.stderr}")
    found = set()
    for line in out.stdout.splitlines():
        said = json.loads(line)
        kind = said["kind"] if said["protocol"] == "dns" or said["kind"] == "connect" else said["protocol"]
        found.add((kind, said["name"]))
    return found


def tshark(path: Path) -> Names:
    command = ["tshark", "-r", str(path), "-n", "-T", "fields", "-E", "aggregator=\x1f"]
    for field in _FIELDS:
        command += ["-e", field]
    out = subprocess.run(command, capture_output=True, check=False, timeout=_TIMEOUT_S).stdout.decode(
        "utf-8", "replace"
    )
    found: Names = set()
    for line in out.split("\n"):
        columns = [column.split("\x1f") if column else [] for column in line.split("\t")]
        if len(columns) == len(_FIELDS):
            found.update(_tshark_row(columns))
    return found


def _tshark_row(columns: list[list[str]]) -> Iterator[tuple[str, str]]:
    protocols, response, asked, owners, types, hellos, datagrams, google, hosts, methods, targets = columns
    spoken = set("".join(protocols).replace(",", ":").split(":"))
    found: list[tuple[str, str]] = []
    if not spoken & _LOCAL:
        if "0" in response or "False" in response:
            found += [("query", name) for name in asked]
        found += [(_RECORDS[kind], name) for name, kind in zip(owners, types, strict=False) if kind in _RECORDS]
    found += [("quic" if "quic" in spoken else "tls", name) for name in hellos]
    found += [("dtls", name) for name in datagrams]
    found += [("quic", name) for name in google]
    connect = "CONNECT" in methods
    found += [("connect" if connect else "http", name) for name in hosts]
    found += [("connect", target) for target in targets if connect]
    for kind, name in found:
        host = clean(name)
        if host is not None:
            yield kind, host


def ndpi(path: Path) -> Names:
    """The name of each flow, by the protocol that nDPI says it is."""
    with tempfile.NamedTemporaryFile(suffix=".csv") as out:
        command = ["ndpiReader", "-i", str(path), "-q", "-C", out.name]
        subprocess.run(command, capture_output=True, check=False, timeout=_TIMEOUT_S)
        rows = list(csv.DictReader(Path(out.name).read_text(errors="replace").replace("|", ",").splitlines()))
    found: Names = set()
    for row in rows:
        host = clean(row.get("server_name_sni") or row.get("server_name") or "")
        kind = _ndpi_kind(row.get("ndpi_proto") or "")
        if host and kind:
            found.add((kind, host))
    return found


def _ndpi_kind(protocol: str) -> str | None:
    for word, kind in (
        ("DNS", "query"),
        ("QUIC", "quic"),
        ("TLS", "tls"),
        ("DTLS", "dtls"),
        ("HTTP_Connect", "connect"),
        ("HTTP", "http"),
    ):
        if protocol.startswith(word):
            return kind
    return None


ENGINES: dict[str, Callable[[Path], Names]] = {"egret": egret, "tshark": tshark, "ndpi": ndpi}


class Tally:
    """Names found, by engine and kind; every name is of one capture."""

    def __init__(self) -> None:
        self.found: dict[tuple[str, str], int] = defaultdict(int)
        self.there: dict[str, int] = defaultdict(int)
        self.alone: dict[str, int] = defaultdict(int)
        self.wrong: dict[str, int] = defaultdict(int)
        self.misses: list[str] = []

    def add(self, path: Path, found: dict[str, Names]) -> None:
        truth = _truth(path)
        union: Names = set().union(*found.values()) if truth is None else truth
        for kind, name in union:
            self.there[kind] += 1
            for engine, names in found.items():
                self.found[engine, kind] += (kind, name) in names
            others = set().union(*(names for engine, names in found.items() if engine != "egret"))
            self.alone[kind] += (kind, name) in found["egret"] and (kind, name) not in others
            if (kind, name) not in found["egret"]:
                self.misses.append(f"{path}\tmiss\t{kind}\t{name}")
        for engine, names in found.items():
            self.wrong[engine] += len(names - union)
        self.misses += [f"{path}\twrong\t{kind}\t{name}" for kind, name in sorted(found["egret"] - union)]

    def share(self, engine: str, kind: str | None = None) -> float:
        kinds = [kind] if kind else list(self.there)
        there = sum(self.there[one] for one in kinds)
        return sum(self.found[engine, one] for one in kinds) / there if there else 1.0

    def precision(self, engine: str) -> float:
        right = sum(self.found[engine, kind] for kind in self.there)
        return right / (right + self.wrong[engine]) if right else 1.0

    def table(self, engines: list[str]) -> str:
        lines = [f"{'kind':8}{'names':>8}" + "".join(f"{engine:>10}" for engine in engines) + "  egret alone"]
        for kind in (*(kind for kind in KINDS if self.there[kind]), None):
            there = self.there[kind] if kind else sum(self.there.values())
            alone = self.alone[kind] if kind else sum(self.alone.values())
            shares = "".join(f"{self.share(engine, kind):10.2%}" for engine in engines)
            lines.append(f"{kind or 'all':8}{there:8}{shares}{alone:13}")
        wrong = "".join(f"{self.wrong[engine]:10}" for engine in engines)
        return "\n".join([*lines, f"{'beyond':8}{'':8}{wrong}"])

    def good(self) -> bool:
        each = all(self.share("egret", kind) >= EACH for kind in KINDS if self.there[kind])
        return each and self.share("egret") >= OVERALL and self.precision("egret") >= PRECISION


def _truth(path: Path) -> Names | None:
    beside = path.with_suffix(".names")
    if not beside.exists():
        return None
    rows = (line.partition("\t") for line in beside.read_text().splitlines())
    return {(kind, name) for kind, _, name in rows}


def captures(arguments: list[Path]) -> Iterator[Path]:
    for path in arguments:
        if path.is_dir():
            yield from sorted(p for p in path.rglob("*") if ".pcap" in p.name or p.suffix == ".cap")
        else:
            yield path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("paths", nargs="+", type=Path)
    parser.add_argument("--misses", type=Path, help="write what Egret missed or made up here")
    options = parser.parse_args()
    engines = [
        name
        for name, tool in (("egret", sys.executable), ("tshark", "tshark"), ("ndpi", "ndpiReader"))
        if shutil.which(tool)
    ]
    tally = Tally()
    for path in captures(options.paths):
        tally.add(path, {name: ENGINES[name](path) for name in engines})
    print(tally.table(engines))
    if options.misses:
        options.misses.write_text("".join(f"{line}\n" for line in tally.misses))
    sys.exit(0 if tally.good() else 1)


if __name__ == "__main__":
    main()
