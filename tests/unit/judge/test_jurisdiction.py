from __future__ import annotations

import pytest

from egret.judge.jurisdiction import Basis, Place, place, region_country
from egret.model import Hosting

CN = Hosting(country="CN", source="db", in_china=True)
US = Hosting(country="US", source="db")


@pytest.mark.parametrize(
    ("region", "country"),
    [
        ("CN (cn-beijing)", "CN"),
        ("SG", "SG"),
        ("cn-beijing", None),
        ("", None),
        (None, None),
        ("EU-WEST", None),
        ("1A (x)", None),
    ],
)
def test_region_country(region: str | None, country: str | None) -> None:
    assert region_country(region) == country


@pytest.mark.parametrize(
    ("region", "hosting", "expected"),
    [
        ("CN (cn-beijing)", US, Place("CN", Basis.NAME, in_china=True)),  # the address cancels no name
        ("SG (ap-southeast-1)", CN, Place("SG", Basis.NAME, in_china=False)),
        ("HK (cn-hongkong)", US, Place("HK", Basis.NAME, in_china=True)),
        (None, CN, Place("CN", Basis.ADDRESS, in_china=True)),
        ("global", US, Place("US", Basis.ADDRESS, in_china=False)),
        (None, Hosting(), Place(None, Basis.NOTHING, in_china=False)),
    ],
)
def test_place(region: str | None, hosting: Hosting, expected: Place) -> None:
    assert place(region, hosting, count_sars=True) == expected


def test_sars_count_as_the_operator_set_it() -> None:
    assert not place("HK (cn-hongkong)", Hosting(), count_sars=False).in_china
