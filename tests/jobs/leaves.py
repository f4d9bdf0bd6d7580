"""Every leaf of a study file, with another value that the study accepts."""

import copy
from collections.abc import Iterator
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel, ValidationError, WithJsonSchema

from priming.study import Study
from priming.study.fields import section_in

Leaf = tuple[str, ...]

FILES: dict[str, Any] = {"files": {"train": "mine.csv", "test": "test.csv"}}
COLUMNS = {"kind": "multiple_choice", "input": "{text}", "choices": ["a", "b"], "output": "label"}

# Where another value of the leaf alone is no study: what to put, and at which key.
TOGETHER: dict[Leaf, tuple[Leaf, Any]] = {
    ("plms", "*", "generate"): (("plms", "*"), {"generate": {}}),
    ("plms", "*", "path"): (("plms", "*"), {"path": "models/other"}),
    ("plms", "*", "hub"): (("plms", "*"), {"hub": "someone/model", "revision": "abc"}),
    ("plms", "*", "revision"): (("plms", "*"), {"hub": "someone/model", "revision": "def"}),
    ("plms", "*", "seeds"): (("plms", "*"), {"generate": {}, "seeds": [3]}),
    ("plms", "*", "convert"): (("plms", "*"), {"hub": "someone/model", "revision": "def", "convert": True}),
    ("tasks", "groups"): (("tasks", "groups"), {"mine": ["mine"]}),
    ("tasks", "define", "mine", "files"): (
        ("tasks", "define", "mine"),
        {"hub": {"id": "a/b"}, "input": "{text}", "output": "label"},
    ),
    **{
        ("tasks", "define", "mine", "files", key): (("tasks", "define", "mine", "files"), files)
        for key, files in (
            ("train", {"train": "other.csv", "test": "test.csv"}),
            ("test", {"train": "mine.csv", "test": "other.csv"}),
            ("rows", {"rows": "mine.csv"}),
            ("test_share", {"rows": "mine.csv", "test_share": 0.4}),
        )
    },
    ("tasks", "define", "mine", "hub"): (
        ("tasks", "define", "mine"),
        {"hub": {"id": "a/c"}, "input": "{text}", "output": "label"},
    ),
    ("tasks", "define", "mine", "input"): (("tasks", "define", "mine", "input"), "say {text}"),
    ("tasks", "define", "mine", "labels"): (
        ("tasks", "define", "mine"),
        {
            "files": {"train": "mine.csv", "test": "test.csv"},
            "labels": {"a": "b"},
            "input": "{text}",
            "output": "label",
        },
    ),
    **{
        ("tasks", "define", "mine", key): (("tasks", "define", "mine"), FILES | COLUMNS | more)
        for key, more in (("choices", {}), ("counted_from", {"counted_from": 1}))
    },
    **{
        ("tasks", "define", "mine", key): (
            ("tasks",),
            {
                "define": {
                    "mine": FILES | {"kind": "text_to_text", "templates": {"so": {"jinja": "{{ text }} ||| a"}}} | more
                },
                "source": ["film_verdict", "day_mood"],
                "development": ["hotel_review", "report_time"],
                "target": ["mine.so", "price_compare"],
                "samples": [13, 21, 42],
            },
        )
        for key, more in (("templates", {}), ("classes", {"classes": {"label": ["a", "b"]}}))
    },
    ("tasks", "define", "mine", "threshold"): (
        ("tasks", "define", "mine"),
        {
            "files": {"train": "mine.csv", "test": "test.csv"},
            "labels": {True: "b", False: "c"},
            "threshold": 1.5,
            "input": "{text}",
            "output": "label",
        },
    ),
    **{
        ("priming", algorithm, "budget", measure): (("priming", algorithm, "budget"), {measure: 77})
        for algorithm in ("mtl", "maml", "reptile")
        for measure in ("steps", "examples", "flops")
    },
    **{
        ("priming", algorithm, "normalise_inner"): (
            ("priming", "variants", f"{algorithm}:extra"),
            {"normalise_inner": True},
        )
        for algorithm in ("maml", "reptile")
    },
    ("priming", "maml", "inner_optimizer"): (
        ("priming", "variants", "maml:extra"),
        {"order": "first", "inner_optimizer": "adafactor"},
    ),
    **{
        ("priming", algorithm, "inner_state"): (
            ("priming", "variants", f"{algorithm}:extra"),
            {"inner_optimizer": "adafactor", "inner_state": "carried", **more},
        )
        for algorithm, more in (("maml", {"order": "first"}), ("reptile", {}))
    },
    ("priming", "variants"): (("priming", "variants", "mtl:short"), {"budget": {"steps": 6}}),
    ("priming", "plms"): (("priming", "plms"), {"small": {"mtl": {"batch": 6}}}),
    ("tuning", "exceptions"): (("tuning", "exceptions"), [{"elements": ["adapter"], "bank": 7}]),
    ("strategies",): (
        ("strategies",),
        [
            "none -> plm",
            "none -> prompt",
            "none -> adapter",
            "mtl[plm+adapter] -> adapter",
            "mtl:short[plm] -> prompt",
            "maml[plm | prompt x2] -> prefix",
            "reptile[plm | plm x2] -> adapter",
        ],
    ),
    ("tasks", "target"): (("tasks", "target"), ["mine", "price_compare", "plan_time"]),
    ("tasks", "storycloze"): (("tasks", "storycloze"), {"validation": "mine.csv", "test": "test.csv"}),
    ("figures", "draw"): (("figures", "draw"), ["strategy_matrix", "tasks", "compute"]),
    ("scoring", "published", "adl2022"): (("scoring", "published", "adl2022"), {"small": "BART"}),
    ("scoring", "published", "ye2021"): (("scoring", "published", "ye2021"), {"small": "random"}),
    ("scoring", "published", "gheini2022"): (("scoring", "published", "gheini2022"), {"small": "mBERT"}),
    ("scoring", "published", "wu2022"): (
        ("scoring",),
        {"arg_baseline": "chance", "arg_over": "groups", "published": {"wu2022": {"small": "T5-XL"}}},
    ),
    ("figures", "charts", "panels"): (
        ("figures", "charts", "panels"),
        [{"title": "One bar", "bars": [{"plm": "own", "strategy": "none -> plm"}]}],
    ),
    ("scoring", "arg_plm"): (("scoring", "arg_plm"), "small"),
    ("scoring", "arg_over"): (("scoring",), {"arg_baseline": "chance", "arg_over": "groups"}),
    ("scoring", "compare"): (("scoring", "compare"), [{"first": "none -> plm", "second": "none -> prompt"}]),
    ("scoring", "decoders"): (("scoring", "decoders"), ["ranking", "greedy", "beam"]),
    ("scoring", "metrics"): (("scoring", "metrics"), ["accuracy"]),
}


def leaves(section: BaseModel, key: Leaf = ()) -> Iterator[tuple[Leaf, Any, Any]]:
    """Key, annotation and value of every leaf of a section, by its own fields; an absent section counts as a leaf."""
    for name, field in type(section).model_fields.items():
        value, at = getattr(section, name), (*key, name)
        if isinstance(value, BaseModel):
            yield from leaves(value, at)
        elif isinstance(value, dict) and value and section_in(field.annotation):
            for entry, below in value.items():
                yield from leaves(below, (*at, entry))
        else:
            yield at, Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation, value


def changed(before: Study, file: dict[str, Any], leaf: Leaf, annotation: Any, value: Any) -> Study:
    """The study of a file, `before`, with another value at a leaf.

    Raises LookupError where none of the values tried gives another study; it then belongs into TOGETHER.
    """
    for at, other in _tried(leaf, annotation, value):
        try:
            study = Study.model_validate(with_value(file, at, other))
        except ValidationError:
            continue
        if study.model_dump() != before.model_dump():
            return study
    raise LookupError(leaf)


def with_value(file: dict[str, Any], at: Leaf, value: Any) -> dict[str, Any]:
    """A copy of a study file with a value at a key."""
    whole = copy.deepcopy(file)
    place = whole
    for part in at[:-1]:
        place = place.setdefault(part, {})
    place[at[-1]] = value
    return whole


def _tried(leaf: Leaf, annotation: Any, value: Any) -> Iterator[tuple[Leaf, Any]]:
    pattern = tuple("*" if n == 1 and leaf[0] == "plms" else part for n, part in enumerate(leaf))
    if pattern in TOGETHER:
        at, other = TOGETHER[pattern]
        yield tuple(leaf[n] if part == "*" else part for n, part in enumerate(at)), other
    else:
        yield from ((leaf, other) for other in _values(annotation, value))


def _values(annotation: Any, value: Any) -> Iterator[Any]:
    yield from _literals(annotation)
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int):
        yield from (value + 1, value - 1, value // 2, value * 2)
    elif isinstance(value, float):
        yield from (value * 0.75, value + 0.1)
    elif isinstance(value, str):
        yield from (f"{value}x", "none -> prompt")
    elif isinstance(value, list):
        yield from ([*value, 5], value[::-1], [0.123], ["none -> prompt"], ["mtl[plm+adapter] -> adapter"])
    elif value is None:
        yield from (1, 0.5, "else", {})


def _literals(annotation: Any) -> Iterator[str]:
    """What an annotation such as `Literal[...] | None`, or one that names entries of a table, allows."""
    for argument in get_args(annotation):
        if isinstance(argument, str):
            yield argument
        elif isinstance(argument, WithJsonSchema):
            yield from (argument.json_schema or {})["enum"]
        elif get_origin(argument) is not list:
            yield from _literals(argument)
