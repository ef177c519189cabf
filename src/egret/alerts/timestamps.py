"""Event time as text and back: RFC 3339 in UTC, nanoseconds kept."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

SECOND_NS = 1_000_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EARLIEST_S = -62_135_596_800  # year 1: what RFC 3339 and datetime can write
_LATEST_S = 253_402_300_799  # the last second of year 9999
_FRACTION = re.compile(r"\.(\d{1,9})\d*")


def rfc3339(time_ns: int) -> str:
    """Write *time_ns* (Unix epoch, UTC) with nine digits. Total: times out of range are clamped."""
    seconds, fraction = divmod(time_ns, SECOND_NS)
    moment = _EPOCH + timedelta(seconds=min(max(seconds, _EARLIEST_S), _LATEST_S))
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{fraction:09d}Z".rjust(30, "0")


def parse_rfc3339(text: str) -> int:
    """Read an RFC 3339 time back into nanoseconds; a time without zone is UTC.

    Raises:
        ValueError: *text* is no such time.
    """
    fraction = _FRACTION.search(text)
    moment = datetime.fromisoformat(_FRACTION.sub("", text, count=1))
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    seconds = (moment - _EPOCH) // timedelta(seconds=1)
    return seconds * SECOND_NS + (int(fraction[1].ljust(9, "0")) if fraction else 0)
