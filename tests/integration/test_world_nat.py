"""Behind NAT the outside interface shows only the gateway; the inside one is in ``test_world``."""

from __future__ import annotations

import time

import pytest

from tests.support.patience import wait_until
from tests.support.world import plan
from tests.support.world.clients import visit_all
from tests.support.world.expected import expected
from tests.support.world.visits import VISITS
from tests.support.world.watch import PROMPT_S, Watch
from tests.support.world.world import World

pytestmark = pytest.mark.integration


def test_the_outside_interface_shows_only_the_gateway(nat_world: World) -> None:
    with Watch(nat_world, "-i", "wan0") as watch:
        wanted = expected(visit_all(nat_world, VISITS))
        wait_until(lambda: hosts(watch) == {name for _, name in wanted}, "all names shown")
        clients = {arrived.alert["client"]["ip"] for arrived in watch.alerts}
        assert clients == {plan.GATEWAY_OUTSIDE, plan.GATEWAY_OUTSIDE_6}


def hosts(watch: Watch) -> set[str]:
    return {host for incident in watch.incidents() for host in incident["hosts"]}


def test_both_interfaces_at_once_tell_each_incident_once(nat_world: World) -> None:
    visits = [visit for visit in VISITS if visit.tool == "aioquic"]
    with Watch(nat_world, "-i", "lan0", "-i", "wan0") as watch:
        visit_all(nat_world, visits)
        watch.wait_for(lambda alert: alert["client"]["ip"] == plan.BUILDER.v4)
        time.sleep(PROMPT_S)  # for a second one
        opened = [a.alert["client"]["ip"] for a in watch.alerts if a.alert["egret"]["action"] == "opened"]
    assert sorted(opened) == sorted(set(opened))
    assert plan.BUILDER.v4 in opened
