"""Pages on a terminal, with colours and rules, or as plain aligned text where the output is piped, or as JSON."""

import json
import shutil
import sys

import typer

from priming.inspection.page import Facts, Note, Page, Table, is_number

GAP = "  "


def show(page: Page, as_json: bool) -> None:
    """Print a page."""
    if as_json:
        typer.echo(json.dumps(page.data, indent=2, ensure_ascii=False))
    elif sys.stdout.isatty():
        _rich(page)
    else:
        typer.echo(plain(page))


def plain(page: Page) -> str:
    """A page as text: columns padded to their widest cell."""
    return "\n\n".join("\n".join(_lines(block)) for block in page.blocks if not _is_empty(block))


def _is_empty(block: Facts | Table | Note) -> bool:
    return not (block.text if isinstance(block, Note) else block.rows)


def _lines(block: Facts | Table | Note) -> list[str]:
    if isinstance(block, Note):
        return [block.text]
    title = [block.title] if block.title else []
    if isinstance(block, Facts):
        return [*title, *aligned(block.rows, numbers=False)]
    return [*title, *aligned([block.heads, *block.rows])]


def aligned(rows: list[list[str]], *, numbers: bool = True) -> list[str]:
    """Rows as lines; with `numbers`, columns of numbers below the first row are aligned to the right."""
    columns = list(zip(*rows, strict=True))
    widths = [max(map(len, column)) for column in columns]
    right = [numbers and n > 0 and _is_numeric(list(column[1:])) for n, column in enumerate(columns)]
    return [
        GAP.join(
            cell.rjust(width) if number else cell.ljust(width)
            for cell, width, number in zip(row, widths, right, strict=True)
        ).rstrip()
        for row in rows
    ]


def _is_numeric(cells: list[str]) -> bool:
    return any(cells) and all(map(is_number, cells))


def _rich(page: Page) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text

    console = Console(width=shutil.get_terminal_size().columns, highlight=False)
    for block in page.blocks:
        if _is_empty(block):
            continue
        if isinstance(block, Note):
            console.print(Text(block.text), soft_wrap=True)
            continue
        is_table = isinstance(block, Table)
        shown = RichTable(box=box.SIMPLE_HEAD if is_table else None, title=Text(block.title, style="bold"))
        shown.title_justify, shown.show_header, shown.pad_edge = "left", is_table, False
        heads = block.heads if isinstance(block, Table) else ["", ""]
        for n, head in enumerate(heads):
            number = is_table and n > 0 and _is_numeric([row[n] for row in block.rows])
            style = "cyan" if n == 0 else ""
            shown.add_column(Text(head), justify="right" if number else "left", style=style, overflow="fold")
        for row in block.rows:
            shown.add_row(*map(Text, row))
        console.print(shown)
