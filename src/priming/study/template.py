"""Templates such as `premise: {premise} hypothesis: {hypothesis}`: alternating text and column names."""

from collections.abc import Mapping
from string import Formatter


def columns_of(template: str) -> tuple[str, ...]:
    """The columns named in `template`, in order, without duplicates.

    Raises ValueError if it cannot be parsed or names none; `{{` and `}}` stand for braces.
    """
    try:
        parts = list(Formatter().parse(template))
    except ValueError as error:
        raise ValueError(
            f"template {template!r} cannot be read ({error}); write {{column}}, and {{{{ or }}}} for a literal brace"
        ) from None
    columns = [column for _, column, _, _ in parts if column is not None]
    if not columns:
        raise ValueError(f"template {template!r} names no column; write {{column}} in place of its value")
    for _, column, options, conversion in parts:
        if column is not None and (not column or options or conversion):
            raise ValueError(f"template {template!r}: write only a column's name between braces")
    return tuple(dict.fromkeys(columns))


def fill(template: str, values: Mapping[str, str]) -> str:
    """`template` with each column replaced by its value; values are not interpreted as templates."""
    return "".join(
        text + (values[column] if column is not None else "") for text, column, _, _ in Formatter().parse(template)
    )
