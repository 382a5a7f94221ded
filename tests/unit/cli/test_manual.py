from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from cli.reference import FOLDER
from cli.reference.limits import Limit, every, value_of
from cli.reference.settings import OTHERS, configuration
from runtime.settings import Settings

DOCS = FOLDER.parent
ROOT = DOCS.parent
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
_FENCED = re.compile(r"^(```|~~~).*?^\1", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\]\(([^)\s]+)\)")


@cache
def links(page: Path) -> tuple[str, ...]:
    """The relative links of a page, but for those in its examples."""
    found = _LINK.findall(_FENCED.sub("", page.read_text(encoding="utf-8")))
    return tuple(link for link in found if not re.match(r"[a-z]+:", link))


@cache
def anchors(page: Path) -> frozenset[str]:
    """The names that its headings have, as GitHub makes them."""
    headings = re.findall(r"^#{1,6} +(.+?) *#*$", _FENCED.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    plain = (re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading) for heading in headings)
    return frozenset(re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in plain)


def reached(start: Path) -> set[Path]:
    """Every page that links lead to from this one."""
    found, left = {start}, [start]
    while left:
        page = left.pop()
        for link in links(page):
            target = (page.parent / link.partition("#")[0]).resolve()
            if target.suffix == ".md" and target.is_file() and target not in found:
                found.add(target)
                left.append(target)
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_link_of_the_manual_is_broken(page: Path) -> None:
    broken = []
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def test_every_page_is_reached_from_the_manuals_first() -> None:
    assert [str(page.relative_to(ROOT)) for page in PAGES[1:] if page not in reached(DOCS / "README.md")] == []


def test_every_how_to_is_named_on_the_first_page_itself() -> None:
    named = {(DOCS / link.partition("#")[0]).resolve() for link in links(DOCS / "README.md")}
    assert [page.name for page in sorted((DOCS / "how-to").glob("*.md")) if page not in named] == []


def test_every_variable_has_its_place_and_its_readers() -> None:
    page = configuration()
    assert f"## {OTHERS}" not in page
    assert [name for name in Settings.model_fields if page.count(f"| `ONESTACK_{name.upper()}` |") != 1] == []


@pytest.mark.parametrize("limit", every(), ids=lambda limit: limit.where)
def test_every_limit_is_read_from_the_code(limit: Limit) -> None:
    assert value_of(limit.where) is not None
