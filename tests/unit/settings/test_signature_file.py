from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from pydantic import ValidationError

from egret.cli.catalog import FileKind, schema_text
from egret.model import HostKind
from egret.settings.bundled import signatures_dir
from egret.settings.positions import load
from egret.settings.signature_file import HostFields, SignatureFields

SIGNATURE: dict[str, Any] = {"id": "a.b", "service": "B", "category": "chat", "class": "ai"}


def test_a_host_entry_has_one_kind_and_one_or_several_hosts() -> None:
    assert HostFields.model_validate({"exact": "a.b"}).patterns == ("a.b",)
    several = HostFields.model_validate({"suffix": ["a.b", "c.d"], "distinct_from": "e.f"})
    assert (several.kind, several.patterns, several.distinct) == (HostKind.SUFFIX, ("a.b", "c.d"), ("e.f",))
    for bad in ({}, {"exact": "a.b", "suffix": "a.b"}):
        with pytest.raises(ValidationError, match="one of 'exact', 'suffix' and 'wildcard'"):
            HostFields.model_validate(bad)


def test_a_signature_matches_something() -> None:
    with pytest.raises(ValidationError, match="neither 'hosts' nor 'networks'"):
        SignatureFields.model_validate(SIGNATURE)
    with pytest.raises(ValidationError, match="'ports' without 'networks'"):
        SignatureFields.model_validate(SIGNATURE | {"hosts": [{"exact": "a.b"}], "ports": [1]})


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"id": "Alibaba.Chat"}, "should match pattern"),
        ({"id": "chat"}, "should match pattern"),
        ({"networks": ["192.0.2.1/24"]}, "no address and no network"),
        ({"networks": ["192.0.2.1"], "ports": [0]}, "greater than or equal to 1"),
        ({"networks": ["192.0.2.1"], "last_reviewed": "20261122"}, "write it as 2026-11-22"),
        ({"networks": ["192.0.2.1"], "last_reviewed": "soon"}, "write it as 2026-11-22"),
        ({"networks": ["192.0.2.1"], "service": "two\nlines"}, "should match pattern"),
    ],
)
def test_what_is_refused(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        SignatureFields.model_validate(SIGNATURE | changed)


def test_addresses_become_networks() -> None:
    fields = SignatureFields.model_validate(SIGNATURE | {"networks": ["192.0.2.1", "2001:db8::/32"]})
    assert fields.networks == ["192.0.2.1/32", "2001:db8::/32"]


@pytest.mark.parametrize("kind", list(FileKind))
def test_the_schemas_beside_the_signatures_are_current(kind: FileKind) -> None:
    written = (signatures_dir() / f"{kind}.schema.json").read_text()
    assert json.loads(written) == json.loads(schema_text(kind)), f"run: egret catalog schema {kind}"


@functools.cache
def editor(schema: Path) -> jsonschema.Draft202012Validator:
    """One for all files: the schema itself is looked at once."""
    made = json.loads(schema.read_text())
    jsonschema.Draft202012Validator.check_schema(made)
    return jsonschema.Draft202012Validator(made)


@pytest.mark.parametrize("path", sorted(signatures_dir().glob("*.yaml")), ids=lambda path: path.stem)
def test_an_editor_accepts_every_bundled_file(path: Path) -> None:
    first, _, _ = path.read_text().partition("\n")
    editor(path.with_name(first.removeprefix("# yaml-language-server: $schema="))).validate(load(path).value)
