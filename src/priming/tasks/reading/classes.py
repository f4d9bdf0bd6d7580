"""Columns of class ids whose data set names the classes (`ClassLabel` columns on the hub)."""

from collections.abc import Mapping, Sequence
from typing import Any

Classes = Mapping[str, Sequence[str]]
"""The class names by column; a class's id is the index of its name."""


def is_class_id(value: Any) -> bool:
    """Whether a value in a class column is an id; -1, which has no name, means that there is no class."""
    return isinstance(value, int) and not isinstance(value, bool)


def class_name(names: Sequence[str], value: Any) -> Any:
    """The name of a class id; other values, and ids without a name, are unchanged."""
    return names[value] if is_class_id(value) and 0 <= value < len(names) else value


def class_of_key(names: Sequence[str], key: str | int | float | bool) -> str | int | float | bool:
    """The class name for a key of a study's `labels`: text is a name if there is such a name, else an id."""
    if isinstance(key, str) and key not in names and key.isdecimal():
        return class_name(names, int(key))
    return class_name(names, key)
