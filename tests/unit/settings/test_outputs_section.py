from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from egret.settings.outputs_section import Outputs, Webhook
from egret.settings.sections import Section

HOOK = {"name": "soc", "url": "https://soc.example/x"}


@pytest.mark.parametrize(
    ("model", "values", "message"),
    [
        (Webhook, {**HOOK, "timeout": "1h"}, "between"),
        (Webhook, {**HOOK, "url": "ftp://x/"}, "not a URL"),
        (Webhook, {**HOOK, "url": "https://["}, "not a URL"),
        (Webhook, {**HOOK, "hmac_secret": "literal"}, "does not belong"),
        (
            Webhook,
            {**HOOK, "url": "https://u:p@soc.example/x", "headers": {"authorization": "Bearer t"}},
            "keep one of them",
        ),
        (Outputs, {"webhooks": [HOOK, HOOK]}, "two outputs are named 'soc'"),
        (Outputs, {"webhooks": [{**HOOK, "name": "file"}]}, "two outputs are named 'file'"),
        (
            Outputs,
            {"webhooks": [HOOK], "routes": [{"to": ["soc", "sock"]}]},
            "goes to 'sock', but there are only terminal",
        ),
        (Webhook, {**HOOK, "template": {"text": "${hots}"}}, "did you mean 'host'"),
    ],
)
def test_what_is_refused(model: type[Section], values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        model.model_validate(values)


def test_what_is_taken() -> None:
    assert Webhook.model_validate({**HOOK, "url": "https://u:p@soc.example/x", "headers": {"X-Site": "a"}}).headers
    assert Webhook.model_validate({**HOOK, "timeout": "5s"}).timeout == timedelta(seconds=5)


def test_a_secret_of_a_template_is_read_and_never_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAGER_KEY", "hunter2")
    (tmp_path / "token").write_text("pass$word\n")
    body = {"routing_key": "${env:PAGER_KEY}", "text": "${host}", "auth": [f"Bearer ${{file:{tmp_path}/token}}"]}
    made = Webhook.model_validate({**HOOK, "template": body})
    assert made.filled_template == {**body, "routing_key": "hunter2", "auth": ["Bearer pass$$word"]}
    shown = f"{made!r} {made.model_dump()} {made.model_dump_json()}"
    assert not any(secret in shown for secret in ("hunter2", "pass$"))
    assert made.model_dump()["template"] == body
    monkeypatch.setenv("PAGER_KEY", "hunter3")
    assert Webhook.model_validate({**HOOK, "template": body}) != made  # so that a reload sends the new one
    monkeypatch.delenv("PAGER_KEY")
    with pytest.raises(ValidationError, match="the environment variable PAGER_KEY is not set"):
        Webhook.model_validate({**HOOK, "template": body})


def test_a_literal_secret_of_a_template_is_hidden_where_its_name_says_so() -> None:
    body = {"routing_key": "hunter2", "dedup_key": "${thread}", "a": [{"Token": "hunter3"}], "text": "x", "keys": 3}
    body |= {
        "secret": {"value": "hunter4", "from": "${thread}"},
        "api_key": "hunter5${thread}",
        "authorization": "Bearer hunter6",
    }
    made = Webhook.model_validate({**HOOK, "template": body})
    assert made.filled_template == body
    shown = {**body, "routing_key": "***", "a": [{"Token": "***"}], "api_key": "***", "authorization": "***"}
    shown["secret"] = {"value": "***", "from": "${thread}"}
    assert made.model_dump()["template"] == shown
    assert Webhook.model_validate(HOOK).model_dump()["template"] is None
