"""Where a service is: the region its host name states, else the country of the address. Never whose law reaches it."""

from __future__ import annotations

from enum import StrEnum

from egret.judge.hosting import counts_as_china
from egret.model import Hosting
from egret.value import Struct


class Basis(StrEnum):
    """What a place was read from."""

    NAME = "name"
    ADDRESS = "address"
    NOTHING = "nothing"


class Place(Struct, frozen=True):
    """Where, by what evidence; the name goes first, because an address may be a content network's."""

    country: str | None
    basis: Basis
    in_china: bool


def region_country(region: str | None) -> str | None:
    """The ISO code in front of a stated region: "CN (cn-beijing)" is CN; a region without one has none."""
    code = (region or "").split(" ", 1)[0]
    return code if len(code) == 2 and code.isascii() and code.isalpha() and code.isupper() else None


def place(region: str | None, hosting: Hosting, *, count_sars: bool) -> Place:
    """Join what the name states and where the address is."""
    stated = region_country(region)
    if stated:
        return Place(stated, Basis.NAME, counts_as_china(stated, count_sars=count_sars))
    if hosting.country:
        return Place(hosting.country, Basis.ADDRESS, hosting.in_china)
    return Place(None, Basis.NOTHING, in_china=False)
