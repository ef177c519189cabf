"""The sensor's own signature on what it writes down, so that a change after the fact shows.

The private key is made at the first use and stays in the state folder, for the service's user alone; the public one
lies beside it. Who becomes that user can sign as well: against that helps only a copy elsewhere.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

from egret.errors import StoreError
from egret.settings.ed25519 import new_pair, public_key, sign, verified

FIELD = "seal"
_MAX = 200  # bytes of a key file


class Sealed(StrEnum):
    """What a seal says."""

    BY_US = "sealed"  # by the key that is known here
    BY_OTHERS = "sealed by a key that is not known here"
    NOT = "not sealed"
    BROKEN = "changed after it was sealed"


class Seal:
    """The key pair in *folder*; made at the first ``put``."""

    def __init__(self, folder: Path) -> None:
        self._private, self._public = folder / "evidence.key", folder / "evidence.pub"
        self._pair: tuple[str, str] | None = None

    def put(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """*record* with its seal.

        Raises:
            StoreError: there is no key, and none can be made.
        """
        try:
            private, public = self._pair = self._pair or self._read() or self._make()
            return {**record, FIELD: {"by": public, "ed25519": sign(_text_of(record), private)}}
        except (OSError, ValueError) as error:
            raise StoreError(f"{self._private}: {error}; mend or remove it") from error

    def known(self) -> str | None:
        """The public key, if there is one that can be read."""
        try:
            return public_key(_content(self._public))
        except (OSError, ValueError):
            return None

    def _read(self) -> tuple[str, str] | None:
        try:
            return _content(self._private).strip(), public_key(_content(self._public))
        except FileNotFoundError:
            return None

    def _make(self) -> tuple[str, str]:
        """Both files; a lone one from a start that was cut short is replaced."""
        pair = new_pair()
        for path, text, mode in zip((self._private, self._public), pair, (0o600, 0o644), strict=True):
            path.unlink(missing_ok=True)
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode), "w") as file:
                file.write(text + "\n")
        return pair


def check(record: Mapping[str, Any], known: str | None) -> Sealed:
    """What the seal of *record* says where *known* is the sensor's public key. Total."""
    seal = record.get(FIELD)
    if not isinstance(seal, dict):
        return Sealed.NOT
    try:
        by = public_key(str(seal.get("by")))
    except ValueError:
        return Sealed.BROKEN
    if not verified(_text_of(record), str(seal.get("ed25519")), [by]):
        return Sealed.BROKEN
    return Sealed.BY_US if by == known else Sealed.BY_OTHERS


def _text_of(record: Mapping[str, Any]) -> bytes:
    """The one form of a record that is signed, however its file is written."""
    bare = {name: value for name, value in record.items() if name != FIELD}
    return json.dumps(bare, sort_keys=True, separators=(",", ":")).encode("ascii")


def _content(path: Path) -> str:
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(fd, "rb") as file:
        return file.read(_MAX).decode("ascii", "replace")
