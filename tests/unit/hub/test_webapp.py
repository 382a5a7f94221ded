"""The web app's files as the Hub serves them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from hub import webapp
from hub.webapp import WebApp
from tests.unit.hub.conftest import Client

INDEX = b"<!doctype html><script src=/assets/app-1.js></script>"


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    """A build: as Vite makes it, with compressed files beside those that are worth it."""
    folder = tmp_path / "dist"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_bytes(INDEX)
    (folder / "mark.svg").write_bytes(b"<svg/>")
    (folder / "assets" / "app-1.js").write_bytes(b"plain")
    (folder / "assets" / "app-1.js.br").write_bytes(b"brotli")
    (folder / "assets" / "app-1.js.gz").write_bytes(b"gzip")
    (folder / "assets" / "app-1.css").write_bytes(b"a{}")
    return folder


@pytest.fixture
def web(dist: Path) -> Callable[[], httpx.AsyncClient]:
    return lambda: httpx.AsyncClient(transport=httpx.ASGITransport(WebApp(dist)), base_url="http://hub")


async def test_every_path_of_the_app_gets_the_same_page_and_asks_again_for_it(
    web: Callable[[], httpx.AsyncClient],
) -> None:
    async with web() as client:
        for path in ("/", "/workflows", "/workflows/alert-to-ticket/runs?status=failed", "/index.html"):
            answer = await client.get(path)
            assert (answer.status_code, answer.content) == (200, INDEX), path
            assert answer.headers["cache-control"] == "no-cache"
            assert answer.headers["content-type"] == "text/html; charset=utf-8"
        again = await client.get("/runs", headers={"if-none-match": answer.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        head = await client.head("/")
        assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(len(INDEX)))


async def test_assets_are_kept_for_ever_and_one_that_is_gone_is_no_page(web: Callable[[], httpx.AsyncClient]) -> None:
    async with web() as client:
        answer = await client.get("/assets/app-1.css", headers={"accept-encoding": "br"})
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["content-type"] == "text/css; charset=utf-8"
        assert "content-encoding" not in answer.headers, "there is no compressed one"


@pytest.mark.parametrize(
    ("accepted", "sent"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("gzip", "gzip"),
        ("br;q=0, gzip;q=0.5", "gzip"),
        ("br;q=0, gzip;q=0", "identity"),
        ("*", "br"),
        ("*;q=0", "identity"),
        ("identity", "identity"),
        ("", "identity"),
        ("BR", "br"),
        ("br;q=x", "identity"),
    ],
)
async def test_the_browser_gets_the_best_coding_that_it_takes(
    web: Callable[[], httpx.AsyncClient], accepted: str, sent: str
) -> None:
    async with web() as client, client.stream("GET", "/assets/app-1.js", headers={"accept-encoding": accepted}) as it:
        raw = b"".join([piece async for piece in it.aiter_raw()])
        assert it.headers.get("content-encoding", "identity") == sent
        assert raw == {"br": b"brotli", "gzip": b"gzip", "identity": b"plain"}[sent]
        assert it.headers["vary"] == "accept-encoding"
        assert it.headers["etag"].strip('"').endswith(sent)


async def test_every_file_comes_with_what_keeps_strangers_out(web: Callable[[], httpx.AsyncClient]) -> None:
    async with web() as client:
        for path in ("/", "/assets/app-1.js", "/mark.svg"):
            headers = (await client.get(path, headers={"accept-encoding": "identity"})).headers
            policy = headers["content-security-policy"]
            assert "default-src 'self'" in policy
            assert "frame-ancestors 'none'" in policy
            assert "script-src" not in policy, "scripts are files of our own, and nothing else"
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "same-origin"


@pytest.mark.parametrize(
    "path", ["/../secret", "/assets/../../secret", "/%2e%2e/secret", "/assets/%2e%2e/%2e%2e/secret"]
)
async def test_nothing_outside_the_build_is_ever_sent(
    web: Callable[[], httpx.AsyncClient], tmp_path: Path, path: str
) -> None:
    (tmp_path / "secret").write_text("hunter2")
    async with web() as client:
        try:
            answer = await client.get(path)
        except Exception:  # noqa: BLE001 - the Hub around it turns this into a problem
            return
        assert "hunter2" not in answer.text


async def test_a_new_build_is_taken_up_without_a_restart(
    web: Callable[[], httpx.AsyncClient], dist: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webapp, "_LOOK", 0.0)
    async with web() as client:
        assert (await client.get("/")).content == INDEX
        (dist / "index.html").write_bytes(b"new")
        os.utime(dist / "index.html", ns=(1, 1))
        assert (await client.get("/")).content == b"new"
        (dist / "index.html").unlink()
        assert "make web" in (await client.get("/")).text


async def test_where_nothing_is_built_the_page_says_how_to(tmp_path: Path) -> None:
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(WebApp(tmp_path / "none")), base_url="http://hub"
    ) as client:
        answer = await client.get("/workflows")
        assert answer.status_code == 503
        assert "make web" in answer.text


async def test_the_hub_itself_sends_an_asset_that_is_gone_as_a_problem(hub: Client) -> None:
    async with hub() as client:
        answer = await client.get("/assets/no-such-script.js")
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
        assert (await client.post("/workflows")).status_code == 404
