from __future__ import annotations

from pathlib import Path

import pytest

from egret.alerts.veil import is_pseudonym
from egret.errors import ConfigErrors
from egret.settings.config import Config, read_config
from egret.settings.positions import parse
from egret.settings.yaml_text import effective_yaml

SECRET = "6b65792d6b65792d6b65792d6b65792d"


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.write_text(SECRET + "\n")
    return path


def config(text: str) -> Config:
    return read_config(parse(text.encode(), "t.yaml"))


def test_without_the_section_clients_are_clear() -> None:
    assert config("{}").privacy.veil().address("192.0.2.7") == "192.0.2.7"


def test_pseudonyms_need_a_key_and_undo_themselves(key: Path) -> None:
    privacy = config(f"privacy: {{pseudonyms: true, key: 'file:{key}'}}").privacy
    hidden = privacy.veil().address("192.0.2.7")
    assert is_pseudonym(hidden)
    assert privacy.revealing().word(hidden) == "192.0.2.7"


def test_a_key_undoes_them_after_they_were_switched_off(key: Path) -> None:
    on = config(f"privacy: {{pseudonyms: true, key: 'file:{key}'}}").privacy
    off = config(f"privacy: {{key: 'file:{key}'}}").privacy
    assert off.veil().address("192.0.2.7") == "192.0.2.7"
    assert off.revealing().word(on.veil().address("192.0.2.7")) == "192.0.2.7"


def test_the_key_is_never_shown(key: Path) -> None:
    loaded = config(f"privacy: {{pseudonyms: true, key: 'file:{key}'}}")
    assert SECRET not in effective_yaml(loaded) + repr(loaded) + str(loaded.privacy.veil().__dict__)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("privacy: {pseudonyms: true}", "t.yaml:1:10: pseudonyms need a key"),
        ("privacy: {key: 0123456789abcdef0123456789abcdef}", "a secret does not belong in this file"),
        ("privacy: {fields: []}", "'fields'"),
        ("privacy: {fields: [addrexs]}", "did you mean 'address'?"),
        ("privacy: {pseudonym: true}", "did you mean 'pseudonyms'?"),
    ],
)
def test_what_is_wrong_is_said(text: str, said: str) -> None:
    with pytest.raises(ConfigErrors) as caught:
        config(text)
    assert said in str(caught.value)
    assert "0123456789abcdef" not in str(caught.value)


def test_a_short_key_is_refused_unseen(key: Path) -> None:
    key.write_text("short-key")
    with pytest.raises(ConfigErrors, match="shorter than 32") as caught:
        config(f"privacy: {{pseudonyms: true, key: 'file:{key}'}}")
    assert "short-key" not in str(caught.value)
