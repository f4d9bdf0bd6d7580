"""Problems of a study file: where, what, and which values are allowed."""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from priming.errors import nearest
from priming.study.fields import Key, default_at, dotted, section_at


class Problem(NamedTuple):
    """One problem at a key."""

    at: Key
    text: str


class DisagreementError(ValueError):
    """Contradictions between sections that are well formed individually."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__("; ".join(f"{dotted(problem.at)}: {problem.text}" for problem in problems))


_ALLOWED = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "string_type": "text, in quotes if it looks like a number",
    "bool_type": "true or false",
    "list_type": "a list, as in [a, b]",
    "dict_type": "keys with values",
    "greater_than": "more than {gt}",
    "greater_than_equal": "{ge} or more",
    "less_than": "less than {lt}",
    "less_than_equal": "{le} or less",
    "string_pattern_mismatch": "letters, digits, '.', '_' and '-', the first a letter or digit",
    "literal_error": "{expected}",
    "too_short": "{min_length} or more entries",
    "string_too_long": "up to {max_length} characters",
    "invalid_key": "keys that are text",
}


def found_by(error: ValidationError, root: type[BaseModel], data: Any, under: Key = ()) -> list[Problem]:
    """The problems behind a validation error of `root` on `data`, one per key, in the order of the file.

    `under` is put before every key.
    """
    texts: dict[Key, list[str]] = {}
    for details in error.errors():
        for problem in _problems(details, root, data):
            texts.setdefault(problem.at, []).append(problem.text)
    return [Problem((*under, *at), _joined(found)) for at, found in texts.items()]


def _problems(details: ErrorDetails, root: type[BaseModel], data: Any) -> list[Problem]:
    cause = details.get("ctx", {}).get("error")
    if isinstance(cause, DisagreementError):
        return cause.problems
    at = details["loc"] if details["type"] == "missing" else present(details["loc"], data)
    return [Problem(at, _text(details, root, at))]


def about_defaults(problems: Sequence[Problem], root: type[BaseModel], data: Any) -> list[Problem]:
    """The problems, those with values not in the file marked as problems of a default."""
    return [_of_default(problem, root, data) for problem in problems]


def _of_default(problem: Problem, root: type[BaseModel], data: Any) -> Problem:
    known = present(problem.at, data)
    value = None if known == problem.at else default_at(root, problem.at, len(known))
    if value is None or value in ("", [], {}) or isinstance(value, BaseModel):
        return problem
    *sections, key = problem.at[len(known) :]
    to_add = "".join(f"{section}: {{" for section in sections) + f"{key}: ..." + "}" * len(sections)
    where = f"under {dotted(known)}" if known else "to the file"
    about = f"the file has no {dotted(problem.at)}, and {shown(value)} is its default: add '{to_add}' {where}"
    return Problem(problem.at, f"{problem.text}; {about}")


def present(key: Key, data: Any) -> Key:
    """The part of `key` that is in the file: unions and key checks append other parts."""
    found: list[str | int] = []
    for part in key:
        entries = dict(enumerate(data)) if isinstance(data, list) else data if isinstance(data, dict) else {}
        if part not in entries:
            break
        found.append(part)
        data = entries[part]
    return tuple(found)


def _text(details: ErrorDetails, root: type[BaseModel], at: Key) -> str:
    if details["type"] in _ABOUT_KEYS:
        return _ABOUT_KEYS[details["type"]](root, at)
    kind, value, ctx = details["type"], details["input"], details.get("ctx", {})
    if kind == "value_error":
        return str(ctx["error"])
    if kind not in _ALLOWED:
        return f"{shown(value)}: {details['msg']}"
    limits = {name: f"{limit:g}" if isinstance(limit, float) else limit for name, limit in ctx.items()}
    close = nearest(str(value), re.findall(r"'([^']+)'", ctx["expected"])) if kind == "literal_error" else ""
    return f"{shown(value)} is not allowed{close}; allowed: {_ALLOWED[kind].format(**limits)}"


def _missing(root: type[BaseModel], at: Key) -> str:
    section = section_at(root, at[:-1])
    field = section.model_fields.get(str(at[-1])) if section else None
    what = f" ({field.description.rstrip('.')})" if field and field.description else ""
    return f"is missing; add '{at[-1]}: ...'{what}"


def _unknown(root: type[BaseModel], at: Key) -> str:
    section = section_at(root, at[:-1])
    keys = list(section.model_fields) if section else []
    return f"unknown key {str(at[-1])!r}{nearest(str(at[-1]), keys)}; allowed: {', '.join(keys)}"


def _no_section(root: type[BaseModel], at: Key) -> str:
    section = section_at(root, at)
    keys = ", ".join(section.model_fields) if section else "any"
    return f"is not a section; allowed: keys with values ({keys})"


_ABOUT_KEYS = {"missing": _missing, "extra_forbidden": _unknown, "model_type": _no_section}


def _joined(texts: list[str]) -> str:
    """Several problems at one key, as from the arms of a union, in one sentence."""
    heads = {text.split("; allowed: ")[0] for text in texts}
    if len(texts) > 1 and len(heads) == 1:
        return f"{heads.pop()}; allowed: {' or '.join(dict.fromkeys(t.split('; allowed: ')[-1] for t in texts))}"
    return "; ".join(dict.fromkeys(texts))


def shown(value: Any) -> str:
    """A value of the file as quoted in messages."""
    text = (
        "nothing"
        if value is None
        else {True: "true", False: "false"}[value]
        if isinstance(value, bool)
        else repr(value)
    )
    return text if len(text) <= 60 else f"{text[:57]}..."
