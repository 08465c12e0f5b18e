"""How Grafana writes a dashboard: places are counted out, panels drawn, nothing else is said than what is meant.

Written for Grafana 12 (dashboard schema 41).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from panels import (
    LOKI,
    PROMETHEUS,
    TEMPO,
    Choice,
    Dashboard,
    Figures,
    Lines,
    LogLines,
    Panel,
    Query,
    Row,
    Steps,
    Table,
    TextBox,
    Traces,
)

Json = dict[str, Any]

SCHEMA = 41
WIDTH = 24
"""Of a dashboard, in Grafana's columns."""


def document(dashboard: Dashboard) -> Json:
    """The dashboard as Grafana reads it."""
    return {
        "annotations": {"list": []},
        "description": dashboard.answers,
        "editable": False,
        "graphTooltip": 1,
        "links": [
            {
                "asDropdown": False,
                "icon": "external link",
                "includeVars": True,
                "keepTime": True,
                "tags": ["airlock"],
                "targetBlank": False,
                "title": "Airlock",
                "type": "dashboards",
            }
        ],
        "panels": list(_panels(dashboard.rows)),
        "refresh": dashboard.refresh,
        "schemaVersion": SCHEMA,
        "tags": ["airlock"],
        "templating": {"list": [_variable(one) for one in dashboard.variables]},
        "time": {"from": dashboard.since, "to": dashboard.until},
        "timezone": "browser",
        "title": dashboard.title,
        "uid": dashboard.uid,
    }


def _panels(rows: Sequence[Row]) -> Iterator[Json]:
    """Left to right, then down; a panel's id is its number, by which it can be linked to."""
    number, y = 1, 0
    for row in rows:
        yield {
            "collapsed": False,
            "gridPos": {"h": 1, "w": WIDTH, "x": 0, "y": y},
            "id": number,
            "panels": [],
            "title": row.title,
            "type": "row",
        }
        number, y, x, tall = number + 1, y + 1, 0, 0
        for panel in row.panels:
            if x + panel.width > WIDTH:
                x, y, tall = 0, y + tall, 0
            place = {"h": panel.height, "w": panel.width, "x": x, "y": y}
            yield {
                "id": number,
                "title": panel.title,
                "description": panel.answers,
                "gridPos": place,
            } | _drawn(panel)
            number, x, tall = number + 1, x + panel.width, max(tall, panel.height)
        y += tall


def _drawn(panel: Panel) -> Json:
    match panel:
        case Figures():
            calculated = {"calcs": ["lastNotNull"], "fields": "", "values": False}
            return {
                "type": "stat",
                "datasource": PROMETHEUS,
                "fieldConfig": _fields(panel, {}, panel.words),
                "options": {
                    "colorMode": "value",
                    "graphMode": "none",
                    "reduceOptions": calculated,
                    "textMode": "auto" if len(panel.queries) == 1 else "value_and_name",
                },
                "targets": _targets(panel.queries, instant=True),
            }
        case Lines():
            custom = {
                "drawStyle": "line",
                "fillOpacity": 25 if panel.stacked else 0,
                "lineWidth": 1,
                "showPoints": "auto",
                "spanNulls": False,
                "stacking": {"group": "A", "mode": "normal" if panel.stacked else "none"},
                "thresholdsStyle": {"mode": "dashed" if len(panel.steps) > 1 else "off"},
            }
            return {
                "type": "timeseries",
                "datasource": PROMETHEUS,
                "fieldConfig": _fields(panel, custom, panel.words),
                "options": {
                    "legend": {
                        "calcs": ["lastNotNull", "max"],
                        "displayMode": "table",
                        "placement": "bottom",
                        "showLegend": True,
                    },
                    "tooltip": {"mode": "multi", "sort": "desc"},
                },
                "targets": _targets(panel.queries, instant=False),
            }
        case Table():
            columns = [query.legend for query in panel.queries]
            # One query alone names its column otherwise than several do.
            values = [f"Value #{letter}" for letter in _letters(columns)] if len(columns) > 1 else ["Value"]
            return {
                "type": "table",
                "datasource": PROMETHEUS,
                "fieldConfig": _fields(panel, {"align": "auto"})
                | {"overrides": list(_columns(panel.queries))},
                "options": {
                    "showHeader": True,
                    "sortBy": [{"desc": True, "displayName": panel.sort or columns[0]}],
                },
                "targets": [target | {"format": "table"} for target in _targets(panel.queries, instant=True)],
                "transformations": [
                    {"id": "merge", "options": {}},
                    {
                        "id": "organize",
                        "options": {
                            "excludeByName": {"Time": True},
                            "renameByName": dict(zip(values, columns, strict=True)),
                        },
                    },
                ],
            }
        case LogLines():
            return {
                "type": "logs",
                "datasource": LOKI,
                "options": {
                    "dedupStrategy": "none",
                    "enableLogDetails": True,
                    "prettifyLogMessage": False,
                    "showTime": True,
                    "sortOrder": "Ascending",
                    "wrapLogMessage": True,
                },
                "targets": [
                    {
                        "refId": "A",
                        "datasource": LOKI,
                        "expr": panel.logql,
                        "queryType": "range",
                        "maxLines": 500,
                    }
                ],
            }
        case Traces():
            return {
                "type": "table",
                "datasource": TEMPO,
                "fieldConfig": {"defaults": {}, "overrides": []},
                "options": {"showHeader": True},
                "targets": [
                    {
                        "refId": "A",
                        "datasource": TEMPO,
                        "queryType": "traceql",
                        "query": panel.traceql,
                        "filters": [],
                        "limit": 50,
                        "tableType": panel.of,
                    }
                ],
            }
        case _:
            raise TypeError(f"nobody knows how to draw {panel!r}")


def _targets(queries: Sequence[Query], *, instant: bool) -> list[Json]:
    return [
        {
            "refId": letter,
            "datasource": PROMETHEUS,
            "editorMode": "code",
            "expr": query.expr,
            "instant": instant,
            "legendFormat": query.legend,
            "range": not instant,
        }
        for letter, query in zip(_letters(queries), queries, strict=True)
    ]


def _letters(of: Sequence[object]) -> str:
    return "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[: len(of)]


def _fields(panel: Panel, custom: Json, words: Mapping[str, tuple[str, str]] | None = None) -> Json:
    defaults: Json = {
        "color": {"mode": "thresholds" if isinstance(panel, Figures) else "palette-classic"},
        "custom": custom,
        "links": [{"title": link.title, "url": link.url} for link in panel.links],
        "mappings": [],
        "thresholds": _thresholds(panel.steps),
        "unit": panel.unit,
    }
    if panel.decimals is not None:
        defaults["decimals"] = panel.decimals
    if words:
        shown = {value: {"color": color, "text": text} for value, (color, text) in words.items()}
        defaults["mappings"] = [{"type": "value", "options": shown}]
    return {"defaults": defaults, "overrides": []}


def _columns(queries: Sequence[Query]) -> Iterator[Json]:
    for query in queries:
        properties: list[Json] = []
        if query.unit is not None:
            properties.append({"id": "unit", "value": query.unit})
        if query.steps is not None:
            properties.append({"id": "thresholds", "value": _thresholds(query.steps)})
            properties.append({"id": "color", "value": {"mode": "thresholds"}})
            properties.append({"id": "custom.cellOptions", "value": {"type": "color-text"}})
        if properties:
            yield {"matcher": {"id": "byName", "options": query.legend}, "properties": properties}


def _thresholds(steps: Steps) -> Json:
    return {"mode": "absolute", "steps": [{"value": value, "color": color} for value, color in steps]}


def _variable(variable: Choice | TextBox) -> Json:
    match variable:
        case TextBox():
            empty = {"selected": True, "text": "", "value": ""}
            return {
                "name": variable.name,
                "label": variable.title,
                "type": "textbox",
                "query": "",
                "current": empty,
                "options": [empty],
            }
        case Choice():
            asked = f"label_values({variable.metric}, {variable.label})"
            return {
                "name": variable.name,
                "label": variable.title,
                "type": "query",
                "datasource": PROMETHEUS,
                "definition": asked,
                "query": {"query": asked, "qryType": 1, "refId": f"choice-{variable.name}"},
                "refresh": 2,
                "sort": 1,
                "multi": True,
                "includeAll": True,
                "allValue": ".*",
                "current": {"text": ["All"], "value": ["$__all"]},
                "options": [],
            }
