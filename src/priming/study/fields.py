"""Walking the sections of the study file by their annotations."""

import types
from collections.abc import Iterator
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

Key = tuple[str | int, ...]


def dotted(key: Key) -> str:
    """`figures.draw[0]`, as messages and the docs write a key."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in key)
    return text.lstrip(".")


def section_in(annotation: Any) -> type[BaseModel] | None:
    """The section that a field of this annotation holds: itself, or as the value of a list, a dict or an option."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for argument in get_args(annotation) if (found := section_in(argument))), None)


def is_mapping(annotation: Any) -> bool:
    """Whether the field holds entries under names that the user chooses."""
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
    """The section found at `key`, None where the key leads to no section."""
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


def walk(section: type[BaseModel], key: Key = ()) -> Iterator[tuple[Key, type[BaseModel]]]:
    """Every section below and including `section`, with its key, depth first; `<name>` stands for a name the user chooses."""
    yield key, section
    for name, field in section.model_fields.items():
        if below := section_in(field.annotation):
            yield from walk(below, (*key, name, "<name>") if is_mapping(field.annotation) else (*key, name))
