"""JSON as the commands print it."""

from __future__ import annotations

import json
from collections.abc import Mapping


def dump(line: Mapping[str, object]) -> str:
    """One JSON line; ASCII only, so that no name reaches a terminal raw."""
    return json.dumps(line, separators=(", ", ": "))
