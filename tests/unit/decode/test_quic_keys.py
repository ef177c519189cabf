from __future__ import annotations

import hmac

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from hypothesis import given
from hypothesis import strategies as st

from egret.decode.quic_keys import KNOWN_VERSIONS, VERSION_1, VERSION_2, initial_keys

DCID = bytes.fromhex("8394c8f03e515708")
SALT_1, SALT_2 = "38762cf7f55934b34d179ae6a4c80cadccbb7f0a", "0dede3def700a6db819381be6e269dcbf9bd2ed9"

# RFC 9001 appendix A.1 and RFC 9369 appendix A.1: key, iv, hp
PUBLISHED = [
    (
        VERSION_1,
        False,
        "1f369613dd76d5467730efcbe3b1a22d",
        "fa044b2f42a3fd3b46fb255c",
        "9f50449e04a0e810283a1e9933adedd2",
    ),
    (
        VERSION_1,
        True,
        "cf3a5331653c364c88f0f379b6067e37",
        "0ac1493ca1905853b0bba03e",
        "c206b8d9b9f0f37644430b490eeaa314",
    ),
    (
        VERSION_2,
        False,
        "8b1a0bc121284290a29e0971b5cd045d",
        "91f73e2351d8fa91660e909f",
        "45b95e15235d6f45a6b19cbcb0294ba9",
    ),
    (
        VERSION_2,
        True,
        "82db637861d55e1d011f19ea71d5d2a7",
        "dd13c276499c0249d3310652",
        "edf6d05c83121201b436e16877593c3a",
    ),
]


@pytest.mark.parametrize(("version", "server", "key", "iv", "hp"), PUBLISHED)
def test_keys_are_those_of_the_rfcs(version: int, server: bool, key: str, iv: str, hp: str) -> None:
    keys = initial_keys(DCID, version, server=server)
    assert (keys.key.hex(), keys.iv.hex(), keys.hp.hex()) == (key, iv, hp)


@given(st.binary(max_size=20), st.sampled_from([(VERSION_1, SALT_1, b"quic"), (VERSION_2, SALT_2, b"quicv2")]))
def test_keys_are_those_of_another_hkdf(dcid: bytes, scheme: tuple[int, str, bytes]) -> None:
    version, salt, prefix = scheme

    def expanded(secret: bytes, label: bytes, length: int) -> bytes:
        info = length.to_bytes(2) + bytes([6 + len(label)]) + b"tls13 " + label + b"\0"
        return HKDFExpand(SHA256(), length, info).derive(secret)

    for server in (False, True):
        secret = hmac.digest(bytes.fromhex(salt), dcid, "sha256")
        secret = expanded(secret, b"server in" if server else b"client in", 32)
        keys = initial_keys(dcid, version, server=server)
        assert (keys.key, keys.iv, keys.hp) == tuple(
            expanded(secret, prefix + b" " + name, size) for name, size in ((b"key", 16), (b"iv", 12), (b"hp", 16))
        )


def test_unknown_version_is_a_key_error() -> None:
    assert 0xFF000022 in KNOWN_VERSIONS
    with pytest.raises(KeyError):
        initial_keys(DCID, 0x12345678)
