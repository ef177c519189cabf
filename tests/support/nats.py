"""A real nats-server on 127.0.0.1."""

from __future__ import annotations

import shutil
import socket
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.patience import wait_until
from tests.support.world.namespaces import stop


class NatsServer:
    """Runs while the block does; may be stopped and started in it. *config* is nats-server's own."""

    def __init__(self, folder: Path, config: str = "") -> None:
        self._folder = folder
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self.where = f"127.0.0.1:{self.port}"
        text = f'listen: "{self.where}"\njetstream {{ store_dir: "{folder}/js" }}\nmax_payload: 65536\n{config}\n'
        (folder / "nats.conf").write_text(text)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        stop(self.process)

    def start(self) -> None:
        """Start, and wait until it listens."""
        program = shutil.which("nats-server", path="/usr/sbin:/sbin:/usr/bin")
        assert program, "nats-server is missing; run scripts/setup-system.sh"
        with (self._folder / "nats.log").open("ab") as log:
            self.process = subprocess.Popen([program, "-c", str(self._folder / "nats.conf")], stdout=log, stderr=log)
        wait_until(self._listens, "nats-server")

    def _listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    def log(self) -> str:
        """What it wrote."""
        return (self._folder / "nats.log").read_text()
