"""What resolvers answer that obey the exported catalogue: dnsmasq and unbound, asked in a namespace of their own."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from egret.catalog.export.resolvers import dnsmasq, unbound
from egret.catalog.export.selection import Selection
from tests.support.exports import CLOUD, NESTED, PLAIN, selection

pytestmark = pytest.mark.integration
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
dnsmasq -k -C up.conf & up=$!
{command} & asked=$!
trap 'kill $up $asked' EXIT
for _ in $(seq 50); do dig +time=1 +tries=1 @127.0.0.1 -p 5302 ready.example >/dev/null && break; sleep 0.1; done
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


@pytest.mark.parametrize("start", [start_dnsmasq, start_unbound])
def test_only_what_was_chosen_is_gone(start: object, tmp_path: Path) -> None:
    tool = "dnsmasq" if start is start_dnsmasq else "unbound"
    if shutil.which(tool, path=PATH) is None:
        pytest.skip(f"no {tool} here")
    assert callable(start)
    gone = ["chat.example", "www.chat.example", "api.other.example"]
    stay = ["notchat.example", "v1.api.other.example", "other.example"]
    assert answered(tmp_path, start(tmp_path, selection(*PLAIN)), gone + stay) == set(stay)


@pytest.mark.parametrize("start", [start_dnsmasq, start_unbound])
def test_exceptions_stay_and_what_is_below_them_goes_again(start: object, tmp_path: Path) -> None:
    tool = "dnsmasq" if start is start_dnsmasq else "unbound"
    if shutil.which(tool, path=PATH) is None:
        pytest.skip(f"no {tool} here")
    assert callable(start)
    gone = ["cloud.example", "a.b.cloud.example", "free.ai.cloud.example"]
    stay = ["ai.cloud.example", "a.ai.cloud.example", "a.free.ai.cloud.example"]
    stay += ["one.cloud.example"] if tool == "dnsmasq" else []  # unbound's export says that it cannot
    chosen = selection(*NESTED, wanted=CLOUD)
    assert answered(tmp_path, start(tmp_path, chosen), gone + stay) == set(stay)
