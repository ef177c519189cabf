from __future__ import annotations

import base64

import pytest

from egret.settings.ed25519 import new_pair, public_key, sign, verified

# RFC 8032 section 7.1, test 2
PRIVATE = base64.b64encode(bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")).decode()
PUBLIC = base64.b64encode(bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")).decode()
SIGNATURE = base64.b64encode(
    bytes.fromhex(
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )
).decode()


def test_the_vector_of_the_rfc() -> None:
    assert sign(b"\x72", PRIVATE) == SIGNATURE
    assert verified(b"\x72", SIGNATURE + "\n", [PUBLIC])
    assert not verified(b"\x73", SIGNATURE, [PUBLIC])


def test_any_trusted_key_will_do_and_no_other() -> None:
    private, public = new_pair()
    made = sign(b"data", private)
    assert verified(b"data", made, [PUBLIC, public])
    assert not verified(b"data", made, [PUBLIC])
    assert not verified(b"data", made, [])


@pytest.mark.parametrize("bad", ["", "abc", "\x00", "é" * 88, PUBLIC, SIGNATURE[:-4]])
def test_a_malformed_signature_is_made_by_nobody(bad: str) -> None:
    assert not verified(b"\x72", bad, [PUBLIC])


def test_keys_are_checked_and_never_repeated() -> None:
    assert public_key(f" {PUBLIC}\n") == PUBLIC
    with pytest.raises(ValueError, match="a public key is the base64 of 32 bytes"):
        public_key("AAAA")
    with pytest.raises(ValueError, match="a private key") as found:
        sign(b"", "not-a-key")
    assert "not-a-key" not in str(found.value)
