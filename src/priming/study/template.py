"""Templates such as `premise: {premise} hypothesis: {hypothesis}`: text and column names by turns."""

from collections.abc import Mapping
from string import Formatter


def columns_of(template: str) -> tuple[str, ...]:
    """The columns that `template` names, in order, each once.

    Raises ValueError where it cannot be read or names none; `{{` and `}}` stand for braces.
    """
    try:
        parts = list(Formatter().parse(template))
    except ValueError as error:
        raise ValueError(f"template {template!r} cannot be read ({error}); write {{column}}, and {{{{ or }}}} for a brace itself") from None
    columns = [column for _, column, _, _ in parts if column is not None]
    if not columns:
        raise ValueError(f"template {template!r} names no column; write {{column}} where its value belongs")
    for _, column, options, conversion in parts:
        if column is not None and (not column or options or conversion):
            raise ValueError(f"template {template!r}: between braces stands a column's name and nothing else")
    return tuple(dict.fromkeys(columns))


def fill(template: str, values: Mapping[str, str]) -> str:
    """`template` with each column replaced by its value; a value is never read as a template."""
    return "".join(text + (values[column] if column is not None else "") for text, column, _, _ in Formatter().parse(template))
