"""Network namespaces: made, entered and taken down again, whatever happens in between."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support.patience import PATIENCE_S

PREFIX = "egw"
_NUMBER = itertools.count(1)  # several worlds may stand at once


class WorldError(RuntimeError):
    """The world could not be built or did not answer in time."""


def command(*arguments: str) -> str:
    """Run one set-up command; WorldError with its own words if it fails."""
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    if done.returncode:
        raise WorldError(f"{' '.join(arguments)}: exit {done.returncode}: {done.stderr.strip()}")
    return done.stdout


class Namespace:
    """One network namespace, its resolver file, and every process started in it."""

    def __init__(self, name: str) -> None:
        self.name = f"{PREFIX}-{os.getpid()}-{next(_NUMBER)}-{name}"
        self._started: list[subprocess.Popen[bytes]] = []

    def create(self, resolver: str | None = None) -> None:
        """Make it, with loopback up; *resolver* goes to the resolv.conf that ``ip netns exec`` mounts."""
        command("ip", "netns", "add", self.name)
        if resolver:
            folder = Path("/etc/netns") / self.name
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "resolv.conf").write_text(f"nameserver {resolver}\noptions timeout:5 attempts:4\n")
        self.ip("link", "set", "lo", "up")
        # No duplicate address detection: nobody else is here, and it costs a second for each link.
        self.run("sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0")

    def ip(self, *arguments: str) -> str:
        """``ip`` inside the namespace."""
        return command("ip", "-n", self.name, *arguments)

    def run(self, *arguments: str) -> str:
        """A set-up command inside the namespace."""
        return command(*self.inside(arguments))

    def inside(self, arguments: Sequence[str]) -> list[str]:
        """The command line that runs *arguments* inside."""
        return ["ip", "netns", "exec", self.name, *arguments]

    def start(
        self, arguments: Sequence[str], log: Path, environment: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """Start a process inside, in a process group of its own, both outputs to *log*."""
        with log.open("ab") as out:
            process = subprocess.Popen(
                self.inside(arguments),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=None if environment is None else dict(environment),
                start_new_session=True,
            )
        self._started.append(process)
        return process

    def delete(self) -> None:
        """End what was started here, then remove the namespace and its resolver file."""
        for process in self._started:
            stop(process)
        erase(self.name)


def stop(process: subprocess.Popen[bytes], grace_s: float = PATIENCE_S) -> int:
    """SIGTERM to the process, SIGKILL to its group after *grace_s*; its exit code."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(grace_s)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    return process.wait(grace_s)


def family(pid: int) -> list[int]:
    """A process and all below it."""
    found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False)
    return [pid, *(each for child in found.stdout.split() for each in family(int(child)))]


def erase(name: str) -> None:
    """Kill whatever still lives in the namespace *name* and remove it; no error if it is gone."""
    listed = subprocess.run(["ip", "netns", "pids", name], capture_output=True, text=True, check=False)
    for pid in listed.stdout.split():
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)
    subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)
    folder = Path("/etc/netns") / name
    (folder / "resolv.conf").unlink(missing_ok=True)
    with contextlib.suppress(FileNotFoundError):
        folder.rmdir()


def sweep() -> None:
    """Remove the namespaces of test runs that were killed before they could clean up."""
    for line in command("ip", "netns", "list").splitlines():
        found = re.match(rf"({PREFIX}-(\d+)-\S+)", line)
        if found and not Path(f"/proc/{found[2]}").exists():
            erase(found[1])
