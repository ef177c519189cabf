"""The points that docs/verdicts.md tells are those of the program."""

from __future__ import annotations

from pathlib import Path

import pytest

from egret.judge.chain import FactName
from egret.judge.points import Points
from egret.judge.score import size_text
from egret.model import Category, ServiceClass

PAGE = " ".join((Path(__file__).parents[2] / "docs" / "verdicts.md").read_text(encoding="utf-8").split())
POINTS = Points()


@pytest.mark.parametrize(
    "row",
    [
        f"`ai` {POINTS.classes[ServiceClass.AI]}, `embedded` {POINTS.classes[ServiceClass.EMBEDDED]},",
        f"`cloud` and `resolver` {POINTS.classes[ServiceClass.CLOUD]}, `broad` {POINTS.classes[ServiceClass.BROAD]}",
        f"`coding-assistant` {POINTS.categories[Category.CODING_ASSISTANT]}, others 0",
        f"under PRC law {POINTS.operator_prc}, contested {POINTS.operator_contested}, else 0",
        f"in China {POINTS.hosting_in_china}, else 0",
        f"| inference scope | {POINTS.inference_mainland} |",
        f"| look-up only | {POINTS.lookup_only} |",
        f"| unsure name | {POINTS.unsure_name} |",
        f"| first seen | {POINTS.first_in_network} |",
        f"in the last {POINTS.window_ns // 86_400_000_000_000} days; {POINTS.first_by_client}: others did",
        f"| prevalence | {POINTS.rare} | the service is known here and at most {POINTS.rare_clients} clients use it |",
        f"| server | {POINTS.server_api} |",
        ", ".join(
            f"{step.points} from {size_text(step.from_bytes)}{' sent' if at == 0 else ''}"
            for at, step in enumerate(POINTS.volume)
        ),
        f"| {POINTS.raise_to_critical} | critical |",
        f"| {POINTS.raise_to_high} | high |",
    ],
)
def test_the_page_tells_the_defaults(row: str) -> None:
    assert row in PAGE


@pytest.mark.parametrize("fact", FactName)
def test_every_fact_of_the_chain_is_on_the_page(fact: FactName) -> None:
    assert f"`{fact}`" in PAGE
