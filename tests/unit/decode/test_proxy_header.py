from __future__ import annotations

import pytest

from egret.decode.proxy_header import header_size
from egret.errors import Malformed
from tests.support.dialogues import PROXY_1, PROXY_2, PROXY_LOCAL


@pytest.mark.parametrize("header", [PROXY_1, PROXY_2, PROXY_LOCAL, b"PROXY UNKNOWN\r\n", b"PROXY TCP6 ::1 ::2 1 2\r\n"])
def test_headers_are_measured(header: bytes) -> None:
    assert header_size(header + b"\x16\x03") == len(header)
    assert {header_size(header[:size]) for size in range(len(header))} == {None}


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n",
        b"PROXY UDP4 1 2 3 4\r\n",
        b"PROXY TCP4 " + b"1" * 107,
        b"\r\n\r\n\x00\r\nQUIT\n\x11\x11\x00\x00",
        b"\r\n\r\nx",
    ],
)
def test_what_is_no_header(data: bytes) -> None:
    with pytest.raises(Malformed):
        header_size(data)
