from __future__ import annotations

from egret.web.answers import answer


def test_json_for_people_too() -> None:
    made = answer({"a": "\u20ac"}, status=201, headers={"X-Y": "z"})
    assert (made.status, made.content_type, made.headers["X-Y"]) == (201, "application/json", "z")
    assert made.text == '{\n  "a": "\\u20ac"\n}\n'
