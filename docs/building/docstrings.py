"""Docstrings of the package as Sphinx shows them."""

import re
from typing import Any

FIELD = re.compile(r"Alias for field number \d+")
VALUES = ("attribute", "data", "property")


def shown(app: Any, what: str, name: str, value: Any, options: Any, lines: list[str]) -> None:
    """Change the lines of a docstring in place, before they are divided into sections.

    Indented lines after a colon are code. Fields of named tuples lose the text that Python gives them. A colon in the
    first line of a property or an attribute becomes a dash: what stands before a colon would be taken for the type.
    """
    if lines and what in VALUES:
        lines[0] = "" if FIELD.fullmatch(lines[0]) else lines[0].replace(": ", " - ", 1)
    for number, (line, blank, code) in enumerate(zip(lines, lines[1:], lines[2:], strict=False)):
        if re.search(r"[^:]:$", line) and not blank and code.startswith("    "):
            lines[number] = f"{line}:"
