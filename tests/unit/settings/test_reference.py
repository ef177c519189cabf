from __future__ import annotations

from pathlib import Path

from egret.settings.config import Config
from egret.settings.outputs_section import Webhook
from egret.settings.reference import reference_page
from egret.settings.sections import Section, Suppression


def test_every_option_is_on_the_page() -> None:
    page = reference_page()
    for name, field in Config.model_fields.items():
        assert f"## `{name}`" in page
        for key, option in type(field.default).model_fields.items():
            nested = isinstance(option.default, Section)
            assert (f"## `{name}.{key}`" if nested else f"| `{key}` |") in page
    for model in (Suppression, Webhook):
        assert all(f"| `{key}` |" in page for key in model.model_fields)


def test_rows_say_defaults_and_values() -> None:
    page = reference_page()
    assert "| `ring_mb` | `16` | 1 to 4096 |" in page
    assert "| `keep` | `90d` | like `30s`, `1h`, `90d` |" in page
    assert "| `name` | required |" in page
    assert "| `hmac_secret` | `null` |" in page


def test_the_committed_page_is_the_current_one() -> None:
    committed = Path(__file__).parents[3] / "docs/configuration.md"
    assert committed.read_text(encoding="utf-8") == reference_page(), "run `make docs`"
