"""The store for a person at a terminal; the look at an incident is written down beside it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

from egret.alerts.model import Incident
from egret.cli.output import FAILED, USAGE, complain
from egret.cli.who import who
from egret.errors import StoreError
from egret.store.access import AccessLog, Purpose
from egret.store.database import Database
from egret.store.incidents import IncidentStore


def must_exist(path: Path) -> None:
    """Open no store that is not there: opening would make one.

    Raises:
        typer.Exit: there is none; said on standard error.
    """
    try:
        there = path.exists()
    except OSError:
        there = False
    if not there:
        complain(f"{path}: there is no store; name its configuration with -c, or run as a user who may see it")
        raise typer.Exit(USAGE)


@contextmanager
def kept_database(path: Path) -> Iterator[Database]:
    """The store's file, while the block runs.

    Raises:
        typer.Exit: it is not there, or cannot be read or written; said on standard error.
    """
    must_exist(path)
    database = Database(path)
    try:
        yield database
    except StoreError as error:
        complain(str(error))
        raise typer.Exit(FAILED) from error
    finally:
        database.close()


def kept_incident(path: Path, identity: str) -> Incident:
    """The incident with that id in the store at *path*.

    Raises:
        typer.Exit: there is none, or the store cannot be read; said on standard error.
    """
    must_exist(path)
    store = IncidentStore(path)
    try:
        incident = store.get(identity)
        if incident is not None:
            AccessLog(store.database).note(time.time_ns(), who(), Purpose.EXPLAIN, incident.client)
    except StoreError as error:
        complain(f"{error}; nothing is shown where the look cannot be written down")
        raise typer.Exit(FAILED) from error
    finally:
        store.close()
    if incident is None:
        complain(f"{path} keeps no incident {identity}; alerts and the status page show the ids")
        raise typer.Exit(USAGE)
    return incident
