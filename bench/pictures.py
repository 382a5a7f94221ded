"""Pictures of every page of the web app for the manual, light and dark: `python -m bench.pictures`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import APIRequestContext, Page

from bench.errors import BenchError
from bench.webhouse import ORG, places, product, signed_in, workflow_of_each_template
from bench.webpage import VIEW, chromium, playing
from sandbox.errors import SandboxError

FOLDER: Final = Path(__file__).parents[1] / "docs" / "pictures"
_SETTLED_MS: Final = 2_500
_NARROW: Final = {"width": 390, "height": 844}


def _pages(api: APIRequestContext) -> dict[str, str]:
    """Where each page is, by what its picture is called."""
    workflow, run = places(api)
    answer = api.get("/api/v1/runs?status=failed&limit=1").json()["items"]
    failed = answer[0]["run_id"] if answer else run
    skipped = api.get("/api/v1/runs?kind=filtered&limit=1").json()["items"]
    about = skipped[0]["entity_key"].partition("/")[2] if skipped else ""
    return {
        "workflows": "/workflows",
        "new": "/workflows/new",
        "designer": f"/workflows/{workflow}",
        "test": f"/workflows/{workflow}?tab=test",
        "versions": f"/workflows/{workflow}/versions",
        "history": f"/workflows/{workflow}/runs",
        "runs": "/runs",
        "filtered": "/runs/filtered",
        "run": f"/runs/{failed}",
        "why": f"/why?entity={about}",
        "templates": "/templates",
        "template": "/templates/device-offline-alert",
        "health": "/health",
        "dead-letters": "/dead-letters",
        "settings": "/settings",
    }


def _edit(page: Page) -> None:
    """The designer is shown at work: with a step's form beside the flowchart."""
    cards = page.locator("[data-card]")
    if cards.count() > 2:
        cards.nth(2).click()


def take(address: str, org: str, folder: Path, *, fill: bool) -> list[Path]:
    """Take all of them; the files."""
    taken: list[Path] = []
    folder.mkdir(parents=True, exist_ok=True)
    with playing() as playwright:
        api = signed_in(playwright, address, org)
        if fill:
            workflow_of_each_template(api)
        wanted, cookies = _pages(api), list(api.storage_state()["cookies"])
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox", "--disable-gpu"])
        looks: list[tuple[str, dict[str, Any]]] = [
            ("light", {"viewport": VIEW, "color_scheme": "light"}),
            ("dark", {"viewport": VIEW, "color_scheme": "dark"}),
            ("narrow", {"viewport": _NARROW, "color_scheme": "light"}),
        ]
        for look, options in looks:
            context = browser.new_context(base_url=address, reduced_motion="reduce", **options)
            context.add_cookies(cookies)  # type: ignore[arg-type]  # as they were given
            for name, path in wanted.items():
                page = context.new_page()
                page.goto(path)
                page.wait_for_timeout(_SETTLED_MS)
                if name == "designer" and look != "narrow":
                    _edit(page)
                    page.wait_for_timeout(_SETTLED_MS // 2)
                file = folder / f"{name}-{look}.png"
                page.screenshot(path=file, animations="disabled")
                taken.append(file)
                page.close()
            context.close()
        browser.close()
    return taken


def main(argv: Sequence[str] | None = None) -> int:
    """Takes the pictures and names them."""
    parser = argparse.ArgumentParser(prog="python -m bench.pictures", description=__doc__)
    parser.add_argument("--address", help="of a Hub that runs, as `onestack up` tells it [one is started and filled]")
    parser.add_argument("--org", default=ORG, help=f"whose pages are shown [{ORG}]")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the pictures go [docs/pictures]")
    arguments = parser.parse_args(argv)
    with nullcontext(arguments.address) if arguments.address else product() as address:
        for file in take(address, arguments.org, arguments.folder, fill=arguments.address is None):
            print(file)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (BenchError, SandboxError) as error:
        sys.exit(str(error))
