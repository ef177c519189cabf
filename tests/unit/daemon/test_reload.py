from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from egret.daemon import reload as module
from egret.daemon.reload import Reloader, fingerprint, keep_what_is_fixed
from egret.daemon.setup import Knowledge, load_knowledge
from egret.errors import ConfigError, GeoError
from egret.settings import bundled
from egret.settings.bundled import BUNDLED_DATABASE, geo_dir
from egret.settings.config import Config, load_config
from egret.settings.passwords import hash_password
from egret.telemetry import Telemetry
from egret.telemetry.table import Trigger
from tests.support.geo import write_mmdb
from tests.support.patience import PATIENCE_S, until

SIGNATURES = """
vendor: Example
operator: {country: CN, entity: Example Ltd, source: test, date: 2026-01-01}
last_reviewed: 2026-01-01
references: [test]
signatures:
  - id: example.local
    service: Example local
    category: chat
    class: ai
    hosts:
      - {suffix: [local.example], source: test}
    examples: [www.local.example]
"""


class Desk:
    """A reloader whose adoptions are kept."""

    def __init__(self, config: Config, reread: Callable[[], Config]) -> None:
        self.telemetry = Telemetry("test")
        self.telemetry.config_loaded(1.0)
        self.adopted: list[Knowledge] = []
        self.trouble: Exception | None = None
        self.reloader = Reloader(load_knowledge(config), reread, self.adopt, self.telemetry)

    async def adopt(self, knowledge: Knowledge) -> None:
        if self.trouble is not None:
            raise self.trouble
        self.adopted.append(knowledge)

    def reload(self, trigger: Trigger = Trigger.SIGNAL) -> bool:
        return asyncio.run(self.reloader.reload(trigger))

    def count(self, outcome: str, trigger: Trigger = Trigger.SIGNAL) -> float:
        return self.telemetry.value("egret_reloads_total", trigger.value, outcome)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    monkeypatch.setenv("CONFIGURATION_DIRECTORY", str(tmp_path))
    path = tmp_path / "egret.yaml"
    path.write_text("severities: {ai: high}\n")
    return path


def desk(path: Path) -> Desk:
    return Desk(load_config(path), lambda: load_config(path))


def test_other_settings_are_read_and_adopted(path: Path) -> None:
    made = desk(path)
    path.write_text("severities: {ai: critical}\n")
    assert made.reload()
    assert made.adopted[0].config.severities.ai.value == "critical"
    assert made.reloader.knowledge is made.adopted[0]
    assert made.count("applied") == 1
    assert made.telemetry.value("egret_config_last_reload_successful") == 1
    assert made.telemetry.value("egret_config_last_reload_success_timestamp_seconds") > 1


@pytest.mark.parametrize(
    "text", ["severities: {ai: enormous}\n", "geoip: {databases: [gone.mmdb]}\n", "catalog: {directories: [gone]}\n"]
)
def test_what_cannot_be_used_leaves_the_old_in_place_and_is_counted(path: Path, text: str) -> None:
    made = desk(path)
    before = made.reloader.knowledge
    path.write_text(text)
    assert not made.reload()
    assert (made.adopted, made.reloader.knowledge) == ([], before)
    assert made.count("refused") == 1
    assert made.telemetry.value("egret_config_last_reload_successful") == 0
    assert made.telemetry.value("egret_config_last_reload_success_timestamp_seconds") == 1.0


@pytest.mark.parametrize("error", [GeoError("changed"), RuntimeError("a bug")])
def test_what_cannot_be_adopted_is_not_called_in_use(path: Path, error: Exception) -> None:
    made = desk(path)
    made.trouble = error
    assert not made.reload()
    assert made.reloader.knowledge not in made.adopted
    assert made.count("refused") == 1


def test_a_file_that_changed_does_not_read_the_settings(path: Path) -> None:
    def unwanted() -> Config:
        raise ConfigError("half written")

    made = Desk(load_config(path), unwanted)
    assert made.reload(Trigger.FILES)
    assert not made.reload(Trigger.SIGNAL)


def test_what_only_a_start_can_change_stays_and_is_named(tmp_path: Path, path: Path) -> None:
    old = load_config(path)
    path.write_text(
        "capture: {workers: 2}\nhttp: {enabled: false}\nstore: {path: /x.db, keep: 9d}\nlog: {level: debug}\n"
    )
    kept, late = keep_what_is_fixed(load_config(path), old)
    assert late == ["capture.workers", "http.enabled", "store.path"]
    assert (kept.capture, kept.http, kept.store.path) == (old.capture, old.http, None)
    assert (kept.store.keep.days, kept.log.level) == (9, "debug")


def test_files_that_others_replace_are_followed(tmp_path: Path, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_EVERY_S", 0.01)
    database = write_mmdb(tmp_path / "t.mmdb")
    path.write_text(f"geoip: {{databases: [{database}]}}\n")
    made = desk(path)

    looks, own = list[Config](), tmp_path / "own"
    own.mkdir()
    (own / "own.yaml").write_text(SIGNATURES)

    def look(config: Config) -> frozenset[tuple[str, int, int, int]] | None:
        looks.append(config)
        return fingerprint(config)

    monkeypatch.setattr(module, "fingerprint", look)

    async def noticed(number: int) -> None:
        await until(
            lambda: made.count("applied", Trigger.FILES) + made.count("refused", Trigger.FILES) == number, "the change"
        )

    async def scene() -> None:
        task = asyncio.create_task(made.reloader.run())
        await until(lambda: len(looks) > 1, "how the files were at first")
        newer = write_mmdb(tmp_path / "new", description="newer")
        newer.replace(database)
        await noticed(1)
        assert made.adopted[-1].geo.info()[0].description == "newer"
        own.replace(tmp_path / "signatures.d")  # all at once: what is half there for long is read
        overlay = tmp_path / "signatures.d/own.yaml"
        await noticed(2)
        assert made.adopted[-1].catalog.match_name("x.local.example") is not None
        (tmp_path / "own").write_text("vendor: [\n")
        (tmp_path / "own").replace(overlay)
        await noticed(3)
        assert made.count("refused", Trigger.FILES) == 1
        made.reloader.ask()
        overlay.unlink()
        await noticed(3)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(scene())


def test_a_folder_that_cannot_be_read_is_no_change(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = load_config(path)
    assert fingerprint(config) == frozenset()

    def refused(_: Path) -> os.stat_result:
        raise PermissionError(13, "no")

    monkeypatch.setattr(Path, "stat", refused)
    assert fingerprint(config) is None


def test_what_ships_with_egret_and_is_out_of_reach_hides_no_change_of_the_others(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, shipped = load_config(path), geo_dir() / BUNDLED_DATABASE
    own = path.parent / "own.mmdb"
    own.touch()
    monkeypatch.setattr(type(config), "databases", [own, shipped])
    assert len(fingerprint(config) or ()) == 2
    monkeypatch.setattr(bundled, "_held", {shipped: b""})
    assert [place for place, *_ in fingerprint(config) or ()] == [str(own)]


def test_a_folder_that_is_gone_is_a_change_and_hides_no_other(path: Path) -> None:
    folder = path.parent / "more"
    folder.mkdir()
    (folder / "own.yaml").touch()
    path.write_text(f"catalog: {{directories: [{folder}]}}\n")
    config = load_config(path)
    before = fingerprint(config)
    shutil.rmtree(folder)
    assert before
    assert fingerprint(config) == frozenset()


def test_a_file_that_only_a_reload_reads_is_tried_at_the_start(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    own = path.parent / "own.mmdb"
    own.touch()
    config = load_config(path)
    made = Desk(config, lambda: config)
    monkeypatch.setattr(type(config), "databases", [own])

    def refused(place: Path, _most: int) -> bytes:
        raise PermissionError(13, "Permission denied", str(place))

    monkeypatch.setattr(module, "read", refused)
    with caplog.at_level("INFO"):
        asyncio.run(made.reloader._rehearse())
    assert [vars(each)["fields"]["why"] for each in caplog.records] == [f"{own}: Permission denied"]


@pytest.mark.parametrize(
    ("error", "events"),
    [
        (PermissionError(13, "Permission denied", "/own"), [("reload_would_be_refused", "/own: Permission denied")]),
        (ConfigError("/egret.yaml: no right"), [("reload_would_be_refused", "/egret.yaml: no right")]),
        (RuntimeError("a bug"), [("internal_error", None)]),
        (None, []),
    ],
)
def test_what_a_reload_would_be_refused_for_is_said_at_the_start(
    path: Path, error: Exception | None, events: list[tuple[str, str | None]], caplog: pytest.LogCaptureFixture
) -> None:
    config = load_config(path)

    def reread() -> Config:
        if error is not None:
            raise error
        return config

    made = Desk(config, reread)
    with caplog.at_level("INFO"):
        asyncio.run(made.reloader._rehearse())
    assert [(each.getMessage(), vars(each)["fields"].get("why")) for each in caplog.records] == events


def test_a_command_waits_and_says_how_it_went(path: Path) -> None:
    made = desk(path)
    said: list[dict[str, object]] = []

    async def scene() -> None:
        serving = asyncio.create_task(made.reloader.run())
        for text in ("severities: {ai: critical}\ncapture: {workers: 2}\n", "severities: {ai: enormous}\n"):
            await asyncio.to_thread(path.write_text, text)
            said.append(await asyncio.wait_for(made.reloader.command("", "user nobody (uid 65534)"), PATIENCE_S))
        serving.cancel()

    asyncio.run(scene())
    assert said[0] == {"applied": True, "why": "", "needs_restart": ["capture.workers"]}
    assert said[1]["applied"] is False
    assert "enormous" in str(said[1]["why"])
    assert (made.count("applied", Trigger.COMMAND), made.count("refused", Trigger.COMMAND)) == (1, 1)


def test_who_asks_while_it_stops_is_told(path: Path) -> None:
    made = desk(path)

    async def scene() -> dict[str, object]:
        serving = asyncio.create_task(made.reloader.run())
        await asyncio.sleep(0)
        asking = asyncio.create_task(made.reloader.command("", "user root (uid 0)"))
        await asyncio.sleep(0)
        serving.cancel()
        return await asyncio.wait_for(asking, PATIENCE_S)

    assert asyncio.run(scene()) == {"applied": False, "why": "Egret is stopping", "needs_restart": []}


def test_who_may_see_the_page_changes_without_a_start_but_not_where_it_listens(path: Path) -> None:
    old = load_config(path)
    user = f"{{name: alice, password: '{hash_password('correct horse', log_n=10)}'}}"
    path.write_text(f"http: {{users: [{user}]}}\n")
    kept, late = keep_what_is_fixed(load_config(path), old)
    assert (len(kept.http.users), late) == (1, [])
    path.write_text(f"http: {{users: [{user}], listen: '[::1]:9477', session_lasts: 1h}}\n")
    kept, late = keep_what_is_fixed(load_config(path), old)
    assert kept.http == old.http
    assert late == ["http.listen", "http.users", "http.session_lasts"]
