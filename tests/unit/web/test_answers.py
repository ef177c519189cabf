from __future__ import annotations

import json

from egret.web.answers import answer, problem


def test_json_for_people_too() -> None:
    made = answer({"a": "\u20ac"}, status=201, headers={"X-Y": "z"})
    assert (made.status, made.content_type, made.headers["X-Y"]) == (201, "application/json", "z")
    assert made.text == '{\n  "a": "\\u20ac"\n}\n'


def test_what_is_wrong_is_an_error_with_words() -> None:
    made = problem(404, "not here")
    assert (made.status, json.loads(made.text or "")) == (404, {"error": "not here"})
