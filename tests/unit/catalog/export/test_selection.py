from __future__ import annotations

import pytest

from egret.catalog.export.selection import Wanted, ascii_text, below, known_names, label_expression, quoted
from egret.errors import CatalogError
from egret.model import ServiceClass, Severity
from egret.value import replace
from tests.support.catalog import host, signature
from tests.support.exports import CLOUD, NESTED, PLAIN, selection


def test_the_default_is_ai_and_embedded() -> None:
    assert {t.signature.id for t in selection(*NESTED).targets} == {"x.ai"}
    assert {t.signature.id for t in selection(*NESTED, wanted=CLOUD).targets} == {"x.cloud"}


def test_severity_is_judged_host_by_host() -> None:
    both = signature("x.y", host("exact:cn.example", "CN (a)"), host("exact:sg.example", "SG (b)"), contested=True)
    high = selection(both, wanted=Wanted(min_severity=Severity.HIGH))
    assert [t.host.pattern for t in high.targets] == ["cn.example"]
    assert [h.pattern for h in high.others] == ["sg.example"]


def test_vendors_and_networks() -> None:
    dns = replace(
        signature("x.dns", networks=("192.0.2.1/32",), service_class=ServiceClass.RESOLVER), last_reviewed="2026-01-02"
    )
    wanted = Wanted(classes={ServiceClass.RESOLVER}, vendors={"Example"}, min_severity=Severity.LOW)
    chosen = selection(dns, wanted=wanted)
    assert [each.id for each, _ in chosen.networks] == ["x.dns"]
    assert chosen.signatures == (dns,)
    assert chosen.head(["a\nb"]) == [
        "Egret catalogue 2026.11.22+test, last reviewed 2026-01-02, licence MIT",
        "classes resolver; vendors Example; severity low or more: 0 host patterns of 1 services",
        "not said here: a\\x0ab",
    ]
    assert selection(dns, wanted=Wanted(vendors={"Other"})).signatures == ()


@pytest.mark.parametrize("bad", ['exact:a.b"; drop', "suffix:a.b\nc.d", "wildcard:*.example", "exact:a..b"])
def test_no_host_that_is_none_gets_out(bad: str) -> None:
    with pytest.raises(CatalogError, match="bad host"):
        selection(signature("x.y", bad))


def test_words() -> None:
    assert label_expression("ark.*.a-b.example") == r"^ark\.[^.]+\.a-b\.example$"
    assert below("a.b.example", {"b.example"})
    assert not below("ab.example", {"b.example"})
    assert quoted('a"\u2028b') == '"a\\"\\\\u2028b"'
    assert ascii_text("\u901a\n") == "\\u901a\\x0a"


def test_known_names_are_the_examples_that_match() -> None:
    chat = replace(PLAIN[0], examples=("ark.cn.vol.example", "www.chat.example"))
    suffix, exact, wildcard = selection(chat).targets
    assert known_names(suffix) == ["chat.example", "www.chat.example"]
    assert known_names(exact) == ["api.other.example"]
    assert known_names(wildcard) == ["ark.cn.vol.example"]
