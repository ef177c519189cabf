from __future__ import annotations

from ipaddress import ip_address

import pytest

from egret.decode.http import RequestHead, parse_request_head
from egret.decode.httpdns import MAX_ADDRESSES, Answer, Query, parse_answers, parse_query

ASKED = ("www.example.com", "img.example.com")
ONE, TWO, SIX = (ip_address(text).packed for text in ("192.0.2.1", "192.0.2.2", "2001:db8::1"))


def head(target: str, host: str) -> RequestHead:
    found = parse_request_head(f"GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("provider", "server", "target"),
    [
        ("alibaba", "203.107.1.33", "/100000/d?host=www.example.com&sdk=ios"),
        ("alibaba", "203.107.1.1", "/100000/sign_d?host=www.example.com&t=1&s=abc"),
        (
            "alibaba",
            "203.107.1.34",
            "http://203.107.1.34/100000/resolve?query=4,6&host=www.example.com%2Cimg.example.com",
        ),
        ("alidns", "223.5.5.5", "/resolve?name=www.example.com.&type=1&uid=1"),
        ("tencent", "119.29.29.29", "/d?dn=www.example.com&ttl=1"),
        ("baidu", "180.76.76.200", "/v4/resolve?account_id=1&dn=WWW.example.com&sign=x&t=1"),
        ("baidu", "240c:4006::6666", "/v3/resolve?dn=www.example.com"),
    ],
)
def test_requests_to_a_provider_s_address(provider: str, server: str, target: str) -> None:
    query = parse_query(head(target, server), ip_address(server).packed)
    assert query is not None
    assert (query.provider, query.names[0]) == (provider, "www.example.com")
    assert query.names[1:] == (("img.example.com",) if "img" in target else ())
    elsewhere = ip_address("198.51.100.1").packed
    assert parse_query(head(target.replace("203.107.1.34", "x.example"), "x.example"), elsewhere) is None


@pytest.mark.parametrize(
    ("provider", "host", "target"),
    [
        ("alibaba", "resolvers-cn.httpdns.aliyuncs.com", "/1/d?host=www.example.com"),
        ("volcengine", "httpdns.volcengineapi.com", "/resolve?domain=www.example.com&account_id=1&sign=x"),
        ("bytedance", "dig.bdurl.net", "/q?host=www.example.com&aid=1"),
        ("baidu", "httpdns.baidubce.com", "/v4/resolve?dn=www.example.com"),
    ],
)
def test_requests_to_a_provider_s_host(provider: str, host: str, target: str) -> None:
    server = ip_address("198.51.100.1").packed
    assert parse_query(head(target, host), server) == Query(provider, ("www.example.com",))
    assert parse_query(head(target, host + ".example"), server) is None


@pytest.mark.parametrize(
    "target",
    [
        "/",
        "/d",
        "/d?dn=",
        "/d?host=www.example.com",  # Alibaba's word at Tencent's address
        "/d?dn=a1b2c3d4e5&id=1&alg=aes",  # encrypted
        "/d?dn=192.0.2.1",
        "/d/x?dn=www.example.com",
        "/d?dn=www.exa%00mple.com",
        "*",
    ],
)
def test_what_names_nothing(target: str) -> None:
    assert parse_query(head(target, "119.29.29.29"), ip_address("119.29.29.29").packed) is None


@pytest.mark.parametrize(
    "body",
    [
        '{"host":"www.example.com","ips":["192.0.2.1","192.0.2.2"],"ipsv6":["2001:db8::1"],"ttl":57,"origin_ttl":120}',
        (
            '{"results":[{"host":"www.example.com","ips":["192.0.2.1","192.0.2.2"],"type":1,"ttl":57},'
            '{"host":"www.example.com","ips":["2001:db8::1"],"type":28,"ttl":60},{"host":"other.example","ips":["192.0.2.9"]}]}'
        ),
        (
            '{"code":"success","data":{"answers":[{"dn":"www.example.com","v4":{"ips":["192.0.2.1","192.0.2.2"],"ttl":57},'
            '"v6":{"ips":["2001:db8::1"],"ttl":60}}],"cip":"192.0.2.77"}}'
        ),
        (
            '{"clientip":"192.0.2.77","data":{"www.example.com":{"ttl":57,"msg":"ok","ip":["192.0.2.1","192.0.2.2"],'
            '"ipv6":["2001:db8::1"]}},"msg":"ok","timestamp":1}'
        ),
        (
            '{"Status":0,"Answer":[{"name":"www.example.com.","TTL":300,"type":5,"data":"w.cdn.example."},'
            '{"name":"www.example.com.","TTL":57,"type":1,"data":"192.0.2.1"},{"name":"www.example.com.","TTL":57,'
            '"type":1,"data":"192.0.2.2"},{"name":"www.example.com.","TTL":60,"type":28,"data":"2001:db8::1"}]}'
        ),
        "www.example.com.:192.0.2.1;192.0.2.2,57-2001:db8::1,60\r\nother.example.:192.0.2.9,5\r\n",
    ],
)
def test_answers(body: str) -> None:
    assert parse_answers(body.encode(), ASKED) == (Answer("www.example.com", (ONE, TWO, SIX), 57),)
    for size in range(len(body)):
        for answer in parse_answers(body[:size].encode(), ASKED):
            assert answer.name in ASKED


def test_an_answer_that_states_no_name_is_about_the_one_asked_for() -> None:
    assert parse_answers(b"192.0.2.1;192.0.2.2,57", ASKED[:1]) == (Answer("www.example.com", (ONE, TWO), 57),)
    assert parse_answers(b"192.0.2.1;192.0.2.2", ASKED[:1]) == (Answer("www.example.com", (ONE, TWO), 0),)
    assert parse_answers(b"192.0.2.1;192.0.2.2", ASKED) == ()
    assert parse_answers(b'{"ips":["192.0.2.1"],"ttl":true}', ASKED[:1]) == (Answer("www.example.com", (ONE,), 0),)


def test_broken_and_hostile_answers() -> None:
    for body in (
        b"",
        b"{",
        b"[" * 16000,
        b"{}",
        b'{"ips":7}',
        b"\xff" * 50,
        b'{"ttl":' + b"9" * 5000 + b"}",
        b"<html>",
    ):
        assert parse_answers(body, ASKED) == ()
    many = ";".join(f"192.0.2.{low % 256}" if low < 256 else f"198.51.100.{low % 256}" for low in range(300))
    (answer,) = parse_answers(many.encode(), ASKED[:1])
    assert len(answer.addresses) == MAX_ADDRESSES
