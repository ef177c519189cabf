"""What the server answers: pages and the API. Who may ask was settled before (``guard``)."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Callable

from aiohttp import web

from egret.settings.http_section import Http
from egret.store.access import EVERYONE, Purpose
from egret.store.evidence import Kept
from egret.telemetry.metrics import CONTENT_TYPE
from egret.web.answers import answer
from egret.web.api import (
    DEFAULT_LIMIT,
    MAX_INTERVALS,
    MAX_LIMIT,
    MAX_OFFSET,
    BadQuery,
    coverage_json,
    evidence_json,
    incidents_json,
    read_length,
    read_number,
    read_selection,
    read_state,
    status_json,
    story_json,
)
from egret.web.guard import VISITOR, remote_of
from egret.web.html import document, timeless
from egret.web.incident_list import PAGE_INCIDENTS, PARAMETERS, Asked
from egret.web.page import status_page, story_page
from egret.web.problems import Problem
from egret.web.status import IncidentPage, StatusView, Story

PCAPNG = "application/x-pcapng"
_IS_ID = re.compile(r"[\w.-]{1,100}").fullmatch

Looked = Callable[[str, Purpose, str], None]


class Endpoints:
    """Answers.

    Args:
        view: where everything comes from.
        settings: replaced on reload.
        looked: hears who saw clients' incidents.
    """

    def __init__(self, view: StatusView, settings: Http, looked: Looked | None) -> None:
        self._view = view
        self.settings = settings
        self._looked = looked

    def _note(self, request: web.Request, what: Purpose, client: str = EVERYONE) -> None:
        if self._looked is not None:
            visitor = VISITOR.get()
            who = "" if visitor.name is None else f"{visitor.name} from "
            self._looked(f"http {who}{remote_of(request, self.settings)}", what, client)

    async def page(self, request: web.Request) -> web.Response:
        """The status page."""
        asked = Asked({name: given for name in PARAMETERS if (given := request.query.get(name))})
        page, status = IncidentPage(incidents=[], total=0), 200
        try:
            state, selection = read_state(request.query.get("state")), read_selection(request.query)
            asked = asked._replace(offset=read_number(request.query.get("offset"), "offset", 0, MAX_OFFSET))
            self._note(request, Purpose.PAGE, selection.client or EVERYONE)
            page = await self._view.incidents(state, selection, limit=PAGE_INCIDENTS, offset=asked.offset)
        except BadQuery as error:
            asked, status = asked._replace(problem=str(error)), 400
        stop = request.query.get("refresh") == "off"
        made = status_page(self._view, page, asked, visitor=VISITOR.get().name, stop=stop)
        return _html(request, made, status)

    async def story(self, request: web.Request) -> web.Response:
        """The page of one incident."""
        found = await self._story(request)
        if found is None:
            words = "There is no such incident: it was never here, or is no longer kept."
            body = f'<main class="narrow"><h1>Not found</h1><p>{words}</p><p><a href="/">All incidents</a></p></main>'
            return web.Response(text=document("Egret: not found", body), status=404, content_type="text/html")
        self._note(request, Purpose.PAGE, found.incident.client)
        stop = request.query.get("refresh") == "off"
        return _html(request, story_page(self._view, found, visitor=VISITOR.get().name, stop=stop))

    async def metrics(self, _: web.Request) -> web.Response:
        """The metrics."""
        return web.Response(body=self._view.telemetry.exposition(), headers={"Content-Type": CONTENT_TYPE})

    async def readyz(self, _: web.Request) -> web.Response:
        """Whether it can see."""
        readiness = self._view.facts().readiness
        body = {"ready": readiness.ready, "reasons": list(readiness.reasons)}
        return answer(body, status=200 if readiness.ready else 503)

    async def status(self, _: web.Request) -> web.Response:
        """What is watched, known and lost."""
        return answer(status_json(self._view))

    async def incidents(self, request: web.Request) -> web.Response:
        """A page of incidents."""
        query = request.query
        limit = read_number(query.get("limit"), "limit", DEFAULT_LIMIT, MAX_LIMIT)
        offset = read_number(query.get("offset"), "offset", 0, MAX_OFFSET)
        selection, state = read_selection(query), read_state(query.get("state"))
        self._note(request, Purpose.API, selection.client or EVERYONE)
        page = await self._view.incidents(state, selection, limit=limit, offset=offset)
        return answer(incidents_json(page, offset))

    async def incident(self, request: web.Request) -> web.Response:
        """One incident, its alerts and what proves it."""
        found = await self._story(request)
        if found is None:
            return Problem(404, "there is no such incident")
        self._note(request, Purpose.API, found.incident.client)
        return answer(story_json(found))

    async def evidence(self, request: web.Request) -> web.Response:
        """The record and the packets."""
        kept = await self._kept(request)
        return Problem(404, "there is no evidence of this incident") if kept is None else answer(evidence_json(kept))

    async def packets(self, request: web.Request) -> web.Response:
        """The packets, to be opened by other tools."""
        kept = await self._kept(request)
        if kept is None:
            return Problem(404, "there is no evidence of this incident")
        name = f'attachment; filename="egret-{kept.record["incident"]}.pcapng"'
        return web.Response(body=kept.capture, content_type=PCAPNG, headers={"Content-Disposition": name})

    async def coverage(self, request: web.Request) -> web.Response:
        """The coverage ledger."""
        length = read_length(request.query.get("interval"))
        limit = read_number(request.query.get("limit"), "limit", DEFAULT_LIMIT, MAX_INTERVALS)
        rows = self._view.coverage(length)
        return answer(coverage_json(rows[len(rows) - min(limit, len(rows)) :], length))

    async def _story(self, request: web.Request) -> Story | None:
        name = request.match_info["incident"]
        return await self._view.story(name) if _IS_ID(name) else None

    async def _kept(self, request: web.Request) -> Kept | None:
        self._note(request, Purpose.EVIDENCE)
        return await asyncio.to_thread(self._view.evidence, request.match_info["incident"])


def _html(request: web.Request, page: str, status: int = 200) -> web.Response:
    """A page, or that it is still the one that the reader has; how long ago things were is no change."""
    digest = hashlib.blake2b(timeless(page).encode(), digest_size=16).hexdigest()
    headers = {"ETag": f'"{digest}"'}
    if any(each.value == digest for each in request.if_none_match or ()):
        return web.Response(status=304, headers=headers)
    made = web.Response(text=page, status=status, content_type="text/html", headers=headers)
    made.enable_compression()
    return made
