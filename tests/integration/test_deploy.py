"""What is in deploy/ is accepted by the tools that will read it, and names only what is there.

Nothing here needs root; a tool that is not installed skips its test, which CI does not allow.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from egret.settings.config import load_config

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
ROOT = DEPLOY.parent
UNIT = DEPLOY / "systemd/egret.service"
WORST_EXPOSURE = 2.0  # systemd's own scale: 0 is best, 10 worst


def run(*command: str, **more: Any) -> str:
    """Output of *command*, which must succeed; skips where it is not installed."""
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    environment = os.environ | {"LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=240, check=False, env=environment | more.pop("env", {}), **more
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return str(done.stdout + done.stderr)


def read(path: Path) -> Any:
    return yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)  # noqa: TID251 - others' format, not ours


# -- systemd


def test_the_unit_is_right(tmp_path: Path) -> None:
    """With its program in place: whether that is installed here is no matter of the unit."""
    unit = tmp_path / "egret.service"
    unit.write_text(UNIT.read_text().replace("/opt/egret/bin/egret", "/bin/true"))
    assert "egret.service" not in run("systemd-analyze", "verify", "--man=no", str(unit))


def test_the_timer_of_the_databases_is_right(tmp_path: Path) -> None:
    for name in ("egret-geoip.service", "egret-geoip.timer"):
        text = (UNIT.parent / name).read_text()
        (tmp_path / name).write_text(text.replace("/opt/egret/bin/egret", "/bin/true"))
    assert "egret-geoip" not in run("systemd-analyze", "verify", "--man=no", str(tmp_path / "egret-geoip.timer"))


def test_the_unit_is_hardened() -> None:
    said = run("systemd-analyze", "security", "--offline=true", "--no-pager", str(UNIT))
    score = float(re.findall(r"exposure level for egret.service: ([\d.]+)", said)[0])
    assert score <= WORST_EXPOSURE
    assert f"exposure level for egret.service: {score}" in (ROOT / "docs/deploy.md").read_text(encoding="utf-8")


def test_the_unit_gives_one_right_and_knows_its_folders() -> None:
    unit = UNIT.read_text()
    assert re.findall(r"^(?:Ambient|)Capabilit(?:ies|yBoundingSet)=(.*)$", unit, re.MULTILINE) == ["CAP_NET_RAW"] * 2
    for line in (
        "Type=notify",
        "User=egret",
        "ConfigurationDirectory=egret",
        "StateDirectory=egret",
        "NoNewPrivileges=yes",
    ):
        assert line in unit.splitlines()


# -- Prometheus and Alertmanager


def test_the_rules_are_right() -> None:
    assert "SUCCESS" in run("promtool", "check", "rules", str(DEPLOY / "prometheus/egret.rules.yml"))


@pytest.mark.parametrize("name", ["egret.rules.test.yml", "egret.ages.test.yml", "egret.watch.test.yml"])
def test_the_rules_do_what_they_say(name: str) -> None:
    assert "SUCCESS" in run("promtool", "test", "rules", name, cwd=DEPLOY / "prometheus")


def test_every_alert_is_tested() -> None:
    groups = read(DEPLOY / "prometheus/egret.rules.yml")["groups"]
    alerts = {rule["alert"] for group in groups for rule in group["rules"] if "alert" in rule}
    tests = "".join(path.read_text() for path in (DEPLOY / "prometheus").glob("*.test.yml"))
    assert {alert for alert in alerts if f"alertname: {alert}\n" not in tests} == set()


def test_prometheus_takes_its_configuration() -> None:
    assert "SUCCESS" in run("promtool", "check", "config", "prometheus.yml", cwd=DEPLOY / "prometheus")


def test_alertmanager_takes_its_configuration() -> None:
    assert "SUCCESS" in run("amtool", "check-config", str(DEPLOY / "prometheus/alertmanager.yml"))


# -- compose, Docker, Grafana


def mounts() -> list[tuple[str, str]]:
    """Files of the repository that a container gets: from, to."""
    services = read(DEPLOY / "docker/compose.yaml")["services"]
    rows = [volume.split(":") for service in services.values() for volume in service.get("volumes", [])]
    return [(row[0], row[1]) for row in rows if row[0].startswith(".")]


def test_compose_mounts_what_is_there() -> None:
    assert len(mounts()) >= 5
    assert [source for source, _ in mounts() if not (DEPLOY / "docker" / source).exists()] == []


def test_compose_is_on_the_hosts_network_and_listens_to_nobody_else() -> None:
    compose = read(DEPLOY / "docker/compose.yaml")
    services = compose["services"]
    assert set(services) == {"egret", "prometheus", "alertmanager", "grafana"}
    for service in services.values():
        assert service["network_mode"] == "host"
        named = {volume.split(":")[0] for volume in service.get("volumes", [])}
        assert {name for name in named if not name.startswith(("/", "."))} <= set(compose["volumes"])
    listening = str(
        [services[name].get("command", services[name].get("environment")) for name in services if name != "egret"]
    )
    assert listening.count("127.0.0.1") == 3


def test_containers_read_what_compose_gives_them() -> None:
    """The paths inside: Prometheus' rules beside its file, Grafana's dashboards where the provider looks."""
    inside = {target: source for source, target in mounts()}
    services = read(DEPLOY / "docker/compose.yaml")["services"]
    flags = [*services["prometheus"]["command"], *services["alertmanager"]["command"]]
    for flag in flags:
        if flag.startswith("--config.file="):
            assert flag.partition("=")[2] in inside
    for rules in read(DEPLOY / "prometheus/prometheus.yml")["rule_files"]:
        assert f"/etc/prometheus/{rules}" in inside
    provider = read(DEPLOY / "grafana/provisioning/dashboards/egret.yaml")["providers"][0]
    boards = DEPLOY / "docker" / inside[provider["options"]["path"]]
    assert [json.loads(path.read_text())["title"] for path in boards.glob("*.json")]


def test_prometheus_asks_where_egret_listens() -> None:
    targets = read(DEPLOY / "prometheus/prometheus.yml")["scrape_configs"][0]["static_configs"][0]["targets"]
    assert targets == [str(load_config(None).http.listen)]


def test_the_dashboards_data_source_is_provisioned() -> None:
    source = read(DEPLOY / "grafana/provisioning/datasources/prometheus.yaml")["datasources"][0]
    board = json.loads((DEPLOY / "grafana/dashboards/egret.json").read_text())
    assert source["type"] == "prometheus"
    assert "__inputs" not in board
    variables = {variable["name"]: variable for variable in board["templating"]["list"]}
    assert variables["datasource"]["query"] == source["type"]


def test_the_image_copies_what_is_there() -> None:
    text = (DEPLOY / "docker/Dockerfile").read_text()
    copied = [words.split() for words in re.findall(r"^COPY (?!--from)(.*)$", text, re.MULTILINE)]
    sources = [word for words in copied for word in words[:-1] if not word.startswith("--")]
    assert len(sources) >= 6
    assert [source for source in sources if not (ROOT / source).exists()] == []
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert {source.split("/")[0] for source in sources} & set(ignored) == set()


# -- make install


def test_the_shipped_configuration_is_the_default() -> None:
    assert load_config(DEPLOY / "egret.yaml").model_dump() == load_config(None).model_dump()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_install_puts_everything_in_place_and_keeps_what_is_yours(tmp_path: Path) -> None:
    staged = {"env": {"DESTDIR": str(tmp_path), "PYTHON": sys.executable}, "cwd": ROOT}
    config = tmp_path / "etc/egret/egret.yaml"
    run("bash", "scripts/install.sh", "install", **staged)
    assert (tmp_path / "etc/systemd/system/egret.service").read_text() == UNIT.read_text()
    assert config.read_text() == (DEPLOY / "egret.yaml").read_text()
    assert (tmp_path / "var/lib/egret").stat().st_mode & 0o777 == 0o700
    program = tmp_path / "opt/egret/bin"
    assert (program / "egret").read_text().startswith("#!/opt/egret/bin/python")  # not where it was staged
    egret = str(program / "python"), "-m", "egret"
    said = run(*egret, "match", "chat.qwen.ai", "notqwen.ai", cwd=tmp_path)
    assert [json.loads(line)["signature"] for line in said.splitlines()] == ["alibaba.qwen-chat", None]
    assert "all right" in run(*egret, "check", "-c", str(config), cwd=tmp_path)

    config.write_text("log: {level: debug}\n")
    run("bash", "scripts/install.sh", "install", **staged)
    assert config.read_text() == "log: {level: debug}\n"
    assert Path(f"{config}.new").read_text() == (DEPLOY / "egret.yaml").read_text()

    run("bash", "scripts/install.sh", "uninstall", **staged)
    assert not (tmp_path / "opt/egret").exists()
    assert list((tmp_path / "etc/systemd/system").iterdir()) == []
    assert config.exists()
