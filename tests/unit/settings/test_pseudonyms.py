from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egret.alerts.veil import Field
from egret.settings.pseudonyms import SivPseudonyms

KEY = "0123456789abcdef0123456789abcdef"
PSEUDONYMS = SivPseudonyms(KEY)


@given(st.sampled_from(Field), st.text(max_size=200))
def test_every_text_comes_back(field: Field, text: str) -> None:
    hidden = PSEUDONYMS.hide(field, text)
    assert hidden.isascii()
    assert hidden.startswith(f"{field.value}~")
    expected = text.encode("utf-8", "replace").decode()
    if field is not Field.ADDRESS:
        assert PSEUDONYMS.show(hidden) == expected


@given(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).map(str))
def test_every_address_comes_back(text: str) -> None:
    assert ip_address(PSEUDONYMS.show(PSEUDONYMS.hide(Field.ADDRESS, text)) or "") == ip_address(text)


def test_equal_clients_are_equal_and_one_spelling_is_as_good_as_another() -> None:
    assert PSEUDONYMS.hide(Field.ADDRESS, "2001:db8::1") == SivPseudonyms(KEY).hide(Field.ADDRESS, "2001:0db8:0::1")
    assert PSEUDONYMS.hide(Field.ADDRESS, "192.0.2.7") == "address~" + PSEUDONYMS.hide(
        Field.ADDRESS, "192.0.2.7"
    ).removeprefix("address~")
    assert len(PSEUDONYMS.hide(Field.ADDRESS, "192.0.2.7")) == len("address~") + 32


def test_fields_and_keys_do_not_share_pseudonyms() -> None:
    words = {PSEUDONYMS.hide(field, "printer").partition("~")[2] for field in Field}
    assert len(words) == len(Field)
    assert SivPseudonyms("x" * 32).show(PSEUDONYMS.hide(Field.NAME, "printer")) is None
    assert PSEUDONYMS.show(PSEUDONYMS.hide(Field.NAME, "printer").replace("name~", "mac~")) is None


def test_a_field_that_is_not_wanted_stays_clear() -> None:
    assert SivPseudonyms(KEY, [Field.NAME]).hide(Field.ADDRESS, "192.0.2.7") == "192.0.2.7"


@given(st.one_of(st.text(max_size=80), st.text(max_size=80).map(lambda text: f"address~{text}")))
def test_hostile_pseudonyms_are_none_of_ours(text: str) -> None:
    assert PSEUDONYMS.show(text) is None


def test_one_that_was_changed_or_is_too_long_is_none_of_ours() -> None:
    hidden = PSEUDONYMS.hide(Field.ADDRESS, "192.0.2.7")
    assert PSEUDONYMS.show(hidden[:-1] + ("a" if hidden[-1] != "a" else "b")) is None
    assert PSEUDONYMS.show(hidden + "a" * 2000) is None
    assert PSEUDONYMS.show(hidden.upper().replace("ADDRESS", "address")) == "192.0.2.7"


def test_a_short_key_is_refused_unseen() -> None:
    with pytest.raises(ValueError, match="shorter than 32") as caught:
        SivPseudonyms("s3cret")
    assert "s3cret" not in str(caught.value)
