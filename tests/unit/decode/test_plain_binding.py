from __future__ import annotations

import pytest

from egret.decode.plain_binding import Binding, read_binding

FULL = b"\0\1\0" + b"\0\1\0\6\2h3\2h2" + b"\0\3\0\2\x20\xfb" + b"\0\4\0\4\xcb\0\x71\7" + b"\0\6\0\x10" + bytes(16)


def test_what_a_plain_binding_says() -> None:
    assert read_binding(FULL) == Binding(1, "", ("h3", "h2"), (b"\xcb\0\x71\7", bytes(16)))
    assert read_binding(b"\1\2\3Svc\7example\0") == Binding(258, "svc.example", (), ())


@pytest.mark.parametrize(
    "data",
    [
        b"\0\1",
        b"\0\0\0",  # an alias
        b"\0\1\3s.c\0",
        b"\0\1\3svc",
        b"\0\1" + (b"\x3f" + b"a" * 63) * 4 + b"\0",
        b"\0\1\0\0\3\0\2\x20\xfb\0\1\0\3\2h3",  # out of order
        b"\0\1\0\0\1\0\0",
        b"\0\1\0\0\1\0\2\0\0",
        b"\0\1\0\0\1\0\2\2h",
        b"\0\1\0\0\3\0\3\0\0\0",
        b"\0\1\0\0\4\0\5" + bytes(5),
        b"\0\1\0\0\5\0\4" + bytes(4),  # ECH
        FULL[:-1],
        FULL + b"\0",
    ],
)
def test_others_are_dnspython_s(data: bytes) -> None:
    assert read_binding(data) is None
