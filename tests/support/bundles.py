"""Signed catalogues made for tests."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path

from egret.settings.ed25519 import new_pair, sign
from scripts.sign_catalog import make_bundle
from tests.support.catalog import write

TODAY = date(2026, 11, 22)
PRIVATE, PUBLIC = new_pair()
CHAT = """\
  - id: example.chat
    service: Chat
    category: chat
    class: ai
    hosts:
      - {suffix: x.example, source: seen}
    examples: [x.example]
"""


def catalogue(folder: Path, body: str = CHAT) -> Path:
    """A whole small catalogue in *folder*."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "_shared.yaml").write_text("")
    write(folder, body)
    return folder


def signed(folder: Path, version: int = 1, changed: Mapping[str, object] | None = None) -> tuple[bytes, str]:
    """A bundle of *folder* and its signature; *changed* replaces members of it before signing."""
    data = make_bundle(folder, version, TODAY, 90)
    if changed:
        data = json.dumps(json.loads(data) | dict(changed)).encode()
    return data, sign(data, PRIVATE)
