from __future__ import annotations

import pytest

from egret.evidence import About, ChainLink, ScorePart


def test_a_summand_is_a_row() -> None:
    assert ScorePart("class", 45, "why")._asdict() == {"name": "class", "points": 45, "why": "why"}


def test_a_fact_speaks_to_one_of_two_questions_and_does_not_change() -> None:
    assert {about.value for about in About} == {"operator", "hosting"}
    link = ChainLink(about=About.HOSTING, fact="address_country", value="SG")
    assert (link.source, link.date, link.note) == ("", "", "")
    with pytest.raises(AttributeError, match="immutable"):
        link.value = "CN"  # type: ignore[misc]
