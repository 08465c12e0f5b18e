"""The keys of the dashboards that we write, with types or, where only some words are allowed, those words.

As in `known_keys.py`: each was looked up, its source is named beside it, a key that is not here is an error.
The source is `@grafana/schema` (packages/grafana-schema), which is generated from Grafana's own schemas. What
could be read says of itself that it is of 12.1.1 and 12.1.2 (time series, tables), of 12.2 before its release
(stat, logs), of 12.1 before its release (Loki's queries), and says nothing of Tempo's queries and of what all
panels have in common.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

from known_keys import Known, unknown_keys


def _words(*allowed: str | int) -> frozenset[str | int]:
    return frozenset(allowed)


_SOURCES = _words("prometheus", "loki", "tempo")
_COLORS = _words("green", "orange", "red")
_DATASOURCE: Known = {"datasource.type": _SOURCES, "datasource.uid": _SOURCES}  # DataSourceRef
_THRESHOLDS: Known = {
    # ThresholdsConfig; null is -Infinity
    "mode": _words("absolute", "percentage"),
    "steps[].value": (int, float, type(None)),
    "steps[].color": _COLORS,
}
_COLOR: Known = {
    "mode": _words("thresholds", "palette-classic", "palette-classic-by-name", "fixed", "shades")
}

DASHBOARD: Known = {
    # dashboard_types.gen.ts: Dashboard, DashboardLink; icons: LinkSettings/utils.ts
    "annotations.list": list,
    "description": str,
    "editable": bool,
    "graphTooltip": _words(0, 1, 2),
    **{f"links[].{key}": bool for key in ("asDropdown", "includeVars", "keepTime", "targetBlank")},
    "links[].icon": _words("external link", "dashboard", "question", "info", "bolt", "doc", "cloud"),
    "links[].tags[]": str,
    "links[].title": str,
    "links[].type": _words("dashboards", "link"),
    "refresh": str,
    "schemaVersion": _words(41),
    "tags[]": str,
    "time.from": str,
    "time.to": str,
    "timezone": _words("browser", "utc"),
    "title": str,
    "uid": str,
}
_VARIABLE: Known = {"name": str, "label": str, "type": _words("query", "textbox")}
VARIABLES: dict[str, Known] = {
    # dashboard_types.gen.ts: VariableModel, VariableOption; grafana-data, types/templateVars.ts: `definition`
    "textbox": {
        **_VARIABLE,
        "query": str,
        **{
            f"{of}.{key}": value
            for of in ("current", "options[]")
            for key, value in {"selected": bool, "text": str, "value": str}.items()
        },
    },
    "query": {
        **_VARIABLE,
        **_DATASOURCE,
        "definition": str,
        # grafana-prometheus, types.ts: PromVariableQuery; 1 is LabelValues
        "query.query": str,
        "query.qryType": _words(1),
        "query.refId": str,
        "refresh": _words(0, 1, 2),
        "sort": _words(*range(9)),
        "multi": bool,
        "includeAll": bool,
        "allValue": str,
        "current.text[]": str,
        "current.value[]": str,
        "options": list,
    },
}

ROW: Known = {
    # RowPanel
    "collapsed": bool,
    **{f"gridPos.{key}": int for key in "hwxy"},
    "id": int,
    "panels": list,
    "title": str,
    "type": _words("row"),
}
_FIELDS = "fieldConfig.defaults"
_PANEL: Known = {
    # Panel; its `targets` and the `overrides` of its fields are looked at one by one
    **_DATASOURCE,
    "description": str,
    **{f"gridPos.{key}": int for key in "hwxy"},
    "id": int,
    "title": str,
    "type": _words("stat", "timeseries", "table", "logs"),
}
_FIGURES: Known = {
    # FieldConfig, ValueMap, ValueMappingResult; links: grafana-data, types/dataLink.ts
    **{f"{_FIELDS}.color.{key}": value for key, value in _COLOR.items()},
    f"{_FIELDS}.decimals": int,
    f"{_FIELDS}.links": list,
    f"{_FIELDS}.links[].title": str,
    f"{_FIELDS}.links[].url": str,
    f"{_FIELDS}.mappings": list,
    f"{_FIELDS}.mappings[].type": _words("value"),
    f"{_FIELDS}.mappings[].options.<name>.color": _COLORS,
    f"{_FIELDS}.mappings[].options.<name>.text": str,
    **{f"{_FIELDS}.thresholds.{key}": value for key, value in _THRESHOLDS.items()},
    f"{_FIELDS}.unit": str,
}
_CALCULATED = _words("lastNotNull", "max")  # grafana-data, transformations/fieldReducer.ts: ReducerID
PANELS: dict[str, Known] = {
    "stat prometheus": {
        # StatPanelCfg, SingleStatBaseOptions, ReduceDataOptions
        **_PANEL,
        **_FIGURES,
        f"{_FIELDS}.custom": dict,
        "options.colorMode": _words("background", "background_solid", "none", "value"),
        "options.graphMode": _words("area", "line", "none"),
        "options.reduceOptions.calcs[]": _CALCULATED,
        "options.reduceOptions.fields": str,
        "options.reduceOptions.values": bool,
        "options.textMode": _words("auto", "name", "none", "value", "value_and_name"),
    },
    "timeseries prometheus": {
        # TimeSeriesPanelCfg, GraphFieldConfig, VizLegendOptions, VizTooltipOptions
        **_PANEL,
        **_FIGURES,
        f"{_FIELDS}.custom.drawStyle": _words("bars", "line", "points"),
        f"{_FIELDS}.custom.fillOpacity": int,
        f"{_FIELDS}.custom.lineWidth": int,
        f"{_FIELDS}.custom.showPoints": _words("always", "auto", "never"),
        f"{_FIELDS}.custom.spanNulls": bool,
        f"{_FIELDS}.custom.stacking.group": str,
        f"{_FIELDS}.custom.stacking.mode": _words("none", "normal", "percent"),
        f"{_FIELDS}.custom.thresholdsStyle.mode": _words("area", "dashed", "dashed+area", "line", "off"),
        "options.legend.calcs[]": _CALCULATED,
        "options.legend.displayMode": _words("list", "table"),
        "options.legend.placement": _words("bottom", "right"),
        "options.legend.showLegend": bool,
        "options.tooltip.mode": _words("multi", "none", "single"),
        "options.tooltip.sort": _words("asc", "desc", "none"),
    },
    "table prometheus": {
        # TablePanelCfg, TableFieldOptions; grafana-data, transformations/transformers: merge.ts, organize.ts
        **_PANEL,
        **_FIGURES,
        f"{_FIELDS}.custom.align": _words("auto", "left", "right", "center"),
        "options.showHeader": bool,
        "options.sortBy[].desc": bool,
        "options.sortBy[].displayName": str,
        "transformations[].id": _words("merge", "organize"),
        "transformations[].options": dict,
        "transformations[].options.excludeByName.<name>": bool,
        "transformations[].options.renameByName.<name>": str,
    },
    "table tempo": {**_PANEL, _FIELDS: dict, "options.showHeader": bool},
    "logs loki": {
        # LogsPanelCfg, LogsDedupStrategy, LogsSortOrder
        **_PANEL,
        "options.dedupStrategy": _words("exact", "none", "numbers", "signature"),
        "options.enableLogDetails": bool,
        "options.prettifyLogMessage": bool,
        "options.showTime": bool,
        "options.sortOrder": _words("Ascending", "Descending"),
        "options.wrapLogMessage": bool,
    },
}
"""By type and data source."""

OVERRIDE: Known = {"matcher.id": _words("byName"), "matcher.options": str}  # FieldConfigSource, MatcherConfig
PROPERTIES: Known = {
    # What an override may set, by its id: FieldConfig; TableFieldOptions below `custom`
    "unit": str,
    **{f"thresholds.{key}": value for key, value in _THRESHOLDS.items()},
    **{f"color.{key}": value for key, value in _COLOR.items()},
    "custom.cellOptions.type": _words("auto", "color-text", "color-background"),
}
_TARGET: Known = {**_DATASOURCE, "refId": str}  # DataQuery
TARGETS: dict[str, Known] = {
    "prometheus": {
        # grafana-prometheus, dataquery.ts; PrometheusDataQuery before
        **_TARGET,
        "editorMode": _words("builder", "code"),
        "expr": str,
        "format": _words("time_series", "table", "heatmap"),
        "instant": bool,
        "legendFormat": str,
        "range": bool,
    },
    "loki": {
        # LokiDataQuery; `stream` of its query types is for tailing
        **_TARGET,
        "expr": str,
        "maxLines": int,
        "queryType": _words("instant", "range"),
    },
    "tempo": {
        # TempoDataQuery
        **_TARGET,
        "filters": list,
        "limit": int,
        "query": str,
        "queryType": _words("traceql", "traceqlSearch", "traceId"),
        "tableType": _words("raw", "spans", "traces"),
    },
}
EXPLORE: Known = {
    # features/explore, useStateSync/migrators/v1.ts: other types are passed over without a word
    "<name>.datasource": _SOURCES,
    **{f"<name>.queries[].{key}": value for key, value in {**_TARGET, "expr": str}.items()},
    "<name>.range.from": str,
    "<name>.range.to": str,
}


def unknown_in(dashboard: dict[str, Any]) -> list[str]:
    """What of a dashboard is not known, or is another value than it may be; a sentence each."""
    templating = dashboard["templating"]
    return [
        *unknown_keys(_without(dashboard, "panels", "templating"), DASHBOARD),
        *(f"no key templating.{key}" for key in _without(templating, "list")),
        *(
            problem
            for one in templating["list"]
            for problem in unknown_keys(one, VARIABLES.get(one["type"], _VARIABLE))
        ),
        *(f"{panel['title']}: {said}" for panel in dashboard["panels"] for said in _in_panel(panel)),
    ]


def _in_panel(panel: dict[str, Any]) -> Iterator[str]:
    if panel["type"] == "row":
        yield from unknown_keys(panel, ROW)
        return
    kind = f"{panel['type']} {panel['datasource']['uid']}"
    if kind not in PANELS:
        yield f"no panel is {kind}"
        return
    fields = panel.get("fieldConfig", {})
    yield from unknown_keys(_without(panel, "targets", "fieldConfig"), PANELS[kind])
    if fields:
        yield from unknown_keys({"fieldConfig": _without(fields, "overrides")}, PANELS[kind])
    for target in panel["targets"]:
        yield from unknown_keys(target, TARGETS[target["datasource"]["uid"]])
    for override in fields.get("overrides", []):
        yield from unknown_keys(_without(override, "properties"), OVERRIDE)
        for one in override["properties"]:
            yield from (f"no key {key} of an override" for key in _without(one, "id", "value"))
            yield from unknown_keys({one["id"]: one["value"]}, PROPERTIES)
    for link in fields.get("defaults", {}).get("links", []):
        address = urlsplit(link["url"])
        if address.path == "/explore":
            yield from unknown_keys(json.loads(parse_qs(address.query)["panes"][0]), EXPLORE)


def _without(whole: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in whole.items() if key not in keys}
