from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from egret.errors import UpdateError
from egret.settings import bundles
from egret.settings.bundled import signatures_dir
from egret.settings.bundles import day_of, install, open_bundle, rollback
from egret.settings.catalogue import load_catalog
from egret.settings.installed import current, read_index
from scripts.sign_catalog import make_bundle
from tests.support.bundles import CHAT, PUBLIC, TODAY, catalogue, signed


def put(source: Path, state: Path, version: int) -> Path:
    return install(open_bundle(*signed(source, version), [PUBLIC], TODAY), state, TODAY)


def test_the_bundled_catalogue_goes_round(tmp_path: Path) -> None:
    folder = put(signatures_dir(), tmp_path, 2026112201)
    assert load_catalog([folder]).version == load_catalog().version
    assert current(tmp_path) == folder
    assert {path.name for path in tmp_path.iterdir()} == {"v2026112201", "installed.json"}
    assert folder.stat().st_mode & 0o777 == 0o755


def test_equal_catalogues_make_equal_bundles(tmp_path: Path) -> None:
    source = catalogue(tmp_path)
    assert make_bundle(source, 1, TODAY, 90) == make_bundle(source, 1, TODAY, 90)


def test_the_version_may_only_rise_and_a_rollback_changes_nothing_in_that(tmp_path: Path) -> None:
    source, state = catalogue(tmp_path / "source"), tmp_path / "state"
    for version in (1, 2, 4):
        put(source, state, version)
    assert sorted(path.name for path in state.glob("v*")) == ["v2", "v4"]
    assert rollback(state) == state / "v2"
    for version in (3, 4):
        with pytest.raises(UpdateError, match="not newer than 4"):
            put(source, state, version)
    assert rollback(state) is None
    assert current(state) is None
    with pytest.raises(UpdateError, match="no update is installed"):
        rollback(state)
    assert put(source, state, 5) == state / "v5"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"format": "other"}, "format"),
        ({"version": 0}, "version"),
        ({"version": "7"}, "version"),
        ({"more": 1}, "more"),
        ({"created": "yesterday"}, "created"),
        ({"expires": "2026-11-21"}, "expired on 2026-11-21"),
        ({"files": {}}, "files"),
        ({"files": {"_shared.yaml": "", "../x.yaml": ""}}, r"no signature file: '\.\./x\.yaml'"),
        ({"files": {"_shared.yaml": "", "/etc/x.yaml": ""}}, "no signature file"),
        ({"files": {"_shared.yaml": "", "a\nb.yaml": ""}}, r"a\\x0ab"),
        ({"files": {"_shared.yaml": "", "x.yml": ""}}, "no signature file"),
        ({"files": {"x.yaml": ""}}, "no whole catalogue"),
        ({"files": {"x.yaml": 1}}, "files"),
    ],
)
def test_what_is_signed_and_yet_no_bundle(changed: dict[str, object], message: str, tmp_path: Path) -> None:
    with pytest.raises(UpdateError, match=message):
        open_bundle(*signed(catalogue(tmp_path), changed=changed), [PUBLIC], TODAY)


def test_nothing_is_read_before_the_signature_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, signature = signed(catalogue(tmp_path))
    for changed, signed_by in ((data[:-1], signature), (b"[" * 100_000, signature), (data, "")):
        with pytest.raises(UpdateError, match="not of a trusted key"):
            open_bundle(changed, signed_by, [PUBLIC], TODAY)
    with pytest.raises(UpdateError, match="no public key is trusted"):
        open_bundle(data, signature, [], TODAY)
    monkeypatch.setattr(bundles, "MAX_BYTES", 10)
    with pytest.raises(UpdateError, match="larger than"):
        open_bundle(data, signature, [PUBLIC], TODAY)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (CHAT.replace("service:", "sevice:"), r"does not load: example\.yaml:8:5: missing option 'service'"),
        (CHAT.replace("[x.example]", "[y.example]"), r"does not prove itself: example\.yaml.*matches nothing"),
    ],
)
def test_a_catalogue_that_is_not_sound_changes_nothing(body: str, message: str, tmp_path: Path) -> None:
    state = tmp_path / "state"
    put(catalogue(tmp_path / "good"), state, 1)
    with pytest.raises(UpdateError, match=message):
        put(catalogue(tmp_path / "bad", body), state, 2)
    assert current(state) == state / "v1"
    assert {path.name for path in state.iterdir()} == {"v1", "installed.json"}


def test_resolvers_are_proved_too(tmp_path: Path) -> None:
    source = catalogue(tmp_path / "source")
    (source / "_resolvers.yaml").write_text("resolvers: [{operator: x}]")
    with pytest.raises(UpdateError, match="missing option 'source'"):
        put(source, tmp_path / "state", 1)


def test_a_catalogue_without_signatures_is_none(tmp_path: Path) -> None:
    files = {"_shared.yaml": ""}
    bundle = open_bundle(*signed(catalogue(tmp_path / "s"), changed={"files": files}), [PUBLIC], TODAY)
    with pytest.raises(UpdateError, match="no signatures"):
        install(bundle, tmp_path / "state", TODAY)


def test_what_a_cut_off_run_left_is_in_nobodys_way(tmp_path: Path) -> None:
    source, state = catalogue(tmp_path / "source"), tmp_path / "state"
    catalogue(state / "v1", "  broken")
    assert len(load_catalog([put(source, state, 1)]).signatures) == 1


def test_a_broken_index_is_said(tmp_path: Path) -> None:
    put(catalogue(tmp_path / "source"), tmp_path, 1)
    (tmp_path / "v1").rename(tmp_path / "gone")
    with pytest.raises(UpdateError, match="is gone"):
        current(tmp_path)
    (tmp_path / "installed.json").write_text('{"current": "../../etc"}')
    with pytest.raises(UpdateError, match="broken; remove it"):
        read_index(tmp_path)


def test_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(UpdateError, match="nothing was changed"):
        put(catalogue(tmp_path / "source"), file, 1)


def test_days() -> None:
    assert day_of(0.0) == date(1970, 1, 1)
