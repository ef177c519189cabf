"""A real Prometheus on the gateway that scrapes Egret."""

from __future__ import annotations

import json
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

from tests.support.patience import wait_until
from tests.support.world.namespaces import WorldError, stop
from tests.support.world.world import World

CONFIG = """
global: {scrape_interval: 1s, scrape_timeout: 1s}
scrape_configs:
  - job_name: egret
    static_configs: [{targets: ["127.0.0.1:9477"]}]
"""
URL = "http://127.0.0.1:9090"


class Prometheus:
    """Scrapes every second while the block runs."""

    def __init__(self, world: World, folder: Path, config: str = CONFIG) -> None:
        self._world, self._folder, self._config = world, folder, config

    def __enter__(self) -> Self:
        config = self._folder / "prometheus.yml"
        config.write_text(self._config)
        options = [f"--config.file={config}", f"--storage.tsdb.path={self._folder}/tsdb"]
        options += ["--web.listen-address=127.0.0.1:9090", "--log.level=warn"]
        self._process = self._world.gateway.start(["prometheus", *options], self._folder / "prometheus.log")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        stop(self._process)

    def query(self, promql: str) -> list[dict[str, Any]]:
        """The rows of an instant query."""
        url = f"{URL}/api/v1/query?query={quote(promql)}"
        answer = json.loads(self._world.gateway.run("curl", "-sS", "-m", "45", "--fail", url))
        rows: list[dict[str, Any]] = answer["data"]["result"]
        return rows

    def wait_for_first_scrape(self) -> None:
        """Until one scrape of Egret has succeeded."""
        wait_until(lambda: self._scraped_after(0), "Prometheus scraping egret")

    def wait_for_next_scrape(self) -> None:
        """Until what Egret counts now is in Prometheus."""
        began = time.time()
        wait_until(lambda: self._scraped_after(began), "the next scrape")

    def _scraped_after(self, time_s: float) -> bool:
        try:
            # of the bare series: of an expression, timestamp() is the time of the question
            rows = self.query("timestamp(up) and up == 1")
        except WorldError:
            return False
        return any(float(row["value"][1]) > time_s for row in rows)
