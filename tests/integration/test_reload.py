"""Settings, signatures, catalogue and databases change under steady traffic: no packet and no flagged name is lost."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from egret.settings.bundled import signatures_dir
from egret.settings.ed25519 import sign
from scripts.sign_catalog import make_bundle
from tests.support.bundles import PRIVATE, PUBLIC, TODAY
from tests.support.catalog import write
from tests.support.patience import wait_until
from tests.support.world import plan
from tests.support.world.clients import make
from tests.support.world.namespaces import stop
from tests.support.world.plan import DESKTOP
from tests.support.world.visits import HERE, Visit
from tests.support.world.watch import Watch, egret, give_to_daemon
from tests.support.world.world import World

pytestmark = pytest.mark.integration

RATE, EVERY = 2_000, 10  # questions a second, and which of them names a service
GEO = Path(__file__).parents[2] / "src/egret/data/geo/egret-country-asn.mmdb"
CONFIG = """
outputs: {{file: {{path: {state}/alerts.jsonl, min_severity: info}}}}
catalog: {{update: {{public_keys: [KEY]}}}}
""".replace("KEY", PUBLIC)
OWN = """\
  - id: ID
    service: New
    category: chat
    class: ai
    hosts:
      - {suffix: NAME, source: seen}
    examples: [NAME]
"""


@pytest.fixture
def state(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="egw-reload-") as folder:
        Path(folder).chmod(0o755)
        state = Path(folder) / "state"
        state.mkdir()
        give_to_daemon(state)
        monkeypatch.setenv("STATE_DIRECTORY", str(state))
        yield state


@contextmanager
def questions(world: World, log: Path) -> Iterator[list[float]]:
    """Steady traffic of the laptop; the list has, after the block, how many questions, flagged ones, and seconds."""
    arguments = [plan.INTERNET, str(RATE), "steady.dashscope.aliyuncs.com", str(EVERY)]
    process = world.hosts["laptop"].start([sys.executable, str(HERE / "steady.py"), *arguments], log)
    counts: list[float] = []
    try:
        yield counts
    finally:
        stop(process)
        counts += map(float, log.read_text().split())


def total(samples: dict[str, float], metric: str, having: str = "") -> float:
    return sum(value for name, value in samples.items() if name.partition("{")[0] == metric and having in name)


def applied(watch: Watch, trigger: str) -> float:
    samples = watch.samples()
    assert total(samples, "egret_reloads_total", 'outcome="refused"') == 0, watch.text()[-2000:]
    return samples[f'egret_reloads_total{{outcome="applied",trigger="{trigger}"}}']


def reload(watch: Watch, more: str) -> None:
    before = applied(watch, "signal")
    watch.config.write_text(watch.config.read_text() + more)
    watch.hang_up()
    wait_until(lambda: applied(watch, "signal") == before + 1, "the reload")


def bundle(folder: Path) -> Path:
    """A signed catalogue that knows one service more."""
    shutil.copytree(signatures_dir(), folder / "all")
    write(folder / "all", OWN.replace("ID", "example.updated").replace("NAME", "updated.example"))
    data = make_bundle(folder / "all", 1, TODAY, 90)
    (folder / "catalogue.json").write_bytes(data)
    (folder / "catalogue.json.sig").write_text(sign(data, PRIVATE))
    return folder / "catalogue.json"


def update(world: World, watch: Watch, *command: str) -> None:
    before = applied(watch, "files")
    done = egret(world, *command, "-c", str(watch.config))
    assert done.returncode == 0, done.stdout + done.stderr
    wait_until(lambda: applied(watch, "files") == before + 1, f"{command[0]} noticed")


def ask(world: World, name: str) -> None:
    arguments = ("dig", "+tries=1", "+timeout=1", f"@{plan.RESOLVER}", name, "A")
    make(world, Visit(host=DESKTOP, tool="dig", arguments=arguments, seen=(), exit_codes=(0, 9)))


def found(watch: Watch, vendor: str) -> float:
    return total(watch.samples(), "egret_detections_total", f'vendor="{vendor}"')


def names(samples: dict[str, float]) -> float:
    return total(samples, "egret_names_total", 'kind="query",protocol="dns"')


def vendors(watch: Watch) -> set[str]:
    return {incident["vendor"] for incident in watch.incidents()}


def change_all(world: World, watch: Watch, new: Path) -> None:
    """Three reloads, a catalogue update and a GeoIP update, each seen to be in force."""
    own = watch.folder / "own"
    own.mkdir()
    write(own, OWN.replace("ID", "example.own").replace("NAME", "own.example"))
    ask(world, "own.example")
    ask(world, "yiyan.baidu.com")
    wait_until(lambda: "Baidu" in vendors(watch), "an incident")
    reload(watch, "severities: {ai: critical}\n")
    reload(watch, "approvals: {entries: [{vendor: Baidu, state: approved, owner: IT}]}\n")
    wait_until(lambda: "Baidu" not in vendors(watch), "what is approved by now closed")
    closed = watch.wait_for(lambda alert: alert["egret"]["action"] == "closed").alert
    assert (closed["egret"]["incident"]["vendor"], closed["egret"]["incident"]["close_reason"]) == ("Baidu", "approved")
    assert found(watch, "Example") == 0
    watch.config.write_text(watch.config.read_text().replace("catalog: {", f"catalog: {{directories: [{own}], "))
    reload(watch, "")
    ask(world, "own.example")
    wait_until(lambda: found(watch, "Example") == 1, "the new signature in force")
    update(world, watch, "catalog", "update", str(new))
    ask(world, "updated.example")
    wait_until(lambda: found(watch, "Example") == 2, "the updated catalogue in force")
    update(world, watch, "geoip", "update", str(GEO))


def test_nothing_is_lost_while_all_of_it_changes(world: World, state: Path, tmp_path: Path) -> None:
    with Watch(world, config=CONFIG, state=state) as watch:
        with questions(world, tmp_path / "steady.log") as counts:
            change_all(world, watch, bundle(tmp_path))
        sent, named, seconds = counts
        assert sent > 0.9 * RATE * seconds, "the sender itself was too slow to prove anything"
        wait_until(lambda: found(watch, "Alibaba") >= named, f"{named:.0f} flagged of {sent:.0f}")
        wait_until(lambda: names(watch.samples()) >= sent, f"{sent:.0f} names told")
        samples = watch.samples()
    assert total(samples, "egret_detections_total", 'vendor="Alibaba"') == named
    losses = ("packets_dropped", "volume_packets_dropped", "messages_dropped", "worker_restarts", "internal_errors")
    assert {loss: total(samples, f"egret_{loss}_total") for loss in losses} == dict.fromkeys(losses, 0.0)
