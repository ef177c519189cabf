"""How many host names the bundled catalogue names right.

    python -m bench.catalogue [--misses]

Three lists: hosts that client code uses (``tests/vectors/catalogue_client_hosts.csv``, each with the vendor, the class
and where it was seen), ordinary names that are no PRC AI service (``catalogue_ordinary_names.csv``), and look-alikes
made here from the catalogue's own AI hosts, which must be nobody's AI. Exits 1 below the targets: 98 % of the first
with the right vendor, none of the others called AI or embedded. The lists and the catalogue come from the same
research, so the first number says that nothing was lost, not how the catalogue does on hosts that nobody looked for.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from egret.catalog.match import Catalog
from egret.model import HostKind, ServiceClass
from egret.settings.catalogue import load_catalog

VECTORS = Path(__file__).resolve().parent.parent / "tests" / "vectors"
RIGHT_VENDOR = 0.98
AI = (ServiceClass.AI, ServiceClass.EMBEDDED)


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one list: how many names, and those that went wrong with what the catalogue says of them."""

    names: int
    wrong: tuple[str, ...]

    @property
    def share(self) -> float:
        """The share that is right."""
        return 1 - len(self.wrong) / self.names if self.names else 1.0


def client_hosts(catalog: Catalog, *, check_class: bool = False) -> Result:
    """Hosts of client code: each must have the vendor (and, if asked, the class) that the list gives it."""
    with (VECTORS / "catalogue_client_hosts.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return Result(len(rows), tuple(_wrong(catalog, rows, check_class=check_class)))


def _wrong(catalog: Catalog, rows: Iterable[dict[str, str]], *, check_class: bool) -> Iterator[str]:
    for row in rows:
        match = catalog.match_name(row["host"])
        said = (match.signature.vendor, match.signature.service_class.value) if match else ("nobody", "nothing")
        if said[0] != row["vendor"] or (check_class and said[1] != row["class"]):
            yield f"{row['host']}: {' '.join(said)} instead of {row['vendor']} {row['class']} ({row['source']})"


def ordinary_names(catalog: Catalog) -> Result:
    """Names of everyday sites, Western AI services, registries, and the ordinary sites of PRC companies."""
    return not_ai(catalog, (VECTORS / "catalogue_ordinary_names.csv").read_text(encoding="utf-8").split()[1:])


def look_alikes(catalog: Catalog) -> Result:
    """Names made from the catalogue's AI hosts, but for those below a wider one, so that each is somebody else's."""
    hosts = {
        host.pattern
        for signature in catalog.signatures
        if signature.service_class in AI
        for host in signature.hosts
        if host.kind is not HostKind.WILDCARD
    }
    widest = (host for host in hosts if not any(host.endswith(f".{other}") for other in hosts))
    return not_ai(catalog, sorted({name for host in widest for name in _near(host)} - hosts))


def _near(host: str) -> Iterator[str]:
    first, _, rest = host.partition(".")
    yield f"{host}.example.com"
    yield f"{host.replace('.', '-')}.example.com"
    yield f"not{host}"
    yield f"{first}{first[-1]}.{rest}" if "." not in rest else f"x-{host}"
    yield f"{host}x"


def not_ai(catalog: Catalog, names: Iterable[str]) -> Result:
    """None of *names* may be called AI or embedded."""
    names = list(names)
    matches = ((name, catalog.match_name(name)) for name in names)
    wrong = (
        f"{name}: {match.signature.id}" for name, match in matches if match and match.signature.service_class in AI
    )
    return Result(len(names), tuple(wrong))


def main() -> int:
    """Print the three numbers; 1 where a target is missed."""
    parser = argparse.ArgumentParser(description="How many host names the bundled catalogue names right.")
    parser.add_argument("--misses", action="store_true", help="name each host that went wrong")
    options = parser.parse_args()
    catalog = load_catalog()
    results = {
        "hosts of client code, right vendor": client_hosts(catalog),
        "hosts of client code, right vendor and class": client_hosts(catalog, check_class=True),
        "ordinary names, neither AI nor embedded": ordinary_names(catalog),
        "look-alikes, neither AI nor embedded": look_alikes(catalog),
    }
    for what, result in results.items():
        print(f"{what}: {result.names - len(result.wrong)} of {result.names} ({result.share:.2%})")
        if options.misses:
            sys.stdout.writelines(f"  {line}\n" for line in result.wrong)
    vendor, _, *others = results.values()
    return 0 if vendor.share >= RIGHT_VENDOR and not any(result.wrong for result in others) else 1


if __name__ == "__main__":
    sys.exit(main())
