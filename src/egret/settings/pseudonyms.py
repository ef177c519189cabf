"""Pseudonyms by AES-SIV (RFC 5297): keyed, deterministic, and undone only with the key.

The third door to ``cryptography``. SIV is the mode for encryption without a nonce: equal inputs give equal outputs,
and that is all an onlooker learns. The field's name is bound in, so an address and a name never share a pseudonym.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Collection
from functools import lru_cache
from ipaddress import ip_address

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from egret.alerts.veil import MARK, Field
from egret.names import address_text

MIN_KEY = 32  # characters: 128 bits even where they are hexadecimal digits
_DOMAIN = b"egret pseudonyms 1\0"  # so that a secret used elsewhere too gives another key here
_CACHED = 8192  # words; a client is asked for with every alert
_LONGEST = 1024


class SivPseudonyms:
    """See ``alerts.veil.Pseudonyms``.

    Args:
        secret: at least MIN_KEY characters of chance.
        fields: what to replace; the rest stays clear.

    Raises:
        ValueError: the secret is too short.
    """

    def __init__(self, secret: str, fields: Collection[Field] = tuple(Field)) -> None:
        if len(secret) < MIN_KEY:
            raise ValueError(f"the key is shorter than {MIN_KEY} characters; make one with: openssl rand -hex 32")
        self._cipher = AESSIV(hashlib.sha512(_DOMAIN + secret.encode()).digest())
        self._fields = frozenset(fields)
        self._hidden = lru_cache(_CACHED)(self._encrypt)

    def hide(self, field: Field, text: str) -> str:
        """The pseudonym of *text*."""
        return self._hidden(field, text) if field in self._fields else text

    def show(self, text: str) -> str | None:
        """What *text* stands for, whichever fields are replaced now."""
        field, _, coded = text.partition(MARK)
        if len(text) > _LONGEST or field not in {each.value for each in Field}:
            return None
        try:
            sealed = base64.b32decode(coded.upper() + "=" * (-len(coded) % 8))
            plain = self._cipher.decrypt(sealed, [field.encode()])
        except (binascii.Error, InvalidTag, ValueError):
            return None
        return address_text(plain) if field == Field.ADDRESS and len(plain) in {4, 16} else plain.decode()

    def _encrypt(self, field: Field, text: str) -> str:
        sealed = self._cipher.encrypt(_plain(field, text), [field.value.encode()])
        return f"{field.value}{MARK}{base64.b32encode(sealed).decode().rstrip('=').lower()}"


def _plain(field: Field, text: str) -> bytes:
    """Addresses by their bytes: one spelling, and a shorter pseudonym."""
    if field is Field.ADDRESS:
        try:
            return ip_address(text).packed
        except ValueError:
            pass
    return text.encode("utf-8", "replace")
