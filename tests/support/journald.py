"""A real systemd-journald in mount and process namespaces of its own, with nothing else of systemd in them."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.support.patience import PATIENCE_S, wait_until
from tests.support.world.namespaces import stop

_PREPARE = """
set -e
mount --make-rprivate /
mount -t tmpfs -o size=64m tmpfs /run
mkdir -p /run/systemd/journald.conf.d /run/log/journal
printf '[Journal]\\nStorage=volatile\\nReadKMsg=no\\nAudit=no\\nForwardToWall=no\\n' > /run/systemd/journald.conf.d/test.conf
[ -s /etc/machine-id ] || {
    echo 00112233445566778899aabbccddeeff > /run/machine-id
    mount --bind /run/machine-id /etc/machine-id
}
echo ready
exec sleep infinity
"""


class Journald:
    """Takes entries while the block runs; ``stop`` and ``start`` within it are allowed."""

    def __init__(self) -> None:
        self._daemon: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        command = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", _PREPARE]
        self._holder = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        assert self._holder.stdout is not None
        assert self._holder.stdout.readline() == b"ready\n"
        parent = self._holder.pid
        self._inside = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()[0]
        self._root = Path(f"/proc/{self._inside}/root")
        self.socket = self._root / "run/systemd/journal/socket"
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self._holder.kill()
        self._holder.wait()
        if self._holder.stdout is not None:
            self._holder.stdout.close()

    def start(self) -> None:
        """Start, and wait until it listens."""
        program = shutil.which("systemd-journald", path="/lib/systemd:/usr/lib/systemd")
        assert program, "systemd-journald is missing; run scripts/setup-system.sh"
        self.socket.unlink(missing_ok=True)
        command = ["nsenter", "--target", self._inside, "--mount", "--pid", program]
        self._daemon = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(self.socket.is_socket, "systemd-journald")

    def stop(self) -> None:
        """Stop in good order; what it took is kept."""
        if self._daemon is not None:
            inside = Path(f"/proc/{self._daemon.pid}/task/{self._daemon.pid}/children").read_text().split()
            if inside:  # nsenter waits for the one that it forked, and passes no signal on
                subprocess.run(["kill", *inside], check=True)
                self._daemon.wait(PATIENCE_S)
            else:
                stop(self._daemon)
            self._daemon = None

    def entries(self, *matches: str) -> list[dict[str, Any]]:
        """What journalctl finds, oldest first."""
        folder = self._root / "run/log/journal"
        command = ["journalctl", "--directory", str(folder), "--output=json", "--all", "--no-pager", *matches]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def wait_for(self, ready: Callable[[list[dict[str, Any]]], bool], *matches: str) -> list[dict[str, Any]]:
        """The entries, once they are what is waited for."""
        wait_until(lambda: ready(self.entries(*matches)), f"entries; there are {len(self.entries(*matches))}")
        return self.entries(*matches)
