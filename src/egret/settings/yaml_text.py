"""The configuration as YAML: what is in force, or the commented default.

PyYAML is for reading, behind its own door; what we write is a small subset that any YAML reader takes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from textwrap import wrap
from typing import Any

from pydantic.fields import FieldInfo

from egret.settings.config import Config
from egret.settings.sections import Section

_PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9_./@-]*")
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
_WIDTH = 110

HEAD = """\
# The configuration of Egret: every option with its default. Delete what you do not change; all of it may be absent.
# Durations need a unit: 30s, 5m, 1h, 90d. Secrets are read from elsewhere: file:/path or env:NAME.
# `egret check -c FILE` says what is wrong with a file, all of it at once; `egret check --effective` what is in force.
"""

# what an empty list looks like once it is filled, as comments below it
_EXAMPLES: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("networks", "inside"): ("[192.0.2.0/24, 2001:db8:1::/48]",),
    ("networks", "resolvers"): ("[192.0.2.53]",),
    ("capture", "interfaces"): ("[eth1, wg0]",),
    ("catalog", "directories"): ("[/srv/signatures]",),
    ("catalog", "disabled"): ("[alibaba.shopping]",),
    ("update", "url"): ("https://catalogue.example.com/catalogue.json",),
    ("update", "public_keys"): ("[11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=]",),
    ("geoip", "databases"): ("[/var/lib/GeoIP/GeoLite2-Country.mmdb, /var/lib/GeoIP/GeoLite2-ASN.mmdb]",),
    ("alerts", "suppress"): (
        "",
        "  - client: 192.0.2.17         # an address or a network; left out: all",
        "    service: alibaba.dingtalk  # a signature's id, a service or a vendor; left out: all",
        "    until: 2027-01-31          # the whole day, UTC; a time needs its zone: 2027-01-31T18:00:00+01:00",
        "    reason: contract with a partner, reviewed by the DPO",
    ),
    ("approvals", "entries"): (
        "",
        "  - service: alibaba.dingtalk    # or vendor: Alibaba, or class: embedded",
        "    state: approved              # or tolerated, in_review, unapproved",
        "    clients: [192.0.2.0/24]      # and groups: [sales]; neither: everybody",
        "    owner: IT security",
        "    ticket: TICKET-1",
        "    until: 2027-01-31            # the whole day, UTC",
    ),
    ("outputs", "webhooks"): (
        "",
        "  - name: soc",
        "    url: https://soc.example.com/hooks/egret",
        "    min_severity: medium",
        "    timeout: 10s",
        "    headers: {Authorization: file:/etc/egret/soc-token}",
        "    hmac_secret: file:/etc/egret/soc-hmac",
    ),
}


def effective_yaml(config: Config) -> str:
    """Every option as it is in force, as YAML; secrets are shown as ``***``."""
    return "\n".join(_lines(config.model_dump(mode="json", by_alias=True), "")) + "\n"


def _lines(value: Mapping[str, Any], indent: str) -> Iterator[str]:
    for key, item in value.items():
        if isinstance(item, dict) and item:
            yield f"{indent}{scalar(key)}:"
            yield from _lines(item, indent + "  ")
        elif isinstance(item, list) and item and isinstance(item[0], dict):
            yield f"{indent}{scalar(key)}:"
            for row in item:
                first, *rest = _lines(row, indent + "    ")
                yield f"{indent}  - {first.lstrip()}"
                yield from rest
        else:
            yield f"{indent}{scalar(key)}: {scalar(item)}"


def scalar(value: object) -> str:
    """A value on one line. JSON's strings are YAML's double-quoted ones."""
    if isinstance(value, list):
        return f"[{', '.join(scalar(item) for item in value)}]"
    if isinstance(value, str):
        plain = _PLAIN.fullmatch(value) and value.lower() not in _WORDS
        number_with_unit = re.fullmatch(r"\d+(ms|s|m|h|d)", value)
        return value if plain or number_with_unit else json.dumps(value)
    return json.dumps(value)


def default_yaml() -> str:
    """The commented default configuration: ``deploy/egret.yaml``."""
    lines = [HEAD]
    for name, field in Config.model_fields.items():
        section = field.default
        lines += [f"# {first_line(type(section))}", f"{name}:", *_commented(name, section, "  "), ""]
    return "\n".join(lines).rstrip() + "\n"


def _commented(name: str, section: Section, indent: str) -> Iterator[str]:
    values = section.model_dump(mode="json")
    for key, field in type(section).model_fields.items():
        if isinstance(field.default, Section):
            yield f"{indent}{key}:  # {first_line(type(field.default))}"
            yield from _commented(key, field.default, indent + "  ")
            continue
        for part in wrap(_comment(field), _WIDTH - len(indent)):
            yield f"{indent}# {part}"
        yield f"{indent}{key}: {scalar(values[key])}"
        yield from _example(name, key, indent)


def _example(name: str, key: str, indent: str) -> Iterator[str]:
    first, *rest = _EXAMPLES.get((name, key), (None,))
    if first is not None:
        yield f"{indent}# {key}: {first}".rstrip()
        yield from (f"{indent}# {line}" for line in rest)


def _comment(field: FieldInfo) -> str:
    return (field.description or "").replace("`", "'")


def first_line(model: type[Section]) -> str:
    """What a section is for, in one sentence."""
    return (model.__doc__ or "").strip().split("\n", maxsplit=1)[0]
