"""One record of any vendor's database, read by what is in it.

=========================================  ==========================================================
MaxMind and DB-IP Country, City            ``country.iso_code``
MaxMind and DB-IP ASN, ISP; ours           ``autonomous_system_number``, ``..._organization`` at the top
MaxMind Enterprise                         the same two inside ``traits``
IPinfo, older files                        ``country`` (a code), ``asn`` ("AS13335"), ``as_name``
IPinfo Lite                                ``country_code``, ``asn``, ``as_name``; ``country`` is a name here
ip-location-db                             ``country_code``
=========================================  ==========================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from egret.value import Struct

_EMPTY: Mapping[str, Any] = {}
_MAX_ASN = 2**32 - 1  # RFC 6793
_MAX_ORG = 120


class Facts(Struct, frozen=True):
    """What one record says; each may be missing."""

    country: str | None = None
    asn: int | None = None
    as_org: str | None = None


def read_record(record: object) -> Facts:
    """The facts of a record, whatever it is; what has an unknown shape is missing."""
    if not isinstance(record, Mapping):
        return Facts()
    asn_fields = record if _has_asn(record) else _mapping(record.get("traits"))
    return Facts(_country(record), _asn(asn_fields), _organisation(asn_fields))


def _has_asn(record: Mapping[str, Any]) -> bool:
    return "autonomous_system_number" in record or "asn" in record


def _country(record: Mapping[str, Any]) -> str | None:
    candidates = (_mapping(record.get("country")).get("iso_code"), record.get("country_code"), record.get("country"))
    return next((code for code in map(_code, candidates) if code), None)


def _code(value: object) -> str | None:
    """An ISO 3166-1 code in capitals; a country's name is none."""
    return value.upper() if isinstance(value, str) and len(value) == 2 and value.isascii() and value.isalpha() else None


def _asn(record: Mapping[str, Any]) -> int | None:
    value = record.get("autonomous_system_number", record.get("asn"))
    if isinstance(value, str):
        digits = value.upper().removeprefix("AS")
        value = int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 10 else None
    return value if isinstance(value, int) and 0 < value <= _MAX_ASN else None


def _organisation(record: Mapping[str, Any]) -> str | None:
    for key in ("autonomous_system_organization", "as_name", "as_organization"):
        value = record.get(key)
        if isinstance(value, str) and value:
            return value[:_MAX_ORG]
    return None


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else _EMPTY
