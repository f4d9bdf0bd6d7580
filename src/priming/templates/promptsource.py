"""Files of templates in PromptSource's format (Bach et al., 2022): YAML with tags of its own."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from priming.errors import DataError


@dataclass(frozen=True)
class Template:
    """A template by name.

    `jinja` renders input and output, with `|||` between; `answer_choices` the choices, with `|||` between them, None
    for a template without. `original_task` tells whether it asks what the data set was made for.
    """

    name: str
    jinja: str
    answer_choices: str | None
    original_task: bool


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    """Reads the tags as plain mappings, and refuses all others."""


for _tag in ("!Template", "!TemplateMetadata"):
    _Loader.add_constructor(_tag, lambda loader, node: loader.construct_mapping(node, deep=True))


def read_templates(path: Path) -> list[Template]:
    """The templates of a file, by name in the order of the file.

    Raises:
        DataError: it cannot be read, or is not in that format; the message names the template.
    """
    try:
        with path.open(encoding="utf-8") as file:
            data = yaml.load(file, Loader=_Loader)
    except OSError as error:
        raise DataError(f"{path}: the templates cannot be read ({error.strerror}); name another file") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        why = " ".join(str(error).split())
        raise DataError(f"{path}: not YAML as PromptSource writes it ({why}); correct the file") from None
    entries = data.get("templates") if isinstance(data, dict) else None
    if not isinstance(entries, dict) or not entries:
        raise DataError(f"{path}: it has no key 'templates' with templates; name a templates.yaml of PromptSource")
    found = [_template(path, key, entry) for key, entry in entries.items()]
    if twice := sorted({one.name for one in found if [other.name for other in found].count(one.name) > 1}):
        raise DataError(f"{path}: two templates are called {twice[0]!r}; rename one")
    return found


def _template(path: Path, key: Any, entry: Any) -> Template:
    where = f"{path}, template {key}"
    if not isinstance(entry, dict):
        raise DataError(f"{where}: a {type(entry).__name__} instead of keys with values; correct the file")
    for name in ("name", "jinja"):
        if not isinstance(entry.get(name), str) or not entry[name].strip():
            raise DataError(f"{where}: {name} is {entry.get(name)!r} instead of text; write it")
    choices, about = entry.get("answer_choices"), entry.get("metadata") or {}
    if choices is not None and not isinstance(choices, str):
        raise DataError(f"{where}: answer_choices is {choices!r} instead of text; write choices with ||| between them")
    original = about.get("original_task") if isinstance(about, dict) else None
    return Template(entry["name"], entry["jinja"], choices, original is True)
