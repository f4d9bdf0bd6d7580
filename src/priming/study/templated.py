"""Definitions with templates in a study file as it is written: files are read, names stand for all their templates."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from priming.errors import DataError
from priming.forms.table import KINDS
from priming.study.fields import Key
from priming.study.files import fault
from priming.study.partitions import PARTS
from priming.study.problems import Problem
from priming.study.storycloze import TEMPLATES
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
    if not isinstance(tasks, dict):
        return data, []
    found: list[Problem] = []
    tasks = _with_stories(tasks, folder, found)
    define = tasks.get("define")
    if not isinstance(define, dict):
        return data | {"tasks": tasks}, found
    filled = {
        name: _filled(("tasks", "define", name), own, own.get("kind"), folder, found) if isinstance(own, dict) else own
        for name, own in define.items()
    }
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


def _with_stories(tasks: dict[str, Any], folder: Path, problems: list[Problem]) -> dict[str, Any]:
    """The tasks with the templates of StoryCloze, where its files are given."""
    stories = tasks.get("storycloze")
    if not isinstance(stories, dict):
        return tasks
    given = {"templates": TEMPLATES} | stories
    return tasks | {"storycloze": _filled(("tasks", "storycloze"), given, "multiple_choice", folder, problems)}


def _named(names: Any, several: dict[str, list[str]]) -> Any:
    if not isinstance(names, list):
        return names
    return [one for name in names for one in (several.get(name, [name]) if isinstance(name, str) else [name])]


def _filled(at: Key, section: dict[str, Any], kind: Any, folder: Path, problems: list[Problem]) -> dict[str, Any]:
    """The section at a key with the templates of the file that it names, those for tasks of a kind."""
    file = section.get("templates")
    if not isinstance(file, str):
        return section
    try:
        found = dict(keyed(_place(file, folder), kind))
    except DataError as error:
        problems.append(Problem((*at, "templates"), str(error)))
        return section
    return section | {"templates": found}


def _place(file: str, folder: Path) -> Path:
    """A file of templates beside the study file, or below the folder that PRIMING_TEMPLATES names.

    Raises DataError where it is in neither.
    """
    beside, root = folder / file, os.environ.get(VARIABLE)
    missing = fault(beside, "file")
    if missing is None or Path(file).is_absolute():
        return beside
    if root and fault(Path(root) / file, "file") is None:
        return Path(root) / file
    if root:
        missing = f"there is no file {str(beside)!r} or {str(Path(root) / file)!r}"
        raise DataError(f"{missing} ({VARIABLE} is {root}); correct the path")
    raise DataError(f"{missing}, or set {VARIABLE}=FOLDER, the folder of PromptSource's templates")
