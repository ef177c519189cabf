"""A disk of its own for a daemon's files: a real file system that breaks, and comes back, while they are open."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tests.support.world.namespaces import command
from tests.support.world.watch import give_to_daemon

_SIZE = 24 << 20


class Disk:
    """Mounted below *folder*, for processes that are started after it was made."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "disk"
        self._image = folder / "image"
        self._mounts = 0
        self.path.mkdir()
        with self._image.open("wb") as file:
            file.truncate(_SIZE)
        command("mkfs.ext4", "-q", str(self._image))
        self._mount(())
        self.path.chmod(0o755)
        give_to_daemon(self.path)

    def _mount(self, inside: tuple[str, ...]) -> None:
        command(*inside, "mount", "-o", "loop", str(self._image), str(self.path))

    def fail(self) -> None:
        """What the kernel does when it finds the disk broken: read-only at once, whatever is open to be written."""
        command("sync", "-f", str(self.path))
        command("mount", "-o", "remount,abort", str(self.path))

    def mend(self, pid: int) -> None:
        """As an operator does: checked, and mounted again in its place, for us and for the process *pid*."""
        mended = self._image.with_name("mended")
        shutil.copyfile(self._image, mended)  # the broken one stays mounted as long as anybody has a file of it
        checked = subprocess.run(["e2fsck", "-fp", str(mended)], capture_output=True, check=False)
        assert checked.returncode in {0, 1}, checked.stdout  # 1: it was mended
        self._image = mended
        command("mount", "-o", "loop", str(mended), str(self.path))
        device = command("findmnt", "-no", "SOURCE", "--first-only", "--direction", "backward", str(self.path)).strip()
        command("nsenter", "--mount", "--target", str(pid), "mount", device, str(self.path))

    def close(self) -> None:
        """Take all of it down."""
        while subprocess.run(["umount", "--lazy", str(self.path)], capture_output=True, check=False).returncode == 0:
            pass
