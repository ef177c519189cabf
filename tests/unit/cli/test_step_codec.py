from __future__ import annotations

from egret.cli.step_codec import dump, load
from egret.cli.steps import Ended, Entangled, Found, Passed, moved
from egret.evidence import Raw
from egret.judge.unnamed import UNNAMED
from egret.model import Match, Role
from egret.track.partial import Remembers
from egret.value import replace
from egret.worker.pipeline import Hit
from tests.support.alerts import CLIENT, START_NS
from tests.support.pipeline import CATALOG, seen

MATCH = Match(next(iter(UNNAMED.values())), "x", None)
HIT = Hit(replace(seen("chat.example"), raw=Raw(b"x")), MATCH)


def test_all_of_it_crosses_to_another_process_but_the_message() -> None:
    mark = (CLIENT, Role.PROXY, START_NS)
    for step in (Found((mark,), (HIT,)), moved([]), Ended(3, {("x",): 1}), Passed(Remembers(1, 2)), Entangled("why")):
        assert load(dump(step), CATALOG) == step
    again = load(dump(Found((), (HIT,))), CATALOG)
    assert isinstance(again, Found)
    assert again.hits[0].event.raw is None
    assert again.hits[0].match.signature is MATCH.signature
