from __future__ import annotations

from egret.track.waiting import CLIENT_COST, Waiting

A, B = b"\xc0\x00\x02\x01", b"\xc0\x00\x02\x02"


def test_a_client_s_answers_come_in_their_order_and_once() -> None:
    waiting = Waiting(10_000)
    for number, client in enumerate((A, B, A)):
        waiting.add(client, number, b"%d" % number)
    assert len(waiting) == 3
    assert (waiting.take(A), waiting.take(A)) == ([(0, b"0"), (2, b"2")], [])
    assert (len(waiting), waiting._held) == (1, CLIENT_COST + 11)
    assert (waiting.take(B), len(waiting), waiting._held) == ([(1, b"1")], 0, 0)


def test_beyond_the_bound_the_older_half_goes_of_who_waits_longest() -> None:
    waiting = Waiting(2 * CLIENT_COST + 44)
    for number, client in enumerate((A, A, A, B, B)):
        waiting.add(client, number, b"%d" % number)
    assert (len(waiting), waiting.take_dropped(), waiting.take_dropped()) == (3, 2, 0)
    waiting.add(A, 5, b"5")
    waiting.add(B, 6, b"6")  # now B waits longer: A went behind it
    assert waiting.take(A) == [(2, b"2"), (5, b"5")]
    assert waiting.take(B) == [(6, b"6")]
    assert waiting.take_dropped() == 2


def test_a_lone_answer_beyond_the_bound_goes_and_no_time_is_too_far() -> None:
    waiting = Waiting(CLIENT_COST + 20)
    waiting.add(A, 0, bytes(50))
    assert (len(waiting), waiting.take_dropped(), waiting._held) == (0, 1, 0)
    waiting.add(A, 1 << 80, b"")
    waiting.add(A, -1 << 80, b"")
    assert waiting.take(A) == [((1 << 63) - 1, b""), (-1 << 63, b"")]


def test_many_answers_are_kept_as_one_after_the_other_is() -> None:
    answers = [((A, B)[number % 3 == 0], number, bytes(number % 40)) for number in range(200)]
    at_once, singly = Waiting(1_000), Waiting(1_000)
    for start in range(0, 200, 25):
        at_once.add_all(answers[start : start + 25])
        for answer in answers[start : start + 25]:
            singly.add(*answer)
        assert (len(at_once), at_once.take_dropped(), at_once._held) == (
            len(singly),
            singly.take_dropped(),
            singly._held,
        )
    assert [at_once.take(client) for client in (A, B)] == [singly.take(client) for client in (A, B)]
    assert at_once._held == singly._held == 0
