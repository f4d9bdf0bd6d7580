"""Base class of all sections of the study file."""

from collections.abc import Callable, Mapping, Set
from functools import wraps
from inspect import get_annotations
from typing import Annotated, Any, ClassVar, Concatenate, Literal, ParamSpec, TypeVar, cast, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic.fields import FieldInfo

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=150)]
"""A name of folders: with what is added to it, it stays below the 255 bytes that file systems take."""
Seed = Annotated[int, Field(ge=0, le=2**64 - 1)]
"""A random seed, of the 64 bits that generators take."""
Positive = Annotated[int, Field(gt=0)]
Rate = Annotated[float, Field(gt=0)]
Fraction = Annotated[float, Field(ge=0, lt=1)]
Reduction = Literal["mean", "sum"]
Arguments = ParamSpec("Arguments")
Of = TypeVar("Of", bound="Section")
Found = TypeVar("Found")


def _distinct(values: list[Any]) -> list[Any]:
    """The values, if no two are equal."""
    if twice := list(dict.fromkeys(str(value) for value in values if values.count(value) > 1)):
        raise ValueError(f"names {', '.join(twice)} twice; keep one")
    return values


DISTINCT = AfterValidator(_distinct)
"""Of a list in which each value stands for a run, a column or a curve of its own."""


class Section(BaseModel):
    """A part of the study file: immutable, strictly typed, without unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    later: ClassVar[Set[str]] = frozenset()
    """Keys added when there were already results: at their default they are left out of recipes."""

    def settings(self, include: Set[str] | None = None, exclude: Set[str] = frozenset()) -> dict[str, Any]:
        """The section's entries in a recipe, as JSON: all keys, or those included and not excluded."""
        whole = {name: value for name, value in self if (include is None or name in include) and name not in exclude}
        said = self.model_dump(mode="json", include=set(whole))
        for name in self.later & whole.keys():
            if whole[name] == type(self).model_fields[name].get_default(call_default_factory=True):
                del said[name]
        return said | {name: value.settings() for name, value in whole.items() if isinstance(value, Section)}


def remembered(
    function: Callable[Concatenate[Of, Arguments], Found],
) -> Callable[Concatenate[Of, Arguments], Found]:
    """Keep what a function or method finds for a section, by its other arguments, which must be hashable.

    Sections do not change. A copy, which may have other values, begins anew.
    """
    name = f"_{function.__module__}.{function.__qualname__}"

    @wraps(function)
    def found(section: Of, /, *arguments: Arguments.args, **named: Arguments.kwargs) -> Found:
        """What is kept, else what the function finds."""
        owner, results = section.__dict__.get(name, (None, {}))
        if owner != id(section):
            results = {}
            section.__dict__[name] = id(section), results
        key = arguments, tuple(named.items())
        if key not in results:
            results[key] = function(section, *arguments, **named)
        return cast("Found", results[key])

    return found


def add_fields(section: type[Section], fields: Mapping[str, tuple[Any, Any]]) -> None:
    """Add keys to a section, each with its type and its default or `Field`; they take effect after `rebuild`."""
    for name, (annotation, default) in fields.items():
        if name not in section.model_fields:
            section.__annotations__ = get_annotations(section) | {name: annotation}  # its own, in every Python
            section.__pydantic_fields__[name] = FieldInfo.from_annotated_attribute(annotation, default)


def rebuild(section: type[Section]) -> None:
    """Make a section, and those inside it, validate by their current fields."""
    for inside in _inside(section):
        inside.model_rebuild(force=True)


def _inside(section: type[Section]) -> list[type[Section]]:
    """A section and all sections inside it, innermost first."""
    annotations = [field.annotation for field in section.model_fields.values()]
    found: dict[type[Section], None] = {}
    while annotations:
        annotation = annotations.pop()
        annotations += get_args(annotation)
        if isinstance(annotation, type) and issubclass(annotation, Section):
            found |= dict.fromkeys(_inside(annotation))
    return [*found, section]
