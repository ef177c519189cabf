from __future__ import annotations

import json
from typing import Any

import pytest

from egret.alerts.digest_codec import digest_from_dict, digest_to_dict
from tests.support.digest import digest, quiet


@pytest.mark.parametrize("whole", [digest(), quiet(), digest().shortened(0)])
def test_there_and_back(whole: Any) -> None:
    assert digest_from_dict(json.loads(json.dumps(digest_to_dict(whole)))) == whole


@pytest.mark.parametrize(
    "change",
    [
        {"schema": "egret.digest/2"},
        {"day": "yesterday"},
        {"incidents_opened": {"bad": 1}},
        {"first_seen": [{}]},
        {"sight": {"later": 1}},
        {"sight": digest_to_dict(digest())["sight"] | {"watched_s": "x"}},
        {"sight": digest_to_dict(digest())["sight"] | {"problems": {"a": None}}},
        {"sight": digest_to_dict(digest())["sight"] | {"named_share": []}},
        {"allowed": None},
    ],
)
def test_what_is_none(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="not a digest"):
        digest_from_dict(digest_to_dict(digest()) | change)
    with pytest.raises(ValueError, match="not a digest"):
        digest_from_dict({})
