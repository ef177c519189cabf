from __future__ import annotations

from egret.catalog.diff import Fact, What, changes, known_names, name_changes
from egret.catalog.match import Catalog
from egret.judge.verdict import severity_of_class
from egret.model import Scope, ServiceClass, Severity
from egret.value import replace
from tests.support.catalog import bundled, host, signature

OLD = Catalog([signature("a.chat", "suffix:a.example"), signature("b.api", "exact:b.example")], "1")
NEW = Catalog(
    [
        signature("a.chat", "suffix:a.example", host("exact:x.example", "SG (x)"), contested=True),
        signature("c.dns", networks=("192.0.2.1/32",), ports=(853,), service_class=ServiceClass.RESOLVER),
    ],
    "2",
)


def test_signatures_added_removed_and_changed() -> None:
    changed, removed, added = changes(OLD, NEW)
    assert changed.facts == (Fact("operator", "CN", "CN, contested"),)
    assert (changed.what, changed.added, changed.removed) == (What.CHANGED, ("exact x.example in SG (x)",), ())
    assert (removed.signature, removed.what, removed.removed) == ("b.api", What.REMOVED, ("exact b.example",))
    assert (added.signature, added.what, added.added) == ("c.dns", What.ADDED, ("network 192.0.2.1/32 ports 853",))


def test_texts_are_no_change() -> None:
    other = Catalog([replace(each, note="new", last_reviewed="2026-12-01") for each in OLD.signatures], "3")
    assert changes(OLD, other) == []


def test_a_documented_scope_is_a_change_its_words_are_none() -> None:
    def catalog(storage: str | None, includes_mainland: bool | None, *, at_host: bool) -> Catalog:
        scope = Scope(
            storage=storage, inference=None, includes_mainland=includes_mainland, source="the vendor", date="2026-11-22"
        )
        own = replace(host("exact:a.example"), scope=scope)
        each = signature("a.chat", own)
        return Catalog([each if at_host else replace(each, scope=scope)], "1")

    plain = Catalog([signature("a.chat", "exact:a.example")], "0")
    (change,) = changes(plain, catalog("there", True, at_host=True))
    assert change.added == ("exact a.example, documented with the mainland",)
    assert change.removed == ("exact a.example",)
    (change,) = changes(catalog("there", None, at_host=False), catalog("there", False, at_host=False))
    assert change.facts == (Fact("scope", "documented", "documented without the mainland"),)
    assert (change.added, change.removed) == ((), ())
    assert changes(catalog("there", True, at_host=True), catalog("here", True, at_host=True)) == []


def test_names_before_and_after() -> None:
    names = known_names(OLD, NEW)
    assert names == {"a.example", "b.example", "x.example"}
    found = name_changes(OLD, NEW, names | {"other.example"}, severity_of_class)
    assert [(each.name, each.old is None, each.new is None) for each in found] == [
        ("a.example", False, False),
        ("b.example", False, True),
        ("x.example", True, False),
    ]
    assert found[0].old
    assert found[0].new
    assert (found[0].old.severity, found[0].new.severity) == (Severity.HIGH, Severity.MEDIUM)


def test_the_bundled_catalogue_is_itself() -> None:
    catalog = bundled()
    assert changes(catalog, catalog) == []
    assert name_changes(catalog, catalog, known_names(catalog), severity_of_class) == []
