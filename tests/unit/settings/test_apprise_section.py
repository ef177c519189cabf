from __future__ import annotations

import pytest
from pydantic import ValidationError

from egret.model import Severity
from egret.settings.apprise_section import AppriseOutput


def test_addresses_are_secrets() -> None:
    made = AppriseOutput.model_validate({"name": "people", "urls": ["slack://token"]})
    assert "token" not in f"{made!r} {made.model_dump()}"
    assert made.min_severity is Severity.HIGH


def test_one_address_at_least() -> None:
    with pytest.raises(ValidationError):
        AppriseOutput.model_validate({"name": "people", "urls": []})
