"""The built wheel, installed where only its owner may look, runs as an unprivileged user with the unit's restrictions."""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.support.live import Namespace, inside, namespaces, send_frames, status, veth
from tests.support.net import ether, udp
from tests.support.patience import PATIENCE_S, wait_until

PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN = 65, 1  # what MemoryDenyWriteExecute= of the unit comes to
PAGES = ("/", "/metrics", "/healthz", "/readyz", "/style.css", "/api/v1/status", "/api/v1/incidents?state=all", "/no")


@pytest.fixture(scope="module")
def installed(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder, private to root, with the wheel unpacked in it."""
    folder = tmp_path_factory.mktemp("home")
    folder.chmod(0o700)
    build = [
        sys.executable,
        "-m",
        "build",
        "--wheel",
        "--no-isolation",
        "--outdir",
        str(folder / "dist"),
        str(repository),
    ]
    subprocess.run(build, check=True, capture_output=True, timeout=240)
    (wheel,) = (folder / "dist").glob("egret_monitor-*.whl")
    install = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(folder / "site"), str(wheel)]
    subprocess.run(install, check=True, capture_output=True, timeout=240)
    return folder


def environment(installed: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(installed / "site"), "HOME": str(installed)}


def egret(installed: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "egret", *arguments]
    done = subprocess.run(
        command, env=environment(installed), cwd=installed, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_wheel_has_all_it_needs(installed: Path) -> None:
    where = "import egret.settings.bundled as b; print(b.signatures_dir(), b.geo_dir())"
    found = subprocess.run(
        [sys.executable, "-c", where],
        env=environment(installed),
        cwd=installed,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert all(path.startswith(str(installed)) for path in found.split())
    assert json.loads(egret(installed, "match", "chat.qwen.ai"))["signature"] == "alibaba.qwen-chat"
    assert json.loads(egret(installed, "geoip", "lookup", "223.5.5.5"))["country"] == "CN"
    assert "Qwen Chat" in egret(installed, "replay", str(installed / "site/egret/data/demo/egret-demo.pcapng"))
    egret(installed, "catalog", "lint")
    assert ("gate: compiled" in egret(installed, "--version")) == (shutil.which("cc") is not None)


class Receiver(BaseHTTPRequestHandler):
    got: list[bytes] = []  # noqa: RUF012 - one receiver a test run

    def do_POST(self) -> None:
        self.got.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        return


class Mailbox:
    got: list[bytes] = []  # noqa: RUF012 - as above

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        self.got.append(envelope.original_content or b"")
        return "250 OK"


@pytest.fixture
def gateway() -> Iterator[tuple[Namespace, Namespace]]:
    with namespaces(2) as (one, other):
        veth(one, other)
        yield one, other


def confine() -> None:
    ctypes.CDLL(None).prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0)
    os.setpgid(0, 0)


@pytest.mark.integration
@pytest.mark.slow
def test_runs_from_a_home_that_only_its_owner_enters(installed: Path, gateway: tuple[Namespace, Namespace]) -> None:
    here, client = gateway
    state = Path("/run") / f"egret-test-{os.getpid()}"  # a folder that the daemon makes and then owns
    config = installed / "egret.yaml"
    config.write_text(
        f"outputs:\n  file: {{path: {state}/alerts.jsonl}}\n"
        '  webhooks: [{name: soc, url: "http://127.0.0.1:9480/hook", min_severity: info}]\n'
        "  apprise:\n"
        '    - {name: mail, urls: ["mailto://localhost:9481/?from=egret@gw.example&to=a@gw.example"], min_severity: info}\n'
    )
    with inside(here):
        server = HTTPServer(("127.0.0.1", 9480), Receiver)
        mailbox = Controller(Mailbox(), hostname="127.0.0.1", port=9481, ready_timeout=PATIENCE_S)
        mailbox.start()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    command = ["ip", "netns", "exec", here.name, sys.executable, "-m", "egret", "run", "-i", "eth0", "-c", str(config)]
    log = (installed / "log").open("wb")
    daemon = subprocess.Popen(
        command,
        env={**environment(installed), "STATE_DIRECTORY": str(state)},
        cwd=installed,
        stdout=log,
        stderr=log,
        preexec_fn=confine,  # noqa: PLW1509 - it only makes two system calls
    )
    try:
        url = "http://127.0.0.1:9477"
        curl = ["ip", "netns", "exec", here.name, "curl", "-s", "-m", "5", "-o", "/dev/null", "-w", "%{http_code}"]

        def code(page: str) -> str:
            return subprocess.run([*curl, url + page], capture_output=True, text=True, check=False).stdout

        wait_until(lambda: code("/readyz") == "200", "ready")
        query = udp(bytes.fromhex("00070100000100000000000004636861740471 77656e02616900 0001 0001".replace(" ", "")))
        send_frames(client, "eth0", [bytes(ether() / query)])
        wait_until(lambda: bool(Receiver.got), "the webhook's alert")
        wait_until(lambda: bool(Mailbox.got), "the mail")
        assert [code(page) for page in PAGES] == ["200"] * 7 + ["404"]
        wait_until(lambda: "alibaba.qwen-chat" in (state / "alerts.jsonl").read_text(), "the file's alert")
        assert status(daemon.pid)["CapEff"] == "0000000000000000"
        daemon.send_signal(signal.SIGTERM)
        assert daemon.wait(PATIENCE_S) == 0
    finally:
        os.killpg(daemon.pid, signal.SIGKILL) if daemon.poll() is None else None
        server.shutdown()
        server.server_close()
        mailbox.stop()
        log.close()
        subprocess.run(["rm", "-rf", str(state)], check=True)
    said = (installed / "log").read_text()
    assert "Traceback" not in said
    assert "internal" not in said
    assert "No module named" not in said
