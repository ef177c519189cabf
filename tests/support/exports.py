"""Selections made for tests of the catalogue's exports."""

from __future__ import annotations

from egret.catalog.export.selection import Selection, Wanted, select
from egret.catalog.match import Catalog
from egret.judge.verdict import severity_of_class
from egret.model import ServiceClass, Signature
from tests.support.catalog import signature

CLOUD = Wanted(classes=frozenset({ServiceClass.CLOUD}))
NESTED = (  # a cloud with AI hosts in it, one of which has cloud hosts below it
    signature("x.cloud", "suffix:cloud.example", "exact:free.ai.cloud.example", service_class=ServiceClass.CLOUD),
    signature("x.ai", "suffix:ai.cloud.example", "exact:one.cloud.example", "wildcard:v-*.r.cloud.example"),
)
PLAIN = (signature("x.chat", "suffix:chat.example", "exact:api.other.example", "wildcard:ark.*.vol.example"),)


def selection(*signatures: Signature, wanted: Wanted | None = None) -> Selection:
    """What *wanted* takes of *signatures*."""
    return select(Catalog(signatures, "2026.11.22+test"), wanted or Wanted(), severity_of_class)
