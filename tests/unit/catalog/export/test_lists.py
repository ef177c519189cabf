from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from egret.catalog.export.lists import adguard, hosts, squid
from egret.catalog.export.selection import Wanted
from egret.model import ServiceClass
from egret.value import replace
from tests.support.catalog import bundled
from tests.support.exports import CLOUD, NESTED, PLAIN, selection


def body(text: str) -> list[str]:
    return [line for line in text.splitlines() if not line.startswith(("#", "!"))]


def test_a_hosts_file_has_the_names_that_are_known() -> None:
    made = hosts(selection(replace(PLAIN[0], examples=("www.chat.example", "ark.cn.vol.example"))))
    assert body(made.text)[::2] == [
        "0.0.0.0 api.other.example",
        "0.0.0.0 ark.cn.vol.example",
        "0.0.0.0 chat.example",
        "0.0.0.0 www.chat.example",
    ]
    assert body(made.text)[1] == ":: api.other.example"
    assert made.left_out == ("what else suffix chat.example covers", "what else wildcard ark.*.vol.example covers")


def test_adguard_tells_the_kinds_apart() -> None:
    assert body(adguard(selection(*PLAIN)).text) == [
        "||chat.example^",
        "|api.other.example^",
        r"/^ark\.[^.]+\.vol\.example$/",
    ]
    assert body(adguard(selection(*NESTED, wanted=CLOUD)).text) == [
        "||cloud.example^",
        "|free.ai.cloud.example^$important",
        "@@||ai.cloud.example^",
        "@@|one.cloud.example^",
        r"@@/^v-[^.]+\.r\.cloud\.example$/",
    ]


def test_squid_denies_in_the_right_order() -> None:
    assert body(squid(selection(*NESTED, wanted=CLOUD)).text) == [
        "acl egret dstdomain .cloud.example",
        "acl egret_not dstdomain .ai.cloud.example",
        "acl egret_not dstdomain one.cloud.example",
        r"acl egret_not_patterns dstdom_regex -n ^v-[^.]+\.r\.cloud\.example$",
        "acl egret_again dstdomain free.ai.cloud.example",
        "http_access deny egret_again",
        "http_access deny egret !egret_not !egret_not_patterns",
    ]


@pytest.mark.parametrize("wanted", [Wanted(), CLOUD, Wanted(classes=set(ServiceClass))], ids=["ai", "cloud", "all"])
def test_squid_takes_it(wanted: Wanted, tmp_path: Path) -> None:
    tool = shutil.which("squid", path="/usr/sbin:/usr/bin")
    if tool is None:
        pytest.skip("no squid here")
    file = tmp_path / "squid.conf"
    file.write_text(squid(selection(*bundled().signatures, wanted=wanted)).text + "http_port 3128\n")
    done = subprocess.run(
        [tool, "-k", "parse", "-f", str(file)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stderr.splitlines() if "WARNING" in line or "ERROR" in line or "FATAL" in line] == []
