from __future__ import annotations

import re
from pathlib import Path

import pytest

from cli.reference import FOLDER, pages
from schemas.documents import load_yaml

DOCS = FOLDER.parent
PAGES = pages()
MARKDOWN = sorted([DOCS.parent / "README.md", *DOCS.rglob("*.md")])


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_page_is_current(name: str) -> None:
    assert (FOLDER / name).read_text() == PAGES[name], "run `make docs`"


@pytest.mark.parametrize("file", MARKDOWN, ids=lambda file: str(file.relative_to(DOCS.parent)))
def test_every_definition_in_the_manual_is_valid(file: Path) -> None:
    from engine.check import check
    from schemas.definitions import parse_definition

    for block in re.findall(r"```yaml\n(.*?)```", file.read_text(), re.DOTALL):
        for body in load_yaml(block):
            if "steps" in body and "trigger" in body:
                assert check(parse_definition(body)) == []
