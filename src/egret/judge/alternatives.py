"""What to use instead: the operator's word by category goes before the catalogue's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from egret.model import Category, ServiceClass, Signature
from egret.value import replace

_TO_REPLACE = frozenset({ServiceClass.AI, ServiceClass.EMBEDDED})  # nobody is told to replace a cloud or a shop


def preferring(signature: Signature, by_category: Mapping[Category, Sequence[str]]) -> Signature:
    """*signature* with the alternatives of its category, where *by_category* names any (an empty list: none)."""
    chosen = by_category.get(signature.category)
    if chosen is None or signature.service_class not in _TO_REPLACE:
        return signature
    return replace(signature, alternatives=tuple(chosen))
