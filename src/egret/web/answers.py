"""Answers that are JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from aiohttp import web


def answer(body: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """*body* as JSON that people can read."""
    return web.json_response(body, status=status, headers=headers, dumps=dump)


def dump(body: object) -> str:
    """JSON, indented."""
    return json.dumps(body, indent=2) + "\n"
