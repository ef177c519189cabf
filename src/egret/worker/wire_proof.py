"""A proof on the channel between worker and daemon: see ``worker.wire``, which reads it as it reads everything."""

from __future__ import annotations

import ipaddress
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from typing import Any

from egret.decode.redact import MAX_PROOF
from egret.evidence import Form, Proof, Told

MAX_NOTES = 4
MAX_NOTE = 200  # characters
_MAX_CID = 20
_MAX_TIME = 1 << 63


def encode_proof(proof: Proof) -> dict[str, object]:
    """One proof as JSON-able values."""
    told = proof.told
    return {
        "form": proof.form,
        "data": b64encode(proof.data).decode(),
        "notes": list(proof.notes),
        "dcid": proof.dcid.hex(),
        "version": proof.version,
        "told": None if told is None else [b64encode(told.data).decode(), told[1], told.resolver.hex(), *told[3:]],
    }


def decode_proof(body: Mapping[str, Any]) -> Proof:
    """Read what ``encode_proof`` gave.

    Raises:
        ValueError, LookupError, TypeError, AttributeError: it is none.
    """
    notes, told, dcid = body["notes"], body["told"], bytes.fromhex(body["dcid"])
    if len(notes) > MAX_NOTES or not all(isinstance(note, str) and len(note) <= MAX_NOTE for note in notes):
        raise ValueError("not a few short notes")
    if len(dcid) > _MAX_CID:
        raise ValueError("not a connection id")
    return Proof(
        form=Form(body["form"]),
        data=_bytes(body["data"]),
        notes=tuple(notes),
        dcid=dcid,
        version=_number(body["version"], 1 << 32),
        told=None if told is None else _told(told),
    )


def _told(row: Sequence[Any]) -> Told:
    data, time_ns, resolver, resolver_port, client_port, tcp = row
    return Told(
        _bytes(data),
        _number(time_ns, _MAX_TIME),
        ipaddress.ip_address(bytes.fromhex(resolver)).packed,
        _number(resolver_port, 1 << 16),
        _number(client_port, 1 << 16),
        tcp is True,
    )


def _bytes(text: str) -> bytes:
    data = b64decode(text, validate=True)
    if len(data) > MAX_PROOF:
        raise ValueError("longer than a proof is")
    return data


def _number(value: object, limit: int) -> int:
    if type(value) is not int or not 0 <= value < limit:
        raise ValueError("not a number of that size")
    return value
