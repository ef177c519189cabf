from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from egret.settings.alertmanager_section import Alertmanager

GOOD: dict[str, Any] = {"name": "am", "urls": ["http://am.example:9093", "https://am2.example"]}


def test_peers_are_urls_that_are_not_shown() -> None:
    made = Alertmanager.model_validate(GOOD)
    assert [url.reveal() for url in made.urls] == GOOD["urls"]
    assert "example" not in str(made.model_dump())


@pytest.mark.parametrize(
    "change", [{"urls": []}, {"urls": ["am.example"]}, {"repeat": "2m"}, {"repeat": "10ms"}, {"expire": "1m"}]
)
def test_what_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Alertmanager.model_validate({**GOOD, **change})
