"""The bundled catalogue on names that others wrote: what client code calls, and what is nobody's AI."""

from __future__ import annotations

import pytest

from bench import catalogue
from egret.catalog.match import Catalog
from egret.settings.catalogue import load_catalog


@pytest.fixture(scope="module")
def bundled() -> Catalog:
    return load_catalog()


def test_hosts_of_client_code_have_the_right_vendor_and_class(bundled: Catalog) -> None:
    result = catalogue.client_hosts(bundled, check_class=True)
    assert result.names >= 400
    assert [line.partition(":")[0] for line in result.wrong] == ["nonelinear.com"]  # a reseller of unknown seat


def test_ordinary_names_are_neither_ai_nor_embedded(bundled: Catalog) -> None:
    result = catalogue.ordinary_names(bundled)
    assert result.names >= 1000
    assert result.wrong == ()


def test_look_alikes_of_our_own_hosts_are_neither_ai_nor_embedded(bundled: Catalog) -> None:
    result = catalogue.look_alikes(bundled)
    assert result.names >= 2000
    assert result.wrong == ()


def test_a_host_with_another_vendor_is_named() -> None:
    nobody = Catalog((), "none")
    result = catalogue.client_hosts(nobody)
    assert len(result.wrong) == result.names
    assert result.wrong[0].endswith(")")
    assert "nobody nothing instead of" in result.wrong[0]
