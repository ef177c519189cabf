"""HTTPDNS: look-ups over plain HTTP, which no DNS log shows. Requests and answers of the services in ``PROVIDERS``.

A request counts only where its path and query have the provider's shape *and* it goes to an address or a host
that is the provider's own: on an ordinary site the same words mean something else. Of a request only the names
asked for are taken. Encrypted variants (a name in hexadecimal, an ``enc`` parameter) name nothing; there the
provider's address is all there is to see.
Ref: the providers' API pages and the SDKs that they publish.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from egret import names
from egret.decode.http import RequestHead
from egret.value import Struct

MAX_NAMES = 8  # of one request; SDKs send at most 5 at once
MAX_ADDRESSES = 64  # of one name
_MAX_DEPTH = 8  # of an answer's JSON; the deepest known has 5
_MAX_TTL_S = 1 << 31


class Provider(Struct, frozen=True):
    """One service: where it listens and how it is asked."""

    name: str
    path: re.Pattern[bytes]
    key: bytes  # the query's part that holds the name
    hosts: tuple[str, ...] = ()  # each with everything below it
    networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = ()


class Query(Struct, frozen=True):
    """What one request asked for."""

    provider: str
    names: tuple[str, ...]  # canonical


class Answer(NamedTuple):
    """What one response said about one name that was asked for."""

    name: str
    addresses: tuple[bytes, ...]
    ttl_s: int


def _networks(*texts: str) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    return tuple(ipaddress.ip_network(text) for text in texts)


PROVIDERS = (
    Provider(
        "alibaba",
        re.compile(rb"(?:/v2)?(?:/\d{1,12})?/(?:d|resolve|sign_d|sign_resolve)"),
        b"host",
        ("httpdns.aliyuncs.com",),
        _networks("203.107.1.0/24", "140.205.143.143"),
    ),
    Provider(
        "alidns",
        re.compile(rb"/resolve"),
        b"name",
        ("dns.alidns.com",),
        _networks("223.5.5.5", "223.6.6.6", "2400:3200::1", "2400:3200:baba::1"),
    ),
    Provider(
        "tencent",
        re.compile(rb"/d"),
        b"dn",
        ("httpdns.qcloud.com",),
        _networks("119.29.29.29", "119.29.29.98", "119.29.29.99", "43.132.55.55", "182.254.116.116"),
    ),
    Provider(
        "baidu",
        re.compile(rb"/v\d/resolve"),
        b"dn",
        ("httpdns.baidubce.com", "httpdns.baidu.com"),
        _networks("180.76.76.200", "240c:4006::6666"),
    ),
    Provider(
        "volcengine",
        re.compile(rb"(?:/v\d)?/resolve"),
        b"domain",
        ("httpdns.volcengineapi.com", "httpdns.volcengine.com", "httpdns.bytedance.com"),
    ),
    Provider("bytedance", re.compile(rb"/q"), b"host", ("dig.bdurl.net", "httpdns.bytedance.com")),
)

NETWORKS = tuple(network for provider in PROVIDERS for network in provider.networks)

_NAME_KEYS = ("host", "dn", "name", "domain")
_ADDRESS_KEYS = ("ips", "ipsv6", "ip", "ipv6", "v4", "v6", "data")
_TTL_KEYS = ("ttl", "TTL")


@lru_cache(4_096)
def is_server(address: bytes) -> bool:
    """Whether a provider is known to be at a packed address, whatever a request there says."""
    ip = ipaddress.ip_address(address)
    return any(ip in network for network in NETWORKS)


def is_host(name: str) -> bool:
    """Whether a canonical name is a provider's, or below one: who goes there may ask it."""
    return any(name == own or name.endswith("." + own) for provider in PROVIDERS for own in provider.hosts)


def parse_query(head: RequestHead, server: bytes) -> Query | None:
    """The names that a request to *server* (packed) asks for; None where it is no HTTPDNS."""
    path, question, query = _origin_form(head.target).partition(b"?")
    if not question:
        return None
    for provider in PROVIDERS:
        if provider.path.fullmatch(path) and _is_at(provider, head, server):
            asked = tuple(_asked(query, provider.key))
            return Query(provider.name, asked) if asked else None
    return None


def _origin_form(target: bytes) -> bytes:
    """Path and query; of an absolute form what follows its authority (RFC 9112 section 3.2.2)."""
    if target.startswith(b"/"):
        return target
    _, scheme, rest = target.partition(b"://")
    return b"/" + rest.partition(b"/")[2] if scheme else b""


def _is_at(provider: Provider, head: RequestHead, server: bytes) -> bool:
    address = ipaddress.ip_address(server)
    hosts = {name for name in (head.name, head.host) if name is not None}
    return any(address in network for network in provider.networks) or any(
        host == own or host.endswith("." + own) for own in provider.hosts for host in hosts
    )


def _asked(query: bytes, key: bytes) -> Iterator[str]:
    """The names in the part called *key*; encrypted ones have no dot."""
    for part in query.split(b"&"):
        name, _, value = part.partition(b"=")
        if name == key:
            for raw in unquote_to_bytes(value).split(b",")[:MAX_NAMES]:
                host = names.from_host(raw)
                if host is not None and "." in host and "\\" not in host:
                    yield host
            return


def parse_answers(body: bytes, asked: tuple[str, ...]) -> tuple[Answer, ...]:
    """What a response's body says about the names *asked* for; of other names it is not believed. Total."""
    if body.lstrip()[:1] in (b"{", b"["):
        import json  # noqa: PLC0415 (few captures have such an answer)

        try:
            tree = json.loads(body)
        except (ValueError, RecursionError):
            return ()
        found = _walk(tree, asked[0] if len(asked) == 1 else None, asked, 0)
    else:
        found = _lines(body, asked)
    return _joined(found)


def _joined(found: Iterator[Answer]) -> tuple[Answer, ...]:
    """One answer a name, in the order they were said."""
    answers: dict[str, Answer] = {}
    for answer in found:
        before = answers.get(answer.name)
        if before is not None:
            both = tuple(dict.fromkeys(before.addresses + answer.addresses))
            answer = Answer(answer.name, both, min(before.ttl_s, answer.ttl_s))  # noqa: PLW2901 - the sum replaces the part
        answers[answer.name] = answer._replace(addresses=answer.addresses[:MAX_ADDRESSES])
    return tuple(answers.values())


def _walk(tree: object, name: str | None, asked: tuple[str, ...], depth: int) -> Iterator[Answer]:
    """Every object that holds addresses, under the name that it or what encloses it states."""
    if depth > _MAX_DEPTH:
        return
    if isinstance(tree, list):
        for item in tree:
            yield from _walk(item, name, asked, depth + 1)
    if not isinstance(tree, dict):
        return
    for key in _NAME_KEYS:
        if isinstance(tree.get(key), str):
            name = _one_of(tree[key], asked)
    addresses = [address for key in _ADDRESS_KEYS for address in _addresses(tree.get(key))]
    if name is not None and addresses:
        yield Answer(name, tuple(dict.fromkeys(addresses)), _ttl(tree))
    for key, value in tree.items():
        yield from _walk(value, _one_of(key, asked) or name, asked, depth + 1)


def _one_of(text: str, asked: tuple[str, ...]) -> str | None:
    name = text.lower().removesuffix(".")
    return name if name in asked else None


def _addresses(value: object) -> Iterator[bytes]:
    """Packed addresses of a string or a list of strings; anything else holds none."""
    for text in value if isinstance(value, list) else [value]:
        if isinstance(text, str) and len(text) <= 45:
            try:
                yield ipaddress.ip_address(text).packed
            except ValueError:
                continue


def _ttl(tree: dict[str, object]) -> int:
    for key in _TTL_KEYS:
        value = tree.get(key)
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _MAX_TTL_S:
            return value
    return 0


def _lines(body: bytes, asked: tuple[str, ...]) -> Iterator[Answer]:
    """Tencent's text: ``a;b,ttl``, before it ``name.:`` if that was asked for, ``-`` between IPv4 and IPv6."""
    for line in body.decode("latin-1").split("\n")[:MAX_NAMES]:
        owner, stated, rest = line.strip().partition(".:")
        if not stated:
            owner, rest = (asked[0] if len(asked) == 1 else ""), line.strip()
        name = _one_of(owner, asked)
        if name is None:
            continue
        for part in rest.split("-"):
            texts, _, ttl = part.partition(",")
            addresses = tuple(_addresses(texts.split(";")))
            if addresses:
                yield Answer(name, addresses, int(ttl) if ttl.isascii() and ttl.isdigit() and len(ttl) < 10 else 0)
