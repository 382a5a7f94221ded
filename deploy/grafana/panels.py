"""A small library of Grafana dashboards: what ours are made of, in Grafana 11's JSON model (schema version 39).

A dashboard is rows of panels. A panel says its title, its unit, what it means and what to do, and its queries; where it
stands is worked out here. The JSON model is described at
https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, Final, Literal, NamedTuple

WIDTH: Final = 24
"""Columns of Grafana's grid."""
_SCHEMA: Final = 39
_SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}
GREEN, YELLOW, RED, BLUE = "green", "yellow", "red", "blue"

_FORMS: Final = {"heatmap": "heatmap", "table": "table"}

Kind = Literal["timeseries", "stat", "bargauge", "heatmap", "table"]


class Query(NamedTuple):
    """One PromQL expression, and how Grafana names what comes of it (`{{label}}` is a label's value)."""

    expr: str
    legend: str = ""


class Step(NamedTuple):
    """From this value on the colour is this one."""

    value: float
    colour: str


@dataclass(frozen=True)
class Panel:
    """One picture. `description` says what it shows and what to do when it looks bad."""

    title: str
    description: str
    unit: str
    queries: Sequence[Query]
    kind: Kind = "timeseries"
    width: int = 8
    height: int = 8
    steps: Sequence[Step] = ()
    below: str = GREEN
    """The colour under the first step."""
    stack: bool = False
    words: dict[str, tuple[str, str]] | None = None
    """For values that mean something: value → (text, colour)."""
    colours: dict[str, str] | None = None
    """Series that have a colour of their own, by their legend."""
    most: float | None = None
    """The axis ends there."""


class Row(NamedTuple):
    """Panels under a heading."""

    title: str
    panels: Sequence[Panel]


class Variable(NamedTuple):
    """A choice at the top of a dashboard: the values of a label, several or all of them."""

    name: str
    label: str
    query: str


@dataclass(frozen=True)
class Dashboard:
    """A whole dashboard. `uid` is part of its address and never changes."""

    uid: str
    title: str
    description: str
    rows: Sequence[Row]
    variables: Sequence[Variable] = ()

    def as_json(self) -> dict[str, Any]:
        """The dashboard as Grafana reads it from a file."""
        return {
            "uid": self.uid,
            "title": self.title,
            "description": self.description,
            "tags": ["onestack"],
            "schemaVersion": _SCHEMA,
            "version": 1,
            "editable": True,
            "graphTooltip": 1,  # the cursor is shown in all panels
            "refresh": "10s",
            "time": {"from": "now-1h", "to": "now"},
            "timezone": "browser",
            "annotations": {"list": [_alerts_that_fired()]},
            "links": [
                {"type": "dashboards", "tags": ["onestack"], "title": "One Stack", "asDropdown": False,
                 "includeVars": True, "keepTime": True}
            ],
            "templating": {"list": [_data_source(), *map(_variable, self.variables)]},
            "panels": list(_placed(self.rows)),
        }  # fmt: skip


def _placed(rows: Sequence[Row]) -> Iterator[dict[str, Any]]:
    """The rows' panels one beside the other, and below where a line is full."""
    ids, top = count(1), 0
    for row in rows:
        yield {
            "type": "row", "id": next(ids), "title": row.title, "collapsed": False, "panels": [],
            "gridPos": {"x": 0, "y": top, "w": WIDTH, "h": 1},
        }  # fmt: skip
        top += 1
        left = height = 0
        for panel in row.panels:
            if left + panel.width > WIDTH:
                top, left, height = top + height, 0, 0
            place = {"x": left, "y": top, "w": panel.width, "h": panel.height}
            yield {"id": next(ids), "gridPos": place, **_panel(panel)}
            left, height = left + panel.width, max(height, panel.height)
        top += height


def _panel(panel: Panel) -> dict[str, Any]:
    instant = panel.kind in {"stat", "bargauge", "table"}
    return {
        "type": panel.kind,
        "title": panel.title,
        "description": panel.description,
        "datasource": _SOURCE,
        "targets": [
            _target(query, reference, instant=instant, form=_FORMS.get(panel.kind, "time_series"))
            for query, reference in zip(panel.queries, "ABCDEFGH", strict=False)
        ],
        "fieldConfig": {"defaults": _defaults(panel), "overrides": [*_overrides(panel)]},
        "options": _options(panel),
    } | _transformed(panel)


def _target(query: Query, reference: str, *, instant: bool, form: str) -> dict[str, Any]:
    return {
        "refId": reference,
        "datasource": _SOURCE,
        "expr": query.expr,
        "legendFormat": query.legend or "__auto",
        "instant": instant,
        "range": not instant,
        "format": form,
    }


def _defaults(panel: Panel) -> dict[str, Any]:
    steps = [{"color": panel.below, "value": None}, *({"color": one.colour, "value": one.value} for one in panel.steps)]
    found: dict[str, Any] = {
        "unit": panel.unit,
        "min": 0,
        "color": {"mode": "palette-classic" if panel.kind == "timeseries" else "thresholds"},
        "thresholds": {"mode": "absolute", "steps": steps},
        "mappings": [_words(panel.words)] if panel.words else [],
    }
    if panel.most is not None:
        found["max"] = panel.most
    if panel.kind == "timeseries":
        found["custom"] = {
            "drawStyle": "line",
            "lineWidth": 1,
            "fillOpacity": 30 if panel.stack else 5,
            "showPoints": "never",
            "spanNulls": False,
            "stacking": {"mode": "normal" if panel.stack else "none", "group": "A"},
            "thresholdsStyle": {"mode": "line" if panel.steps else "off"},
        }
    return found


def _words(words: dict[str, tuple[str, str]]) -> dict[str, Any]:
    return {
        "type": "value",
        "options": {
            value: {"text": text, "color": colour, "index": index}
            for index, (value, (text, colour)) in enumerate(words.items())
        },
    }


def _overrides(panel: Panel) -> Iterator[dict[str, Any]]:
    for name, colour in (panel.colours or {}).items():
        yield {
            "matcher": {"id": "byName", "options": name},
            "properties": [{"id": "color", "value": {"mode": "fixed", "fixedColor": colour}}],
        }


def _options(panel: Panel) -> dict[str, Any]:
    last = {"calcs": ["lastNotNull"], "fields": "", "values": False}
    if panel.kind == "stat":
        return {
            "reduceOptions": last, "colorMode": "background", "graphMode": "none", "justifyMode": "auto",
            "orientation": "auto", "textMode": "auto",
        }  # fmt: skip
    if panel.kind == "bargauge":
        return {"reduceOptions": last, "displayMode": "basic", "orientation": "horizontal", "showUnfilled": True}
    if panel.kind == "heatmap":
        return {
            "calculate": False, "cellGap": 1, "color": {"mode": "scheme", "scheme": "Blues", "steps": 64},
            "yAxis": {"unit": panel.unit}, "legend": {"show": True}, "tooltip": {"mode": "single"},
        }  # fmt: skip
    if panel.kind == "table":
        return {"showHeader": True, "sortBy": [{"displayName": "Value", "desc": True}]}
    return {
        "legend": {"displayMode": "table", "placement": "bottom", "calcs": ["lastNotNull", "max"]},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }


def _transformed(panel: Panel) -> dict[str, Any]:
    if panel.kind != "table":
        return {}
    # One line a series, its labels as columns.
    return {"transformations": [{"id": "organize", "options": {"excludeByName": {"Time": True}}}]}


def _data_source() -> dict[str, Any]:
    return {"type": "datasource", "name": "datasource", "label": "Prometheus", "query": "prometheus", "refresh": 1,
            "hide": 0, "current": {}, "options": [], "regex": "", "multi": False, "includeAll": False}  # fmt: skip


def _variable(variable: Variable) -> dict[str, Any]:
    return {
        "type": "query", "name": variable.name, "label": variable.label, "datasource": _SOURCE,
        "query": {"query": variable.query, "refId": variable.name}, "definition": variable.query,
        "refresh": 2, "sort": 1, "multi": True, "includeAll": True, "allValue": ".*", "hide": 0, "regex": "",
        "current": {"text": ["All"], "value": ["$__all"]}, "options": [],
    }  # fmt: skip


def _alerts_that_fired() -> dict[str, Any]:
    """Grey marks where an alert of ours began or ended."""
    return {
        "name": "Alerts", "datasource": _SOURCE, "enable": True, "hide": False, "iconColor": "red",
        "expr": 'ALERTS{alertname=~"Onestack.*", alertstate="firing"}', "titleFormat": "{{alertname}}",
        "step": "30s",
    }  # fmt: skip


def quantiles(histogram: str, selector: str = "", by: str = "") -> list[Query]:
    """Median, 95th and 99th percentile of a histogram of seconds; `by` is a label of which each value is a line."""
    group = f"le, {by}" if by else "le"
    name = f"{{{{{by}}}}} " if by else ""
    return [
        Query(
            f"histogram_quantile({part}, sum by ({group}) (rate({histogram}_bucket{selector}[$__rate_interval])))",
            f"{name}{words}",
        )
        for part, words in ((0.5, "half within"), (0.95, "95 % within"), (0.99, "99 % within"))
    ]
