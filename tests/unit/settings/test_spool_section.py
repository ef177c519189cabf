from __future__ import annotations

from datetime import timedelta

import pytest
from pydantic import ValidationError

from egret.settings.spool_section import Spool


def test_the_defaults_hold_a_week() -> None:
    assert (Spool().max_alerts, Spool().max_age) == (10_000, timedelta(days=7))


@pytest.mark.parametrize("values", [{"max_age": "10ms"}, {"backoff_cap": "0s"}, {"max_alerts": 1}])
def test_what_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Spool.model_validate(values)
