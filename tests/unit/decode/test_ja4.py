"""JA4 against the published example, and its rules one by one."""

from __future__ import annotations

import hashlib

import pytest

from egret.decode.ja4 import fingerprint
from egret.decode.tls import ClientHello, parse_client_hello
from egret.model import Protocol
from tests.support.hello import client_hello, extension, openssl_hello, vector

# The example of the JA4 description: a Chrome of 2023. Its raw form is ciphers, extensions, algorithms.
CIPHERS = "1301 1302 1303 c02b c02f c02c c030 cca9 cca8 c013 c014 009c 009d 002f 0035"
EXTENSIONS = "001b 0000 0033 0010 4469 0017 002d 000d 0005 0023 0012 002b ff01 000b 000a 0015"
ALGORITHMS = "0403 0804 0401 0503 0805 0501 0806 0601"
PUBLISHED = "t13d1516h2_8daaf6152771_e5627efa2ab1"


def published(**changes: object) -> ClientHello:
    fields: dict[str, object] = {
        "server_name": b"example.com",
        "version": 0x0304,
        "alpn": (b"h2", b"http/1.1"),
        "ciphers": bytes.fromhex("3a3a" + CIPHERS),
        "extensions": tuple(int(kind, 16) for kind in ("2a2a " + EXTENSIONS + " fafa").split()),
        "signature_algorithms": bytes.fromhex(ALGORITHMS),
    }
    return ClientHello(**(fields | changes))  # type: ignore[arg-type]


def test_the_published_example() -> None:
    assert fingerprint(published(), Protocol.TLS) == PUBLISHED


def test_shuffled_extensions_and_other_grease_give_the_same() -> None:
    kinds = published().extensions
    assert kinds is not None
    shuffled = published(extensions=(0xAAAA, *kinds[:0:-1]), ciphers=bytes.fromhex(CIPHERS + "eaea"))
    assert fingerprint(shuffled, Protocol.TLS) == PUBLISHED


@pytest.mark.parametrize(
    ("carrier", "version", "start"),
    [
        (Protocol.QUIC, 0x0304, "q13"),
        (Protocol.DTLS, 0xFEFF, "dd1"),
        (Protocol.DTLS, 0xFEFD, "dd2"),
        (Protocol.DTLS, 0xFEFC, "dd3"),
        (Protocol.TLS, 0x0303, "t12"),
        (Protocol.TLS, 0x0300, "ts3"),
        (Protocol.TLS, 0x7F1C, "t00"),
    ],
)
def test_carriers_and_versions(carrier: Protocol, version: int, start: str) -> None:
    assert fingerprint(published(version=version), carrier) == start + PUBLISHED[3:]


@pytest.mark.parametrize(
    ("alpn", "ends"),
    [
        ((), "00"),
        ((b"",), "00"),
        ((b"h3",), "h3"),
        ((b"http/1.1",), "h1"),
        ((b"h",), "hh"),
        ((b"\xab",), "ab"),
        ((b"\xab\xcd",), "ad"),
        ((b"0\xab",), "3b"),
        ((b"01\xab\xcd",), "3d"),
        ((b"0\xab\xcd1",), "01"),
    ],
)
def test_the_ends_of_the_alpn(alpn: tuple[bytes, ...], ends: str) -> None:
    assert fingerprint(published(alpn=alpn), Protocol.TLS) == PUBLISHED.replace("h2", ends)


def test_no_name_and_nothing_at_all() -> None:
    bare = ClientHello(server_name=None, version=0x0301, extensions=())
    assert fingerprint(bare, Protocol.TLS) == "t10i000000_000000000000_000000000000"
    named = ClientHello(server_name=b"a", version=0x0303, extensions=(0, 16))
    assert fingerprint(named, Protocol.TLS) == "t12d000200_000000000000_000000000000"


def test_without_signature_algorithms_there_is_no_underscore() -> None:
    hello = published(extensions=(10, 5), signature_algorithms=b"")
    assert str(fingerprint(hello, Protocol.TLS))[-12:] == hashlib.sha256(b"0005,000a").hexdigest()[:12]


def test_many_are_99() -> None:
    hello = published(ciphers=bytes(400), extensions=(10,) * 150)
    assert str(fingerprint(hello, Protocol.TLS))[4:8] == "9999"


def test_a_cut_hello_has_none() -> None:
    message = client_hello(key_share=1216)
    assert fingerprint(parse_client_hello(message[:200]), Protocol.TLS) is None
    assert fingerprint(parse_client_hello(message), Protocol.TLS) is not None


def test_of_a_parsed_hello() -> None:
    parsed = parse_client_hello(openssl_hello("chat.example")[5:])
    assert str(fingerprint(parsed, Protocol.QUIC)).startswith("q13d")
    odd = client_hello(extensions=[extension(13, vector(2, b"\x04\x03\x0a\x0a\x08"))])
    assert parse_client_hello(odd).signature_algorithms == b"\x04\x03\x0a\x0a\x08"
    assert fingerprint(parse_client_hello(odd), Protocol.TLS) is not None
