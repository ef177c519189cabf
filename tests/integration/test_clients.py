"""Clients have names on a real gateway: its neighbour table, and a lease file that changes as it runs."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.patience import wait_until
from tests.support.world.clients import visit_all
from tests.support.world.plan import BY_NAME, DESKTOP, LAPTOP, Host
from tests.support.world.visits import Visit
from tests.support.world.watch import CONFIG, Watch
from tests.support.world.world import World

pytestmark = pytest.mark.integration

CLIENTS = """
clients:
  leases: [{{path: {folder}/leases}}]
  static: [{{mac: "%s", name: desk, groups: [office]}}]
  refresh: 1s
"""


def visit(host: Host, family: str) -> Visit:
    site = BY_NAME["qwen.ai"]
    address = f"[{site.v6}]" if family == "-6" else site.v4
    arguments = ("curl", "-sS", "-m", "50", family, "--cacert", "{ca}", "--resolve", f"qwen.ai:443:{address}")
    return Visit(host=host, tool="curl", arguments=(*arguments, "https://qwen.ai/"), seen=())


def lease(host: Host, name: str) -> str:
    return f"0 {host.mac} {host.v4} {name} *\n"


def test_a_device_is_one_client_by_either_family_and_has_its_name(world: World) -> None:
    with Watch(world, "-i", "lan0", config=CONFIG + CLIENTS % DESKTOP.mac) as watch:
        (watch.folder / "leases").write_text(lease(LAPTOP, "old-name"))
        visit_all(world, [visit(LAPTOP, "-4"), visit(LAPTOP, "-6"), visit(DESKTOP, "-6"), visit(DESKTOP, "-4")])
        wait_until(lambda: seen(watch) == 4, "both addresses of both")
        (watch.folder / "leases").write_text(lease(LAPTOP, "laptop"))

        def again() -> bool:
            visit_all(world, [visit(LAPTOP, "-6")])
            return bool(by_key(watch)[f"mac:{LAPTOP.mac}"]["client_name"] == "laptop")

        wait_until(again, "the new name, for an address that has no lease")
        found = by_key(watch)
        assert set(found) == {f"mac:{LAPTOP.mac}", "name:desk"}
        assert set(found["name:desk"]["client_addresses"]) == {DESKTOP.v4, DESKTOP.v6}
        assert found["name:desk"]["client_groups"] == ["office"]
        assert set(found[f"mac:{LAPTOP.mac}"]["client_addresses"]) == {LAPTOP.v4, LAPTOP.v6}
        assert found[f"mac:{LAPTOP.mac}"]["client_groups"] == []
        assert watch.wait_for(lambda alert: "desk (" in alert["message"]).alert["host"]["name"] == "desk"
        assert "<b>desk</b>" in watch.get("/")


def by_key(watch: Watch) -> dict[str, dict[str, Any]]:
    return {incident["client_key"]: incident for incident in watch.incidents()}


def seen(watch: Watch) -> int:
    return sum(len(incident["client_addresses"]) for incident in watch.incidents())
