"""Rendering of templates in a sandbox: values of rows are never taken for templates, and nothing else is in reach."""

import random
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError, UndefinedError, pass_context
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from priming.digests import of_json
from priming.errors import nearest

SEPARATOR = "|||"
_PROTECTED = "\ue000bars\ue001"
"""What `|||` in a row's own values becomes while a template is rendered."""
LARGEST = 100_000
"""What templates may multiply to: characters of a text, entries of a list, or a number."""


class RenderingError(Exception):
    """That a template cannot be used, or not on a row; its text says why and, after `; `, what to do."""


class Rendered(NamedTuple):
    """A row as text: output None where the template writes none for it, choices None where it has none."""

    input: str
    output: str | None
    choices: tuple[str, ...] | None


class _Sandbox(ImmutableSandboxedEnvironment):
    """Without access to attributes of Python's own, or to much memory."""

    intercepted_binops = frozenset({"*", "**"})

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Multiplication and powers of small values only."""
        sizes = [len(value) if isinstance(value, str | list | tuple) else value for value in (left, right)]
        if not all(isinstance(size, int | float) and abs(size) <= LARGEST for size in sizes):
            raise SecurityError(f"{operator} of what is too large, or no number")
        if (abs(sizes[0] * sizes[1]) if operator == "*" else 10 * abs(sizes[1])) > LARGEST:
            raise SecurityError(f"{operator} with a result that is too large")
        return super().call_binop(context, operator, left, right)


class Renderer:
    """Renders one template."""

    def __init__(self, jinja: str, answer_choices: str | None = None) -> None:
        """Parse the template.

        Raises:
            RenderingError: it does not parse, or has no or several separators between input and output.
        """
        environment = _Sandbox(undefined=StrictUndefined, autoescape=False)
        environment.globals["zip"] = zip
        environment.filters["choice"] = self._chosen
        self._random = random.Random(0)
        self._texts = _parsed(environment, "template", jinja)
        self._choices = None if answer_choices is None else _parsed(environment, "answer_choices", answer_choices)
        if SEPARATOR not in jinja:
            raise RenderingError(f"the template has no {SEPARATOR}; write it between input and output")

    def render(self, values: Mapping[str, Any]) -> Rendered:
        """A row as input, output and choices, without white space around them.

        What a template chooses at random depends on the row's values alone.

        Raises:
            RenderingError: it names a field that the row lacks, an answer that is not there, or anything outside the
                sandbox.
        """
        self._random.seed(of_json({key: str(value) for key, value in values.items()}))
        given = {key: _protected(value) for key, value in values.items()}
        choices = None
        if self._choices is not None:
            choices = _split(_rendered(self._choices, given, "answer_choices"))
            given["answer_choices"] = [_protected(choice) for choice in choices]
        parts = _split(_rendered(self._texts, given, "template"))
        if len(parts) > 2:
            raise RenderingError(f"the template writes {len(parts) - 1} times {SEPARATOR}; write it once")
        output = parts[1] if len(parts) == 2 else ""
        return Rendered(parts[0], output or None, None if choices is None else tuple(choices))

    @pass_context  # so that it is not computed once for all rows
    def _chosen(self, _: Context, values: Sequence[Any]) -> Any:
        """The filter `choice`: one of several values, at random."""
        return self._random.choice(list(values))


def _parsed(environment: _Sandbox, what: str, text: str) -> Any:
    try:
        return environment.from_string(text)
    except TemplateSyntaxError as error:
        raise RenderingError(f"the {what} does not parse, line {error.lineno}: {error.message}; correct it") from None
    except TemplateError as error:
        raise RenderingError(f"the {what} does not parse: {error}; correct it") from None


def _rendered(template: Any, values: Mapping[str, Any], what: str) -> str:
    there = f"the row has {', '.join(key for key in values if key != 'answer_choices')}"
    try:
        found: str = template.render(**values)
    except UndefinedError as error:
        named = str(error).split("'")[1] if "'" in str(error) else ""
        known = nearest(named, values) if str(error).endswith("is undefined") else ""
        advice = f"{there}{known}; correct the template, or give the column's classes"
        raise RenderingError(f"the {what} cannot be written: {error}; {advice}") from None
    except SecurityError as error:
        raise RenderingError(f"the {what} reaches for what templates may not have: {error}; take it out") from None
    except (TemplateError, ArithmeticError, LookupError, TypeError, ValueError, AttributeError) as error:
        raise RenderingError(f"the {what} cannot be written: {error}; {there}; correct the template") from None
    return found


def _split(text: str) -> list[str]:
    return [_plain(part).strip() for part in text.split(SEPARATOR)]


def _protected(value: Any) -> Any:
    """The value with separators in its texts written another way."""
    if isinstance(value, str):
        return value.replace(SEPARATOR, _PROTECTED)
    if isinstance(value, Mapping):
        return {key: _protected(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_protected(one) for one in value]
    return value


def _plain(text: str) -> str:
    return text.replace(_PROTECTED, SEPARATOR)
