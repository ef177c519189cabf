"""The README's picture: what ``egret replay`` really prints for the shipped capture, as SVG."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).resolve().parent.parent
DEMO = "src/egret/data/demo/egret-demo"
COLUMNS = 160
# rich's theme would fetch a font from elsewhere; the reader's own will do
_FONT = re.compile(r"\s*@font-face \{.*?\}", re.DOTALL)


def demo_picture() -> str:
    """A terminal with the command and its output, as a person sees it."""
    command = ["replay", "-c", f"{DEMO}.yaml", f"{DEMO}.pcapng"]
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, legacy_windows=False)
    console.print(Text.assemble(("$ ", "dim"), ("egret " + " ".join(command), "bold")))
    console.print(Text.from_ansi(_output(command)), end="")
    svg = _FONT.sub("", console.export_svg(title="make demo", unique_id="egret"))
    return "\n".join(line.rstrip() for line in svg.splitlines()) + "\n"


def _output(command: list[str]) -> str:
    colours = {"FORCE_COLOR": "1", "COLUMNS": str(COLUMNS), "TERM": "xterm-256color", "COLORTERM": "truecolor"}
    environment = {key: value for key, value in os.environ.items() if key != "NO_COLOR"} | colours
    words = [sys.executable, "-m", "egret", *command]
    done = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    return done.stdout
