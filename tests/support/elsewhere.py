"""The tests' Python, its packages and this checkout below another folder, where others may look, or nobody but root.

They are mounted there, for one process and its children; of the checkout its parts, for it may be the folder that is
root's own. (A file that only its owner reads stays so.)
"""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).parents[2]
_MOUNT = """
set -e
folder=$1; mkdir "$folder/python" "$folder/egret" "$folder/packages"
mount --bind "$2" "$folder/python"; mount --bind "$4" "$folder/packages"
for part in src tests signatures; do mkdir "$folder/egret/$part"; mount --bind "$3/$part" "$folder/egret/$part"; done
export PYTHONHOME="$folder/python" PYTHONPATH="$5:$folder/egret/src:$folder/egret:$folder/packages"
export LD_LIBRARY_PATH="$folder/python/lib" PYTHONDONTWRITEBYTECODE=1
shift 5
exec "$@"
"""


def mounted(folder: Path, first: Path | None = None) -> tuple[str, ...]:
    """What to put before a command whose Python is ``python(folder)``; it looks for modules in *first* before all."""
    places = (folder, sys.base_prefix, ROOT, sysconfig.get_paths()["purelib"], first or folder)
    return ("unshare", "--mount", "--propagation", "private", "bash", "-c", _MOUNT, "bash", *map(str, places))


def python(folder: Path) -> tuple[str, ...]:
    """The interpreter below *folder*, without what a user installed for himself."""
    return str(folder / "python" / Path(sys.executable).resolve().relative_to(sys.base_prefix)), "-s"
