"""The published schema of the digest fits every digest that we write, and refuses what is none."""

from __future__ import annotations

import json
from copy import deepcopy

import jsonschema
import pytest

from egret.alerts.digest import DIGEST_SCHEMA
from egret.alerts.formats.digest import digest_to_own
from egret.alerts.model import Sensor
from tests.support.digest import digest, quiet
from tests.support.documents import ROOT

SCHEMA = json.loads((ROOT / "docs/digest.schema.json").read_text(encoding="utf-8"))
SENSOR = Sensor("1.2.3", "gw.example")


def validator() -> jsonschema.Draft202012Validator:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    return jsonschema.Draft202012Validator(SCHEMA)


def test_every_digest_is_valid() -> None:
    for document in (digest_to_own(digest(), SENSOR), digest_to_own(quiet(), Sensor("1"))):
        validator().validate(document)
    assert SCHEMA["properties"]["schema"]["const"] == DIGEST_SCHEMA


def test_every_field_is_described() -> None:
    document = digest_to_own(digest(), SENSOR)
    properties = SCHEMA["properties"]
    assert set(document) == set(properties)
    assert set(document["sight"]) == set(properties["sight"]["properties"])
    for name in ("first_seen", "allowed", "volumes"):
        assert set(document[name][0]) == set(properties[name]["items"]["properties"])


def test_fields_may_be_added_but_not_dropped() -> None:
    document = digest_to_own(digest(), SENSOR)
    validator().validate({**document, "later": 1, "sight": {**document["sight"], "later": 1}})
    for path in ((), ("sight",), ("first_seen", 0), ("allowed", 0), ("volumes", 0)):
        whole = deepcopy(document)
        for name in list(_at(whole, path)):
            lacking = deepcopy(document)
            del _at(lacking, path)[name]
            with pytest.raises(jsonschema.ValidationError):
                validator().validate(lacking)


def _at(document: dict, path: tuple) -> dict:  # type: ignore[type-arg]
    for step in path:
        document = document[step]
    return document
