from __future__ import annotations

from pathlib import Path

import pytest

from egret.errors import ConfigErrors, Position
from egret.settings.positions import MAX_BYTES, load, parse


def problems(data: bytes) -> list[str]:
    with pytest.raises(ConfigErrors) as caught:
        parse(data, "gw.yml").raise_errors()
    return [str(error) for error in caught.value.errors]


def test_only_what_is_meant_is_converted() -> None:
    text = b"[NO, 22:22, 010, 10, -1, 1.5, true, false, yes, null, ~, 'true', 0x1f, 1e3, 2026-11-22, 1_000]"
    assert parse(text, "f").value == [
        *("NO", "22:22", "010", 10, -1, 1.5, True, False, "yes", None, None),
        *("true", "0x1f", "1e3", "2026-11-22", "1_000"),
    ]


def test_a_number_too_long_for_python_stays_text() -> None:
    assert parse(b"a: " + b"9" * 5000, "f").value == {"a": "9" * 5000}


def test_positions_of_values_and_keys() -> None:
    document = parse(b"a:\n  - b: 1\n    c: [x, y]\n", "gw.yml")
    assert document.position(("a", 0, "c", 1)) == Position("gw.yml", 3, 12)
    assert document.position(("a", 0, "c"), of_key=True) == Position("gw.yml", 3, 5)
    assert document.position(("a", "function-after[]", 0, "b")) == Position("gw.yml", 2, 8)
    assert document.position(("a", 7)) == Position("gw.yml", 2, 3)


def test_an_empty_file_is_an_empty_mapping() -> None:
    assert parse(b"", "f").value == {}
    assert parse(b"# nothing\n", "f").value == {}


def test_keys_are_text_and_a_byte_order_mark_is_no_part_of_them() -> None:
    assert parse(b"\xef\xbb\xbf443: x\n", "f").value == {"443": "x"}


def test_anchors_and_aliases_work_within_bounds() -> None:
    assert parse(b"a: &x [1]\nb: *x\nc: &y z\nd: *y\n", "f").value == {"a": [1], "b": [1], "c": "z", "d": "z"}


def test_duplicate_keys_and_tags_are_all_said() -> None:
    text = b"alerts: 1\nx: !!python/object:os.system y\nalerts: 2\nz: !t [1]\n"
    assert problems(text) == [
        "gw.yml:2:4: tag 'tag:yaml.org,2002:python/object:os.system' (tags are not used here: remove it)",
        "gw.yml:3:1: duplicate key 'alerts' (first on line 1)",
        "gw.yml:4:4: tag '!t' (tags are not used here: remove it)",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"a:\n\tb: 1\n", "gw.yml:2:1: a tab (indent with spaces)"),
        (b"a: @x\n", "gw.yml:1:4: found character that cannot start any token (put the value in quotes)"),
        (b"a:\n  b: 1\n\tc: 2\n", "gw.yml:3:1: a tab (indent with spaces)"),
        (b"a: ok\nb: \xff\n", "gw.yml:2:4: a byte that is not UTF-8"),
        (b"a: \x1b[2J\n", "gw.yml:1:4: control character U+001B"),
        (b"a: *x\n", "gw.yml:1:4: '*x' names nothing above it"),
        (b"a: &x [*x]\n", "gw.yml:1:8: '*x' names nothing above it"),
        (b"a: &x b\n*x : 1\n", "gw.yml:2:1: a key that is no plain text"),
        (b"? [a]\n: 1\n", "gw.yml:1:3: a key that is no plain text"),
        (b"a: 1\n---\nb: 1\n", "gw.yml:2:1: a second document"),
        (b"[" * 5000, "gw.yml:1:25: nested deeper than 24 levels"),
        (b"a: b: c\n", "gw.yml:1:5: mapping values are not allowed"),
        (b"#" * (MAX_BYTES + 1), "gw.yml:1:1: the file is larger"),
        (b"[" + b"1," * 120_000 + b"]", "more than 100000 values"),
    ],
)
def test_what_cannot_be_read_says_where(text: bytes, said: str) -> None:
    assert said in problems(text)[0]


def test_a_billion_laughs_end_at_the_bound() -> None:
    lines = [b"a0: &a0 [" + b"x," * 10 + b"]"]
    lines += [b"a%d: &a%d [" % (n, n) + b"*a%d," % (n - 1) * 10 + b"]" for n in range(1, 12)]
    assert "more than 100000 values once aliases are followed" in problems(b"\n".join(lines))[0]


def test_load_reads_and_names_what_it_cannot_read(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"a: 1\n")
    assert load(tmp_path / "a.yaml").value == {"a": 1}
    with pytest.raises(ConfigErrors, match=r"missing\.yaml: cannot be read: No such file"):
        load(tmp_path / "b", "missing.yaml")
