"""HTTP conversations: requests as clients, proxies and tests of other programs send them."""

from __future__ import annotations

import struct

from tests.support.talk import Make, Makers, Talk, tcp

MAKERS = Makers()


def put(label: str, make: Make) -> None:
    MAKERS[label] = make


def http(label: str, head: str, *found: str, port: int = 80, body: bytes = b"", kind: str = "http") -> None:
    def make(n: str) -> Talk:
        text = head.replace("NAME", f"{n}.http.example").replace("\n", "\r\n").encode()
        names = [(kind, one.replace("NAME", f"{n}.http.example")) for one in found]
        return tcp(port, [text + body], names, [b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"])

    put(f"http, {label}", make)


http("get", "GET / HTTP/1.1\nHost: NAME\n\n", "NAME")
http("odd port", "GET / HTTP/1.1\nHost: NAME:8123\n\n", "NAME", port=8123)
http("on port 443", "GET / HTTP/1.1\nHost: NAME\n\n", "NAME", port=443)
http("lower case field", "GET / HTTP/1.1\nhost: NAME\n\n", "NAME")
http("no space", "GET / HTTP/1.1\nHost:NAME\n\n", "NAME")
http("tab", "GET / HTTP/1.1\nHost:\tNAME \n\n", "NAME")
http("final dot", "GET / HTTP/1.1\nHost: NAME.\n\n", "NAME")
http("upper case", "GET / HTTP/1.1\nHost: N.NAME\n\n", "n.NAME")
http("late host", "GET / HTTP/1.1\nCookie: " + "c" * 5000 + "\nHost: NAME\n\n", "NAME")
http("long target", "GET /" + "p" * 7000 + " HTTP/1.1\nHost: NAME\n\n", "NAME")
http("version 1.0", "GET / HTTP/1.0\nHost: NAME\n\n", "NAME")
http("no host", "GET / HTTP/1.0\nAccept: */*\n\n")
http("host is an address", "GET / HTTP/1.1\nHost: 192.0.2.7:80\n\n")
http("host is an IPv6 address", "GET / HTTP/1.1\nHost: [2001:db8::7]\n\n")
http("leading empty lines", "\n\nGET / HTTP/1.1\nHost: NAME\n\n", "NAME")
http("absolute form", "GET http://NAME/x HTTP/1.1\nHost: NAME\n\n", "NAME", port=3128)
http("webdav", "PROPFIND / HTTP/1.1\nHost: NAME\nContent-Length: 0\n\n", "NAME")
http("version control", "VERSION-CONTROL / HTTP/1.1\nHost: NAME\n\n", "NAME")
http(
    "websocket",
    "GET / HTTP/1.1\nHost: NAME\nUpgrade: websocket\nConnection: Upgrade\n\n",
    "NAME",
    body=b"\x81\x05hello",
)
http("spaces in the target", "GET /a b c HTTP/1.1\nHost: NAME\n\n", "NAME")
http("utf-8 target", "GET /\u4f60 HTTP/1.1\nHost: NAME\n\n", "NAME")
http("post", "POST / HTTP/1.1\nHost: NAME\nContent-Length: 3000\n\n", "NAME", body=b"b" * 3000)
http("connect", "CONNECT NAME:443 HTTP/1.1\nHost: NAME:443\n\n", "NAME", port=3128, kind="connect")
http("connect without host", "CONNECT NAME:443 HTTP/1.0\n\n", "NAME", port=3128, kind="connect")


http("spaces around", "GET / HTTP/1.1\nHost :  NAME  \n\n", "NAME")
http("an underscore", "GET / HTTP/1.1\nHost: a_b.NAME\n\n", "a_b.NAME")
http("a method of its own", "FETCH / HTTP/1.1\nHost: NAME\n\n", "NAME")
http("a version that is none", "GET / HTTP/2.0\nHost: NAME\n\n", "NAME")
http("a port that is none", "GET / HTTP/1.1\nHost: NAME:\n\n", "NAME")
http("a byte of zero", "GET / HTTP/1.1\nX: a\0b\nHost: NAME\n\n", "NAME")


http("two host lines", "GET / HTTP/1.1\nHost: NAME\nHost: b.NAME\n\n", "NAME", "b.NAME")
http("no version", "GET /\nHost: NAME\n\n", "NAME")
http("a version of its own", "GET / FOO/1.1\nHost: NAME\n\n", "NAME")
http("lower case method", "get / HTTP/1.1\nHost: NAME\n\n", "NAME")
http("a folded line", "GET / HTTP/1.1\nHost:\n NAME\n\n", "NAME")
http("a head of 30 KB", "GET / HTTP/1.1\nCookie: " + "c" * 30_000 + "\nHost: NAME\n\n", "NAME")
http("a target of 20 KB", "GET /" + "p" * 20_000 + " HTTP/1.1\nHost: NAME\n\n", "NAME")


@MAKERS.add("http, inside a tunnel")
def _tunnel(n: str) -> Talk:
    outer, inner = f"o.{n}.http.example", f"i.{n}.http.example"
    sent = [f"CONNECT {outer}:80 HTTP/1.1\r\nHost: {outer}\r\n\r\n".encode(), _request(inner)]
    return tcp(3128, sent, [("connect", outer), ("http", inner)], [b"HTTP/1.1 200 OK\r\n\r\n"])


@MAKERS.add("http, the last line cut off")
def _cut(n: str) -> Talk:
    return tcp(
        80, [f"GET / HTTP/1.1\r\nHost: {n}.http.example\r\nAccept: */".encode()], [("http", f"{n}.http.example")]
    )


@MAKERS.add("http, absolute form without host")
def _absolute(n: str) -> Talk:
    name = f"{n}.http.example"
    return tcp(3128, [f"GET http://{name}/x HTTP/1.0\r\n\r\n".encode()], [("http", name)])


@MAKERS.add("http, line feeds only")
def _feeds(n: str) -> Talk:
    return tcp(80, [f"GET / HTTP/1.1\nHost: {n}.http.example\n\n".encode()], [("http", f"{n}.http.example")])


def _request(name: str, extra: str = "") -> bytes:
    return f"GET / HTTP/1.1\r\nHost: {name}\r\n{extra}\r\n".encode()


@MAKERS.add("http, three requests in turn")
def _turns(n: str) -> Talk:
    hosts = [f"r{i}.{n}.http.example" for i in range(3)]
    replies = [b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"] * 3
    return tcp(80, [_request(host) for host in hosts], [("http", host) for host in hosts], replies)


@MAKERS.add("http, three requests at once")
def _pipelined(n: str) -> Talk:
    hosts = [f"p{i}.{n}.http.example" for i in range(3)]
    return tcp(80, [b"".join(_request(host) for host in hosts)], [("http", host) for host in hosts])


@MAKERS.add("http, a request behind an upload")
def _behind(n: str) -> Talk:
    first, second = f"a.{n}.http.example", f"b.{n}.http.example"
    post = f"POST / HTTP/1.1\r\nHost: {first}\r\nContent-Length: 4000\r\n\r\n".encode() + b"x" * 4000
    return tcp(80, [post + _request(second)], [("http", first), ("http", second)])


@MAKERS.add("http, a request behind chunks")
def _behind_chunks(n: str) -> Talk:
    first, second = f"a.{n}.http.example", f"b.{n}.http.example"
    post = f"POST / HTTP/1.1\r\nHost: {first}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    body = b"5;x=y\r\nhello\r\n12c\r\n" + b"z" * 300 + b"\r\n0\r\nTrailer: x\r\n\r\n"
    return tcp(80, [post + body + _request(second)], [("http", first), ("http", second)])


@MAKERS.add("http/2 with prior knowledge")
def _h2(n: str) -> Talk:
    authority = f"{n}.http.example".encode()
    block = b"\x82\x86\x84\x41" + bytes([len(authority)]) + authority
    frames = b"\0\0\0\x04\0\0\0\0\0" + struct.pack("!I", len(block))[1:] + b"\x01\x05\0\0\0\x01" + block
    return tcp(80, [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frames], [("http", authority.decode())])
