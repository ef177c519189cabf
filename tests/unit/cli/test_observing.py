from __future__ import annotations

import json
from pathlib import Path

import pytest

from egret.cli.observing import observe_files

DEMO = "src/egret/data/demo/egret-demo.pcapng"


def test_a_line_for_each_name_and_for_what_else_is_wanted(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def lines(*, flows: bool) -> list[dict[str, object]]:
        assert observe_files([str(repository / DEMO)], flows=flows, jobs="1") == 0
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    names = lines(flows=False)
    assert {"answer", "request"} <= {str(line["kind"]) for line in names}
    assert len(lines(flows=True)) > len(names)


def test_a_file_that_is_not_there_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert observe_files(["nowhere.pcap"]) == 2
    assert "nowhere.pcap" in capsys.readouterr().err
