from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egret import names


@pytest.mark.parametrize(
    ("labels", "text"),
    [
        ([b"Qwen", b"AI"], "qwen.ai"),
        ([], ""),
        ([b"a.b", b"c"], r"a\046b.c"),
        ([b"\x1b[31m", b"x"], r"\027[31m.x"),
        ([b"\xff\x00"], r"\255\000"),
        ([b"_dmarc", b"a-b"], "_dmarc.a-b"),
        ([b'q"', b"\\"], r"q\034.\092"),
    ],
)
def test_canonical_spells_every_byte(labels: list[bytes], text: str) -> None:
    assert names.canonical(labels) == text


@given(st.lists(st.binary(min_size=1, max_size=63), max_size=5))
def test_canonical_is_total_printable_and_keeps_label_boundaries(labels: list[bytes]) -> None:
    text = names.canonical(labels)
    assert text.isascii()
    assert text.isprintable()
    assert text.count(".") == max(0, len(labels) - 1)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"Chat.Qwen.AI.", "chat.qwen.ai"),
        ("münchen.de".encode(), "xn--mnchen-3ya.de"),
        (b"192.0.2.1", None),
        (b"[2001:db8::1]", None),
        (b"", None),
        (b".", None),
        (b"a..b", None),
        (b"a" * 64 + b".com", None),
        (b"1.2.3.example", "1.2.3.example"),
        (b"\xff\xfe.com", r"\255\254.com"),
    ],
)
def test_from_host(raw: bytes, text: str | None) -> None:
    assert names.from_host(raw) == text


@given(st.lists(st.text("ab-_9Z", max_size=70), min_size=1, max_size=6).map(".".join))
def test_an_ordinary_name_is_no_other_for_its_short_way(name: str) -> None:
    raw = name.encode()
    if not name.endswith("."):  # a final dot makes it go the long way
        assert names.from_host(raw) == names.from_host(raw + b".")
        assert names.as_said(raw) == names.as_said(raw + b".")


def test_what_is_said_is_kept() -> None:
    long = b"a" * 64 + b".example"
    for raw in (b"A..b.", long, b".a.example"):
        assert names.from_host(raw) is None
        assert names.as_said(raw) == raw.decode().lower().removesuffix(".")
    for raw in (b"", b"..", b"192.0.2.1", b"a" * 254):
        assert names.as_said(raw) is None
    assert names.as_said(b"a.example") == "a.example"


@given(st.binary(max_size=300))
def test_from_host_is_total(raw: bytes) -> None:
    text = names.from_host(raw)
    assert text is None or names.as_said(raw) == text
    assert text is None or (text.isascii() and text.isprintable())


@pytest.mark.parametrize(
    ("authority", "host", "port"),
    [
        (b"qwen.ai:8443", b"qwen.ai", 8443),
        (b"qwen.ai", b"qwen.ai", None),
        (b"[2001:db8::1]:443", b"2001:db8::1", 443),
        (b"2001:db8::1", b"2001:db8::1", None),
        (b"a:99999", b"a", None),
        (b"a:", b"a", None),
        (b"[red].qwen.ai", b"[red].qwen.ai", None),
        (b"${jndi:ldap://x}.qwen.ai:443", b"${jndi:ldap://x}.qwen.ai", 443),
        (b"a:b", b"a:b", None),
    ],
)
def test_split_port(authority: bytes, host: bytes, port: int | None) -> None:
    assert names.split_port(authority) == (host, port)


def test_printable_leaves_no_control_or_format_character() -> None:
    text = names.printable("a\x1b[31m\n\u202eb é")
    assert text == r"a\x1b[31m\x0a\u202eb é"


def test_address_text() -> None:
    assert names.address_text(bytes(16)) == "::"
    assert names.address_text(b"\xc0\x00\x02\x01") == "192.0.2.1"
