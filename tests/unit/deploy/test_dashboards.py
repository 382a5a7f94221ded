from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.metrics import MetricWrapperBase

from bench.panels import CALM, names_in, questions
from cli.reference.metrics import measures
from deploy.grafana.files import FOLDER, files
from deploy.grafana.panels import WIDTH
from hub import middleware
from runtime import metrics
from schemas.documents import load_yaml

ROOT = Path(__file__).parents[3]
NAMES = sorted(files())
RUNBOOKS = {file.stem for file in (ROOT / "docs" / "runbooks").glob("*.md")}


def dashboard(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / name).read_text())
    return found


def panels(name: str) -> list[dict[str, Any]]:
    return [panel for panel in dashboard(name)["panels"] if panel["type"] != "row"]


@pytest.mark.parametrize("name", NAMES)
def test_a_dashboard_is_as_it_is_made(name: str) -> None:
    assert (FOLDER / name).read_text() == files()[name], "run `make dashboards`"


def test_there_is_no_other_dashboard() -> None:
    assert sorted(file.name for file in FOLDER.iterdir()) == NAMES
    uids = [dashboard(name)["uid"] for name in NAMES]
    assert uids == ["onestack-actions", "onestack-history", "onestack-overview", "onestack-workers"]


@pytest.mark.parametrize("name", NAMES)
def test_every_panel_says_what_it_shows_in_which_unit_and_what_to_do(name: str) -> None:
    for panel in panels(name):
        assert panel["title"]
        assert len(panel["description"]) > 40, panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert panel["targets"], panel["title"]
    titles = [panel["title"] for panel in panels(name)]
    assert len(titles) == len(set(titles))


@pytest.mark.parametrize("name", NAMES)
def test_a_runbook_that_a_panel_names_is_there(name: str) -> None:
    for panel in panels(name):
        for named in re.findall(r"[Rr]unbooks?:? ((?:[a-z-]+(?:, | or )?)+)", panel["description"]):
            for one in re.split(r", | or ", named):
                assert one in RUNBOOKS, panel["title"]


@pytest.mark.parametrize("name", NAMES)
def test_no_panel_lies_over_another_or_beside_the_grid(name: str) -> None:
    taken: dict[tuple[int, int], str] = {}
    for panel in dashboard(name)["panels"]:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= WIDTH, panel["title"]
        for cell in itertools.product(range(at["x"], at["x"] + at["w"]), range(at["y"], at["y"] + at["h"])):
            assert cell not in taken, f"{panel['title']} lies over {taken[cell]}"
            taken[cell] = panel["title"]
    ids = [panel["id"] for panel in dashboard(name)["panels"]]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("name", NAMES)
def test_all_data_comes_from_the_source_that_was_chosen(name: str) -> None:
    whole = dashboard(name)
    assert whole["templating"]["list"][0]["type"] == "datasource"
    assert set(sources(whole)) == {"${datasource}"}


def sources(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(source := part.get("datasource"), dict):
            yield source["uid"]
        part = list(part.values())
    if isinstance(part, list):
        for one in part:
            yield from sources(one)


def test_the_dashboards_are_about_metrics_of_ours_or_of_any_process() -> None:
    ours: set[str] = set()
    for metric in measures():
        found = metric._name
        ours |= {found, f"{found}_total", f"{found}_bucket", f"{found}_count", f"{found}_sum"}
    for question in questions():
        strangers = {one for one in names_in(question.expr) if not one.startswith("process_")} - ours
        assert strangers == set(), question.title


def test_the_page_of_metrics_has_all_that_are_counted() -> None:
    counted = [*vars(metrics).values(), *vars(middleware).values()]
    assert {id(one) for one in counted if isinstance(one, MetricWrapperBase)} == {id(one) for one in measures()}


def test_every_panel_that_may_show_zeros_is_one() -> None:
    assert {question.title for question in questions()} >= CALM


def test_names_in_an_expression_are_told_from_its_labels() -> None:
    expr = 'sum by (process) (onestack_runs_total{outcome="process_x"}) / on (instance) up == process_open_fds'
    assert names_in(expr) == {"onestack_runs_total", "up", "process_open_fds"}


def test_the_provisioning_finds_prometheus_and_the_folder_of_the_dashboards() -> None:
    folder = ROOT / "deploy" / "grafana" / "provisioning"
    [sources] = load_yaml((folder / "datasources" / "prometheus.yaml").read_text())
    [providers] = load_yaml((folder / "dashboards" / "onestack.yaml").read_text())
    assert sources["datasources"][0]["url"] == "http://prometheus:9090"
    assert providers["providers"][0]["options"]["path"] == "/var/lib/grafana/dashboards"
