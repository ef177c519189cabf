"""Behind NAT the outside interface shows only the gateway; the inside one is in ``test_world``."""

from __future__ import annotations

import time

import pytest

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
        time.sleep(PROMPT_S)
        alerts = [arrived.alert for arrived in watch.alerts]
    hosts = {host for alert in alerts for host in alert["egret"]["incident"]["hosts"]}
    assert hosts == {name for _, name in wanted}
    assert {alert["client"]["ip"] for alert in alerts} == {plan.GATEWAY_OUTSIDE, plan.GATEWAY_OUTSIDE_6}


def test_both_interfaces_at_once_tell_each_incident_once(nat_world: World) -> None:
    visits = [visit for visit in VISITS if visit.tool == "aioquic"]
    with Watch(nat_world, "-i", "lan0", "-i", "wan0") as watch:
        visit_all(nat_world, visits)
        time.sleep(PROMPT_S)
        opened = [a.alert["client"]["ip"] for a in watch.alerts if a.alert["egret"]["action"] == "opened"]
    assert sorted(opened) == sorted(set(opened))
    assert plan.BUILDER.v4 in opened
