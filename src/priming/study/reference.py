"""The JSON schema for editors and the reference table of the docs, both generated from the sections."""

import inspect
import json
import re
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from priming.algorithms.table import ALGORITHMS
from priming.errors import DataError
from priming.study.fields import Key, dotted, section_in, walk
from priming.study.study import Study

SCHEMA = Path("workflow/schemas/study.schema.json")
REFERENCE = Path("docs/study-file.md")
BEGIN = "<!-- from here on made by: priming schema --write -->"
_NUMBERS = {"integer": "whole number", "number": "number"}
_BOUNDS = {"exclusiveMinimum": "> {:g}", "minimum": ">= {:g}", "exclusiveMaximum": "< {:g}", "maximum": "<= {:g}"}


def schema() -> dict[str, Any]:
    """The JSON schema of study files; variants are checked like the sections of their algorithms."""
    whole = {"$schema": "https://json-schema.org/draft/2020-12/schema", **Study.model_json_schema()}
    variants = whole["$defs"]["PrimingSettings"]["properties"]["variants"]
    variants["patternProperties"] = {
        f"^{name}:[a-z0-9]+$": {"$ref": f"#/$defs/{algorithm.section.__name__}"}
        for name, algorithm in ALGORITHMS.items()
    }
    variants["additionalProperties"] = False
    return whole


def reference() -> str:
    """A table of keys for each section, once, in the order of the file."""
    places: dict[type[BaseModel], list[Key]] = {}
    for key, section in walk(Study):
        places.setdefault(section, []).append(key)
    return "\n".join(_section(section, keys) for section, keys in places.items())


def generated(root: Path) -> dict[Path, str]:
    """The text of every generated file under `root`.

    Raises DataError if the reference's file has no mark for it.
    """
    page = root / REFERENCE
    head, mark, _ = page.read_text(encoding="utf-8").partition(BEGIN) if page.is_file() else ("", "", "")
    if not mark:
        raise DataError(
            f"{page}: there is no line {BEGIN!r} in it; type this in the project's folder, or restore the file with git"
        )
    return {root / SCHEMA: json.dumps(schema(), indent=2) + "\n", page: f"{head}{BEGIN}\n\n{reference()}"}


def write(root: Path) -> list[Path]:
    """Rewrite the generated files under `root`, and return those that changed."""
    changed = [
        (path, text)
        for path, text in generated(root).items()
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    ]
    for path, text in changed:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return [path for path, _ in changed]


def _section(section: type[BaseModel], keys: list[Key]) -> str:
    title = ", ".join(f"`{dotted(key)}`" for key in keys) if keys != [()] else "The file"
    rows = [_row(name, field, section.model_json_schema()) for name, field in section.model_fields.items()]
    head = ["| key | value | default | meaning |", "|---|---|---|---|"]
    return "\n".join([f"## {title}", "", inspect.getdoc(section) or "", "", *head, *rows, ""])


def _row(name: str, field: FieldInfo, schema: dict[str, Any]) -> str:
    meaning = field.description or (inspect.getdoc(below) or "" if (below := section_in(field.annotation)) else "")
    node = schema["properties"][name]
    value = _value(node) + (
        " or `null`" if {"type": "null"} in node.get("anyOf", ()) and field.default is not None else ""
    )
    cells = [f"`{name}`", value, _default(field), re.sub(r"<(?=\w)", r"\<", " ".join(meaning.split()))]
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _value(node: dict[str, Any]) -> str:
    """The values that a JSON schema allows, in words."""
    if "$ref" in node:
        return "section"
    if "enum" in node or "const" in node:
        return ", ".join(f"`{word}`" for word in node.get("enum", [node.get("const")]))
    if "anyOf" in node:
        return " or ".join(dict.fromkeys(_value(arm) for arm in node["anyOf"] if arm.get("type") != "null"))
    if node.get("type") == "array":
        return f"list of {_value(node['items'])}"
    if node.get("type") == "object":
        below = next(iter(node.get("patternProperties", {}).values()), node.get("additionalProperties"))
        return f"name: {_value(below)}" if isinstance(below, dict) else "section"
    return _scalar(node)


def _scalar(node: dict[str, Any]) -> str:
    kind = str(node.get("type"))
    if kind in _NUMBERS:
        return " ".join(
            [_NUMBERS[kind], *(text.format(node[bound]) for bound, text in _BOUNDS.items() if bound in node)]
        )
    return {"boolean": "`true`, `false`", "string": "name" if "pattern" in node else "text"}[kind]


def _default(field: FieldInfo) -> str:
    """The default in YAML; defaults of a section are in its own table."""
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if value is None or value == "" or isinstance(value, BaseModel):
        return (
            ""
            if not isinstance(value, BaseModel) or not value.model_fields_set
            else f"`{json.dumps(value.model_dump(exclude_unset=True))}`"
        )
    return f"`{json.dumps(value)}`".replace('"', "") if not isinstance(value, dict) or value else ""
