"""Write the files that are made from the program: reference pages, the default configuration, the README's picture.

Run it after a change of a setting, a metric, a command or the demo capture: ``make docs``. Tests compare the files
with what it would write.
"""

from __future__ import annotations

from pathlib import Path

from egret.settings.reference import reference_page
from egret.settings.yaml_text import default_yaml
from egret.telemetry.reference import metrics_page
from scripts.docs_alert_schema import alert_schema_text
from scripts.docs_commands import commands_page
from scripts.docs_digest_schema import digest_schema_text
from scripts.docs_picture import demo_picture
from scripts.docs_sensor_schema import sensor_schema_text
from scripts.docs_signatures import signatures_page

ROOT = Path(__file__).resolve().parent.parent
FILES = {
    "docs/alert.schema.json": alert_schema_text,
    "docs/digest.schema.json": digest_schema_text,
    "docs/sensor-alert.schema.json": sensor_schema_text,
    "docs/configuration.md": reference_page,
    "docs/metrics.md": metrics_page,
    "docs/commands.md": commands_page,
    "docs/signatures.md": signatures_page,
    "docs/images/demo.svg": demo_picture,
    "deploy/egret.yaml": default_yaml,
}


def main() -> None:
    """Write each file where it belongs."""
    for name, make in FILES.items():
        path = ROOT / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(make(), encoding="utf-8")
        print(f"wrote {name}")


if __name__ == "__main__":
    main()
