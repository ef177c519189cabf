from __future__ import annotations

import pytest

from egret.decode.ja4 import fingerprint
from egret.decode.redact_hello import Blanked, redact_hello
from egret.decode.tls import parse_client_hello
from egret.errors import Truncated
from egret.model import Protocol
from tests.support.datagrams import dtls_body
from tests.support.hello import client_hello, ech_outer, extension, vector

LIMIT = 8192


def test_the_name_and_the_fingerprint_stay_and_keys_go() -> None:
    secret = b"\xee" * 24
    message = client_hello(
        b"chat.example",
        extensions=[extension(35, secret), ech_outer(7), extension(51, vector(2, b"\0\x1d" + vector(2, secret)))],
        key_share=1216,
    )
    kept = redact_hello(message, datagram=False, limit=LIMIT)
    before, after = parse_client_hello(message), parse_client_hello(kept)
    assert (len(kept), before) == (len(message), after)
    assert fingerprint(before, Protocol.TLS) == fingerprint(after, Protocol.TLS)
    assert b"\xee" not in kept
    assert kept[6:38] == message[6:38]  # the random bytes tell it apart and open nothing


def test_a_second_name_of_the_list_goes() -> None:
    names = b"\x00" + vector(2, b"chat.example") + b"\x00" + vector(2, b"hidden") + b"\x07" + vector(2, b"hidden")
    message = client_hello(None, extensions=[extension(0, vector(2, names))])
    kept = redact_hello(message, datagram=False, limit=LIMIT)
    assert b"hidden" not in kept
    assert parse_client_hello(kept).server_name == b"chat.example"


def test_of_transport_parameters_their_kinds_stay() -> None:
    parameters = b"\x0f\x08" + b"\xee" * 8 + b"\x40\x20\x02" + b"\xee" * 2
    kept = redact_hello(client_hello(extensions=[extension(57, parameters)]), datagram=False, limit=LIMIT)
    assert extension(57, b"\x0f\x08" + bytes(8) + b"\x40\x20\x02" + bytes(2)) in kept


def test_a_cookie_of_dtls_goes() -> None:
    body = dtls_body(b"chat.example", cookie=b"cookiecookie")
    message = b"\x01" + len(body).to_bytes(3, "big") + body
    kept = redact_hello(message, datagram=True, limit=LIMIT)
    assert b"cookie" not in kept
    assert parse_client_hello(kept, datagram=True).server_name == b"chat.example"


@pytest.mark.parametrize("end", range(0, 200, 7))
def test_a_cut_hello_ends_with_its_last_whole_extension(end: int) -> None:
    message = client_hello(b"chat.example")
    kept = redact_hello(message[:end], datagram=False, limit=LIMIT)
    assert len(kept) <= end
    assert all(new in (0, old) for new, old in zip(kept, message, strict=False))


def test_a_hello_over_the_limit_is_cut_behind_the_name() -> None:
    message = client_hello(b"chat.example", extensions=[extension(21, bytes(9000))])
    kept = redact_hello(message, datagram=False, limit=LIMIT)
    assert len(kept) < 300
    assert parse_client_hello(kept).server_name == b"chat.example"


def test_a_copy_keeps_what_it_is_told_to() -> None:
    copy = Blanked(b"abcdef", 4)
    copy.keep(1)
    copy.blank(1)
    copy.followed()
    copy.keep(2)
    assert copy.result() == b"a\0"
    with pytest.raises(Truncated):
        copy.keep(1)
