from __future__ import annotations

import pytest

from egret.decode.plain_request import MAX_PLAIN, REQUEST_STARTS, PlainRequest, read_plain

BROWSER = (
    b"GET /a/b.html?c=d HTTP/1.1\r\nHost: www.example.org\r\nUser-Agent: Mozilla/5.0 (X11)\r\nAccept: */*\r\n"
    b"Accept-Encoding: gzip, deflate\r\nConnection: keep-alive\r\nCookie: a=b; c=d\r\n\r\n"
)


def of(*fields: bytes, line: bytes = b"GET / HTTP/1.1", behind: bytes = b"") -> bytes:
    return b"".join(each + b"\r\n" for each in (line, *fields)) + b"\r\n" + behind


def test_what_browsers_and_programs_send() -> None:
    assert read_plain(BROWSER) == PlainRequest(b"www.example.org", len(BROWSER))
    posted = of(b"Content-Length: 10", b"HOST:  www.example.org:8080 ", line=b"POST /a HTTP/1.0", behind=b"12345")
    assert read_plain(posted) == PlainRequest(b"www.example.org", len(posted) + 5)
    assert read_plain(posted + b"67890") == PlainRequest(b"www.example.org", len(posted) + 5)
    assert read_plain(posted + b"678901") is None
    for method in (b"GET", b"POST", b"HEAD", b"PUT", b"OPTIONS", b"DELETE", b"PATCH"):
        assert method[0] in REQUEST_STARTS
        assert read_plain(of(b"Host: a.example", line=method + b" / HTTP/1.1")) is not None


@pytest.mark.parametrize(
    "odd",
    [
        b"",
        BROWSER[:-1],
        BROWSER + b"G",
        of(),
        of(b"Host: www.example.org", line=b"CONNECT /a HTTP/1.1"),
        of(b"Host: www.example.org", line=b"GET http://a.example/ HTTP/1.1"),
        of(b"Host: www.example.org", line=b"GET / HTTP/1.2"),
        of(b"Host: www.example.org", line=b"OPTIONS * HTTP/1.1"),
        of(b"Host: www.example.org", line=b"GET /\xc3\xa4 HTTP/1.1"),
        of(b"Host: www.example.org", line=b"GET /a b HTTP/1.1"),
        of(b"Host: www.example.org", b"host: other.example"),
        of(b"Host: WWW.example.org"),
        of(b"Host: one"),
        of(b"Host: 192.0.2.1"),
        of(b"Host: [2001:db8::1]"),
        of(b"Host : www.example.org"),
        of(b"Host:", b" www.example.org"),
        of(b"Host: " + b"a" * 64 + b".example"),
        of(b"Host: " + b"a." * 126 + b"aa"),
        of(b"A: b\n", b"Host: www.example.org"),
        of(b"Host: www.example.org", b"Transfer-Encoding: chunked"),
        of(b"Host: www.example.org", b"Content-Length : 1"),
        of(b"Host: www.example.org", b"Content-Length: 1", b"Content-Length: 2"),
        of(b"Host: www.example.org", b"Content-Length: 1234567890"),
        of(b"Host: www.example.org", b"Cookie: " + b"x" * MAX_PLAIN),
        of(b"Host: www.example.org", b"Content-Length: 9999", behind=b"x" * MAX_PLAIN),
    ],
)
def test_whatever_is_odd_is_left_to_the_reader(odd: bytes) -> None:
    assert read_plain(odd) is None
