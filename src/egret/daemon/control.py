"""The daemon's door for its own user and root: a Unix socket in the state folder, one JSON line each way.

The kernel says who asks (SO_PEERCRED), so that the access log names a user and not a claim.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import pwd
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from egret.errors import StoreError
from egret.telemetry import Telemetry
from egret.telemetry.table import Stage

SOCKET = "control.sock"
MAX_LINE = 4096
ASK_S = 10.0  # to say what is wanted; a purge itself may take longer
_CREDENTIALS = struct.Struct("3i")  # struct ucred: pid, uid, gid

Command = Callable[[str, str], Awaitable[Mapping[str, Any]]]  # the client, who asks


class Control:
    """Serves the commands of *commands* at *path*."""

    def __init__(self, path: Path, commands: Mapping[str, Command], telemetry: Telemetry) -> None:
        self._path = path
        self._commands = commands
        self._telemetry = telemetry
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen; a folder that does not allow it costs this door only, and is logged."""
        try:
            self._path.unlink(missing_ok=True)  # of a daemon that was killed
            with socket.socket(socket.AF_UNIX) as door:
                before = os.umask(0o177)
                try:
                    door.bind(str(self._path))
                finally:
                    os.umask(before)
                self._server = await asyncio.start_unix_server(self._serve, sock=door.dup(), limit=MAX_LINE)
        except OSError as error:
            why = error.strerror or str(error)
            self._telemetry.log.event(logging.WARNING, "control_socket_failed", path=str(self._path), why=why)

    async def close(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()
            with suppress(OSError):
                self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            answer = await self._answer(reader, _uid(writer.get_extra_info("socket")))
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()
        except OSError:
            pass  # who asked is gone
        except Exception as error:  # noqa: BLE001 - a bug in a command must not end the capture
            self._telemetry.internal_error(Stage.DAEMON, error)
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, uid: int) -> Mapping[str, Any]:
        try:
            async with asyncio.timeout(ASK_S):
                line = await reader.readline()
            if uid not in {0, os.geteuid()}:
                return {"error": "only root and the service's own user may ask"}
            asked = json.loads(line)
            command, client = self._commands[asked["do"]], str(asked["client"])
        except (ValueError, KeyError, TypeError, TimeoutError, RecursionError):
            return {"error": f"ask with one line of JSON: do (one of {', '.join(self._commands)}) and client"}
        try:
            return dict(await command(client, user_text(uid)))
        except StoreError as error:
            return {"error": str(error)}


def _uid(connection: socket.socket) -> int:
    """Who is at the other end."""
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return int(_CREDENTIALS.unpack(raw)[1])


def user_text(uid: int) -> str:
    """A user by name and number."""
    try:
        name = pwd.getpwuid(uid).pw_name
    except (KeyError, OverflowError):
        name = "unknown"
    return f"user {name} (uid {uid})"


def ask(path: Path, do: str, client: str, timeout_s: float = 60.0) -> Mapping[str, Any] | None:
    """Ask the daemon whose socket is at *path*; None where none listens.

    Raises:
        OSError: it listens and does not let us in, or does not answer.
        ValueError: its answer is none.
    """
    with socket.socket(socket.AF_UNIX) as door:
        door.settimeout(timeout_s)
        try:
            door.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            return None
        door.sendall(json.dumps({"do": do, "client": client}).encode() + b"\n")
        with door.makefile("rb") as answer:
            found = json.loads(answer.readline(MAX_LINE * 4))
    if not isinstance(found, dict):
        raise ValueError("no answer")  # noqa: TRY004 - as json says it of what is no JSON
    return found
