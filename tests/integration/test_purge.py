"""A client is forgotten while the daemon runs: from memory, from the file, and for good."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.patience import wait_until
from tests.support.world.clients import make
from tests.support.world.plan import DESKTOP, LAPTOP, Host
from tests.support.world.visits import Visit
from tests.support.world.watch import CONFIG, Watch, egret, give_to_daemon
from tests.support.world.world import World

pytestmark = pytest.mark.integration

KEY = "0123456789abcdef0123456789abcdef"
PSEUDONYMS = CONFIG + "privacy: {{pseudonyms: true, key: 'env:EGRET_TEST_KEY'}}\n"


@pytest.fixture
def state(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="egw-purge-") as folder:
        state = Path(folder) / "state"
        state.mkdir()
        Path(folder).chmod(0o755)
        give_to_daemon(state)
        monkeypatch.setenv("STATE_DIRECTORY", str(state))
        monkeypatch.setenv("EGRET_TEST_KEY", KEY)
        yield state


def visit(world: World, host: Host) -> None:
    arguments = ("curl", "-sS", "-4", "-m", "50", "-o", "/dev/null", "--cacert", "{ca}", "https://qwen.ai/")
    make(world, Visit(host=host, tool="curl", arguments=arguments, seen=()))


def clients(watch: Watch) -> set[str]:
    return {incident["client"] for incident in watch.incidents()}


def on_disk(state: Path, words: set[str]) -> set[str]:
    stored = b"".join(path.read_bytes() for path in state.glob("incidents.db*"))
    return {word for word in words if word.encode() in stored}


def run(world: World, *command: str) -> str:
    done = egret(world, *command)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("config", [CONFIG, PSEUDONYMS], ids=["clear", "pseudonyms"])
def test_a_client_is_forgotten_and_the_others_stay(config: str, world: World, state: Path) -> None:
    with Watch(world, config=config, state=state) as watch:
        visit(world, DESKTOP)
        wait_until(lambda: len(clients(watch)) == 1, "the desktop's incident")
        (desktop,) = clients(watch)
        visit(world, LAPTOP)
        wait_until(lambda: len(clients(watch)) == 2, "the laptop's incident")
        (laptop,) = clients(watch) - {desktop}
        wait_until(lambda: on_disk(state, {laptop, desktop}) == {laptop, desktop}, "both in the file")
        assert (laptop == LAPTOP.v4) == (config == CONFIG)
        assert f'"{laptop}"' in watch.get(f"/api/v1/incidents?client={LAPTOP.v4}")  # by its address all the same

        said = run(world, "privacy", "purge", LAPTOP.v4, "-c", str(watch.config))
        assert "1" in said
        assert clients(watch) == {desktop}
        assert on_disk(state, {laptop, desktop, LAPTOP.v4}) == {desktop}
        log = run(world, "privacy", "log", "-c", str(watch.config))
        assert "purge" in log
        assert laptop not in log

        opened = len([1 for each in watch.alerts if each.alert["egret"]["action"] == "opened"])
        visit(world, LAPTOP)
        wait_until(lambda: clients(watch) == {laptop, desktop}, "new traffic, a new incident")
        wait_until(lambda: sum(a.alert["egret"]["action"] == "opened" for a in watch.alerts) == opened + 1, "told")
        assert not [
            a for a in watch.alerts if a.alert["egret"]["action"] == "closed"
        ]  # a purge says nothing of anybody


def test_others_of_this_machine_cannot_purge(world: World, state: Path) -> None:
    with Watch(world, state=state) as watch:
        visit(world, LAPTOP)
        wait_until(lambda: clients(watch) == {LAPTOP.v4}, "the incident")
        # a user namespace without a map: nobody to the kernel's checks, and yet this Python's files can be read
        nobody = ("unshare", "--user", "env", f"HOME={tempfile.gettempdir()}")
        done = egret(world, "privacy", "purge", LAPTOP.v4, "-c", str(watch.config), prefix=nobody)
        assert done.returncode != 0
        assert "Traceback" not in done.stderr
        assert "egret" in done.stderr, done.stderr
        assert clients(watch) == {LAPTOP.v4}
        assert (state / "incidents.db").stat().st_mode & 0o077 == 0
