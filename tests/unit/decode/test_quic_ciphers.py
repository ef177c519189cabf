from __future__ import annotations

from pathlib import Path

from egret.decode.quic_keys import VERSION_1, VERSION_2, initial_keys

DCID = bytes.fromhex("8394c8f03e515708")
VECTORS = Path(__file__).parents[2] / "vectors"


def test_mask_is_that_of_rfc9001_a2() -> None:
    keys = initial_keys(DCID, VERSION_1)
    assert keys.mask(bytes.fromhex("d1b1c98dd7689fb8ec11d242b123dc9b"))[:5].hex() == "437b9aec36"
    assert keys.mask(bytes.fromhex("d1b1c98dd7689fb8ec11d242b123dc9b"))[:5].hex() == "437b9aec36"


def test_mask_is_that_of_rfc9369_a2() -> None:
    keys = initial_keys(DCID, VERSION_2)
    assert keys.mask(bytes.fromhex("ffe67b6abcdb4298b485dd04de806071"))[:5].hex() == "94a0c95e80"


def test_open_rejects_what_was_changed() -> None:
    keys = initial_keys(DCID, VERSION_1)
    packet = bytes.fromhex("".join((VECTORS / "rfc9001_a2_client_initial.hex").read_text().split()))
    header = bytes.fromhex("c300000001088394c8f03e5157080000449e00000002")
    payload = keys.open(2, header, packet[22:])
    assert payload is not None
    assert payload.startswith(bytes.fromhex("060040f1010000ed0303"))
    assert keys.open(3, header, packet[22:]) is None
    assert keys.open(2, header[:-1] + b"\x03", packet[22:]) is None


def test_peek_gives_what_open_gives_without_the_tag() -> None:
    keys = initial_keys(DCID, VERSION_1)
    packet = bytes.fromhex("".join((VECTORS / "rfc9001_a2_client_initial.hex").read_text().split()))
    payload = keys.open(2, bytes.fromhex("c300000001088394c8f03e5157080000449e00000002"), packet[22:])
    assert payload is not None
    assert keys.peek(2, packet[22:-16]) == payload
    assert keys.peek(2, packet[22:122]) == payload[:100]


def test_what_rests_opens_as_before() -> None:
    keys = initial_keys(DCID, VERSION_1)
    sealed, mask = keys.seal(2, b"header", b"payload"), keys.mask(bytes(16))
    keys.rest()
    assert (keys.open(2, b"header", sealed), keys.mask(bytes(16))) == (b"payload", mask)
