from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import dns.name
import dns.zone
import pytest

from egret.catalog.export.resolvers import dnsmasq, rpz, unbound
from egret.catalog.export.selection import Export, Selection, Wanted
from egret.model import ServiceClass
from tests.support.catalog import bundled, signature
from tests.support.exports import CLOUD, NESTED, PLAIN, selection

WHOLE = [
    selection(*bundled().signatures, wanted=wanted) for wanted in (Wanted(), CLOUD, Wanted(classes=set(ServiceClass)))
]


def policy(zone: str, name: str) -> str | None:
    """What a zone says of *name*, by the rules of RFC 4592: itself, else the wildcard of its closest encloser."""
    parsed = dns.zone.from_text(zone, origin="rpz.", relativize=True, check_origin=False)
    owners = {str(owner): str(node.rdatasets[0][0]) for owner, node in parsed.nodes.items()}
    existing = {".".join(labels[n:]) for labels in (o.split(".") for o in owners) for n in range(len(labels))}
    if name in owners:
        return owners[name]
    encloser = name.partition(".")[2]
    while encloser and encloser not in existing:
        encloser = encloser.partition(".")[2]
    return owners.get(f"*.{encloser}")


def test_rpz_says_what_the_catalogue_says() -> None:
    zone = rpz(selection(*NESTED, wanted=CLOUD)).text
    found = {
        name: policy(zone, f"{name}cloud.example")
        for name in ("", "a.", "a.b.", "ai.", "a.ai.", "free.ai.", "a.free.ai.", "one.", "a.one.", "not")
    }
    assert found == {
        "": ".",
        "a.": ".",
        "a.b.": ".",
        "ai.": "rpz-passthru.",
        "a.ai.": "rpz-passthru.",
        "free.ai.": ".",
        "a.free.ai.": "rpz-passthru.",
        "one.": "rpz-passthru.",
        "a.one.": ".",
        "not": None,
    }


def test_rpz_repeats_at_empty_names() -> None:
    deep = signature("y.ai", "exact:a.b.c.cloud.example")
    zone = rpz(selection(NESTED[0], deep, wanted=CLOUD)).text
    assert policy(zone, "x.b.c.cloud.example") == "."
    assert policy(zone, "x.c.cloud.example") == "."
    assert policy(zone, "a.b.c.cloud.example") == "rpz-passthru."


def test_rpz_leaves_out_what_no_owner_name_holds() -> None:
    long = ".".join(["a" * 60] * 4)
    made = rpz(selection(signature("x.y", f"exact:{long}")))
    assert made.left_out == (f"host {long}",)
    assert f"\n{long}" not in made.text


def test_dnsmasq_knows_exact_hosts_and_exceptions() -> None:
    lines = dnsmasq(selection(*NESTED, wanted=CLOUD)).text.splitlines()
    assert [line for line in lines if not line.startswith("#")] == [
        "address=/cloud.example/",
        "server=/ai.cloud.example/#",
        "address=/free.ai.cloud.example/",
        "server=/*.free.ai.cloud.example/#",
        "server=/one.cloud.example/#",
        "address=/*.one.cloud.example/",
    ]


def test_unbound_leaves_names_below_an_exact_host() -> None:
    text = unbound(selection(*PLAIN)).text
    assert 'local-zone: "chat.example." always_nxdomain' in text
    assert 'local-zone: "api.other.example." transparent' in text
    nested = unbound(selection(*NESTED, wanted=CLOUD))
    assert 'local-zone: "ai.cloud.example." always_transparent' in nested.text
    assert nested.left_out == ("exception v-*.r.cloud.example", "exception one.cloud.example")


UNBOUND = 'server:\n  chroot: ""\n  username: ""\n  directory: "{folder}"\n'
CHECKS: list[tuple[Callable[[Selection], Export], list[str], str]] = [
    (rpz, ["named-checkzone", "egret.rpz", "{file}"], ""),
    (dnsmasq, ["dnsmasq", "--test", "-C", "{file}"], ""),
    (unbound, ["unbound-checkconf", "{file}"], UNBOUND),
]


@pytest.mark.parametrize("chosen", WHOLE, ids=["ai", "cloud", "all"])
@pytest.mark.parametrize(("make", "command", "head"), CHECKS, ids=["rpz", "dnsmasq", "unbound"])
def test_the_real_program_takes_it(
    make: Callable[[Selection], Export], command: list[str], head: str, chosen: Selection, tmp_path: Path
) -> None:
    tool = shutil.which(command[0], path="/usr/sbin:/usr/bin:/sbin:/bin")
    if tool is None:
        pytest.skip(f"no {command[0]} here")
    made = make(chosen)
    file = tmp_path / "export"
    file.write_text(head.format(folder=tmp_path) + made.text)
    filled = [tool, *(word.format(file=file) for word in command[1:])]
    done = subprocess.run(filled, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "warning" not in (done.stdout + done.stderr).lower()
    assert make(chosen) == made
