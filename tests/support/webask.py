"""Asking a web server of the tests; every answer of the API is held against openapi.json."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import aiohttp
import jsonschema

from egret.settings.http_section import Http
from egret.settings.values import Listen
from egret.web import server
from egret.web.endpoints import Looked
from egret.web.server import WebServer
from tests.support.webview import View

SPEC = json.loads(server.FILES["/api/v1/openapi.json"])
LOOPBACK = Http.model_construct(listen=Listen("127.0.0.1", 0))


class Answer:
    def __init__(self, status: int, headers: Any, body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def ask(
    path: str,
    *,
    view: View | None = None,
    method: str = "GET",
    host: str | None = None,
    more: dict[str, str] | None = None,
    settings: Http = LOOPBACK,
    looked: Looked | None = None,
) -> Answer:
    async def scenario() -> Answer:
        running = WebServer(view or View(), settings, looked)
        await running.start()
        headers = {"Host": host} if host is not None else {}
        headers |= more or {}
        try:
            url = f"http://127.0.0.1:{running.port}{path}"
            async with aiohttp.ClientSession() as session, session.request(method, url, headers=headers) as answer:
                return Answer(answer.status, answer.headers, await answer.read())
        finally:
            await running.close()

    answer = asyncio.run(scenario())
    if answer.body and (described := template(path)) is not None:
        conforms(answer, described)  # whatever a test is about
    return answer


def template(path: str) -> str | None:
    """The path of openapi.json that *path* is one of."""
    bare = path.partition("?")[0]
    if bare in SPEC["paths"]:
        return bare
    shaped = re.sub(r"(?<=/incidents/)[^/]+", "{incident}", bare)
    return shaped if shaped in SPEC["paths"] else None


def conforms(answer: Answer, path: str) -> None:
    """The answer is one that openapi.json describes."""
    responses = SPEC["paths"][path]["get"]["responses"]
    described = responses.get(str(answer.status), responses["default"])["content"]
    content_type = answer.headers["Content-Type"].partition(";")[0]
    schema = described[content_type]["schema"]
    if content_type == "application/json" and "$ref" in schema:
        whole = {"$ref": "#" + _pointer(schema), "components": SPEC["components"]}
        jsonschema.Draft202012Validator(whole).validate(answer.json)


def _pointer(schema: dict[str, str]) -> str:
    return schema["$ref"].removeprefix("#")
