"""A real rsyslogd on 127.0.0.1 and a local socket, which writes what it understood as JSON lines."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.support.certificates import Authority
from tests.support.patience import wait_until
from tests.support.world.namespaces import stop

_CONFIG = """
global(workDirectory="{folder}" maxMessageSize="64k" defaultNetstreamDriverCAFile="{ca}"
  defaultNetstreamDriverCertFile="{cert}" defaultNetstreamDriverKeyFile="{key}")
module(load="imudp")
module(load="imtcp" streamDriver.name="ossl" streamDriver.mode="1" streamDriver.authMode="x509/certvalid")
module(load="imptcp")
module(load="imuxsock" sysSock.use="off")
template(name="seen" type="list" option.jsonf="on") {{
  property(outname="input" name="inputname" format="jsonf")
  property(outname="facility" name="syslogfacility-text" format="jsonf")
  property(outname="level" name="syslogseverity" format="jsonf")
  property(outname="time" name="timereported" dateFormat="rfc3339" format="jsonf")
  property(outname="host" name="hostname" format="jsonf")
  property(outname="app" name="app-name" format="jsonf")
  property(outname="process" name="procid" format="jsonf")
  property(outname="id" name="msgid" format="jsonf")
  property(outname="data" name="structured-data" format="jsonf")
  property(outname="text" name="msg" format="jsonf")
}}
ruleset(name="all") {{ action(type="omfile" file="{seen}" template="seen") }}
input(type="imudp" address="127.0.0.1" port="{udp}" ruleset="all")
input(type="imptcp" address="127.0.0.1" port="{tcp}" ruleset="all")
input(type="imtcp" address="127.0.0.1" port="{tls}" ruleset="all")
input(type="imuxsock" socket="{unix}" ruleset="all")
"""


def _free_port(kind: socket.SocketKind) -> int:
    with socket.socket(socket.AF_INET, kind) as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


class Rsyslog:
    """Receives while the block runs; may be stopped and started in it."""

    def __init__(self, folder: Path, authority: Authority) -> None:
        self.folder, self.unix = folder, folder / "log"
        self._seen = folder / "seen.jsonl"
        stream, datagram = socket.SOCK_STREAM, socket.SOCK_DGRAM
        self.ports = {"udp": _free_port(datagram), "tcp": _free_port(stream), "tls": _free_port(stream)}
        cert, key = authority.issue("siem.example")
        places = {"folder": folder, "ca": authority.ca, "cert": cert, "key": key, "seen": self._seen, "unix": self.unix}
        (folder / "rsyslog.conf").write_text(_CONFIG.format(**places, **self.ports))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start, and wait until it listens."""
        program = shutil.which("rsyslogd", path="/usr/sbin:/sbin:/usr/bin")
        assert program, "rsyslogd is missing; run scripts/setup-system.sh"
        command = [program, "-n", "-f", str(self.folder / "rsyslog.conf"), "-i", str(self.folder / "pid")]
        with (self.folder / "rsyslog.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        wait_until(self._listens, f"rsyslogd: {(self.folder / 'rsyslog.log').read_text()}")

    def _listens(self) -> bool:
        if not self.unix.exists():
            return False
        for name in ("tcp", "tls"):
            try:
                socket.create_connection(("127.0.0.1", self.ports[name]), 1).close()
            except OSError:
                return False
        return True

    def stop(self) -> None:
        """Stop, in good order."""
        stop(self._process)

    def seen(self) -> list[dict[str, Any]]:
        """Every message that it understood."""
        if not self._seen.exists():
            return []
        whole, _, _begun = self._seen.read_text().rpartition("\n")
        return [json.loads(line) for line in whole.splitlines()]

    def wait_for(self, ready: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
        """The messages, once they are what is waited for."""
        wait_until(lambda: ready(self.seen()), f"messages; there are {len(self.seen())}")
        return self.seen()
