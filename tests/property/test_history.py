"""The history keeps times in order; the naive one looks at every client for each incident."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from egret.judge import history
from egret.judge.history import History, Use
from egret.judge.score import Context

WINDOW = 100
USES = st.builds(Use, st.sampled_from("ab"), st.sampled_from("uvwxyz"), st.integers(0, 400))
STEPS = st.lists(st.tuples(st.sampled_from(["open", "open", "recall", "afresh", "forget"]), USES), max_size=40)


class Naive:
    """As the words say it."""

    def __init__(self) -> None:
        self.uses: list[Use] = []  # one of a client and service, the one noted last at the end

    def note(self, use: Use) -> None:
        before = [each for each in self.uses if each[:2] == use[:2]]
        self.uses = [each for each in self.uses if each[:2] != use[:2]]
        self.uses.append(use._replace(last_ns=max(each.last_ns for each in [*before, use])))
        same = [each for each in self.uses if each.signature == use.signature]
        if len(same) > history.MAX_CLIENTS:
            self.uses.remove(same[0])

    def open(self, use: Use) -> Context:
        recent = {
            each.client
            for each in self.uses
            if each.signature == use.signature and use.last_ns - each.last_ns <= WINDOW
        }
        self.note(use)
        return Context(
            first_in_network=not recent,
            first_by_client=use.client not in recent,
            clients=len(recent | {use.client}),
        )


@given(STEPS, st.integers(2, 8))
def test_what_is_new_and_rare_is_what_a_look_at_every_client_says(steps: list[tuple[str, Use]], most: int) -> None:
    before, history.MAX_CLIENTS = history.MAX_CLIENTS, most
    try:
        past, naive = History(), Naive()
        for step, use in steps:
            if step == "open":
                assert past.open(use, WINDOW) == naive.open(use)
            elif step == "forget":
                past.forget(use.client)
                naive.uses = [each for each in naive.uses if each.client != use.client]
            else:
                past.recall([use], afresh=step == "afresh")
                naive.uses = [] if step == "afresh" else naive.uses
                naive.note(use)
    finally:
        history.MAX_CLIENTS = before
