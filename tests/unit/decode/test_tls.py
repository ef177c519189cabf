from __future__ import annotations

import pytest

from egret.decode.tls import (
    MAX_HELLO,
    ClientHello,
    HelloRead,
    is_server_hello,
    parse_client_hello,
    read_hello,
)
from egret.errors import Malformed, Reason, Truncated
from egret.model import Recognition
from tests.support.datagrams import captured
from tests.support.hello import client_hello, extension, openssl_hello, records, sni, vector

ECH_OUTER = extension(0xFE0D, b"\x00\x00\x01\x00\x01\x2a" + vector(2, bytes(32)) + vector(2, bytes(100)))


def read(stream: bytes) -> ClientHello:
    found = read_hello(stream)
    assert found.recognition is Recognition.YES
    assert found.hello is not None
    return found.hello


def test_a_real_hello_of_openssl() -> None:
    hello = read(openssl_hello("Chat.Qwen.AI"))
    assert hello.server_name == b"Chat.Qwen.AI"
    assert (hello.version_text, hello.alpn, hello.anomaly) == ("1.3", (b"h2", b"http/1.1"), None)
    assert not hello.ech


def test_a_real_hello_without_a_name() -> None:
    hello = read(openssl_hello(None))
    assert hello.server_name is None
    assert hello.anomaly is None


def test_post_quantum_and_ech() -> None:
    hello = parse_client_hello(client_hello(key_share=1216, extensions=[ECH_OUTER, extension(0xFFCE, b"")]))
    assert hello.post_quantum
    assert hello.esni
    assert (hello.ech, hello.ech_config_id) == (True, 0x2A)
    inner = parse_client_hello(client_hello(extensions=[extension(0xFE0D, b"\x01")]))
    assert not inner.ech
    assert not inner.post_quantum


@pytest.mark.parametrize(
    ("offered", "text"),
    [
        (b"\x0a\x0a\x03\x03\x03\x04", "1.3"),
        (b"\x7f\x1c\x03\x03", "1.3"),
        (b"\x03\x01", "1.0"),
        (b"\x0a\x0a", "1.2"),
        (b"\xfe\xfd\xfe\xfc", "1.3"),
        (b"\x7e\x00", "1.2"),
    ],
)
def test_versions(offered: bytes, text: str) -> None:
    body = b"\x03\x03" + bytes(32) + b"\x00" + vector(2, b"\x13\x01") + b"\x01\x00"
    message = b"\x01" + vector(3, body + vector(2, extension(43, vector(1, offered))))
    assert parse_client_hello(message).version_text == text


def test_hello_without_extensions() -> None:
    body = b"\x03\x01" + bytes(32) + b"\x00" + vector(2, b"\x00\x2f") + b"\x01\x00"
    assert parse_client_hello(b"\x01" + vector(3, body)) == ClientHello(
        server_name=None, version=0x0301, ciphers=b"\x00\x2f", extensions=()
    )


@pytest.mark.parametrize(("name", "length"), [("rfc8448_3_client_hello", 196), ("rfc8448_5_client_hello_1", 180)])
def test_hellos_of_rfc_8448(name: str, length: int) -> None:
    message = captured(name)
    assert len(message) == length
    for hello in (parse_client_hello(message), read(records(message)), read(records(message, [1, 2, 40]))):
        assert (hello.server_name, hello.version_text, hello.anomaly) == (b"server", "1.3", None)
        assert hello.ciphers == bytes.fromhex("130113031302")
        assert hello.extensions is not None
        assert {0, 10, 13, 28, 43, 45, 51, 0xFF01} <= set(hello.extensions) <= {0, 10, 13, 28, 35, 43, 45, 51, 0xFF01}


def test_a_datagram_hello_has_a_cookie_and_versions_of_its_own() -> None:
    def message(version: bytes) -> bytes:
        body = version + bytes(32) + b"\x00" + vector(1, b"cookie") + vector(2, b"\xc0\x2b") + b"\x01\x00"
        return b"\x01" + vector(3, body + vector(2, sni(b"dtls.example")))

    for version, text in ((b"\xfe\xff", "1.0"), (b"\xfe\xfd", "1.2"), (b"\x01\x00", "1.0")):
        hello = parse_client_hello(message(version), datagram=True)
        assert (hello.server_name, hello.version_text, hello.ciphers) == (b"dtls.example", text, b"\xc0\x2b")
    with pytest.raises(Malformed):
        parse_client_hello(message(b"\x03\x03"), datagram=True)
    with pytest.raises(Malformed):
        parse_client_hello(message(b"\xfe\xfd"))


@pytest.mark.parametrize(
    ("tail", "reason"),
    [
        (b"\x00", Reason.BAD_LENGTH),
        (b"\x00\x10\xff\xff", Reason.BAD_LENGTH),
    ],
)
def test_a_name_is_kept_whatever_follows(tail: bytes, reason: Reason) -> None:
    hello = parse_client_hello(client_hello(tail=tail))
    assert (hello.server_name, hello.anomaly) == (b"chat.qwen.ai", reason)
    with pytest.raises(Malformed):
        parse_client_hello(client_hello(None, tail=tail))


def test_a_broken_extension_spoils_only_itself() -> None:
    broken = [extension(10, b"xx"), extension(16, b"\x00\x09\x02h2"), extension(51, b"\x00\x04\x00\x1d\x00\x09")]
    hello = parse_client_hello(client_hello(None, extensions=[*broken, sni(b"late.example")]))
    assert (hello.server_name, hello.anomaly) == (b"late.example", Reason.BAD_LENGTH)


def test_a_list_length_that_lies_does_not_hide_the_name() -> None:
    lying = extension(0, b"\x00\x02\x00" + vector(2, b"a.example"))
    hello = parse_client_hello(client_hello(None, extensions=[lying]))
    assert (hello.server_name, hello.anomaly) == (b"a.example", Reason.BAD_LENGTH)


def test_the_first_host_name_counts() -> None:
    two = extension(0, vector(2, b"\x07\x00\x01z\x00" + vector(2, b"a.example") + b"\x00" + vector(2, b"b.example")))
    assert parse_client_hello(client_hello(None, extensions=[two])).server_name == b"a.example"


def test_what_follows_the_extensions_is_an_anomaly() -> None:
    message = client_hello()
    longer = b"\x01" + vector(3, message[4:] + b"rest")
    assert parse_client_hello(longer).anomaly is Reason.BAD_LENGTH


@pytest.mark.parametrize(
    "message",
    [
        b"\x02" + client_hello()[1:],
        client_hello()[:4] + b"\x02\x00" + client_hello()[6:],
        b"\x01" + vector(3, b"\x03\x03" + bytes(32) + vector(1, bytes(33)) + bytes(60)),
    ],
)
def test_malformed(message: bytes) -> None:
    with pytest.raises(Malformed):
        parse_client_hello(message)


@pytest.mark.parametrize("key_share", [32, 1216])
def test_every_cut_of_a_message(key_share: int) -> None:
    message = client_hello(key_share=key_share)
    name_ends = message.index(b"chat.qwen.ai") + 12
    for size in range(len(message)):
        if size < name_ends:
            with pytest.raises(Truncated):
                parse_client_hello(message[:size])
        else:
            hello = parse_client_hello(message[:size])
            assert (hello.server_name, hello.anomaly) == (b"chat.qwen.ai", Reason.TRUNCATED)


def test_every_cut_of_a_stream_needs_more() -> None:
    stream = records(client_hello(), [1, 1, 1, 1, 60])
    for size in range(len(stream)):
        found = read_hello(stream[:size])
        assert found.recognition is Recognition.NEED_MORE
        assert found.needed > size
    assert read(stream) == read(stream + b"more") == parse_client_hello(client_hello())


def test_final_uses_what_is_there() -> None:
    stream = records(client_hello(key_share=1216))
    found = read_hello(stream[:200], final=True)
    assert found.hello is not None
    assert (found.hello.server_name, found.hello.anomaly) == (b"chat.qwen.ai", Reason.TRUNCATED)
    assert read_hello(stream[:60], final=True) == HelloRead(Recognition.YES, None, 0, Reason.TRUNCATED)
    assert read_hello(stream[:4], final=True).recognition is Recognition.NO


def test_another_record_before_the_end() -> None:
    stream = records(client_hello())
    assert (
        read_hello(stream[:3] + b"\x00\x20" + stream[5:37] + b"\x15\x03\x01\x00\x02\x02\x28").reason is Reason.TRUNCATED
    )


def test_a_hello_above_the_bound_is_used_as_far_as_it_goes() -> None:
    message = client_hello(extensions=[extension(0x1234, bytes(MAX_HELLO))])
    hello = read(records(message, [16000]))
    assert (hello.server_name, hello.anomaly) == (b"chat.qwen.ai", Reason.TRUNCATED)


@pytest.mark.parametrize(
    "stream",
    [
        b"GET / HTTP/1.1",
        b"\x16\x02\x00\x00\x05\x01",
        b"\x16\x03\x01\x00\x05\x02\x00",
        b"\x16\x03\x01\x00\x00\x01",
        b"\x17\x03",
        b"\x16\x03\x09",
    ],
)
def test_not_a_client(stream: bytes) -> None:
    assert read_hello(stream).recognition is Recognition.NO


def test_broken_hello_is_recognised_with_a_reason() -> None:
    stream = records(client_hello(None, tail=b"\x00"))
    assert read_hello(stream) == HelloRead(Recognition.YES, None, 0, Reason.BAD_LENGTH)


def test_ssl2_framing() -> None:
    body = b"\x01\x03\x01" + b"\x00\x06\x00\x00\x00\x10" + bytes(6) + bytes(16)
    stream = (0x8000 | len(body)).to_bytes(2, "big") + body
    assert read(stream) == ClientHello(server_name=None, version=0x0301)
    assert read_hello(stream[:8]).recognition is Recognition.NEED_MORE
    assert read_hello(stream[:8], final=True).recognition is Recognition.NO
    assert read_hello(stream[:6] + b"\x01" + stream[7:]).recognition is Recognition.NO
    assert read_hello(b"\x80\x40\x09\x03\x01\x00").recognition is Recognition.NO
    assert read_hello(b"\x80\x40").recognition is Recognition.NEED_MORE


def test_server_hello() -> None:
    assert is_server_hello(b"\x16\x03\x03\x00\x40\x02\x00")
    assert not is_server_hello(openssl_hello(None))
    assert not is_server_hello(b"\x16")
