import gzip

import pytest

from egret.decode.http import (
    MAX_HEAD,
    MAX_REPLY,
    Reply,
    RequestHead,
    begins_head,
    begins_request,
    parse_reply,
    parse_request_head,
    recognise,
)
from egret.decode.http2 import PREFACE
from egret.errors import DecodeError, Malformed, Reason, Unsupported
from egret.model import Recognition


def head(data: bytes) -> RequestHead:
    found = parse_request_head(data)
    assert found is not None
    return found


def test_origin_form() -> None:
    data = b"GET /path HTTP/1.1\r\nAccept: */*\r\nhOST : Chat.Qwen.AI:8080 \r\n\r\n"
    assert head(data + b"body") == RequestHead(
        "GET", "chat.qwen.ai", 8080, "chat.qwen.ai", False, len(data), 0, b"/path"
    )


def test_absolute_form_decides_over_the_host_line() -> None:
    data = b"POST http://user:pw@api.example:81/x?y HTTP/1.0\r\nHost: proxy.example\r\n\r\n"
    assert head(data) == RequestHead(
        "POST", "api.example", 81, "proxy.example", False, len(data), 0, b"http://user:pw@api.example:81/x?y"
    )


def test_connect_waits_for_its_end() -> None:
    data = b"CONNECT api.example:443 HTTP/1.1\r\nHost: api.example:443\r\n\r\n"
    assert head(data) == RequestHead(
        "CONNECT", "api.example", 443, "api.example", True, len(data), 0, b"api.example:443"
    )
    assert parse_request_head(data[:-1]) is None
    final = parse_request_head(data[:-1], final=True)
    assert final is not None
    assert (final.name, final.size) == ("api.example", 0)


def test_a_whole_host_line_is_enough() -> None:
    assert head(b"GET / HTTP/1.1\nHost: a.example\nCoo").name == "a.example"


def test_a_cut_host_line_is_no_name() -> None:
    data = b"GET / HTTP/1.1\r\nHost: api.example.com\r\n\r\n"
    end = data.index(b"\n", 20) + 1
    assert {parse_request_head(data[:size]) for size in range(end)} == {None}
    final = parse_request_head(data[: end - 1], final=True)
    assert final is not None
    assert final.name is None


@pytest.mark.parametrize("host", [b"192.0.2.1:80", b"[2001:db8::1]:80", b"", b".."])
def test_addresses_and_nothing_are_no_names(host: bytes) -> None:
    assert head(b"GET / HTTP/1.1\r\nHost: " + host + b"\r\n\r\n").name is None


def test_a_lone_return_ends_a_host() -> None:
    assert head(b"GET / HTTP/1.1\r\nHost: a.example\rAccept: x\r\n\r\n").name == "a.example"


def test_a_url_is_no_host() -> None:
    assert head(b"GET / HTTP/1.1\r\nHost: http://x.example/\r\n\r\n").name is None


def test_no_host_line() -> None:
    assert head(b"GET / HTTP/1.0\r\n\r\n").name is None


def test_the_first_host_line_counts() -> None:
    assert head(b"GET / HTTP/1.1\r\nHost: a.example\r\nHost: b.example\r\n\r\n").name == "a.example"


def test_further_host_lines_are_kept() -> None:
    data = b"GET / HTTP/1.1\r\nHost: a.example\r\nHost: b.example\r\nHost: 192.0.2.1\r\nHost: c.example\r\n\r\n"
    assert head(data).others == ("b.example", "c.example")


def test_a_host_line_may_go_on_in_the_next() -> None:
    data = b"GET / HTTP/1.1\r\nHost:\r\n\t a.example\r\nAccept: x\r\n b.example\r\n\r\n"
    assert (head(data).name, head(data).others) == ("a.example", ())
    assert parse_request_head(data[:24]) is None


@pytest.mark.parametrize(
    "line", [b"get / HTTP/1.1", b"Get\t/\tHTTP/1.0", b"GET /", b"GET", b"POST /x FOO/1.1", b"GET / HTTQ"]
)
def test_lines_that_some_servers_take(line: bytes) -> None:
    data = line + b"\r\nHost: a.example\r\n\r\n"
    assert head(data).name == "a.example"
    for size in range(len(data)):
        assert recognise(data[:size]) is not Recognition.NO
        assert size > len(data) - 3 or parse_request_head(data[:size]) is None


@pytest.mark.parametrize(
    "data",
    [
        b"GET /\r\nAccept: x\r\n\r\n",
        b"OPTIONS rtsp://a.example/ RTSP/1.0\r\nHost: b.example\r\n\r\n",
        b"GET /\r\nthis is no field\r\nHost: a.example\r\n\r\n",
        b"DESCRIBE /\r\nHost: a.example\r\n\r\n",
    ],
)
def test_without_a_version_a_host_line_must_come(data: bytes) -> None:
    with pytest.raises(Malformed):
        parse_request_head(data, final=True)


def test_connect_with_a_url() -> None:
    found = head(b"CONNECT http://a.example:443/ HTTP/1.1\r\n\r\n")
    assert (found.name, found.port, found.is_connect) == ("a.example", 443, True)


def test_where_a_request_begins_beyond_doubt() -> None:
    assert begins_request(b"GET / HTTP/1.1\r\nHo")
    assert not begins_request(b"GET / HTTP/1.1")
    assert not begins_request(b"GET /\r\nHost: a.example\r\n")
    assert begins_head(b"GET /")
    assert not begins_head(PREFACE)
    assert not begins_head(b"\x16\x03")


def test_empty_lines_before_a_request() -> None:
    data = b"\r\n\r\nGET / HTTP/1.1\r\nHost: a.example\r\n\r\n"
    assert head(data).size == len(data)


def test_odd_bytes_are_escaped() -> None:
    assert head(b"GET / HTTP/1.1\r\nHost: a\x1b[31m.example\r\n\r\n").name == r"a\027[31m.example"


@pytest.mark.parametrize(
    "data", [b"\x16\x03\x01\x02\0", b"GET /\r\n\r\n", b"EHLO a.example\r\n", b"get /\r\n", b"X" * 40, b"HELLO\r\n"]
)
def test_what_is_no_request(data: bytes) -> None:
    assert recognise(data) is Recognition.NO
    with pytest.raises(Malformed):
        parse_request_head(data)


@pytest.mark.parametrize(
    "data", [b"", b"\r\n", b"G", b"GET", b"GET ", b"GET /a", b"M-SEARCH * HTTP/1.1\r", b"PRI * HTTP/2"]
)
def test_what_may_become_one(data: bytes) -> None:
    assert recognise(data) is Recognition.NEED_MORE
    assert parse_request_head(data) is None
    with pytest.raises(DecodeError):
        parse_request_head(data, final=True)


def test_requests_are_recognised_by_their_first_line() -> None:
    assert recognise(b"GET /a b HTTP/1.1\r\n") is Recognition.YES
    assert recognise(b"GET /" + b"a" * MAX_HEAD) is Recognition.NO


def test_http_2_with_prior_knowledge() -> None:
    block = bytes.fromhex("828684410f7777772e6578616d706c652e636f6d")  # RFC 7541 C.3.1
    data = PREFACE + b"\0\0\0\x04\0\0\0\0\0" + bytes([0, 0, len(block), 1, 5, 0, 0, 0, 1]) + block
    assert recognise(data) is Recognition.YES
    assert head(data) == RequestHead("GET", "www.example.com", None, "www.example.com", False, len(data), None, b"")
    for size in range(len(PREFACE), len(data)):
        assert parse_request_head(data[:size]) is None
    with pytest.raises(DecodeError):
        parse_request_head(data[:-1], final=True)
    with pytest.raises(Unsupported):
        parse_request_head(PREFACE + bytes([0, 0x40, 0, 0, 0, 0, 0, 0, 1]) + bytes(MAX_HEAD))


def test_heads_are_bounded() -> None:
    long = b"Cookie: " + b"x" * MAX_HEAD + b"\r\n"
    with pytest.raises(Unsupported) as error:
        parse_request_head(b"GET / HTTP/1.1\r\n" + long)
    assert error.value.reason is Reason.TOO_LARGE
    assert head(b"GET http://a.example/ HTTP/1.1\r\n" + long).name == "a.example"
    assert head(b"CONNECT a.example:1 HTTP/1.1\r\nHost: a.example\r\n" + long).name == "a.example"


@pytest.mark.parametrize(
    ("lines", "body"),
    [
        (b"Content-Length: 12\r\n", 12),
        (b"content-length : 0\r\n", 0),
        (b"Content-Length: 99999999999\r\n", None),  # beyond what sequence numbers can be followed over
        (b"Content-Length: -1\r\n", None),
        (b"Transfer-Encoding: chunked\r\n", None),
        (b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", None),
    ],
)
def test_the_length_of_the_body(lines: bytes, body: int | None) -> None:
    assert head(b"POST / HTTP/1.1\r\nHost: a.example\r\n" + lines + b"\r\n").body == body
    assert head(b"POST / HTTP/1.1\r\nHost: a.example\r\n" + lines).body is None


REPLIES = [
    (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody", b"body"),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nbo\r\n2;x=y\r\ndy\r\n0\r\n\r\n", b"body"),
    (
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 24\r\n\r\n" + gzip.compress(b"body", mtime=0),
        b"body",
    ),
]


@pytest.mark.parametrize(("data", "body"), REPLIES)
def test_replies(data: bytes, body: bytes) -> None:
    assert parse_reply(data + b"HTTP/1.1 ") == Reply(200, body, len(data))
    assert {parse_reply(data[:size]) for size in range(len(data))} == {None}


def test_a_reply_without_a_length_ends_with_the_stream() -> None:
    data = b"HTTP/1.0 404 Not Found\r\n\r\nbody"
    assert parse_reply(data) is None
    assert parse_reply(data, final=True) == Reply(404, b"body", len(data))


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200\r\n" + b"X: y\r\n" * 4000,
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
    ],
)
def test_what_is_no_reply(data: bytes) -> None:
    with pytest.raises(Malformed):
        parse_reply(data)


def test_a_bomb_gives_no_more_than_is_read() -> None:
    bomb = gzip.compress(bytes(50_000_000), 9)
    start = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb)
    found = parse_reply(start + bomb)
    assert found is not None
    assert len(found.body) == MAX_REPLY
    broken = parse_reply(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nxx")
    assert broken is not None
    assert broken.body == b""


@pytest.mark.parametrize("version", [b"HTTP/1.2", b"HTTP/2.0", b"http/1.1", b"HTTP/1.1 and more"])
def test_common_methods_with_versions_that_no_standard_has(version: bytes) -> None:
    head = parse_request_head(b"GET /a b " + version + b"\r\nHost: chat.example\r\n\r\n")
    assert head is not None
    assert (head.name, head.target) == ("chat.example", b"/a b")
    assert recognise(b"FETCH / " + version + b"\r\n") is Recognition.NO
