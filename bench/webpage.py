"""One page in a fresh browser: when something is to be seen and used, and what was sent for it."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from statistics import median
from typing import Any, Final, NamedTuple

from playwright.sync_api import Page, Playwright, Request, sync_playwright

from bench.errors import BenchError

VIEW: Final = {"width": 1280, "height": 800}
_FLAGS: Final = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
_SETTLED_MS: Final = 3_000
"""How long after its content a page is watched for long tasks."""

_WATCH = """
(selector) => {
  const seen = (window.__seen = { content: null, tasks: [] });
  new PerformanceObserver((list) => {
    for (const task of list.getEntries()) seen.tasks.push([task.startTime, task.startTime + task.duration]);
  }).observe({ type: 'longtask', buffered: true });
  const look = () => {
    const found = document.querySelector(selector);
    if (found && found.getClientRects().length > 0) seen.content = performance.now();
    else requestAnimationFrame(look);
  };
  look();
}
"""


class Kind(NamedTuple):
    """A page to measure: what it is called, where it is, and what of it is its content."""

    name: str
    path: str
    content: str
    goals: Mapping[str, float]


class Load(NamedTuple):
    """One cold load: times in ms, sizes in bytes as sent."""

    fcp: float
    content: float
    interactive: float
    blocked: float
    script: int
    style: int
    sent: int
    requests: int
    outside: int

    def figures(self) -> dict[str, float]:
        """As the table and the file tell them."""
        return {**self._asdict(), "code": self.script + self.style}


def chromium() -> str:
    """The browser of the machine. Raises BenchError where there is none."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        raise BenchError("there is no Chromium on the PATH: on Debian, apt-get install chromium")
    return found


@contextmanager
def playing() -> Iterator[Playwright]:
    """Playwright, stopped at the end."""
    with sync_playwright() as one:
        yield one


def measure(playwright: Playwright, address: str, kind: Kind, cookies: list[Any], *, loads: int) -> dict[str, float]:
    """The median of so many cold loads; one more before them is dropped."""
    taken = [_load(playwright, address, kind, cookies) for _ in range(loads + 1)][1:]
    columns = [one.figures() for one in taken]
    return {name: median(column[name] for column in columns) for name in columns[0]}


def _load(playwright: Playwright, address: str, kind: Kind, cookies: list[Any]) -> Load:
    browser = playwright.chromium.launch(executable_path=chromium(), args=list(_FLAGS))
    try:
        context = browser.new_context(viewport=VIEW, color_scheme="light")  # type: ignore[arg-type]  # its own TypedDict
        context.add_cookies(cookies)
        page = context.new_page()
        page.add_init_script(f"({_WATCH})({kind.content!r})")
        sent = _Sent(page, address)
        page.goto(address + kind.path, wait_until="commit")
        page.locator(kind.content).first.wait_for(timeout=30_000)
        page.wait_for_timeout(_SETTLED_MS)
        return _read(page, sent)
    finally:
        browser.close()


class _Sent:
    """What crosses the wire, by the browser's own count."""

    def __init__(self, page: Page, address: str) -> None:
        self.bytes: Counter[str] = Counter()
        self.requests = 0
        self.outside = 0
        self._address = address
        self._types: dict[str, str] = {}
        client = page.context.new_cdp_session(page)
        client.send("Network.enable")
        client.on("Network.responseReceived", self._on_response)
        client.on("Network.loadingFinished", self._on_finished)
        page.on("request", self._on_request)

    def _on_request(self, request: Request) -> None:
        if request.url.startswith(("data:", "blob:")):
            return
        self.requests += 1
        self.outside += not request.url.startswith(self._address)

    def _on_response(self, event: dict[str, Any]) -> None:
        self._types[event["requestId"]] = event["type"]

    def _on_finished(self, event: dict[str, Any]) -> None:
        self.bytes[self._types.get(event["requestId"], "Other")] += int(event["encodedDataLength"])


def _read(page: Page, sent: _Sent) -> Load:
    seen = page.evaluate("window.__seen")
    fcp = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0")
    content = float(seen["content"])
    tasks = [(begin, end) for begin, end in seen["tasks"] if begin <= content + _SETTLED_MS]
    return Load(
        fcp=float(fcp),
        content=content,
        interactive=max([content, *(end for _, end in tasks)]),
        blocked=sum(end - begin - 50 for begin, end in tasks),
        script=sent.bytes["Script"],
        style=sent.bytes["Stylesheet"],
        sent=sent.bytes.total(),
        requests=sent.requests,
        outside=sent.outside,
    )
