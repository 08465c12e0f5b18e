"""Whether a log is SARIF 2.1.0: by a schema of the parts that we write, and by what no schema can say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import yaml


def problems(log: Any) -> list[str]:
    """Answer what is wrong with a log; nothing, if it is well."""
    wrong = [f"{'/'.join(map(str, one.instance_path))}: {one.message}" for one in _schema().iter_errors(log)]
    return wrong or list(_loose_ends(log))


@cache
def _schema() -> jsonschema_rs.Draft202012Validator:
    document = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text())
    return jsonschema_rs.Draft202012Validator(document, validate_formats=True)


def _loose_ends(log: Any) -> Iterator[str]:
    (run,) = log["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    for one, count in Counter(rules).items():
        if count > 1:  # 3.19.23
            yield f"the rule {one} is described {count} times"
    for number, result in enumerate(run["results"]):
        if rules[result["ruleIndex"] : result["ruleIndex"] + 1] != [result["ruleId"]]:  # 3.27.6
            yield f"result {number}: ruleIndex {result['ruleIndex']} is not that of {result['ruleId']}"
        place = result["locations"][0]["physicalLocation"]["artifactLocation"]
        if place["uriBaseId"] not in run["originalUriBaseIds"]:  # 3.4.4
            yield f"result {number}: nothing is known of {place['uriBaseId']}"
    prints = Counter(one["partialFingerprints"]["airlockFinding/v1"] for one in run["results"])
    yield from (f"{count} results have the fingerprint {one}" for one, count in prints.items() if count > 1)
