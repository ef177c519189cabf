from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import pytest
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from egret.errors import ConfigError, ConfigErrors, Position
from egret.settings.positions import parse
from egret.settings.schema import in_order, validate


class Colour(StrEnum):
    RED = "red"
    GREEN = "green"


def even(value: int) -> int:
    if value % 2:
        raise ValueError(f"{value} is odd")
    return value


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid")
    dedup_window: int = 1
    colour: Colour = Colour.RED
    code: Annotated[str, Field(pattern="^[A-Z]{2}$")] = "CN"
    size: Annotated[int, AfterValidator(even)] = 2


class Root(BaseModel):
    model_config = ConfigDict(extra="forbid")
    alerts: Section | None = None
    sections: list[Section] = []
    named: dict[str, Section] = {}
    name: str


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigErrors) as caught:
        validate(Root, parse(text.encode(), "gw.yml"))
    return str(caught.value).splitlines()


def test_a_good_document_becomes_the_model() -> None:
    root = validate(Root, parse(b"name: x\nalerts: {colour: green}\n", "f"))
    assert root.alerts is not None
    assert root.alerts.colour is Colour.GREEN


def test_every_error_is_said_in_the_order_of_the_text() -> None:
    text = """\
alerts:
  dedup_windw: 3
  colour: gren
sections:
  - size: 3
    colr: red
  - text
named:
  a: {dedup_window: many}
name: 360
named: {}
"""
    assert problems(text) == [
        "gw.yml:2:3: unknown option 'dedup_windw' (did you mean 'dedup_window'?)",
        "gw.yml:3:11: 'colour' cannot be 'gren' (did you mean 'green'?)",
        "gw.yml:5:11: 3 is odd",
        "gw.yml:6:5: unknown option 'colr' (did you mean 'colour'?)",
        "gw.yml:7:5: 'sections[1]': should be a group of options (write 'name: value' lines, indented below)",
        "gw.yml:9:21: 'dedup_window': should be a valid integer, unable to parse string as an integer",
        "gw.yml:10:7: 'name': should be a valid string (put it in quotes)",
        "gw.yml:11:1: duplicate key 'named' (first on line 8)",
    ]


def test_a_missing_option_points_at_where_it_belongs() -> None:
    assert problems("alerts: {}\n") == ["gw.yml:1:1: missing option 'name' (add 'name: ...')"]


def test_an_unknown_word_without_a_neighbour_lists_what_there_is() -> None:
    assert problems("name: x\nalerts: {colour: '12'}\n")[0].endswith("'colour' cannot be '12' (one of: red, green)")


def test_errors_of_reading_alone_are_enough() -> None:
    assert problems("name: x\nname: y\n") == ["gw.yml:2:1: duplicate key 'name' (first on line 1)"]


def test_a_list_for_a_mapping_names_the_file() -> None:
    assert problems("- a\n")[0].startswith("gw.yml:1:1: 'gw.yml': should be a group of options")


def test_wire_text_is_escaped() -> None:
    assert problems('"\\e[2J": 1\nname: x\n') == ["gw.yml:1:1: unknown option '\\x1b[2J'"]


def test_in_order_says_each_once_and_the_placeless_first() -> None:
    one: Any = ConfigError("b", Position("f", 9, 1))
    assert [str(e) for e in in_order([one, ConfigError("c", Position("f", 2, 1)), one, ConfigError("a")])] == [
        "a",
        "f:2:1: c",
        "f:9:1: b",
    ]


def test_a_pattern_is_told() -> None:
    assert problems("name: x\nalerts: {code: cn}\n") == [
        "gw.yml:2:16: 'code' cannot be 'cn' (it must match ^[A-Z]{2}$)"
    ]
