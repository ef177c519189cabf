from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest
import typer

from egret.cli import run
from egret.cli.main import invoke
from egret.settings.config import Config
from egret.sources import fanout
from egret.sources.placement import Placement
from egret.sources.privileges import CAP_NET_ADMIN, Identity
from egret.telemetry.table import FilterKind

PLACE = Placement(("lan0",), ("lan0: as asked",), ("192.0.2.0/24",), frozenset({"lan0"}))


@pytest.fixture
def may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "may_capture", lambda: None)


def test_without_the_right_one_line_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run, "may_capture", lambda: "capturing needs CAP_NET_RAW: run as root")
    assert invoke(["run"]) == 1
    assert capsys.readouterr().err == "egret: capturing needs CAP_NET_RAW: run as root\n"


def test_an_interface_that_is_not_there_is_bad_input(may: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["run", "-i", "nosuch0"]) == 2
    assert "no interface named nosuch0; this machine has" in capsys.readouterr().err


def test_a_bad_flag_is_bad_input(may: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["run", "--backend", "telepathy"]) == 2
    assert "backend" in capsys.readouterr().err


def test_the_opener_may_open_what_was_chosen_and_nothing_else() -> None:
    user = Identity("nobody", 65534, 65534)
    plan = run._plan(Config(), PLACE, user)
    assert list(plan.interfaces) == ["lan0"]
    assert plan.interfaces["lan0"].promiscuous
    assert (plan.user, plan.backend) == (user, "afpacket")


@pytest.mark.parametrize(
    ("capture", "name"),
    [
        ({}, "young"),
        ({"dns_any_port": True}, "young_dns"),
        ({"filter": "ebpf"}, "young"),
        ({"filter": "classic"}, "classic"),
        ({"filter": "classic", "dns_any_port": True}, "classic_dns"),
        ({"filter": "none"}, "everything"),
        ({"backend": "portable"}, "classic"),
    ],
)
def test_the_filter_is_the_one_of_the_settings(capture: dict[str, object], name: str) -> None:
    settings = Config.model_validate({"capture": capture})
    assert run._plan(settings, PLACE, None).interfaces["lan0"].filter == name


class _Opener:
    """One that has started."""

    def __init__(self, no_young: str | None) -> None:
        self.no_young = no_young
        self.closed = False

    def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize(
    ("word", "why", "kind"),
    [
        ("auto", None, FilterKind.EBPF),
        ("auto", "no right", FilterKind.CLASSIC),
        ("ebpf", None, FilterKind.EBPF),
        ("classic", None, FilterKind.CLASSIC),
        ("none", None, FilterKind.NONE),
    ],
)
def test_which_filter_it_came_to_is_said(
    word: str, why: str | None, kind: FilterKind, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = Config.model_validate({"capture": {"filter": word}})
    assert run._say_filter(settings, _Opener(why)) is kind  # type: ignore[arg-type]
    assert ("classic, not ebpf: no right" in capsys.readouterr().err) is (why is not None)


def test_a_filter_that_is_demanded_and_cannot_be_loaded_ends_the_run(capsys: pytest.CaptureFixture[str]) -> None:
    opener = _Opener("no right")
    with pytest.raises(typer.Exit):
        run._say_filter(Config.model_validate({"capture": {"filter": "ebpf"}}), opener)  # type: ignore[arg-type]
    assert opener.closed
    assert "capture.filter is ebpf, and it cannot be loaded: no right" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("word", "lacks", "rights", "planned"),
    [
        ("auto", [], {CAP_NET_ADMIN}, True),
        ("auto", ["counters in it: sysctl"], {CAP_NET_ADMIN}, False),
        ("on", ["counters in it: sysctl"], {CAP_NET_ADMIN}, True),
        ("on", ["right CAP_NET_ADMIN: run as root"], set(), False),
        ("off", [], {CAP_NET_ADMIN}, False),
    ],
)
def test_connection_tracking_is_asked_where_it_can_be(
    word: str,
    lacks: list[str],
    rights: set[int],
    planned: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(run, "missing", lambda: lacks)
    monkeypatch.setattr(run, "current_capabilities", lambda: rights)
    settings = Config.model_validate({"volume": {"conntrack": word}})
    assert run._plan(settings, PLACE, None).conntrack is planned
    said = capsys.readouterr().err
    assert all(lack in said for lack in lacks) is (word == "on" or not lacks)
    portable = Config.model_validate({"volume": {"conntrack": word}, "capture": {"backend": "portable"}})
    assert not run._plan(portable, PLACE, None).conntrack
    assert not run._plan(Config.model_validate({"volume": {"enabled": False}}), PLACE, None).conntrack


def test_folders_are_made_for_the_user_that_will_write_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    owners: list[tuple[str, int]] = []
    monkeypatch.setattr(os, "chown", lambda path, uid, _gid: owners.append((Path(path).name, uid)))
    run._make_room(Config(), Identity("nobody", 65534, 65534))
    assert owners == [("state", 65534)]
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700


def test_a_folder_that_cannot_be_made_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "file" / "state"))
    run._make_room(Config(), None)
    assert "cannot be made" in capsys.readouterr().err


def test_interfaces_are_dealt_out_and_no_worker_is_idle() -> None:
    assert _shares(("a", "b", "c"), workers=2) == [("a", "c"), ("b",)]
    assert _shares(("a", "b"), workers=2) == [("a",), ("b",)]
    assert _shares(("a",), workers=4, backend="portable") == [("a",)]


def test_more_workers_than_interfaces_share_them_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0, 1, 5})
    assert _shares(("a", "b"), workers="auto") == [("a", "b")] * 3
    assert _shares(("a",), workers=2) == [("a",)] * 2
    plan = run._shared(run._plan(Config(), PLACE, None), ["192.0.2.0/24"])
    assert plan.interfaces["lan0"].fanout == fanout.program(["192.0.2.0/24"])


def _shares(interfaces: tuple[str, ...], **capture: object) -> list[Sequence[str]]:
    return run._shares(interfaces, Config.model_validate({"capture": capture}))
