"""Real clients visit flagged and ordinary names; ``egret run`` on the gateway must say exactly which."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.support.patience import LateError, wait_until
from tests.support.world import plan
from tests.support.world.clients import Done, visit_all
from tests.support.world.expected import Expected, expected, incidents
from tests.support.world.prometheus import Prometheus
from tests.support.world.visits import DINGTALK, VISITS
from tests.support.world.watch import EGRET, PROMPT_S, Arrived, Watch
from tests.support.world.world import World

pytestmark = pytest.mark.integration
EVENINGS = 3  # at most


@dataclass
class Evening:
    """One run: what was done, what was said, what was counted. Read only."""

    done: list[Done]
    alerts: list[Arrived]
    log: str
    samples: dict[str, float]
    metrics: str
    page: str
    prometheus: Prometheus
    expected: dict[tuple[str, str], Expected]
    evidence: list[dict[str, Any]]  # what ``egret evidence verify`` says
    captures: str  # what tshark reads of them


@pytest.fixture(scope="module", params=["world", "nat_world"])
def evening(request: pytest.FixtureRequest) -> Iterator[Evening]:
    """Another one where alerts were late: a host may take the processors for seconds, but Egret's own delays stay."""
    world: World = request.getfixturevalue(request.param)
    for left in reversed(range(EVENINGS)):
        with spent(world) as found:
            if not left or not late(found):
                yield found
                return


@contextlib.contextmanager
def spent(world: World) -> Iterator[Evening]:
    with Watch(world) as watch, Prometheus(world, watch.folder) as prometheus:
        prometheus.wait_for_first_scrape()
        done = visit_all(world, VISITS)
        wanted = expected(done)
        with contextlib.suppress(LateError):  # what never came is a test's to say
            wait_until(lambda: watch.opened() >= incidents(wanted), "all incidents")
        wait_until(lambda: quiet(watch), "nothing new")
        alerts, samples = list(watch.alerts), watch.samples()
        prometheus.wait_for_next_scrape()
        metrics, page = watch.get("/metrics"), watch.get("/")
        proven, read = verified(watch), captured(watch)
        yield Evening(done, alerts, watch.text(), samples, metrics, page, prometheus, wanted, proven, read)


def quiet(watch: Watch) -> bool:
    """Whether nothing comes any more, neither what should nor what should not."""
    before = moving(watch)
    time.sleep(PROMPT_S)
    return moving(watch) == before


def moving(watch: Watch) -> tuple[int, dict[str, float]]:
    metrics = ("egret_alerts_total", "egret_deliveries_total", "egret_detections_total", "egret_names_total")
    return len(watch.alerts), {name: value for name, value in watch.samples().items() if name.startswith(metrics)}


def verified(watch: Watch) -> list[dict[str, Any]]:
    command = [
        *EGRET,
        "evidence",
        "verify",
        "--json",
        "-c",
        str(watch.config),
        "--folder",
        str(watch.state / "evidence"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return [json.loads(line) for line in done.stdout.splitlines()]


def captured(watch: Watch) -> str:
    fields = ("tls.handshake.extensions_server_name", "dns.qry.name", "http.host", "_ws.malformed")
    options = [option for field in fields for option in ("-e", field)]
    files = sorted((watch.state / "evidence").glob("*.pcapng"))
    if not files or shutil.which("tshark") is None:
        return ""
    commands = ([*["tshark", "-n", "-T", "fields", "-r"], str(path), *options] for path in files)
    return "".join(
        subprocess.run(each, capture_output=True, text=True, timeout=60, check=True).stdout for each in commands
    )


def incident(alert: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = alert["egret"]["incident"]
    return found


def of_whom(arrived: Arrived) -> str:
    return plan.device(arrived.alert["client"]["ip"])


def of(evening: Evening, client: str, name: str) -> list[Arrived]:
    """The alerts about one client that name *name*, in their order."""
    return [a for a in evening.alerts if of_whom(a) == client and name in incident(a.alert)["hosts"]]


def late(evening: Evening) -> dict[tuple[str, str], float]:
    """Alerts that came too long after the visit, and how many seconds after it."""
    took = {key: [a.time_ns - row.ended_ns for a in of(evening, *key)[:1]] for key, row in evening.expected.items()}
    return {key: first / 1e9 for key, times in took.items() for first in times if first > PROMPT_S * 1e9}


def test_every_flagged_visit_is_told_with_the_right_service_and_client(evening: Evening) -> None:
    missing = [key for key in evening.expected if not of(evening, *key)]
    assert missing == [], evening.log[-3000:]
    for key, row in evening.expected.items():
        said = incident(of(evening, *key)[-1].alert)
        assert (said["vendor"], said["class"], said["signature"]) == row.says, key


def test_every_incident_has_evidence_that_proves_it(evening: Evening) -> None:
    told = {incident(a.alert)["id"] for a in evening.alerts if incident(a.alert)["evidence_files"]}
    assert {incident(a.alert)["id"] for a in evening.alerts} == told == {each["incident"] for each in evening.evidence}
    assert [each for each in evening.evidence if not each["holds"]] == []
    said = [finding for each in evening.evidence for finding in each["findings"]]
    assert [finding for finding in said if finding["proven"] is not True] == []
    assert evening.samples['egret_evidence_total{outcome="failed"}'] == 0


def test_other_programs_read_the_evidence(evening: Evening) -> None:
    names = {host for a in evening.alerts for host in incident(a.alert)["hosts"]}
    shown = evening.captures.replace(",", "\t").split()
    assert names - set(shown) == set()
    assert "Malformed" not in evening.captures


def test_the_servers_are_those_that_the_clients_reached(evening: Evening) -> None:
    for key, row in evening.expected.items():
        alerts = [incident(arrived.alert) for arrived in of(evening, *key)]
        servers = {(server["ip"], server["port"]) for said in alerts for server in said["servers"]}
        assert row.servers <= servers, key
        assert (alerts[-1]["evidence"] == "connection") == bool(servers), key


def test_every_alert_is_there_within_two_seconds(evening: Evening) -> None:
    assert late(evening) == {}


def test_every_incident_is_opened_once(evening: Evening) -> None:
    opened = Counter(
        (of_whom(a), a.alert["rule"]["id"]) for a in evening.alerts if a.alert["egret"]["action"] == "opened"
    )
    assert set(opened) == incidents(evening.expected)
    assert set(opened.values()) == {1}
    again = Counter(a.alert["event"]["id"] for a in evening.alerts)
    assert set(again.values()) == {1}


def test_no_ordinary_visit_is_told(evening: Evening) -> None:
    flagged = {site.name for site in plan.FLAGGED} | {site.via for site in plan.FLAGGED if site.via}
    told = {host for a in evening.alerts for host in incident(a.alert)["hosts"]}
    assert told - flagged == set()
    clients = defaultdict(set)
    for client, name in evening.expected:
        clients[client].add(name)
    for arrived in evening.alerts:
        hosts = set(incident(arrived.alert)["hosts"]) & {site.name for site in plan.FLAGGED}
        assert hosts <= clients[of_whom(arrived)]


def test_a_hello_without_a_name_is_named_by_the_answer_before_it(evening: Evening) -> None:
    said = incident(of(evening, plan.DESKTOP.v4, "oapi.dingtalk.com")[-1].alert)
    assert (DINGTALK, 443) in {(server["ip"], server["port"]) for server in said["servers"]}
    assert said["evidence"] == "connection"


def test_hosting_and_operator_are_two_facts(evening: Evening) -> None:
    contested = incident(of(evening, plan.LAPTOP.v4, "dashscope-intl.aliyuncs.com")[-1].alert)
    there = {server["ip"]: server["hosting"]["country"] for server in contested["servers"]}
    assert there["203.0.113.65"] == "SG"
    assert contested["operator"]["contested"]
    mainland = incident(of(evening, plan.LAPTOP.v4, "api.deepseek.com")[-1].alert)
    assert mainland["hosting"]["country"] == "CN"
    assert mainland["operator"]["country"] == "CN"


def test_a_look_up_is_one_step_milder_than_a_connection(evening: Evening) -> None:
    only_asked = of(evening, plan.DESKTOP.v4, "www.modelscope.cn")
    reached = of(evening, plan.BUILDER.v4, "www.modelscope.cn")
    assert [a.alert["egret"]["severity"] for a in only_asked] == ["medium"]
    assert reached[-1].alert["egret"]["severity"] == "high"


def total(samples: dict[str, float], name: str, *labels: str) -> float:
    return sum(
        value
        for series, value in samples.items()
        if series.partition("{")[0] == name and all(label in series for label in labels)
    )


def test_the_metrics_agree_with_the_alerts(evening: Evening) -> None:
    actions = Counter(a.alert["egret"]["action"] for a in evening.alerts)
    for action in ("opened", "escalated", "updated", "closed"):
        assert total(evening.samples, "egret_alerts_total", f'action="{action}"') == actions[action], action
    assert total(evening.samples, "egret_incidents_open") == actions["opened"]
    delivered = total(evening.samples, "egret_deliveries_total", 'sink="file"', 'outcome="delivered"')
    assert delivered == len(evening.alerts)
    assert total(evening.samples, "egret_deliveries_total", 'outcome="failed"') == 0


def test_the_metrics_count_each_service_and_no_other(evening: Evening) -> None:
    told = {(incident(a.alert)["vendor"], incident(a.alert)["service"]) for a in evening.alerts}
    for vendor, service in told:
        assert total(evening.samples, "egret_detections_total", f'vendor="{vendor}"', f'service="{service}"') > 0
    vendors = {vendor for vendor, _ in told}
    counted = {
        s.partition('vendor="')[2].partition('"')[0]
        for s, v in evening.samples.items()
        if s.startswith("egret_detections_total{") and v
    }
    assert counted == vendors
    assert total(evening.samples, "egret_detections_total", 'class="broad"') > 0  # taobao: counted, not alerted


def test_nothing_was_dropped_and_every_protocol_was_read(evening: Evening) -> None:
    assert total(evening.samples, "egret_packets_dropped_total") == 0
    assert total(evening.samples, "egret_internal_errors_total") == 0
    assert total(evening.samples, "egret_packets_received_total", 'interface="lan0"') > 0
    seen = Counter(s.protocol for visit in VISITS for s in visit.seen)
    for protocol in ("tls", "quic", "http"):
        counted = total(evening.samples, "egret_names_total", f'protocol="{protocol}"')
        assert counted >= seen[protocol], protocol
    assert total(evening.samples, "egret_names_total", 'protocol="dns"', 'kind="query"') >= seen["dns"]


def test_no_address_and_no_host_name_is_in_the_metrics(evening: Evening) -> None:
    everything = " ".join(evening.samples)
    assert "192.0.2." not in everything
    assert "203.0.113." not in everything
    for site in plan.SITES:
        assert f'"{site.name}"' not in everything


def test_promtool_finds_nothing_wrong_with_the_metrics(evening: Evening) -> None:
    command = ["promtool", "check", "metrics"]
    done = subprocess.run(command, input=evening.metrics, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_status_page_shows_the_incidents(evening: Evening) -> None:
    for row in evening.expected.values():
        addresses = next((host.v4, host.v6) for host in plan.HOSTS if host.v4 == row.client)
        assert any(address in evening.page for address in addresses)
    assert "Qwen Chat" in evening.page
    assert "notqwen" not in evening.page


def test_a_real_prometheus_scrapes_and_answers_queries(evening: Evening) -> None:
    rows = evening.prometheus.query('sum by (vendor) (egret_detections_total{class="ai"}) > 0')
    assert {row["metric"]["vendor"] for row in rows} == {
        row.says.vendor for row in evening.expected.values() if row.says.service_class == "ai"
    }
    first_hit = evening.prometheus.query('sum(increase(egret_detections_total{vendor="DeepSeek"}[10m]))')
    assert float(first_hit[0]["value"][1]) > 0  # the series was there at 0 before it


def test_the_first_lines_say_what_is_watched_and_where_to_look(evening: Evening) -> None:
    head = evening.log[:2000]
    assert "lan0" in head
    assert "wan0" not in head.partition("lan0")[0]
    assert "127.0.0.1:9477" in head
    assert "Traceback" not in evening.log
