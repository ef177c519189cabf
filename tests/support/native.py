"""The compiled gate for the tests of it; where there is none, or one of other sources, they are skipped (CI: failed)."""

from __future__ import annotations

from typing import Any

import pytest

from egret.worker import engine

if engine.compiled is None:
    pytest.skip("run scripts/build_native.py", allow_module_level=True)
compiled: Any = engine.compiled
