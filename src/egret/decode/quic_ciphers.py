"""What Initial keys do: masks, tags and payloads (RFC 9001 section 5).

With ``settings.ed25519`` and ``settings.pseudonyms`` a door to the package ``cryptography``. It is imported with the
first keys that Python derives.
"""

from __future__ import annotations

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_ECB = modes.ECB()  # noqa: S305 - the RFC's choice


class InitialKeys:
    """The keys of one direction of one connection attempt, and what is made of them with their first use."""

    __slots__ = ("_aead", "_mask", "hp", "iv", "key")

    def __init__(self, key: bytes, iv: bytes, hp: bytes) -> None:
        self.key = key
        self.iv = iv
        self.hp = hp
        self._aead: AESGCM | None = None
        self._mask: CipherContext | None = None

    def rest(self) -> None:
        """Keep the keys alone, as long as they are not used: the rest is 3 KB of OpenSSL's, made anew in 10 us."""
        self._aead = self._mask = None

    def _cipher(self) -> AESGCM:
        aead = self._aead
        if aead is None:
            aead = self._aead = AESGCM(self.key)
        return aead

    def _nonce(self, packet_number: int) -> bytes:
        return (int.from_bytes(self.iv, "big") ^ packet_number).to_bytes(12, "big")

    def mask(self, sample: bytes) -> bytes:
        """The header protection mask of a *sample* of 16 bytes (RFC 9001 section 5.4.3)."""
        if self._mask is None:
            # ECB is stateless, so that one context serves every packet of the attempt.
            self._mask = Cipher(algorithms.AES128(self.hp), _ECB).encryptor()
        return self._mask.update(sample)

    def open(self, packet_number: int, header: bytes, sealed: bytes) -> bytes | None:
        """Decrypt a payload with its tag; None when the tag does not verify (RFC 9001 section 5.3)."""
        try:
            return self._cipher().decrypt(self._nonce(packet_number), sealed, header)
        except InvalidTag:
            return None

    def seal(self, packet_number: int, header: bytes, payload: bytes) -> bytes:
        """Encrypt a payload, its tag behind it: what ``open`` undoes."""
        return self._cipher().encrypt(self._nonce(packet_number), payload, header)

    def peek(self, packet_number: int, sealed: bytes) -> bytes:
        """Decrypt as much of a payload as is here, without its tag: nothing says that these keys are the right ones.

        GCM is counter mode with the counter's first value, 1, kept for the tag (NIST SP 800-38D section 7.1).
        """
        counter = self._nonce(packet_number) + b"\x00\x00\x00\x02"
        return Cipher(algorithms.AES(self.key), modes.CTR(counter)).decryptor().update(sealed)
