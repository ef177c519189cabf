"""The reference page of the configuration, from the models: it cannot say something else than the program."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic.fields import FieldInfo

from egret.settings.alertmanager_section import Alertmanager
from egret.settings.apprise_section import AppriseOutput
from egret.settings.approvals_section import ApprovalEntry, ApprovalSettings
from egret.settings.broker_section import KafkaOutput, NatsOutput
from egret.settings.clients_section import Clients, LeaseFile, StaticClient
from egret.settings.config import Config
from egret.settings.http_section import Http, HttpToken, HttpUser
from egret.settings.outputs_section import Outputs, Webhook
from egret.settings.routing_section import RouteSettings
from egret.settings.sections import Alerts, Section, Suppression
from egret.settings.syslog_section import SyslogOutput
from egret.settings.yaml_text import first_line, scalar

PAGE_HEAD = """\
# Configuration

Made from the program by `make docs`; do not edit. Every option has a default that works on a gateway: no file is
needed. Without `-c FILE`, Egret reads `/etc/egret/egret.yaml` as root, else `egret/egret.yaml` in the XDG config
folder, if it is there. State is kept in `/var/lib/egret` as root or under systemd, else in `egret` in the XDG state
folder.

- `egret check -c FILE` names every error with file, line and column; `--effective` shows all options in force.
- `egret check --schema` prints a JSON Schema for editors. `deploy/egret.yaml` is the default with comments.
- Unknown and duplicate keys are errors. Only `true` and `false` are booleans.
- A relative path starts at the folder of the file that names it.
- A duration is a number and one of `ms s m h d w`; a bare number is an error.
- A secret is `file:/path` or `env:NAME`, read at start and at reload, and never shown.
"""

_NAMES = {
    "string": "text",
    "boolean": "`true`, `false`",
    "null": "`null`",
    "object": "names and values",
    "integer": "number",
}
# lists whose entries have options of their own
_ROWS: Mapping[tuple[type[Section], str], type[Section]] = {
    (Alerts, "suppress"): Suppression,
    (ApprovalSettings, "entries"): ApprovalEntry,
    (Clients, "static"): StaticClient,
    (Clients, "leases"): LeaseFile,
    (Outputs, "syslog"): SyslogOutput,
    (Outputs, "webhooks"): Webhook,
    (Outputs, "alertmanagers"): Alertmanager,
    (Outputs, "apprise"): AppriseOutput,
    (Outputs, "kafka"): KafkaOutput,
    (Outputs, "nats"): NatsOutput,
    (Outputs, "routes"): RouteSettings,
    (Http, "users"): HttpUser,
    (Http, "tokens"): HttpToken,
}


def reference_page() -> str:
    """The page ``docs/configuration.md``: a table for each section."""
    lines = [PAGE_HEAD]
    for name, field in Config.model_fields.items():
        lines += _table(name, type(field.default))
    return "\n".join(lines).rstrip() + "\n"


def _table(title: str, model: type[Section]) -> list[str]:
    schema = model.model_json_schema()
    lines = [f"## `{title}`", "", first_line(model), "", "| option | default | values | meaning |", "|---|---|---|---|"]
    nested: list[str] = []
    for name, field in model.model_fields.items():
        key = field.alias or name
        if isinstance(field.default, Section):
            nested += _table(f"{title}.{key}", type(field.default))
            continue
        values = "list, see below" if (model, key) in _ROWS else _values(schema["properties"][key], schema)
        lines.append(f"| `{key}` | {_default(model, name, field)} | {values} | {field.description} |")
        if row := _ROWS.get((model, key)):
            nested += _table(f"{title}.{key}[]", row)
    return [*lines, "", *nested]


def _default(model: type[Section], name: str, field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    dumped = model.model_construct(**{field.alias or name: value}).model_dump(mode="json", include={name})
    return f"`{scalar(dumped[name])}`"


def _values(schema: Mapping[str, Any], root: Mapping[str, Any]) -> str:
    """What may be written, in few words, from the JSON Schema."""
    if "$ref" in schema:
        return _values(root["$defs"][schema["$ref"].rpartition("/")[2]], root)
    if "anyOf" in schema:
        return " or ".join(_values(option, root) for option in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_values(schema['items'], root).removeprefix('like ')}"
    if "minimum" in schema:
        return f"{schema['minimum']} to {schema['maximum']}"
    examples = schema.get("examples")
    return (
        "like " + ", ".join(f"`{example}`" for example in examples)
        if examples
        else _NAMES[schema.get("type", "object")]
    )
