from __future__ import annotations

from datetime import time

import pytest
from pydantic import ValidationError

from egret.settings.digest_section import DigestSettings
from egret.settings.outputs_section import Outputs


def test_none_is_made_unless_somebody_gets_it() -> None:
    made = DigestSettings()
    assert (made.to, made.at, made.timezone, made.quiet_days) == ((), time(7), "UTC", True)


@pytest.mark.parametrize(("text", "clock"), [("00:00", time(0)), ("23:59", time(23, 59))])
def test_times_of_day(text: str, clock: time) -> None:
    made = DigestSettings.model_validate({"at": text, "timezone": "Europe/Berlin"})
    assert made.at == clock
    assert made.model_dump(mode="json")["at"] == text


@pytest.mark.parametrize("wrong", [{"at": "24:00"}, {"at": "7:00"}, {"at": 7}, {"at": "noon"}, {"timezone": "Mars"}])
def test_what_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        DigestSettings.model_validate(wrong)


def test_it_goes_to_outputs_that_are_there_and_can_take_it() -> None:
    manager = {"name": "am", "urls": ["http://am.example:9093"]}
    assert Outputs.model_validate({"digest": {"to": ["terminal"]}}).digest.to == ("terminal",)
    with pytest.raises(ValidationError, match="only terminal"):
        Outputs.model_validate({"digest": {"to": ["nobody"]}})
    with pytest.raises(ValidationError, match="no place"):
        Outputs.model_validate({"alertmanagers": [manager], "digest": {"to": ["am"]}})
