"""Agents as workflows name them where checks are tested: a scanner, and a patcher whose `apply` is gated."""

from airlock_contracts.manifest import Manifest

ARTIFACT = {"$ref": "airlock:artifact"}

SCANNER = {
    "name": "scanner",
    "version": "1.0.0",
    "type": "RULE",
    "image": "scanner",
    "actions": {
        "scan": {
            "input_schema": {
                "type": "object",
                "required": ["workspace"],
                "properties": {
                    "workspace": ARTIFACT,
                    "depth": {"type": "integer", "maximum": 9},
                    "rules": {"type": "array", "items": {"type": "string"}},
                    "mode": {"enum": ["fast", "deep"]},
                },
                "additionalProperties": False,
            },
            "output_schema": {
                "type": "object",
                "required": ["findings"],
                "properties": {
                    "findings": {"type": "array", "items": {"$ref": "#/$defs/finding"}, "maxItems": 200},
                    "counts": {"type": "object", "additionalProperties": {"type": "integer"}},
                    "note": {"type": ["string", "null"]},
                },
                "additionalProperties": False,
                "$defs": {
                    "finding": {
                        "type": "object",
                        "properties": {"file": {"type": "string"}, "line": {"type": "integer"}},
                        "additionalProperties": False,
                    }
                },
            },
        }
    },
}
PATCHER = {
    "name": "patcher",
    "version": "2.1.0",
    "type": "SCRIPT",
    "image": "patcher",
    "actions": {
        "propose": {
            "input_schema": {
                "type": "object",
                "properties": {"findings": {"type": "array"}, "options": {"$ref": "#/$defs/options"}},
                "$defs": {
                    "options": {
                        "type": "object",
                        "required": ["strict"],
                        "properties": {"strict": {"type": "boolean"}, "label": {"type": "string"}},
                    }
                },
            },
            "output_schema": {"type": "object", "properties": {"diff": {"type": "string"}}},
        },
        "apply": {
            "risk_level": "APPROVAL_REQUIRED",
            "input_schema": {"type": "object"},
            "output_schema": {},
        },
    },
}
AGENTS = {
    "scanner": Manifest.model_validate(SCANNER),
    "patcher": Manifest.model_validate(PATCHER),
    "patcher@2.1.0": Manifest.model_validate(PATCHER),
}
CONTEXT = {
    "type": "object",
    "properties": {"workspace": ARTIFACT, "label": {"type": "string"}, "depth": {"type": "integer"}},
    "additionalProperties": False,
}
