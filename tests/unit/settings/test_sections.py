from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from egret.model import Operator
from egret.settings import sections
from egret.settings.sections import (
    Alerts,
    Capture,
    CatalogSettings,
    CatalogUpdate,
    Section,
    Store,
    Suppression,
)

PRC = Operator(country="CN", contested=False)
CONTESTED = Operator(country="SG", contested=True)


def test_every_field_of_every_section_is_described() -> None:
    models = [m for m in vars(sections).values() if isinstance(m, type) and issubclass(m, Section) and m is not Section]
    for model in models:
        assert model.__doc__
        for name, field in model.model_fields.items():
            assert field.description or isinstance(field.default, Section), f"{model.__name__}.{name}"
            assert not (field.description or "").endswith("."), f"{model.__name__}.{name}"


@pytest.mark.parametrize(
    ("model", "values", "message"),
    [
        (Capture, {"interfaces": ["eth 0"]}, "cannot be the name"),
        (Capture, {"user": "Robert'); DROP"}, "pattern"),
        (Capture, {"workers": 0}, "a number from 1 to 64"),
        (CatalogSettings, {"bundled": False}, "nothing would be recognised"),
        (Alerts, {"update_every": "10ms"}, "at least"),
        (Alerts, {"suppress": [{"reason": "all"}]}, "silence everything"),
        (Store, {"keep": "1m"}, "at least"),
        (Suppression, {"client": "192.0.2.1", "unknown": 1}, "Extra inputs"),
        (CatalogUpdate, {"url": "http://a.example/c"}, "no https:// address"),
        (CatalogUpdate, {"public_keys": ["abc"]}, "a public key is the base64 of 32 bytes"),
    ],
)
def test_what_is_refused(model: type[Section], values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        model.model_validate(values)


def test_what_is_taken() -> None:
    assert Capture.model_validate({"promiscuous": True}).promiscuous == "on"
    assert Capture.model_validate({"user": "1000"}).user == "1000"


def test_nothing_changes_after_loading() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Store().path = None


def test_updates_of_the_catalogue() -> None:
    key = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
    update = CatalogSettings.model_validate(
        {"update": {"url": "https://a.example/c.json", "public_keys": [key]}}
    ).update
    assert update.url is not None
    assert (update.url.reveal(), update.public_keys) == ("https://a.example/c.json", (key,))
    assert update.model_dump()["url"] == "https://a.example/c.json"


@pytest.mark.parametrize("url", ["https://u:p@a.example/c", "https://a.example/c?t=hunter2", "env:CATALOGUE"])
def test_the_address_of_the_catalogue_may_hold_a_token_and_is_not_shown_then(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CATALOGUE", "https://a.example/hunter2")
    update = CatalogUpdate.model_validate({"url": url})
    assert update.url is not None
    assert update.url.reveal().startswith("https://")
    assert update.model_dump()["url"] == "***"
