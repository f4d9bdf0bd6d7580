"""Walking the sections of the study file by their annotations."""

import types
from collections.abc import Iterator
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

Key = tuple[str | int, ...]


def dotted(key: Key) -> str:
    """A key as written in messages and docs, such as `figures.draw[0]`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in key)
    return text.lstrip(".")


def section_in(annotation: Any) -> type[BaseModel] | None:
    """The section in a field of this annotation: itself, or as the value of a list, a dict or an optional."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for argument in get_args(annotation) if (found := section_in(argument))), None)


def is_mapping(annotation: Any) -> bool:
    """Whether the field's keys are names chosen by the user."""
    return get_origin(_bare(annotation)) is dict


def _bare(annotation: Any) -> Any:
    """The annotation without `Annotated` and without `| None`."""
    if get_origin(annotation) is Annotated:
        return _bare(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        arguments = [a for a in get_args(annotation) if a is not type(None)]
        return _bare(arguments[0]) if len(arguments) == 1 else annotation
    return annotation


def section_at(root: type[BaseModel], key: Key) -> type[BaseModel] | None:
    """The section at `key`, or None."""
    section: type[BaseModel] | None = root
    parts = iter(key)
    for part in parts:
        field = section.model_fields.get(str(part)) if section else None
        if field is None:
            return None
        section = section_in(field.annotation)
        if is_mapping(field.annotation):
            next(parts, None)
    return section


def default_at(root: type[BaseModel], key: Key, written: int) -> Any:
    """The default at a key of which only the first `written` parts are in the file; None if there is none."""
    section = section_at(root, key[:written])
    field = section.model_fields.get(str(key[written])) if section else None
    value = None if field is None or field.is_required() else field.get_default(call_default_factory=True)
    for part in key[written + 1 :]:
        value = getattr(value, str(part), None) if isinstance(value, BaseModel) else None
    return value


def walk(section: type[BaseModel], key: Key = ()) -> Iterator[tuple[Key, type[BaseModel]]]:
    """Every section at and below `section`, with its key, depth first; `<name>` is a name chosen by the user."""
    yield key, section
    for name, field in section.model_fields.items():
        if below := section_in(field.annotation):
            yield from walk(below, (*key, name, "<name>") if is_mapping(field.annotation) else (*key, name))
