"""Values and templates of the registry: paths into a row, filters, text with values in braces."""

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

Values = Mapping[str, Any]

_STEP = re.compile(r"(?P<name>[^\[\]]+)(?:\[(?P<index>\d+)\])?")
_IN_BRACES = re.compile(r"\{([^{}]+)\}")


class ColumnError(LookupError):
    """A row without a column, or without a value in it."""

    def __init__(self, column: str, what: str) -> None:
        self.column, self.what = column, what
        super().__init__(what)


def _clean(text: str) -> str:
    """Remove line breaks and tabs, literal or escaped; reduce white space to single spaces."""
    return " ".join(_flat(text.strip().replace("\\n", " ")).split())


def _flat(text: str) -> str:
    return text.replace("\n", " ").replace("\t", " ").replace("\r", " ")


FILTERS: dict[str, Callable[[Any], Any]] = {
    "clean": _clean,
    "comma": lambda text: text.replace("_comma_", ","),
    "flat": _flat,
    "glued": lambda text: text.replace(" ", "").lower(),
    "keys": list,
    "listed": ", ".join,
    "marked_lines": lambda text: text.replace("\n", " [n] "),
    "mask": lambda text: text.replace("<mask>", "[MASK]"),
    "no_backslash_n": lambda text: text.replace("\\n", " "),
    "no_level": lambda text: text.removeprefix("Intermediate  "),
    "oneline": lambda text: text.replace("\n", " "),
    "spaced": " ".join,
    "strip": str.strip,
    "unquote": lambda text: text.strip("'"),
}


def value(row: Values, named: str) -> Any:
    """The value of a path with filters in a row; raises ColumnError."""
    steps, filters = _parsed(named)
    found = _at(row, steps)
    for name in filters:
        found = FILTERS[name](found)
    return found


def fill(template: str, row: Values) -> str:
    """The template with the row's values in place of the braces; raises ColumnError."""
    return "".join(part if literal else _text(row, part) for literal, part in _parts(template))


def filtered(text: str, filters: str | None) -> str:
    """The text after the filters, given as in `strip|comma`."""
    for name in filters.split("|") if filters else ():
        text = FILTERS[name](text)
    return text


def columns(template: str) -> list[str]:
    """The columns of a row that a template reads."""
    named = [_parsed(part)[0][0][0] for literal, part in _parts(template) if not literal]
    return [name for name in named if not name.startswith("*")]


def _text(row: Values, named: str) -> str:
    found = value(row, named)
    if found is None or isinstance(found, list | dict):
        raise ColumnError(named, f"{'no value' if found is None else f'a {type(found).__name__}'} where text belongs")
    return str(found)


@cache
def _parts(template: str) -> tuple[tuple[bool, str], ...]:
    """Alternating literal text and values."""
    return tuple((index % 2 == 0, part) for index, part in enumerate(_IN_BRACES.split(template)) if part)


@cache
def _parsed(named: str) -> tuple[tuple[tuple[str, int | None], ...], tuple[str, ...]]:
    """The steps of a path, each with the member it takes, and the filters."""
    path, *filters = named.split("|")
    matches = [_STEP.fullmatch(step) for step in path.split(".")]
    steps = tuple((m["name"], None if m["index"] is None else int(m["index"])) for m in matches if m)
    return steps, tuple(filters)


def _at(found: Any, steps: tuple[tuple[str, int | None], ...]) -> Any:
    if not steps:
        return found
    if isinstance(found, list):
        return [_at(member, steps) for member in found]
    (name, index), *rest = steps
    if not isinstance(found, Mapping) or name not in found:
        raise ColumnError(name, "there is no such column")
    below = found[name]
    if index is not None:
        below = _member(below, index, name)
    return _at(below, tuple(rest))


def _member(found: Any, index: int, name: str) -> Any:
    if not isinstance(found, list) or len(found) <= index:
        raise ColumnError(name, f"{index + 1} or more members belong there")
    return found[index]
