"""What becomes of a store that is damaged while alerts wait in it: the daemon is killed, its file spoilt."""

from __future__ import annotations

import random
import shutil
import signal
import sqlite3
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

from bench.soaking.books import Books
from bench.soaking.faults import Rig
from bench.soaking.receivers import Memory
from bench.soaking.traffic import Sender
from egret.store.wal import commits

PAGE, LOG_HEADER, FRAME_HEADER = 4096, 32, 24
LOAD_S = 2.0
DELIVERED_S = 60.0
SINK = "hanging"


def noise(path: Path, chance: random.Random) -> None:
    """A hundredth of its pages, the first not among them."""
    pages = path.stat().st_size // PAGE
    with path.open("r+b") as file:
        for page in chance.sample(range(1, pages), max(3, pages // 100)):
            file.seek(page * PAGE)
            file.write(chance.randbytes(PAGE))


def first_page(path: Path, chance: random.Random) -> None:
    with path.open("r+b") as file:
        file.write(chance.randbytes(PAGE))


def cut(path: Path, _chance: random.Random) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size * 3 // 4)


def log_noise(path: Path, chance: random.Random) -> None:
    """A page amid what its log holds: SQLite takes it for the log's end, and does not tell; ``store.wal`` does."""
    last = commits(path)[-1]
    with path.with_name(f"{path.name}-wal").open("r+b") as file:
        file.seek(LOG_HEADER + last // 2 * (FRAME_HEADER + PAGE) + FRAME_HEADER)
        file.write(chance.randbytes(PAGE))


DAMAGES: Mapping[str, Callable[[Path, random.Random], None]] = {
    "a hundredth of the pages": noise,
    "the first page": first_page,
    "cut to three quarters": cut,
    "a page of the log": log_noise,
}


def damage(rig: Rig, sender: Sender, books: Books) -> None:
    """Each kind of damage in turn; what is in the store that comes after must be delivered."""
    books.title("stores damaged while alerts wait")
    for name in DAMAGES:
        _one(name, rig, sender, books)


def _one(name: str, rig: Rig, sender: Sender, books: Books) -> None:
    path, daemon, took = rig.state.folder / "incidents.db", rig.daemon, rig.hanging
    rig.hanging.faulty = True
    sender.resume()
    time.sleep(LOAD_S)
    daemon.end(signal.SIGKILL)
    sender.pause()
    waited = _ids(path, f"SELECT alert FROM outbox WHERE sink = '{SINK}' AND state = 'waiting'")
    if name != "a page of the log":  # what is in the log is not in the file
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    DAMAGES[name](path, rig.chance)
    rig.hanging.faulty = False
    before = len(sender.sent)
    daemon.start()
    sender.resume()
    time.sleep(LOAD_S)
    sender.pause()
    end_s = time.monotonic() + DELIVERED_S
    while time.monotonic() < end_s and not _is_calm(rig, len(sender.sent) - before):
        time.sleep(0.5)
    _tell(name, waited, path, rig, took, books)
    new, counted = len(sender.sent) - before, daemon.scrape().total("egret_detections_total")
    books.line(f"  {new} flagged flows after it, {counted} detected", holds=new == counted)


def _is_calm(rig: Rig, sent: int) -> bool:
    scrape = rig.daemon.scrape()
    waiting = scrape.total("egret_delivery_queue_length", sink=SINK)
    unread = scrape.total("egret_delivery_unread", sink=SINK)
    return not waiting and not unread and scrape.total("egret_detections_total") == sent


def _tell(name: str, waited: set[str], path: Path, rig: Rig, took: Memory, books: Books) -> None:
    left = _ids(path, "SELECT id FROM alerts") & waited
    late = left - set(took.took)
    aside = rig.daemon.scrape().total("egret_store_set_aside_total")
    words = f"{len(waited)} alerts waited, {len(left)} could be read, {len(left - late)} of these delivered"
    books.line(f"{name}: set aside {aside}; {words}", holds=not late and aside == 1)


def _ids(path: Path, query: str) -> set[str]:
    """Read in a copy: a reader would change the log."""
    with tempfile.TemporaryDirectory() as folder:
        for suffix in ("", "-wal"):
            if Path(f"{path}{suffix}").exists():
                shutil.copyfile(f"{path}{suffix}", Path(folder) / f"i.db{suffix}")
        with closing(sqlite3.connect(Path(folder) / "i.db")) as connection:
            return {row[0] for row in connection.execute(query)}
