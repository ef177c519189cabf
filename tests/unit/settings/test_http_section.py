from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from egret.settings.http_section import Http, HttpTls, HttpToken, HttpUser
from egret.settings.passwords import hash_password, hash_token

USER = {"name": "alice", "password": hash_password("correct horse", log_n=10)}
TOKEN = {"name": "scraper", "token": hash_token("secret")}
FAR = "192.0.2.1:9477"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"listen": "0.0.0.0:9477"}, "needs a login .* and encryption"),
        ({"listen": FAR, "allow_remote": True}, "needs a login .* and encryption"),
        ({"listen": FAR, "users": [USER]}, r"needs encryption \(http.tls"),
        ({"listen": FAR, "tls": {"certificate": "/c.pem"}}, "needs a login"),
        ({"listen": FAR, "tls_by_proxy": True}, "needs a login"),
        ({"tls": {"key": "/k.pem"}}, "a key without a certificate"),
        ({"users": [USER], "tokens": [{**TOKEN, "name": "alice"}]}, "more than one .* 'alice'"),
        ({"users": [{**USER, "name": "a b"}]}, "pattern"),
        ({"session_lasts": "1s"}, "from"),
        ({"public_url": "javascript:alert(1)"}, "not the address of a page"),
        ({"public_url": "https://a.example/?x"}, "not the address of a page"),
        ({"public_url": "https://user@a.example/"}, "not the address of a page"),
        ({"public_url": 'https://a.example/"><b>'}, "not the address of a page"),
    ],
)
def test_what_is_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Http.model_validate(values)


@pytest.mark.parametrize(
    "values",
    [
        {"listen": FAR, "users": [USER], "tls": {"certificate": "/c.pem", "key": "/k.pem"}},
        {"listen": FAR, "tokens": [TOKEN], "tls_by_proxy": True},
        {"listen": "[::1]:9477"},
        {"listen": "127.0.0.1:9477", "users": [USER]},
    ],
)
def test_what_is_taken(values: dict[str, Any]) -> None:
    assert Http.model_validate(values).enabled


def test_the_public_name_is_a_known_one() -> None:
    http = Http.model_validate({"public_url": "https://Egret.example.org:8443/x/", "host_names": ["Gate"]})
    assert http.public_url == "https://Egret.example.org:8443/x"
    assert http.known_names == {"egret.example.org", "gate"}
    assert Http().known_names == frozenset()


def test_every_option_is_described() -> None:
    for model in (HttpTls, HttpUser, HttpToken):
        assert model.__doc__
        assert all(field.description for field in model.model_fields.values())
