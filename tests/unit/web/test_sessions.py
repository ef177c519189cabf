from __future__ import annotations

from egret.web.sessions import MAX_SESSIONS, Sessions


def test_a_session_ends_by_time_or_by_logging_out() -> None:
    sessions = Sessions()
    token = sessions.begin("alice", "hash", 10.0)
    found = sessions.find(token, 9.9)
    assert found is not None
    assert found.user == "alice"
    assert sessions.find(token, 10.0) is None
    assert sessions.find(token, 0.0) is None  # gone, not only late
    again = sessions.begin("alice", "hash", 10.0)
    sessions.end(again)
    assert sessions.find(again, 0.0) is None
    assert sessions.find("\ud800", 0.0) is None


def test_no_token_is_in_memory_and_there_are_not_too_many() -> None:
    sessions = Sessions()
    tokens = [sessions.begin("alice", "hash", 10.0) for _ in range(MAX_SESSIONS + 1)]
    assert len(set(tokens)) == len(tokens)
    assert sessions.find(tokens[0], 0.0) is None
    assert sessions.find(tokens[-1], 0.0) is not None
    assert tokens[-1] not in repr(vars(sessions))
