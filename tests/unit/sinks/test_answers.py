from __future__ import annotations

from email.utils import formatdate

import pytest

from egret.errors import SinkRejected, SinkTemporary
from egret.sinks.answers import judge, retry_after_s

NOW_S = 1_767_225_600.0


@pytest.mark.parametrize(
    ("value", "wait_s"),
    [
        (None, None),
        ("0", 0.0),
        (" 120 ", 120.0),
        ("-1", None),
        ("1e9", None),
        ("9" * 400, None),
        ("²", None),
        ("soon", None),
        (formatdate(NOW_S + 60, usegmt=True), 60.0),
        (formatdate(NOW_S - 60, usegmt=True), 0.0),
        ("Fri, 99 Dec 2026 00:00:00 GMT", None),
    ],
)
def test_retry_after(value: str | None, wait_s: float | None) -> None:
    assert retry_after_s(value, NOW_S) == wait_s


def test_what_a_status_means() -> None:
    for status in (200, 204, 299):
        judge(status, None, NOW_S)
    for status in (408, 425, 429, 500, 599):
        with pytest.raises(SinkTemporary) as caught:
            judge(status, formatdate(NOW_S + 7, usegmt=True), NOW_S)
        assert caught.value.retry_after_s == 7.0
    for status in (199, 301, 400, 404):
        with pytest.raises(SinkRejected, match=str(status)):
            judge(status, None, NOW_S)
