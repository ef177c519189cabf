from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egret.decode.tls_extensions import Draft, find_server_name, read_extensions, take, uint, vector
from egret.errors import DecodeError, Malformed, Reason, Truncated
from tests.support import hello
from tests.support.hello import extension, sni


def read(data: bytes, end: int | None = None) -> Draft:
    draft = Draft()
    draft.extensions = read_extensions(data, 0, len(data) if end is None else end, draft)
    return draft


ALL = [
    sni(b"chat.example"),
    extension(13, hello.vector(2, b"\x04\x03\x08\x04")),
    extension(16, hello.vector(2, b"\x02h2\x08http/1.1")),
    extension(43, b"\x06\x0a\x0a\x03\x04\x03\x03"),
    extension(51, hello.vector(2, b"\x11\xec\x00\x01x\x00\x1d\x00\x01y")),
    extension(0xFFCE, b""),
    hello.ech_outer(7),
    extension(0x5A5A, b"grease"),
]


def test_everything_that_is_kept() -> None:
    draft = read(b"".join(ALL))
    assert (draft.server_name, draft.version, draft.alpn) == (b"chat.example", 0x0304, (b"h2", b"http/1.1"))
    assert (draft.ech, draft.ech_config_id, draft.esni, draft.post_quantum) == (True, 7, True, True)
    assert draft.signature_algorithms == b"\x04\x03\x08\x04"
    assert draft.extensions == (0, 13, 16, 43, 51, 0xFFCE, 0xFE0D, 0x5A5A)
    assert draft.anomaly is None


@pytest.mark.parametrize(
    "broken", [extension(0, b"\x00\x09\x00\x00\x02a"), extension(13, b"\x00"), extension(51, b"\x00\x03\x00")]
)
def test_a_broken_extension_spoils_only_itself(broken: bytes) -> None:
    draft = read(broken + ALL[2] + ALL[3])
    assert draft.anomaly is Reason.BAD_LENGTH
    assert (draft.alpn, draft.version) == ((b"h2", b"http/1.1"), 0x0304)


def test_newest_of_datagram_and_draft_versions() -> None:
    assert read(extension(43, b"\x04\xfe\xfd\xfe\xfc")).version == 0xFEFC
    assert read(extension(43, b"\x04\x7f\x17\x03\x03")).version == 0x7F17
    assert read(extension(43, b"\x02\x0a\x0a")).version == 0


def test_lengths_that_lie_and_bytes_that_are_missing() -> None:
    with pytest.raises(Malformed):
        read(b"\x00\x00\x00")
    with pytest.raises(Malformed):
        read(b"\x00\x0d\x00\x09a")
    with pytest.raises(Truncated):
        read(b"\x00\x0d", end=40)
    with pytest.raises(Truncated):
        read(b"\x55\x0d\x00\x09a", end=40)
    with pytest.raises(Truncated):
        read(ALL[0][:-2], end=40)


def test_the_small_readers() -> None:
    assert uint(b"\x01\x02", 0, 2, 2) == 0x0102
    assert vector(b"\x02abc", 0, 1, 4) == (1, 3)
    assert take(b"abc", 1, 3) == b"bc"
    for error, data, end in ((Malformed, b"\x05ab", 3), (Truncated, b"", 9)):
        with pytest.raises(error):
            vector(data, 0, 1, end)
    with pytest.raises(Truncated):
        take(b"abc", 1, 4)


def test_a_name_is_found_wherever_its_extension_is_whole() -> None:
    message = hello.client_hello(b"chat.example", key_share=1216)
    start = message.index(sni(b"chat.example"))
    for cut in range(0, start + 1, 7):
        assert find_server_name(message[cut:]) == b"chat.example"
    end = start + len(sni(b"chat.example"))
    assert find_server_name(message[start:end]) == b"chat.example"
    for part in (message[start + 1 :], message[start : end - 1], bytes(500), b"", b"\x00\x00"):
        assert find_server_name(part) is None
    lies = sni(b"chat.example").replace(b"\x00\x0f", b"\x00\x0e")
    assert find_server_name(lies) is None


@given(st.binary(max_size=100), st.sampled_from([0, 13, 16, 43, 51, 0xFE0D, 0xFFCE]))
def test_any_bytes(data: bytes, kind: int) -> None:
    assert read(extension(kind, data)).extensions == (kind,)
    try:
        read(data)
    except DecodeError:
        return
