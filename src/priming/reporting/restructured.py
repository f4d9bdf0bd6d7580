"""Parts of a page of reStructuredText."""

from collections.abc import Iterator


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
    """`text` with bars and asterisks escaped."""
    flat = " ".join(str(text).split()).replace("``", "''")
    return f"``{flat}``" if flat else "not given"
