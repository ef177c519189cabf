from __future__ import annotations

from egret.web.html import choice, counted, definitions, document, moment, section, span, state, table, text, timeless


def test_spans() -> None:
    assert [span(s) for s in (-5, 0, 59.9, 60, 3599, 3600, 90_000)] == [
        "0 s",
        "0 s",
        "59 s",
        "1 min",
        "59 min",
        "1 h",
        "1 d",
    ]


def test_what_comes_from_outside_is_text() -> None:
    assert text("<b>\x1b[31m&") == "&lt;b&gt;\\x1b[31m&amp;"


def test_a_moment_says_how_long_ago_it_was_and_bears_any_time() -> None:
    assert "1970-01-01 00:01:00" in moment(60 * 10**9, 120 * 10**9)
    assert "1 min ago" in moment(60 * 10**9, 120 * 10**9)
    assert "9999-12-31" in moment(1 << 80, 0)


def test_tables_have_a_caption_and_name_their_rows() -> None:
    made = table("What", ("A", "B"), [("1", "2")])
    assert "<caption>What</caption>" in made
    assert '<th scope="row" data-label="A"><div>1</div></th><td data-label="B"><div>2</div></td>' in made


def test_small_pieces() -> None:
    assert section("x", "X", "y") == '<section aria-labelledby="x"><h2 id="x">X</h2>y</section>'
    assert definitions([("a", "b")]) == "<dl><div><dt>a</dt><dd>b</dd></div></dl>"
    assert state(good=False, words="down") == ('<span class="state bad"><span aria-hidden="true">!</span> down</span>')


def test_two_columns_stay_a_table_on_a_phone_and_rows_have_keys() -> None:
    assert table("c", ("a", "b"), [("1", "2")]).startswith('<table class="slim">')
    wide = table("c", ("a", "b", "d"), [("1", "2", "3")], ['"x'])
    assert wide.startswith("<table><caption>")
    assert '<tr data-key="&quot;x">' in wide


def test_how_long_ago_it_was_is_no_change() -> None:
    assert timeless(moment(0, 5 * 10**9)) == timeless(moment(0, 500 * 10**9)) != timeless(moment(10**9, 5 * 10**9))


def test_a_field_offers_what_it_is_given_as_text() -> None:
    made = choice("n", "N", {"": "any", '"': "<b>"}, '"')
    assert '<option value="">any</option><option value="&quot;" selected>&lt;b&gt;</option>' in made


def test_a_document_is_whole() -> None:
    made = document("T", "<p>b</p>", "<meta>")
    assert made.startswith("<!doctype html>")
    assert "<meta></head><body><p>b</p></body></html>" in made


def test_numbers_and_their_nouns() -> None:
    assert [counted(number, "look-up") for number in (0, 1, 1234)] == ["0 look-ups", "1 look-up", "1,234 look-ups"]
