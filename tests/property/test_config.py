"""Whatever is in the file: a configuration or ConfigErrors, each with its place, and never a secret in them."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from egret.errors import ConfigErrors
from egret.settings import positions
from egret.settings.config import Config, read_config
from egret.settings.yaml_text import default_yaml, effective_yaml

LINES = [line for line in default_yaml().splitlines() if not line.lstrip().startswith("#")]
SCALARS = st.sampled_from(
    [
        "",
        "null",
        "[]",
        "{}",
        "true",
        "-1",
        "1e9",
        "9" * 30,
        "12:30",
        "'x'",
        "[[]]",
        "{a: b}",
        "1h",
        "8MB",
        "::1",
        "\u202e",
        '"\\e[31m"',
    ]
) | st.text(st.characters(codec="utf-8"), max_size=12)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """The default file with some lines given other values, other names, another depth, or left out."""
    lines = list(LINES)
    for _ in range(draw(st.integers(1, 4))):
        index = draw(st.integers(0, len(lines) - 1))
        key, _, _ = lines[index].partition(":")
        change = draw(st.sampled_from(["value", "drop", "indent", "rename", "repeat"]))
        if change == "value":
            lines[index] = f"{key}: {draw(SCALARS)}"
        elif change == "drop":
            lines[index] = ""
        elif change == "indent":
            lines[index] = "  " + lines[index]
        elif change == "rename":
            lines[index] = lines[index].replace("e", "3")
        else:
            lines.insert(index, lines[index])
    return "\n".join(lines).encode()


def outcome(data: bytes) -> Config | None:
    try:
        return read_config(positions.parse(data, "egret.yaml"))
    except ConfigErrors as errors:
        told = errors.errors
    assert told
    assert all(error.pos is not None and error.pos.line >= 1 for error in told)
    return None


@given(mutated())
@settings(max_examples=200, deadline=None)
def test_a_mutated_file_is_read_or_told(data: bytes) -> None:
    config = outcome(data)
    if config is not None:
        assert outcome(effective_yaml(config).encode()) == config


@given(st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_read_or_told(data: bytes) -> None:
    outcome(data)
