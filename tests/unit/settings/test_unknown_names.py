from __future__ import annotations

from egret.model import ServiceClass
from egret.settings.config import Config
from egret.settings.unknown_names import unknown_names
from tests.support.alerts import signature

CATALOG = [signature(), signature(ServiceClass.CLOUD, "example.cloud", "Example Cloud")]


def said(whole: bool = True, **settings: object) -> list[str]:
    return [str(wrong) for wrong in unknown_names(Config.model_validate(settings), CATALOG, whole=whole)]


def test_what_is_known_is_not_said() -> None:
    routes = [{"to": ["terminal"], "vendors": ["EXAMPLE"], "signatures": ["example.chat"]}]
    suppress = [{"service": "example chat"}, {"service": "Example"}, {"service": "example.cloud"}]
    catalog = {"disabled": ["example.cloud"]}
    assert said(outputs={"routes": routes}, alerts={"suppress": suppress}, catalog=catalog) == []


def test_what_is_not_is_said_with_what_is_near() -> None:
    routes = [{"to": ["terminal"]}, {"to": ["terminal"], "vendors": ["Exampl"], "signatures": ["x"], "groups": ["y"]}]
    found = said(
        outputs={"routes": routes}, alerts={"suppress": [{"service": "zzz"}]}, catalog={"disabled": ["example.chatt"]}
    )
    assert found == [
        "catalog.disabled: the catalogue has no 'example.chatt' (did you mean 'example.chat'?)",
        "alerts.suppress: the catalogue has no 'zzz' (see `egret catalog list`)",
        "outputs.routes, entry 2: no vendor is named 'Exampl' (did you mean 'Example'?)",
        "outputs.routes, entry 2: no signature is named 'x'",
        "outputs.routes, entry 2: no client group is named 'y'",
    ]


def test_without_those_that_are_switched_off_they_are_taken_as_known() -> None:
    routes = [{"to": ["terminal"], "signatures": ["example.gone"]}]
    settings = {"outputs": {"routes": routes}, "alerts": {"suppress": [{"service": "example.gone"}]}}
    assert said(whole=False, catalog={"disabled": ["example.gone"]}, **settings) == []
