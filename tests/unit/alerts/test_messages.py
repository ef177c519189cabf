from __future__ import annotations

import pytest

from egret.alerts.messages import Message, message_from_json, message_to_json
from tests.support.alerts import whole_life
from tests.support.digest import digest


def test_alerts_and_digests_are_told_apart() -> None:
    messages: list[Message] = [*whole_life(), digest()]
    for message in messages:
        assert message_from_json(message_to_json(message)) == message


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", "null", '{"schema": "egret.digest/1"}', '{"schema": "egret.alert/9"}']
)
def test_what_is_neither(text: str) -> None:
    with pytest.raises(ValueError):
        message_from_json(text)
