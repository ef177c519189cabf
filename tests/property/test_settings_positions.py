"""Reading YAML is total: a document or ConfigErrors with places, whatever the bytes; so is validating a signature file."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from egret.errors import ConfigError, ConfigErrors
from egret.settings.bundled import signatures_dir
from egret.settings.positions import parse
from egret.settings.schema import validate
from egret.settings.signature_file import VendorFile

SEEDS = [path.read_bytes()[:3000] for path in sorted(signatures_dir().glob("[a-d]*.yaml"))]
INSERTS = st.sampled_from(
    [
        b"\t",
        b"*a",
        b"&a ",
        b"!x ",
        b"? ",
        b"- ",
        b": ",
        b"{",
        b"[",
        b"]",
        b"'",
        b'"',
        b"|",
        b"\xff",
        b"\0",
        b"---\n",
        b"%",
    ]
)


@st.composite
def mutations(draw: st.DrawFn) -> bytes:
    data = draw(st.sampled_from(SEEDS))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(data)))
        cut = draw(st.integers(0, 20))
        data = data[:at] + draw(INSERTS | st.binary(max_size=4)) + data[at + cut :]
    return data


def problems(data: bytes) -> list[ConfigError]:
    try:
        validate(VendorFile, parse(data, "f.yaml"))
    except ConfigErrors as error:
        return error.errors
    return []


def told(data: bytes) -> bool:
    places = [each.pos for each in problems(data)]
    return all(place is not None and place.line >= 1 and place.column >= 1 for place in places)


@settings(max_examples=100, deadline=None)
@given(mutations())
def test_any_change_of_a_signature_file_is_read_or_told(data: bytes) -> None:
    assert told(data)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_told(data: bytes) -> None:
    assert told(data)
