"""Behind NAT the inside interface shows the clients, the outside one only the gateway."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from tests.support.world import plan
from tests.support.world.clients import visit_all
from tests.support.world.visits import VISITS, Visit
from tests.support.world.watch import PROMPT_S, Watch
from tests.support.world.world import World

pytestmark = pytest.mark.integration


def some_visits() -> list[Visit]:
    """One of each way: TCP, QUIC version 2, plain HTTP, IPv6, and an ordinary name."""
    names = {"qwen.ai", "www.kimi.com", "api.deepseek.com", "yiyan.baidu.com", "www.example.com"}
    chosen = [visit for visit in VISITS if visit.tool in {"curl", "aioquic"} and visit.seen[-1].name in names]
    assert len(chosen) == len(names)
    return chosen


def told(watch: Watch) -> set[tuple[str, str]]:
    return {(a.alert["client"]["ip"], host) for a in watch.alerts for host in a.alert["egret"]["incident"]["hosts"]}


def flagged(visits: list[Visit]) -> set[tuple[str, str]]:
    return {(seen.client, seen.name) for visit in visits for seen in visit.seen if plan.BY_NAME[seen.name].says}


def test_the_inside_interface_is_chosen_and_shows_each_client(nat_world: World) -> None:
    visits = some_visits()
    with Watch(nat_world) as watch:
        visit_all(nat_world, visits)
        time.sleep(PROMPT_S)
        assert told(watch) == flagged(visits)


def test_the_outside_interface_shows_only_the_gateway(nat_world: World) -> None:
    visits = some_visits()
    with Watch(nat_world, "-i", "wan0") as watch:
        visit_all(nat_world, visits)
        time.sleep(PROMPT_S)
        names = {name for _, name in flagged(visits)}
        assert {name for _, name in told(watch)} == names
        gateway = {plan.GATEWAY_OUTSIDE, plan.GATEWAY_OUTSIDE_6}
        assert {client for client, _ in told(watch)} == gateway


def test_both_interfaces_at_once_tell_each_visit_once_for_each_address(nat_world: World) -> None:
    visits = [replace(visit) for visit in some_visits() if visit.tool == "aioquic"]
    with Watch(nat_world, "-i", "lan0", "-i", "wan0") as watch:
        visit_all(nat_world, visits)
        time.sleep(PROMPT_S)
        opened = [a.alert["client"]["ip"] for a in watch.alerts if a.alert["egret"]["action"] == "opened"]
        assert sorted(opened) == sorted(set(opened))
        assert plan.BUILDER.v4 in opened
