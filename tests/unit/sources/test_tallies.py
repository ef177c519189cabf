from __future__ import annotations

import json
from typing import Any

import pytest

from egret.errors import SourceError
from egret.model import Endpoint, FlowKey, Transport
from egret.sources import tallies
from egret.sources.conntrack import MAX_FLOWS, Tracking
from egret.sources.tallies import Clerk, decode_flows, decode_tallies, encode_flows
from egret.track.tally import Tally

FLOW = FlowKey(Transport.UDP, Endpoint(bytes([192, 0, 2, 1]), 40000), Endpoint(bytes([203, 0, 113, 9]), 443))
SIX = FlowKey(Transport.TCP, Endpoint(bytes(15) + b"\1", 40000), Endpoint(bytes(15) + b"\2", 443))
GOOD = ["udp", "c0000201", 40000, "cb007109", 443]


class Known(Tracking):
    def __init__(self) -> None:
        """No socket."""

    def tally(self, flow: FlowKey) -> Tally | None:
        return Tally(1, 2, 3, 4, 5) if flow == FLOW else None


def test_flows_cross_and_numbers_come_back() -> None:
    assert decode_flows({"do": "tally", "id": 1, "flows": encode_flows([FLOW, SIX])}) == [FLOW, SIX]
    answer = Clerk(Known()).answer({"do": "tally", "flows": encode_flows([FLOW, SIX])})
    assert decode_tallies(json.loads(json.dumps({**answer, "id": 1})), 2) == [Tally(1, 2, 3, 4, 5), None]


@pytest.mark.parametrize(
    "flows",
    [
        None,
        "udp",
        [GOOD] * (MAX_FLOWS + 1),
        [[]],
        [{}],
        [["icmp", *GOOD[1:]]],
        [["udp", "c00002", *GOOD[2:]]],
        [["udp", "zz000201", *GOOD[2:]]],
        [["udp", "00" * 16, *GOOD[2:]]],
        [[*GOOD[:2], -1, *GOOD[3:]]],
        [[*GOOD[:2], True, *GOOD[3:]]],
        [[*GOOD[:4], 65536]],
        [[*GOOD[:4], "443"]],
        [[*GOOD, 1]],
    ],
)
def test_anything_else_is_refused(flows: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        Clerk(Known()).answer({"do": "tally", "flows": flows})


def test_another_field_is_refused() -> None:
    with pytest.raises(ValueError, match="no list"):
        decode_flows({"do": "tally", "flows": [], "dump": True})


def test_a_worker_that_asks_too_often_hears_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tallies, "WINDOW_S", 1e9)
    clerk = Clerk(Known())
    question: dict[str, object] = {"do": "tally", "flows": encode_flows([FLOW])}
    answers = [clerk.answer(question) for _ in range(tallies.MESSAGES_PER_WINDOW + 1)]
    assert [answer["tallies"] is None for answer in answers] == [False] * tallies.MESSAGES_PER_WINDOW + [True]
    with pytest.raises(SourceError, match="too often"):
        decode_tallies(answers[-1], 1)


@pytest.mark.parametrize("said", [7, [], [[1, 2, 3, 4, 5]] * 2])
def test_an_answer_to_something_else(said: object) -> None:
    with pytest.raises(SourceError):
        decode_tallies({"tallies": said}, 1)


@pytest.mark.parametrize("row", [None, 7, [1, 2, 3, 4], [1, 2, 3, 4, -5], [1, 2, 3, 4, True], [1, 2, 3, 4, 1 << 63]])
def test_numbers_that_are_none(row: Any) -> None:
    assert decode_tallies({"tallies": [row]}, 1) == [None]
