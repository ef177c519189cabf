"""Every panel of the dashboard, asked of a real Prometheus that scraped a real daemon. Grafana cannot run here."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.patience import wait_until
from tests.support.world.clients import visit_all
from tests.support.world.prometheus import Prometheus
from tests.support.world.visits import VISITS
from tests.support.world.watch import Watch
from tests.support.world.world import World

pytestmark = pytest.mark.integration
BOARD = "deploy/grafana/dashboards/egret.json"
VARIABLES = {"$instance": ".*", "$vendor": ".*", "$__range": "2m", "$__rate_interval": "10s"}
IN_CHINA, ORDINARY = "203.0.113.10", "www.example.com"  # by the world's database and the catalogue
# a hello whose length says more than its record holds
BROKEN = """
import socket, sys
with socket.create_connection((sys.argv[1], 443), timeout=50) as sock:
    sock.sendall(bytes.fromhex("160301000901000005030311223344"))
"""


def panels(repository: Path) -> list[dict[str, Any]]:
    board = json.loads((repository / BOARD).read_text())
    found = []
    for panel in board["panels"]:
        found += [panel, *panel.get("panels", [])]
    return found


def queries(repository: Path) -> list[tuple[str, str]]:
    return [(panel["title"], target["expr"]) for panel in panels(repository) for target in panel.get("targets", [])]


def filled(query: str) -> str:
    for name, value in VARIABLES.items():
        query = query.replace(name, value)
    return query


def counted(watch: Watch, metric: str) -> bool:
    return any(value for series, value in watch.samples().items() if series.startswith(metric))


@pytest.fixture(scope="module")
def prometheus(world: World) -> Iterator[Prometheus]:
    with Watch(world) as watch, Prometheus(world, watch.folder) as scraper:
        scraper.wait_for_first_scrape()
        visit_all(world, VISITS)
        host = next(iter(world.hosts.values()))
        host.run(sys.executable, "-c", BROKEN, IN_CHINA)
        host.run(
            "curl",
            "-sk",
            "-m",
            "50",
            "-o",
            "/dev/null",
            "--resolve",
            f"{ORDINARY}:443:{IN_CHINA}",
            f"https://{ORDINARY}/",
        )
        wait_until(lambda: counted(watch, "egret_anomalies_total") and counted(watch, "egret_prc_hosted"), "counts")
        scraper.wait_for_next_scrape()
        yield scraper


def test_every_query_returns_data(prometheus: Prometheus, repository: Path) -> None:
    empty = [(title, query) for title, query in queries(repository) if not answered(prometheus, filled(query))]
    assert empty == []


def answered(prometheus: Prometheus, query: str) -> bool:
    """Whether there is data; after a scrape that was too slow there is none until the next."""
    if not prometheus.query(query):
        prometheus.wait_for_next_scrape()
    return bool(prometheus.query(query))


def test_the_variables_have_values(prometheus: Prometheus, repository: Path) -> None:
    board = json.loads((repository / BOARD).read_text())
    asked = [each["query"] for each in board["templating"]["list"] if each["type"] == "query"]
    for query in asked:
        metric, label = re.fullmatch(r"label_values\((\w+), (\w+)\)", query).groups()  # type: ignore[union-attr]  # ours
        assert answered(prometheus, f"count by ({label}) ({metric})"), query


def test_the_model_is_raw_and_what_the_program_makes(repository: Path) -> None:
    text = (repository / BOARD).read_text()
    board = json.loads(text)
    assert "__inputs" not in board
    assert board["templating"]["list"][0]["type"] == "datasource"
    assert all(panel["datasource"]["uid"] == "$datasource" for panel in panels(repository) if panel.get("targets"))
    assert "DB-IP" in text
    script = repository / "deploy/grafana/dashboard.py"
    code = f"import runpy, sys; sys.path.insert(0, {str(script.parent)!r}); m = runpy.run_path({str(script)!r}); print(m['JSONEncoder'](sort_keys=True, indent=2).encode(m['make']().build()))"
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60).stdout
    assert made == text
