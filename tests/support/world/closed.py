"""A daemon whose every file is in a folder that only root enters: Python, its packages, Egret and what ships with it.

What it asks for after it gave up root (a module, a file of that folder)
is a line of its log that begins with ``LATE``, whether somebody catches the error or not.
"""

from __future__ import annotations

from tests.support.elsewhere import mounted, python
from tests.support.world.watch import Watch
from tests.support.world.world import World

_HOOK = """
import os, sys

def asked(event, arguments):
    if event == "import":
        late = True
    elif event in {{"open", "os.listdir", "os.scandir"}}:
        late = str(arguments[0]).startswith("{closed}") and not known(str(arguments[0]))
    else:
        return
    if late and os.geteuid():
        os.write(2, f"LATE {{event}} {{arguments[0]}}\\n".encode())

def known(path):
    return path.startswith(("{closed}/egret/signatures", "{closed}/egret/src/egret/data/geo"))  # held in memory

sys.addaudithook(asked)
"""


class Closed(Watch):
    """Runs ``egret run`` from such a folder."""

    def __init__(self, world: World, config: str) -> None:
        super().__init__(world, config=config)
        closed, hook = self.folder / "closed", self.folder / "hook"
        closed.mkdir(mode=0o700)
        hook.mkdir()
        (hook / "sitecustomize.py").write_text(_HOOK.format(closed=closed))
        self.program = (*mounted(closed, hook), *python(closed), "-m", "egret")

    @property
    def late(self) -> list[str]:
        """What it asked for when it could not have it any more."""
        return [line for line in self.text().splitlines() if line.startswith("LATE ")]
