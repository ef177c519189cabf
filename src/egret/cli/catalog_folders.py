"""Which folders of signatures a command means."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from egret.settings.bundled import signatures_dir
from egret.settings.signatures import SHARED


def folders(directories: Sequence[Path] | None) -> list[Path]:
    """*directories*, on top of the bundled catalogue unless one of them is a whole catalogue of its own."""
    given = list(directories or ())
    whole = any((directory / SHARED).exists() for directory in given)
    return given if whole else [signatures_dir(), *given]
