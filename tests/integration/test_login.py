"""The status page beyond loopback: a daemon that gave up root, its TLS key, its users; a client on another machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from egret.settings.passwords import hash_password, hash_token, new_token
from tests.support.certificates import Authority
from tests.support.patience import wait_until
from tests.support.world import plan
from tests.support.world.clients import make
from tests.support.world.namespaces import family
from tests.support.world.plan import DESKTOP
from tests.support.world.prometheus import Prometheus
from tests.support.world.visits import VISITS
from tests.support.world.watch import Watch
from tests.support.world.world import World

pytestmark = pytest.mark.integration
PASSWORD, OTHER, TOKEN = "correct horse battery", "four other words here", new_token()
CONFIG = """
geoip: {{databases: [{folder}/world.mmdb], geolocate_reserved: true}}
outputs: {{file: {{path: {state}/alerts.jsonl, min_severity: info}}}}
store: {{path: {state}/incidents.db}}
http:
  listen: "0.0.0.0:9477"
  tls: {{certificate: {folder}/page.crt, key: {folder}/page.key}}
  public_url: "https://page:9477"
  users:
    - {{name: alice, password: "ALICE"}}
    - {{name: prometheus, password: "ALICE", access: metrics}}
  tokens:
    - {{name: siem, token: "TOKEN", access: all}}
""".replace("ALICE", hash_password(PASSWORD, log_n=12)).replace("TOKEN", hash_token(TOKEN))
SCRAPE = """
global: {scrape_interval: 1s, scrape_timeout: 1s}
scrape_configs:
  - job_name: egret
    scheme: https
    tls_config: {ca_file: FOLDER/test-ca.pem}
    basic_auth: {username: prometheus, password: PASSWORD}
    static_configs: [{targets: ["127.0.0.1:9477"]}]
"""


class Guarded(Watch):
    """A daemon with a login and TLS."""

    url = "https://127.0.0.1:9477"

    def __init__(self, world: World) -> None:
        super().__init__(world, config=CONFIG)
        self.authority = Authority(self.folder)
        self.authority.issue("page")
        (self.folder / "page.key").chmod(0o600)  # root's, and Egret is root no longer
        self.curl = ("--cacert", str(self.authority.ca), "-u", f"alice:{PASSWORD}")


@pytest.fixture(scope="module")
def guarded(world: World) -> Iterator[Guarded]:
    with Guarded(world) as watch:
        yield watch


def status(watch: Guarded, world: World, path: str, *more: str) -> str:
    """What a client on another machine gets."""
    asked = ("curl", "-sk", "-m", "50", "-o", "/dev/null", "-w", "%{http_code}", *more)
    return world.hosts[DESKTOP.name].run(*asked, f"https://{plan.GATEWAY_INSIDE}:9477{path}")


def test_who_is_not_known_sees_nothing(guarded: Guarded, world: World) -> None:
    basic = ("-u", f"alice:{PASSWORD}")
    assert status(guarded, world, "/healthz") == "200"
    assert status(guarded, world, "/api/v1/status") == "401"
    assert status(guarded, world, "/", "-H", "Accept: text/html") == "303"
    assert status(guarded, world, "/api/v1/status", *basic) == "200"
    assert status(guarded, world, "/api/v1/status", "-H", f"Authorization: Bearer {TOKEN}") == "200"
    assert status(guarded, world, "/metrics", "-u", f"prometheus:{PASSWORD}") == "200"
    assert status(guarded, world, "/api/v1/incidents", "-u", f"prometheus:{PASSWORD}") == "403"
    assert status(guarded, world, "/", "-u", "alice:wrong") == "401"
    said = guarded.text()
    assert "status page https://0.0.0.0:9477/" in said
    assert "login_refused" in said
    assert all(each not in said for each in (PASSWORD, TOKEN, "wrong@", "$scrypt"))


def test_an_incident_its_alerts_and_its_proof(guarded: Guarded, world: World) -> None:
    make(world, VISITS[0])
    alert = guarded.wait_for(lambda each: bool(each["egret"]["incident"]["evidence_files"])).alert
    name = alert["egret"]["incident"]["id"]
    assert alert["event"]["url"] == f"https://page:9477/incidents/{name}"

    def kept() -> bool:
        return json.loads(guarded.get(f"/api/v1/incidents/{name}"))["evidence"] is not None

    wait_until(kept, "the evidence on the disk")
    story = json.loads(guarded.get(f"/api/v1/incidents/{name}"))
    assert story["alerts"][0]["action"] == "opened"
    assert {each["name"] for each in story["alerts"][0]["outputs"]} >= {"file"}
    page = guarded.get(f"/incidents/{name}")
    assert story["evidence"]["capture"]["sha256"] in page
    assert f"/api/v1/incidents/{name}/evidence.pcapng" in page
    found = guarded.get(f"/api/v1/incidents?q={alert['client']['ip']}&state=all")
    assert name in {each["id"] for each in json.loads(found)["incidents"]}


def test_a_real_prometheus_scrapes_by_password(guarded: Guarded, world: World) -> None:
    config = SCRAPE.replace("FOLDER", str(guarded.folder)).replace("PASSWORD", PASSWORD)
    with Prometheus(world, guarded.folder, config) as prometheus:
        prometheus.wait_for_first_scrape()
        wait_until(lambda: prometheus.query("egret_workers_up"), "its metrics")
        assert prometheus.query("egret_workers_up")[0]["value"][1] == "1"


def test_no_capture_process_holds_the_key_or_the_door(guarded: Guarded) -> None:
    key = load_pem_private_key((guarded.folder / "page.key").read_bytes(), None)
    assert isinstance(key, EllipticCurvePrivateKey)
    number = key.private_numbers().private_value
    secrets = [number.to_bytes(32, order) for order in ("big", "little")]  # as PEM files and as OpenSSL have it
    daemon = guarded.pid
    assert any(secret in memory(daemon) for secret in secrets)  # it is looked for in the right way
    others = [pid for pid in family(daemon) if pid != daemon]
    assert len(others) >= 2  # the opener and a worker
    for pid in others:
        assert not any(secret in memory(pid) for secret in secrets)


def test_users_and_certificates_change_while_it_runs(guarded: Guarded, world: World) -> None:
    fresh = guarded.config.read_text().replace(hash_of(guarded, "alice"), hash_password(OTHER, log_n=12), 1)
    guarded.config.write_text(fresh)
    guarded.hang_up()
    new = ("-u", f"alice:{OTHER}")
    wait_until(lambda: status(guarded, world, "/api/v1/status", *new) == "200", "the new password")
    assert status(guarded, world, "/api/v1/status", "-u", f"alice:{PASSWORD}") == "401"
    guarded.curl = ("--cacert", str(guarded.authority.ca), *new)
    guarded.authority.issue("page")  # the key is root's: it cannot be read any more, and the old stays
    (guarded.folder / "page.key").chmod(0o600)
    wait_until(lambda: bool(guarded.get("/healthz")) and "certificate_kept" in guarded.text(), "a word of it")
    (guarded.folder / "page.key").chmod(0o644)
    bare = ("-o", "/dev/null", "-w", "%{certs}")

    def served() -> str:
        return world.hosts[DESKTOP.name].run("curl", "-sk", *bare, f"https://{plan.GATEWAY_INSIDE}:9477/healthz")

    certificate = (guarded.folder / "page.crt").read_text().strip()
    wait_until(lambda: certificate in served(), "the new certificate")


def hash_of(watch: Guarded, name: str) -> str:
    line = next(each for each in watch.config.read_text().splitlines() if f"name: {name}," in each)
    return line.split('"')[1]


def memory(pid: int) -> bytes:
    """What a process can write to: its heaps and stacks."""
    parts = []
    with (Path("/proc") / str(pid) / "mem").open("rb", buffering=0) as file:
        for line in (Path("/proc") / str(pid) / "maps").read_text().splitlines():
            place, rights, *_ = line.split()
            if "w" not in rights:
                continue
            start, end = (int(number, 16) for number in place.split("-"))
            file.seek(start)
            try:
                parts.append(file.read(end - start))
            except OSError:  # a mapping of a device
                continue
    return b"".join(parts)
