"""The published JSON schema, made from the types of the view model and the texts below its fields.

``python -m probe.report.schema`` prints it; ``docs/report.schema.json`` holds what it prints.
"""

import ast
import dataclasses
import inspect
import json
import sys
from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

from probe.report import viewmodel
from probe.report.viewmodel import SCHEMA, ReportView


def schema() -> dict[str, Any]:
    """JSON Schema 2020-12 of the JSON report."""
    texts = _texts()
    made: dict[str, Any] = {}
    _describe(ReportView, made, texts)
    top = made.pop(ReportView.__name__)
    top["properties"]["schema"] = {"const": SCHEMA}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:secure-by-design-probe:{SCHEMA}",
        "title": "Report of the secure-by-design probe",
        **top,
        "$defs": dict(sorted(made.items())),
    }


def _describe(
    kind: type[Any], made: dict[str, Any], texts: Mapping[str, Mapping[str, str]]
) -> None:
    if kind.__name__ in made:
        return
    made[kind.__name__] = {}
    hints = get_type_hints(kind)
    properties = {}
    for field in dataclasses.fields(kind):
        of = _of(hints[field.name], made, texts)
        text = texts[kind.__name__].get(field.name)
        properties[field.name] = {"description": text, **of} if text else of
    made[kind.__name__] = {
        "description": texts[kind.__name__][""],
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _of(hint: Any, made: dict[str, Any], texts: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    plain = {str: "string", int: "integer", float: "number", bool: "boolean", NoneType: "null"}
    if hint in plain:
        return {"type": plain[hint]}
    if isinstance(hint, UnionType):
        return {"anyOf": [_of(part, made, texts) for part in get_args(hint)]}
    if get_origin(hint) is tuple:
        return {"type": "array", "items": _of(get_args(hint)[0], made, texts)}
    if get_origin(hint) is Mapping:
        return {"type": "object", "additionalProperties": _of(get_args(hint)[1], made, texts)}
    _describe(hint, made, texts)
    return {"$ref": f"#/$defs/{hint.__name__}"}


def _texts() -> dict[str, dict[str, str]]:
    """Class name to field name to the string below the field; the class's own under ``""``."""
    found: dict[str, dict[str, str]] = {}
    for node in ast.parse(inspect.getsource(viewmodel)).body:
        if isinstance(node, ast.ClassDef):
            texts = found[node.name] = {"": _flat(ast.get_docstring(node) or "")}
            for field, below in zip(node.body, node.body[1:], strict=False):
                if isinstance(field, ast.AnnAssign) and isinstance(below, ast.Expr):
                    assert isinstance(field.target, ast.Name)
                    assert isinstance(below.value, ast.Constant)
                    texts[field.target.id] = _flat(str(below.value.value))
    return found


def _flat(text: str) -> str:
    return " ".join(text.split())


if __name__ == "__main__":
    sys.stdout.write(json.dumps(schema(), indent=1) + "\n")
