"""What the tracker evicts from has a metric: a table that telemetry does not know would be refused on the pipe."""

from __future__ import annotations

import re
from pathlib import Path

from egret.telemetry.table import TABLES
from egret.track.observer import Observer

_NAMED = re.compile(r'(?:LruTable(?:\[[^]]*\])?|Remembered|Bounded\w*)\(\s*"(\w+)"|evictions\["(\w+)"\]')


def test_every_table_of_the_tracker_is_a_label_value(repository: Path) -> None:
    text = "".join(path.read_text() for path in (repository / "src/egret/track").glob("*.py"))
    named = {first or second for first, second in _NAMED.findall(text)}
    assert len(named) > 5
    assert named | set(Observer().counters.tracked) <= set(TABLES)
