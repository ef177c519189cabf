from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from egret.settings.passwords import (
    MAX_PASSWORD,
    PasswordHashText,
    TokenHashText,
    hash_password,
    hash_token,
    is_password,
    new_token,
    parse_hash,
)

CHEAP = hash_password("correct horse", log_n=10)


def test_a_hash_knows_its_password_and_no_other() -> None:
    assert is_password("correct horse", CHEAP)
    assert not is_password("correct horsf", CHEAP)
    assert not is_password("", CHEAP)
    assert hash_password("correct horse", log_n=10) != CHEAP  # another salt


def test_the_costs_are_those_that_are_written() -> None:
    made = parse_hash(hash_password("x", salt=bytes(16), log_n=11))
    assert (made.log_n, made.r, made.p, made.salt, len(made.key)) == (11, 8, 3, bytes(16), 32)
    # RFC 7914 section 12, the third vector, cut to our length of key
    vector = "$scrypt$ln=14,r=8,p=1$U29kaXVtQ2hsb3JpZGU$cCO9yzr9c0hGHAbNgf046/2o+7qQT44+qbVD9lRdofI"
    assert is_password("pleaseletmein", vector)


def test_what_is_too_long_is_not_right_by_its_beginning() -> None:
    hashed = hash_password("a" * MAX_PASSWORD, log_n=10)
    assert is_password("a" * MAX_PASSWORD, hashed)
    assert not is_password("a" * (MAX_PASSWORD + 1), hashed)
    assert not is_password("\ud800", hashed)


@pytest.mark.parametrize(
    "text",
    [
        "hunter2",
        CHEAP.replace("ln=10", "ln=30"),
        CHEAP.replace("ln=10", "ln=1"),
        CHEAP.replace("r=8", "r=99"),
        CHEAP.replace("p=3", "p=0"),
        CHEAP[:-1],
        CHEAP.replace("scrypt", "md5"),
    ],
)
def test_what_is_no_hash_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ValidationError) as error:
        TypeAdapter(PasswordHashText).validate_python(text)
    assert "hash" in error.value.errors()[0]["msg"]
    assert text not in error.value.errors()[0]["msg"]


def test_hashes_are_never_shown() -> None:
    adapter = TypeAdapter(PasswordHashText)
    secret = adapter.validate_python(CHEAP)
    assert CHEAP not in repr(secret)
    assert adapter.dump_python(secret) == "***"


def test_tokens() -> None:
    token = new_token()
    assert token != new_token()
    assert len(token) > 40
    adapter = TypeAdapter(TokenHashText)
    assert adapter.validate_python(hash_token(token)).reveal() == hash_token(token)
    with pytest.raises(ValidationError, match="egret web token"):
        adapter.validate_python(token)
