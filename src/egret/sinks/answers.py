"""What an HTTP answer means for an alert."""

from __future__ import annotations

from email.utils import parsedate_to_datetime

from egret.errors import SinkRejected, SinkTemporary

_TRY_AGAIN = frozenset({408, 425, 429})  # RFC 9110 section 15.5.9, RFC 8470 section 5.2, RFC 6585 section 4


def judge(status: int, retry_after: str | None, now_s: float) -> None:
    """Return where the receiver took it.

    Raises:
        SinkTemporary: 408, 425, 429 and 5xx, with the wait that it asks for.   SinkRejected: everything else but 2xx.
    """
    if 200 <= status < 300:
        return
    if status in _TRY_AGAIN or status >= 500:
        raise SinkTemporary(f"HTTP {status}", retry_after_s(retry_after, now_s))
    raise SinkRejected(f"HTTP {status}")


def retry_after_s(value: str | None, now_s: float) -> float | None:
    """Read Retry-After, seconds or a date (RFC 9110 section 10.2.3); None if it is neither."""
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit() and len(text) <= 9:
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now_s)
    except (ValueError, TypeError, OverflowError):
        return None
