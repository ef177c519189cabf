from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egret.geo.records import Facts, read_record
from egret.value import replace

CLOUDFLARE = Facts("US", 13335, "Cloudflare, Inc.")
ASN = {"autonomous_system_number": 13335, "autonomous_system_organization": "Cloudflare, Inc."}


@pytest.mark.parametrize(
    ("record", "facts"),
    [
        ({"country": {"iso_code": "US", "names": {"en": "United States"}}} | ASN, CLOUDFLARE),
        ({"country": {"iso_code": "US"}, "city": {"names": {}}, "location": {"latitude": 1.0}}, Facts("US")),
        ({"country": {"iso_code": "US"}, "traits": ASN | {"isp": "x"}}, CLOUDFLARE),
        (ASN | {"isp": "Cloudflare", "organization": "x"}, replace(CLOUDFLARE, country=None)),
        (
            {"country": "US", "country_name": "United States", "asn": "AS13335", "as_name": "Cloudflare, Inc."},
            CLOUDFLARE,
        ),
        (
            {"country": "United States", "country_code": "US", "asn": "AS13335", "as_name": "Cloudflare, Inc."},
            CLOUDFLARE,
        ),
        ({"country_code": "us"}, Facts("US")),
        ({"registered_country": {"iso_code": "SG"}}, Facts()),
        ({"country": {"iso_code": "U1"}}, Facts()),
        ({"country": ["US"], "asn": "AS99999999999"}, Facts()),
        ({"asn": 0, "as_name": ""}, Facts()),
        ({"asn": "ASxyz"}, Facts()),
        (None, Facts()),
        ("US", Facts()),
    ],
)
def test_every_vendor(record: object, facts: Facts) -> None:
    assert read_record(record) == facts


def test_a_name_has_a_bound() -> None:
    assert len(read_record({"asn": 1, "as_name": "x" * 999}).as_org or "") == 120


SEEDS = st.sampled_from(
    ["country", "country_code", "iso_code", "asn", "as_name", "traits", "autonomous_system_number", "US", "AS1", "AS²"]
)
VALUES = st.recursive(
    SEEDS | st.none() | st.integers() | st.floats() | st.binary(max_size=4) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(SEEDS, inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_total(record: object) -> None:
    facts = read_record(record)
    assert facts.asn is None or 0 < facts.asn < 2**32
    assert facts.country is None or len(facts.country) == 2
