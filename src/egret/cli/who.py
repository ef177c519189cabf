"""Who sits at this terminal, for the log of who looked."""

from __future__ import annotations

import os

from egret.daemon.control import user_text


def who() -> str:
    """The user of this process, or the one who became root by sudo."""
    uid = int(found) if (found := os.environ.get("SUDO_UID", "")).isdigit() and os.getuid() == 0 else os.getuid()
    return user_text(uid)
