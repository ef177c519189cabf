from __future__ import annotations

from datetime import timedelta
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
