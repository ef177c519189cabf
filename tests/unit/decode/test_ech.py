from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egret.decode.ech import MAX_CONFIGS, EchConfig, parse_config_list
from tests.support.hello import ech_config, vector

ONE = ech_config(7, b"Public.Example")


def test_a_list() -> None:
    assert parse_config_list(vector(2, ONE + ech_config(200, b"other.example"))) == (
        EchConfig(7, "public.example"),
        EchConfig(200, "other.example"),
    )


def test_other_versions_are_passed_over() -> None:
    old = struct.pack("!H", 0xFE0A) + vector(2, b"whatever")
    assert parse_config_list(vector(2, old + ONE)) == (EchConfig(7, "public.example"),)
    assert parse_config_list(vector(2, ech_config(1, b"192.0.2.1"))) == ()


def test_every_cut_gives_what_was_whole_in_it() -> None:
    wire = vector(2, ONE + ech_config(8, b"b.example"))
    assert {parse_config_list(wire[:size]) for size in range(len(wire))} == {()}
    for size in range(len(ONE), len(wire) - 2):  # the list ends early, and says so
        assert parse_config_list(vector(2, wire[2 : 2 + size])) == (EchConfig(7, "public.example"),)


@pytest.mark.parametrize("tail", [b"", b"\x00", b"\xfe\x0d\xff\xff"])
def test_no_more_than_a_few(tail: bytes) -> None:
    assert len(parse_config_list(vector(2, ONE * 50 + tail))) == MAX_CONFIGS


@given(st.binary(max_size=120))
def test_any_bytes(data: bytes) -> None:
    parse_config_list(data)
    parse_config_list(vector(2, b"\xfe\x0d" + vector(2, data)))
