from __future__ import annotations

from egret.decode.plain_lookup import read_plain

QUESTION = b"\x04Chat\x04qwen\x02ai\0\0\1\0\1"
ADDRESS = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4"
EDNS = b"\0\0\x29\x10\0\0\0\0\0\0\4abcd"


def message(flags: str, answers: int, more: int, body: bytes) -> bytes:
    return b"\0\7" + bytes.fromhex(flags) + b"\0\1" + answers.to_bytes(2) + b"\0\0" + more.to_bytes(2) + body


def test_a_question() -> None:
    assert read_plain(message("0100", 0, 0, QUESTION)) == ("chat.qwen.ai", "A", None, 0)
    assert read_plain(message("0100", 0, 1, QUESTION + EDNS)) == ("chat.qwen.ai", "A", None, 0)
    assert read_plain(message("0100", 0, 0, QUESTION[:-4] + b"\0\0\0\1")) == ("chat.qwen.ai", None, None, 0)


def test_an_answer() -> None:
    addresses = ADDRESS + b"\1\2\3\4" + ADDRESS + b"\1\2\3\5"
    found = read_plain(message("8180", 2, 1, QUESTION + addresses + EDNS))
    assert found == ("chat.qwen.ai", "A", (b"\1\2\3\4", b"\1\2\3\5"), 60)
    assert read_plain(message("8180", 1, 0, QUESTION + addresses)) is None


def test_what_is_not_plain() -> None:
    for odd in (
        b"",
        message("0100", 0, 0, QUESTION + b"\0"),
        message("0100", 0, 0, QUESTION[:-1]),
        message("0100", 0, 0, b"\0\0\1\0\1"),
        message("0100", 0, 0, b"\xc0\x0c\0\0\1\0\1"),
        message("0100", 1, 0, QUESTION + ADDRESS + b"\1\2\3\4"),
        message("0100", 0, 2, QUESTION + EDNS + EDNS),
        message("0100", 0, 1, QUESTION + EDNS[:-1]),
        message("8180", 0, 0, QUESTION),
        message("8180", 1, 0, QUESTION + ADDRESS),
        message("8180", 2, 0, QUESTION + (ADDRESS + b"\1\2\3\4") * 2),
        message("8180", 1, 0, QUESTION + ADDRESS.replace(b"\0\4", b"\0\3") + b"\1\2\3"),
        message("8180", 65, 0, QUESTION + b"".join(ADDRESS + number.to_bytes(4) for number in range(65))),
    ):
        assert read_plain(odd) is None
