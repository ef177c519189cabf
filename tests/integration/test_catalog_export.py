"""What resolvers answer that obey the exported catalogue, and whether the kernel takes it: each in a namespace of its own."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from egret.catalog.export.firewall import nftables
from egret.catalog.export.resolvers import dnsmasq, rpz, unbound
from egret.catalog.export.selection import Selection, Wanted
from egret.model import ServiceClass
from tests.support.catalog import bundled
from tests.support.exports import CLOUD, NESTED, PLAIN, selection

pytestmark = pytest.mark.integration
RESOLVERS = Wanted(classes={ServiceClass.RESOLVER})
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
UPSTREAM = "port=5301\nno-resolv\nno-hosts\nbind-interfaces\nlisten-address=127.0.0.1\naddress=/#/192.0.2.9\n"
DNSMASQ = "port=5302\nno-resolv\nno-hosts\nbind-interfaces\nlisten-address=127.0.0.1\nserver=127.0.0.1#5301\n"
UNBOUND = """\
server:
    chroot: ""
    username: ""
    directory: "{folder}"
    pidfile: ""
    use-syslog: no
    interface: 127.0.0.1
    port: 5302
    do-not-query-localhost: no
    module-config: "iterator"
forward-zone:
    name: "."
    forward-addr: 127.0.0.1@5301
"""
SCRIPT = """\
ip link set lo up
ready() {{
    for _ in $(seq 100); do
        [ "$(dig +time=1 +tries=1 +short @127.0.0.1 -p "$1" ready.example A)" = 192.0.2.9 ] && return
        sleep 0.1
    done
}}
dnsmasq -k -C up.conf & up=$!
trap 'kill $up' EXIT
ready 5301
{command} & asked=$!
trap 'kill $up $asked' EXIT
ready 5302
for name in {names}; do
    echo "$name $(dig +time=2 +tries=2 +short @127.0.0.1 -p 5302 "$name" A | head -1)"
done
"""


def answered(folder: Path, command: str, names: list[str]) -> set[str]:
    """The *names* that get an address from the resolver that *command* starts."""
    (folder / "up.conf").write_text(UPSTREAM)
    script = SCRIPT.format(command=command, names=" ".join(names))
    done = subprocess.run(
        ["unshare", "-n", "bash", "-c", script], cwd=folder, capture_output=True, text=True, timeout=90, check=False
    )
    lines = [line.split() for line in done.stdout.splitlines()]
    assert [line[0] for line in lines] == names, done.stderr
    return {line[0] for line in lines if line[1:] == ["192.0.2.9"]}


def start_dnsmasq(folder: Path, chosen: Selection) -> str:
    (folder / "asked.conf").write_text(DNSMASQ + dnsmasq(chosen).text)
    return "dnsmasq -k -C asked.conf"


def start_unbound(folder: Path, chosen: Selection) -> str:
    (folder / "asked.conf").write_text(unbound(chosen).text + UNBOUND.format(folder=folder))
    return "unbound -d -c asked.conf"


def start_rpz(folder: Path, chosen: Selection) -> str:
    (folder / "egret.rpz").write_text(rpz(chosen).text)
    zone = f'rpz:\n    name: "egret.rpz"\n    zonefile: "{folder}/egret.rpz"\n'
    settings = UNBOUND.format(folder=folder).replace('"iterator"', '"respip iterator"')
    (folder / "asked.conf").write_text(settings + zone)
    return "unbound -d -c asked.conf"


@pytest.mark.parametrize("start", [start_dnsmasq, start_unbound, start_rpz])
def test_only_what_was_chosen_is_gone(start: object, tmp_path: Path) -> None:
    tool = "dnsmasq" if start is start_dnsmasq else "unbound"
    if shutil.which(tool, path=PATH) is None:
        pytest.skip(f"no {tool} here")
    assert callable(start)
    gone = ["chat.example", "www.chat.example", "api.other.example"]
    stay = ["notchat.example", "v1.api.other.example", "other.example"]
    assert answered(tmp_path, start(tmp_path, selection(*PLAIN)), gone + stay) == set(stay)


@pytest.mark.parametrize("start", [start_dnsmasq, start_unbound, start_rpz])
def test_exceptions_stay_and_what_is_below_them_goes_again(start: object, tmp_path: Path) -> None:
    tool = "dnsmasq" if start is start_dnsmasq else "unbound"
    if shutil.which(tool, path=PATH) is None:
        pytest.skip(f"no {tool} here")
    assert callable(start)
    gone = ["cloud.example", "a.b.cloud.example", "free.ai.cloud.example"]
    stay = ["ai.cloud.example", "a.ai.cloud.example", "a.free.ai.cloud.example"]
    stay += (
        ["one.cloud.example"] if start is not start_unbound else []
    )  # unbound's own format cannot, and the export says so
    chosen = selection(*NESTED, wanted=CLOUD)
    assert answered(tmp_path, start(tmp_path, chosen), gone + stay) == set(stay)


@pytest.mark.parametrize("wanted", [Wanted(), RESOLVERS, Wanted(classes=set(ServiceClass))], ids=["ai", "dns", "all"])
def test_the_kernel_takes_the_firewall_twice(wanted: Wanted, tmp_path: Path) -> None:
    if shutil.which("nft", path=PATH) is None:
        pytest.skip("no nft here")
    file = tmp_path / "egret.nft"
    file.write_text(nftables(selection(*bundled().signatures, wanted=wanted)).text)
    command = f"nft -c -f {file} && nft -f {file} && nft -f {file} && nft list tables"
    done = subprocess.run(
        ["unshare", "-n", "bash", "-c", command], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "table inet egret\n", "")
