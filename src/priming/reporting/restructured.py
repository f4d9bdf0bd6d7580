"""Parts of a page of reStructuredText."""

from collections.abc import Iterator


def heading(text: str) -> list[str]:
    """A section's title with space around it."""
    return ["", text, "-" * len(text), ""]


def list_table(rows: list[list[str]], *, header: bool = False) -> Iterator[str]:
    """A table of cells, the first row being its header or not."""
    yield ".. list-table::"
    if header:
        yield "   :header-rows: 1"
    yield ""
    for row in rows:
        for n, cell in enumerate(row):
            yield f"   {'*' if n == 0 else ' '} - {cell}"


def literal(text: str) -> str:
    """`text` as it is: a bar or an asterisk in it is no markup."""
    flat = " ".join(str(text).split()).replace("``", "''")
    return f"``{flat}``" if flat else "not given"
