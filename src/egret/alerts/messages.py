"""What goes through the spool: alerts about incidents, and digests. Told apart by their schema."""

from __future__ import annotations

import json
from typing import Any

from egret.alerts.codec import alert_from_dict, alert_to_dict
from egret.alerts.digest import DIGEST_SCHEMA, Digest
from egret.alerts.digest_codec import digest_from_dict, digest_to_dict
from egret.alerts.model import Alert

Message = Alert | Digest


def message_to_json(message: Message) -> str:
    """Write *message* as the store keeps it."""
    document = digest_to_dict(message) if isinstance(message, Digest) else alert_to_dict(message)
    return json.dumps(document, separators=(",", ":"))


def message_from_json(text: str) -> Message:
    """Read one back.

    Raises:
        ValueError: neither an alert nor a digest of a version that we know.
    """
    data: Any = json.loads(text)
    if isinstance(data, dict) and data.get("schema") == DIGEST_SCHEMA:
        return digest_from_dict(data)
    return alert_from_dict(data)
