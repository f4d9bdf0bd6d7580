"""Parts of a page of reStructuredText. Texts of a study come in through `plain` or `literal`, and are never markup."""

import re
import unicodedata
from collections.abc import Iterator

_MARKUP = re.compile(r"[\\*`|]|_(?![^\W_])|(?<=\w):(?=\S)|@")
"""Characters that begin or end markup within a line; an underscore does before anything but a letter or digit."""
_BLOCK = re.compile(r"[^\w\\]|(\w+|#)[.)]( |$)|\\?_")
"""What at the start of a line may begin a block: a directive, a list, a field, a table, an underline."""


def plain(text: str) -> str:
    """`text` in one line, as it is read."""
    flat = _MARKUP.sub(r"\\\g<0>", " ".join(str(text).split()))
    return f"\\ {flat}" if _BLOCK.match(flat) else flat


def paragraphs(text: str) -> list[str]:
    """The paragraphs of `text` as they are read, with an empty line between them."""
    found = [plain(paragraph) for paragraph in re.split(r"\n\s*\n", text) if paragraph.strip()]
    return [line for paragraph in found for line in (paragraph, "")][:-1]


def title(text: str) -> list[str]:
    """The title of a page."""
    shown = plain(text)
    return [shown, "=" * sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in shown)]


def heading(text: str) -> list[str]:
    """A section title with blank lines around it."""
    return ["", text, "-" * len(text), ""]


def list_table(rows: list[list[str]], *, header: bool = False) -> Iterator[str]:
    """A table of cells, with or without the first row as header."""
    yield ".. list-table::"
    if header:
        yield "   :header-rows: 1"
    yield ""
    for row in rows:
        for n, cell in enumerate(row):
            yield f"   {'*' if n == 0 else ' '} - {cell}"


def literal(text: str) -> str:
    """`text` in one line, as code."""
    flat = " ".join(str(text).split()).replace("``", "''")
    return f"``{flat}``" if flat else "not given"
