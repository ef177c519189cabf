"""Links resolve, paths exist, and no page names what is only of one machine."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.documents import ROOT, documents, inline_code, prose

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
OURS = ("src/", "docs/", "deploy/", "scripts/", "tests/", "bench/", "signatures/")
# Hosts that serve packages and images, spelled so that this file names none of them.
_REGISTRIES = [
    ("py" + "pi", "org"),
    ("python" + "hosted", "org"),
    ("registry", "npm" + "js"),
    ("docker", "io"),
    ("ghcr", "io"),
]
FOREIGN = re.compile(
    "|".join([*(r"\.".join(parts) for parts in _REGISTRIES), r"/root/|/home/|(?<![.\w])/work/|/tmp/"]), re.IGNORECASE
)


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("page", documents(), ids=name_of)
def test_every_link_leads_somewhere(page: Path) -> None:
    targets = [target for target in LINK.findall(prose(page)) if not target.startswith("https://")]
    broken = [target for target in targets if not leads(page, target)]
    assert broken == []


def leads(page: Path, target: str) -> bool:
    file, _, anchor = target.partition("#")
    path = (page.parent / file).resolve() if file else page
    return path.exists() and (not anchor or anchor in anchors(path))


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", documents(), ids=name_of)
def test_paths_of_the_repository_exist(page: Path) -> None:
    paths = [
        code.partition(":")[0]
        for code in inline_code(page)
        if code.startswith(OURS) and not re.search(r"[<*A-Z ]", code)
    ]
    assert [path for path in paths if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("page", documents(), ids=name_of)
def test_nothing_of_one_machine_is_named(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert FOREIGN.findall(text) == []
    assert str(ROOT) not in text


def test_every_page_can_be_found_from_the_readme() -> None:
    linked = {(ROOT / target).resolve() for target in LINK.findall(prose(ROOT / "README.md"))}
    assert [page.name for page in (ROOT / "docs").glob("*.md") if page.resolve() not in linked] == []


def test_decisions_are_numbered_once() -> None:
    numbers = [path.name[:4] for path in sorted((ROOT / "docs/adr").glob("*.md"))]
    assert len(set(numbers)) == len(numbers)
    for path in (ROOT / "docs/adr").glob("*.md"):
        text = path.read_text(encoding="utf-8").lower()
        assert all(word in text for word in ("## context", "## decision", "## consequences", "would revisit")), path


def test_fragments_are_named_as_agreed() -> None:
    fragments = [path.name for path in (ROOT / "changelog.d").iterdir() if path.name != "README.md"]
    agreed = re.compile(r"(\d+|\+[\w-]+)(\.\d+)?\.(added|changed|fixed|security|signature)\.md")
    assert [name for name in fragments if not agreed.fullmatch(name)] == []
