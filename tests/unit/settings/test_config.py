from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from egret.errors import ConfigErrors
from egret.settings.bundled import signatures_dir
from egret.settings.config import Config, json_schema, load_config, override, prepare
from egret.settings.places import default_config_file, overlay_folder

BAD = """\
networks:
  inside: [10.0.0.1/8, bogus]
capture:
  interface: eth0
  backend: afpaket
  workers: 0
alerts:
  update_every: 60
store: 7
outputs:
  webhooks:
    - {name: soc, url: "https://soc.example/", hmac_secret: hunter2}
http: {listen: "0.0.0.0:9477"}
http: {}
logs: {}
"""


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "egret.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def errors(path: Path) -> list[str]:
    with pytest.raises(ConfigErrors) as caught:
        load_config(path)
    return [str(error) for error in caught.value.errors]


def test_no_file_is_the_defaults() -> None:
    assert load_config(None) == Config()


@pytest.mark.parametrize("text", ["", "# nothing\n", "{}", "---\n", "capture: {}\n"])
def test_an_empty_file_is_the_defaults(text: str, tmp_path: Path) -> None:
    assert load_config(write(tmp_path, text)) == Config()


def test_every_error_is_told_in_one_run_with_its_place(tmp_path: Path) -> None:
    path = write(tmp_path, BAD)
    told = [line.removeprefix(str(path)) for line in errors(path)]
    assert [line.split(": ")[0] for line in told] == [
        ":2:12", ":2:24", ":4:3", ":5:12", ":6:12", ":8:17", ":9:8", ":12:61", ":13:7", ":14:1", ":15:1",
    ]  # fmt: skip
    assert told[2] == ":4:3: unknown option 'interface' (did you mean 'interfaces'?)"
    assert told[9] == ":14:1: duplicate key 'http' (first on line 13)"
    assert told[10] == ":15:1: unknown option 'logs' (did you mean 'log'?)"
    assert "hunter2" not in "".join(told)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1, 2]", "write sections"),
        ("just words", "write sections"),
        (b"log: \xff", "UTF-8"),
        ("log: {level: [}", ":1:"),
        ("\tlog: 1", "indent with spaces"),
        ("a: &a [*a]", "names nothing"),
    ],
)
def test_files_that_are_no_configuration(text: str | bytes, message: str, tmp_path: Path) -> None:
    assert any(message in line for line in errors(write(tmp_path, text)))


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    assert errors(tmp_path) == [f"{tmp_path}: is a directory (name the file in it, as in {tmp_path}/egret.yaml)"]
    assert "No such file" in errors(tmp_path / "missing.yaml")[0]
    assert "cannot be read" in errors(Path("/proc/self/mem"))[0]


def test_a_file_sets_what_it_says_and_nothing_else(tmp_path: Path) -> None:
    path = write(tmp_path, "capture: {interfaces: [eth1, 'wg0'], promiscuous: on}\nstore: {path: /tmp/x.db}\n")
    config = load_config(path)
    assert config.capture.interfaces == ("eth1", "wg0")
    assert config.capture.promiscuous == "on"
    assert config.paths.store == Path("/tmp/x.db")
    assert config.http == Config().http


def test_flags_go_on_top(tmp_path: Path) -> None:
    base = load_config(write(tmp_path, "capture: {workers: 2}"))
    changed = override(base, {"capture": {"interfaces": ["eth9"], "backend": "portable"}})
    assert (changed.capture.interfaces, changed.capture.workers) == (("eth9",), 2)
    assert base.capture.interfaces == ()


def test_every_bad_flag_is_told() -> None:
    with pytest.raises(ConfigErrors) as caught:
        override(Config(), {"capture": {"interfaces": ["a b"], "workers": 0}, "http": {"listen": "0.0.0.0:1"}})
    told = [str(error) for error in caught.value.errors]
    assert [line.split(":")[0] for line in told] == ["capture.interfaces.0", "capture.workers", "http"]


def test_giving_up_rights_moves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    config = Config()
    monkeypatch.setattr(os, "geteuid", lambda: 65534)
    assert config.paths.store == Path("/var/lib/egret/incidents.db")
    assert override(config, {"capture": {"workers": 2}}).paths == config.paths


def test_a_service_reads_the_folder_that_systemd_names(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 4242)
    monkeypatch.setenv("CONFIGURATION_DIRECTORY", f"{tmp_path}:/etc/other")
    (tmp_path / "egret.yaml").touch()
    (tmp_path / "signatures.d").mkdir()
    assert default_config_file() == tmp_path / "egret.yaml"
    assert Config().local_folders == [tmp_path / "signatures.d"]


def test_what_is_read_again_keeps_its_places(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    monkeypatch.setenv("CONFIGURATION_DIRECTORY", str(tmp_path))
    (tmp_path / "signatures.d").mkdir()
    before = Config()
    monkeypatch.delenv("CONFIGURATION_DIRECTORY")
    monkeypatch.setattr(os, "geteuid", lambda: 65534)
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    again = Config().placed_as(before)
    assert again.paths == before.paths
    assert again.local_folders == [tmp_path / "signatures.d"]


def test_the_json_schema_names_every_section() -> None:
    schema = json_schema()
    assert set(schema["properties"]) == set(Config.model_fields)
    assert schema["additionalProperties"] is False


def test_a_relative_path_starts_at_the_file_that_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, "geoip: {databases: [world.mmdb, /abs.mmdb]}\n")
    monkeypatch.chdir(tmp_path.parent)
    relative = path.relative_to(tmp_path.parent)
    assert load_config(relative).geoip.databases == (tmp_path / "world.mmdb", Path("/abs.mmdb"))


def test_folders_of_signatures_in_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr(os, "geteuid", lambda: 4242)
    monkeypatch.delenv("CONFIGURATION_DIRECTORY", raising=False)
    more = load_config(write(tmp_path, "catalog: {directories: [more]}\n"))
    assert more.signature_folders == [signatures_dir(), tmp_path / "more"]
    overlay = tmp_path / "config/egret/signatures.d"
    overlay.mkdir(parents=True)
    assert more.signature_folders == [signatures_dir(), overlay, tmp_path / "more"]
    updated = tmp_path / "state/catalogue/v7"
    updated.mkdir(parents=True)
    (updated.parent / "installed.json").write_text('{"current": 7, "highest": 7}')
    assert more.signature_folders == [updated, overlay, tmp_path / "more"]
    alone = load_config(write(tmp_path, "catalog: {bundled: false, directories: [more]}\n"))
    assert alone.signature_folders == [overlay, tmp_path / "more"]
    updated.rmdir()
    with pytest.raises(ConfigErrors, match="is gone"):
        _ = more.signature_folders


def test_the_overlay_of_root_is_under_etc(monkeypatch: pytest.MonkeyPatch) -> None:
    overlay, folder = Path("/etc/egret/signatures.d"), Path("/").stat()

    def there(path: Path) -> os.stat_result:
        if path != overlay:
            raise FileNotFoundError(2, "No such file or directory", str(path))
        return folder

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(Path, "stat", there)
    config = Config()
    assert config.local_folders == [overlay]
    monkeypatch.setattr(Path, "stat", refused)
    assert overlay_folder(Path("/etc/egret")) is None
    assert Config().local_folders == []  # of an ordinary user
    assert Config().placed_as(config).local_folders == [overlay]  # out of reach is not gone: reading it says why


def test_the_defaults_are_what_validation_gives() -> None:
    assert load_config(None) == Config()
    assert load_config(None).model_dump() == Config().model_dump() == Config.model_validate({}).model_dump()
    assert load_config(None).model_fields_set == set()


def test_all_that_a_reload_needs_is_there_before_rights_go() -> None:
    prepare()
    assert Config.__pydantic_complete__
    assert {"egret.settings.signatures", "egret.settings.resolvers", "yaml"} <= sys.modules.keys()


def refused(path: Path, *_: object, **__: object) -> os.stat_result:
    raise PermissionError(13, "Permission denied", str(path))


def test_a_file_out_of_reach_is_the_operator_s_to_mend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = write(tmp_path, "catalog: {bundled: true}\n")
    monkeypatch.setattr(Path, "stat", refused)
    monkeypatch.setattr(Path, "open", refused)
    with pytest.raises(ConfigErrors, match=r"cannot be read: Permission denied \(.*; user \S+ may not read it\)"):
        load_config(place)
