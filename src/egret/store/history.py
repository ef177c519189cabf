"""Searching the incidents on disk, beside the writer: a long search holds up no alert."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

from egret.alerts.codec import incident_from_dict
from egret.alerts.model import Incident
from egret.alerts.selection import Selection
from egret.store.database import Database

# what ``alerts.selection.searched`` has of an incident; a list comes as JSON text, which is as good to search in
_SEARCHED = """
lower(id || char(10) || client || char(10) || signature
    || char(10) || coalesce(json_extract(BODY, '$.client_addresses'), '')
    || char(10) || coalesce(json_extract(BODY, '$.client_name'), '')
    || char(10) || coalesce(json_extract(BODY, '$.client_mac'), '')
    || char(10) || coalesce(json_extract(BODY, '$.vendor'), '')
    || char(10) || coalesce(json_extract(BODY, '$.service'), '')
    || char(10) || coalesce(json_extract(BODY, '$.hosts'), '')
    || char(10) || coalesce((SELECT group_concat(json_extract(value, '$.ip')) FROM json_each(BODY, '$.servers')), ''))
"""
_IN_JSON_AS_IT_IS = re.compile(r"[\w.:~@-]+", re.ASCII).fullmatch
_BODY = (
    "(CASE WHEN json_valid(body) THEN body ELSE '{}' END)"  # a damaged row must not keep the others from being found
)


class Found(NamedTuple):
    """Some of the incidents that were asked for, the one seen last first, and how many there are."""

    incidents: Sequence[Incident]
    total: int


def find(database: Database, selection: Selection, *, closed_only: bool, limit: int, offset: int) -> Found:
    """Look for incidents; blocks.

    Raises:
        StoreError: the file cannot be read.
    """
    where, values = _terms(selection, closed_only=closed_only)

    def work(connection: sqlite3.Connection) -> tuple[list[tuple[str]], int]:
        # one walk finds them all: looking into each row is what takes long
        chosen = f"SELECT rowid FROM incidents WHERE {where} ORDER BY last_ns DESC, id"  # noqa: S608 - *where* is ours, values are bound
        found = [row for (row,) in connection.execute(chosen, values)]
        marks = ", ".join("?" * len(shown := found[offset : offset + limit]))
        query = f"SELECT body FROM incidents WHERE rowid IN ({marks}) ORDER BY last_ns DESC, id"  # noqa: S608 - question marks only
        return connection.execute(query, shown).fetchall(), len(found)

    rows, total = database.read(work)
    return Found([incident for (body,) in rows if (incident := _incident(body)) is not None], total)


def _incident(body: str) -> Incident | None:
    try:
        return incident_from_dict(json.loads(body))
    except ValueError:  # counted where the store itself reads it
        return None


def _terms(selection: Selection, *, closed_only: bool) -> tuple[str, list[object]]:
    """A WHERE clause and its values."""
    client, terms = selection.client, ["closed_ns IS NOT NULL"] if closed_only else []
    plain = [word.lower() for word in selection.words if _IN_JSON_AS_IT_IS(word)]
    values: list[object] = []
    for term, value in (
        ("severity >= ?", None if selection.severity is None else selection.severity.rank),
        ("json_extract(BODY, '$.class') = ?", selection.service_class and selection.service_class.value),
        ("json_extract(BODY, '$.vendor') = ?", selection.vendor),
        ("? IN (SELECT value FROM json_each(BODY, '$.client_groups'))", selection.group),
        *(("instr(lower(body), ?)", word) for word in plain),  # quick, and rules most of them out
        *((f"instr({_SEARCHED}, ?)", word.lower()) for word in selection.words),
    ):
        if value is not None:
            terms.append(term)
            values.append(value)
    if client is not None:
        terms.append(
            "(client = ? OR instr(body, ?) AND ? IN (SELECT value FROM json_each(BODY, '$.client_addresses')))"
        )
        values += [client, client, client]
    return (" AND ".join(terms) or "1").replace("BODY", _BODY), values
