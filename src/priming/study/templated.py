"""Definitions with templates in a study file as it is written: files are read, names stand for all their templates."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from priming.errors import DataError
from priming.forms.table import KINDS
from priming.study.partitions import PARTS
from priming.study.problems import Problem
from priming.templates.promptsource import Template, read_templates

VARIABLE = "PRIMING_TEMPLATES"


def with_templates(data: dict[str, Any], folder: Path) -> tuple[dict[str, Any], list[Problem]]:
    """A study's data with the texts of its files of templates, and with the names of all tasks that these make.

    Values that are not as they should be are left to the check of their section.

    Args:
        data: a study file's.
        folder: that of the study file, to which paths are relative.
    """
    tasks = data.get("tasks")
    define = tasks.get("define") if isinstance(tasks, dict) else None
    if not isinstance(tasks, dict) or not isinstance(define, dict):
        return data, []
    found: list[Problem] = []
    filled = {name: _filled(name, own, folder, found) for name, own in define.items()}
    several = {
        name: [f"{name}.{key}" for key in own["templates"]]
        for name, own in filled.items()
        if isinstance(own, dict) and isinstance(own.get("templates"), dict)
    }
    changed = tasks | {"define": filled}
    changed |= {part: _named(tasks[part], several) for part in PARTS if part in tasks}
    if isinstance(tasks.get("groups"), dict):
        changed["groups"] = {group: _named(members, several) for group, members in tasks["groups"].items()}
    return data | {"tasks": changed}, found


def keyed(path: Path, kind: Any) -> Iterator[tuple[str, dict[str, str]]]:
    """The templates of a file that fit a kind of task, by key, as a definition has them; raises DataError."""
    asks = kind in KINDS and KINDS[kind].own_choices
    templates = [one for one in read_templates(path) if not asks or (one.original_task and one.answer_choices)]
    if not templates:
        raise DataError(f"{path}: no template has answer choices and asks what the data set is made for; name another")
    keys: dict[str, Template] = {}
    for template in templates:
        key = re.sub(r"[^A-Za-z0-9]+", "_", template.name).strip("_")
        if not key or key in keys:
            other = f"and that of {keys[key].name!r} are both {key!r}" if key else "would be empty"
            raise DataError(f"{path}: the key of template {template.name!r} {other}; rename it")
        keys[key] = template
        choices = {} if template.answer_choices is None else {"answer_choices": template.answer_choices}
        yield key, {"jinja": template.jinja, "name": template.name} | choices


def _named(names: Any, several: dict[str, list[str]]) -> Any:
    if not isinstance(names, list):
        return names
    return [one for name in names for one in (several.get(name, [name]) if isinstance(name, str) else [name])]


def _filled(name: str, definition: Any, folder: Path, problems: list[Problem]) -> Any:
    """The definition with the templates of the file that it names."""
    file = definition.get("templates") if isinstance(definition, dict) else None
    if not isinstance(file, str):
        return definition
    try:
        found = dict(keyed(_place(file, folder), definition.get("kind")))
    except DataError as error:
        problems.append(Problem(("tasks", "define", name, "templates"), str(error)))
        return definition
    return definition | {"templates": found}


def _place(file: str, folder: Path) -> Path:
    """A file of templates beside the study file, or below the folder that PRIMING_TEMPLATES names.

    Raises DataError where it is in neither.
    """
    beside, root = folder / file, os.environ.get(VARIABLE)
    if beside.is_file() or Path(file).is_absolute():
        return beside
    if root and (Path(root) / file).is_file():
        return Path(root) / file
    missing = f"there is no file {str(beside)!r}"
    if root:
        raise DataError(f"{missing} or {str(Path(root) / file)!r} ({VARIABLE} is {root}); correct the path")
    raise DataError(f"{missing}; correct the path, or set {VARIABLE}=FOLDER, the folder of PromptSource's templates")
