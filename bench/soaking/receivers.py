"""Receivers that fail on purpose, and remember what they took: a webhook's, a syslog server's, an Alertmanager."""

from __future__ import annotations

import json
import random
import re
import socket
import subprocess
import threading
import time
import urllib.request
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

ALERTMANAGER = "prometheus-alertmanager"
HANG_S = 3.0  # longer than the outputs' timeout of a second
_ALERT = re.compile(rb'incident-(\w+) \[\S+ alert="([^"]+)"')


class Memory:
    """What a receiver took: how often each alert came, what it said, and when it came first."""

    def __init__(self) -> None:
        self.took: Counter[str] = Counter()
        self.first_s: dict[str, float] = {}
        self.clashes: set[str] = set()  # keys under which two different alerts came
        self._said: dict[str, object] = {}
        self._lock = threading.Lock()

    def take(self, key: str, said: object) -> None:
        with self._lock:
            self.took[key] += 1
            self.first_s.setdefault(key, time.time())
            if self._said.setdefault(key, said) != said:
                self.clashes.add(key)


class WebhookReceiver(Memory):
    """Answers as its *ways* say, at random, while *faulty*.

    Ways are a status, ``hang``, ``cut`` (before the alert is taken) and ``cut late`` (after).
    """

    def __init__(self, ways: tuple[int | str, ...], seed: int) -> None:
        super().__init__()
        self.faulty = True
        self._ways, self._chance = ways, random.Random(seed)
        self.port = 0
        self.open()

    def open(self) -> None:
        """Listen, at the port of before."""
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver.answer(self)

            def log_message(self, *_: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Refuse connections."""
        self._server.shutdown()
        self._server.server_close()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        body = json.loads(request.rfile.read(int(request.headers["Content-Length"])))
        way = self._chance.choice(self._ways) if self.faulty else 200
        if way == "hang":
            time.sleep(HANG_S)
            return
        if way in {200, "cut late"} and "incident" in body["egret"]:  # the rest is about the sensor: not on record
            event = body["event"]
            self.take(request.headers["Idempotency-Key"], (event["id"], body["@timestamp"], body["egret"]["action"]))
        if isinstance(way, str):
            request.connection.close()
            return
        request.send_response(way)
        if way == 429:
            request.send_header("Retry-After", "1")
        request.end_headers()


class SyslogReceiver(Memory):
    """Takes octet-counted messages over TCP; may go away amid a connection."""

    def __init__(self) -> None:
        super().__init__()
        self.port = 0
        self.cut = 0  # connections that it ended
        self.open()

    def open(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", self.port))
        self.port = self._listening.getsockname()[1]
        self._connections: set[socket.socket] = set()
        threading.Thread(target=self._serve, args=(self._listening,), daemon=True).start()

    def close(self) -> None:
        """End every connection, as a server that is killed does."""
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for connection in tuple(self._connections):
            self.cut += 1
            connection.shutdown(socket.SHUT_RDWR)

    def _serve(self, listening: socket.socket) -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            self._connections.add(connection)
            threading.Thread(target=self._read, args=(connection,), daemon=True).start()

    def _read(self, connection: socket.socket) -> None:
        data = b""
        with connection:
            try:
                while part := connection.recv(65_536):
                    data = self._take_whole(data + part)
            except OSError:
                pass
            self._connections.discard(connection)

    def _take_whole(self, data: bytes) -> bytes:
        while (at := data.find(b" ")) > 0 and len(data) >= at + 1 + (length := int(data[:at])):
            message, data = data[at + 1 : at + 1 + length], data[at + 1 + length :]
            if found := _ALERT.search(message):
                self.take(found[2].decode(), (found[1], message.split(b" ", 2)[1]))
        return data


class Alertmanager:
    """Debian's; its cluster is switched off."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.port = 19093
        config = folder / "am.yml"
        config.write_text("route: {receiver: nobody, group_by: [client]}\nreceivers: [{name: nobody}]\n")
        options = [f"--config.file={config}", f"--storage.path={folder}/data", "--cluster.listen-address="]
        options += [f"--web.listen-address=127.0.0.1:{self.port}", "--log.level=error"]
        self._command, self._log = [ALERTMANAGER, *options], folder / "log"
        self.open()

    def open(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)
        for _ in range(600):
            try:
                self.firing()
            except OSError:
                time.sleep(0.1)
            else:
                return
        raise TimeoutError("alertmanager does not answer")

    def close(self) -> None:
        """As by a crash: what it knew and had not written is lost to it."""
        self._process.kill()
        self._process.wait(10)

    def firing(self) -> set[tuple[str, str]]:
        """The client and signature of what fires."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/v2/alerts", timeout=5) as answer:
            found: list[dict[str, Any]] = json.loads(answer.read())
        return {(row["labels"]["client"], row["labels"]["signature"]) for row in found if "client" in row["labels"]}
