from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest

from egret.settings import positions
from egret.settings.catalogue import load_catalog
from egret.settings.config import Config, json_schema, read_config
from egret.settings.yaml_text import default_yaml, effective_yaml, scalar

FULL = b"""\
networks: {inside: [192.0.2.0/24], resolvers: ["2001:db8::53"]}
alerts:
  update_every: 90m
  suppress:
    - {client: 192.0.2.7, service: alibaba.dingtalk, until: 2026-12-31, reason: "quoted: yes"}
    - {service: Alibaba}
outputs:
  webhooks:
    - {name: soc, url: "https://u:hunter2@soc.example/", headers: {X-Token: hunter3}}
    - {name: two, url: "https://two.example/"}
"""


def read(text: str) -> Config:
    return read_config(positions.parse(text.encode(), "egret.yaml"))


def test_the_default_file_has_every_option_at_its_default() -> None:
    document = positions.parse(default_yaml().encode(), "egret.yaml")
    assert read_config(document) == Config()
    assert document.value == Config().model_dump(mode="json")


def test_the_default_file_fits_the_schema() -> None:
    value = positions.parse(default_yaml().encode(), "egret.yaml").value
    jsonschema.Draft202012Validator.check_schema(json_schema())
    jsonschema.Draft202012Validator(json_schema()).validate(value)


def test_the_examples_in_the_default_file_load() -> None:
    """Uncomment them all: what an operator will do first."""
    lines = default_yaml().splitlines()
    examples: list[str] = []
    for line in lines:
        bare = line.lstrip()
        if bare.startswith("# ") and examples and _continues(bare):
            examples.append(line.replace("# ", "", 1))
        elif bare.startswith("# ") and _begins(bare, examples):
            examples[-1] = line.replace("# ", "", 1)
        else:
            examples.append(line)
    text = (
        "\n".join(examples)
        .replace("file:/etc/egret/soc-token", "text")
        .replace("hmac_secret: file:/etc/egret/soc-hmac", "min_severity: low")
        .replace("      min_severity: medium\n", "", 1)
    )
    config = read(text)
    assert config.networks.inside
    assert config.alerts.suppress[0].service == "alibaba.dingtalk"
    assert config.outputs.webhooks[0].name == "soc"
    (disabled,) = config.catalog.disabled
    assert load_catalog().get(disabled) is not None


def _begins(comment: str, before: list[str]) -> bool:
    key = comment[2:].partition(":")[0]
    return bool(before) and before[-1].lstrip().startswith(f"{key}: []")


def _continues(comment: str) -> bool:
    return comment.startswith("#   ")


def test_what_is_in_force_reads_back() -> None:
    config = read_config(positions.parse(FULL, "egret.yaml"))
    shown = effective_yaml(config)
    assert "hunter" not in shown
    again = positions.parse(shown.encode(), "shown").value
    assert again == config.model_dump(mode="json")


@pytest.mark.parametrize(
    "value",
    [
        "yes",
        "no",
        "null",
        "1",
        "0x1f",
        "22:22",
        "a b",
        "",
        "#x",
        "a: b",
        "é\n",
        "2026-01-01",
        "*",
        "-",
        "@x",
        "on",
        "&a",
    ],
)
def test_every_text_reads_back_as_itself(value: str) -> None:
    assert positions.parse(f"key: {scalar(value)}".encode(), "f").value == {"key": value}


def test_the_committed_file_is_the_default_one() -> None:
    committed = Path(__file__).parents[3] / "deploy/egret.yaml"
    assert committed.read_text(encoding="utf-8") == default_yaml(), "run `make docs`"
