from __future__ import annotations

import json
from typing import Any

import pytest

from egret.decode.redact import MAX_PROOF
from egret.evidence import Form, Proof, Told
from egret.worker.wire_proof import decode_proof, encode_proof

TOLD = Told(b"answer", 7, bytes([198, 51, 100, 53]), 53, 5353, tcp=True)
PROOF = Proof(Form.HELLO, b"\x01\x00hello", ("blanked",), b"\1\2", 1, TOLD)


@pytest.mark.parametrize("proof", [PROOF, Proof(Form.BLANK, bytes(8))])
def test_what_is_said_is_understood(proof: Proof) -> None:
    assert decode_proof(json.loads(json.dumps(encode_proof(proof)))) == proof


@pytest.mark.parametrize(
    "change",
    [
        {"form": "other"},
        {"data": "!"},
        {"data": "A" * (2 * MAX_PROOF)},
        {"notes": ["x" * 201]},
        {"notes": [7]},
        {"notes": ["x"] * 9},
        {"dcid": "00" * 21},
        {"version": -1},
        {"version": 1 << 32},
        {"version": True},
        {"told": ["QQ==", 1, "0a", 1, 1, False]},
        {"told": ["QQ==", 1, "c0000201", 1 << 16, 1, False]},
        {"told": [1]},
    ],
)
def test_what_a_taken_worker_may_say_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises((ValueError, LookupError, TypeError, AttributeError)):
        decode_proof({**json.loads(json.dumps(encode_proof(PROOF))), **change})
