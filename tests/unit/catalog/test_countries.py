from __future__ import annotations

from egret.catalog.countries import CODES


def test_the_codes_are_those_of_the_standard() -> None:
    assert len(CODES) == 250  # 249 and EU
    assert all(len(code) == 2 and code.isupper() for code in CODES)
    assert {"CN", "HK", "MO", "SG", "DE", "US"} <= CODES
