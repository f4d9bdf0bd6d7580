"""Inserting stored tables, and figures of them, into documents, between marks.

    <!-- quote: STUDY BLOCK [| COLUMN, COLUMN ...] -->
    (the table, then a line with its study, commit and date; written by `priming quotes write`)
    <!-- end of quote -->

BLOCK is the label of a table without the study's name, such as `small-effects`. Columns select columns, in order, and
omit the note below the table; without them the whole table is quoted. `STUDY provenance` lists the commits at which the
study's numbers were obtained. `STUDY figure:NAME | TEXT` shows a figure drawn from the stored tables, with TEXT as its
alternative.
"""

import json
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from priming.blocks import Block
from priming.errors import DataError, nearest
from priming.quoting.figures import drawn
from priming.quoting.store import BLOCKS, FOLDER, Quote, read

END = "<!-- end of quote -->"
MARK = re.compile(
    r"<!-- quote: (?P<study>\S+) (?P<block>[^\s|]+)(?: \| (?P<columns>[^>]*?))? -->\n.*?" + re.escape(END), re.DOTALL
)
PROVENANCE, FIGURE = "provenance", "figure:"


def documents(root: Path = Path()) -> list[Path]:
    """The documents that may contain quotes."""
    return [root / "README.md", *sorted((root / "docs").glob("*.md"))]


def written(text: str, folder: Path = FOLDER, place: Path = Path()) -> str:
    """The text of a document in folder `place` with its quotes updated; raises DataError if a quote is not stored."""
    return MARK.sub(lambda mark: _filled(mark, folder, place), text)


def shown(paths: Iterable[Path]) -> list[tuple[str, str]]:
    """The figures shown in documents, by study and name."""
    marks = [mark for path in paths for mark in MARK.finditer(path.read_text(encoding="utf-8"))]
    return sorted(
        {(mark["study"], mark["block"].removeprefix(FIGURE)) for mark in marks if mark["block"].startswith(FIGURE)}
    )


def write(paths: Iterable[Path], folder: Path = FOLDER) -> list[Path]:
    """Update the quotes of these documents, and draw their figures; returns the files that changed."""
    changed, paths = [], list(paths)
    for study, figure in shown(paths):
        drawn(study, figure, folder / study, folder)
    for path in paths:
        before = path.read_text(encoding="utf-8")
        if (after := written(before, folder, path.parent)) != before:
            path.write_text(after, encoding="utf-8")
            changed.append(path)
    return changed


def _filled(mark: re.Match[str], folder: Path, place: Path) -> str:
    study, label, columns = mark["study"], mark["block"], mark["columns"]
    kept = folder / study
    quote = read(kept)
    if label == PROVENANCE:
        body = _provenance(quote)
    elif label.startswith(FIGURE):
        file = kept / f"{label.removeprefix(FIGURE)}.svg"
        body = f"![{columns}]({Path(os.path.relpath(file, place)).as_posix()})\n{_source(quote)}"
    else:
        block = _block(kept, label)
        body = (
            _chosen(block, [name.strip() for name in columns.split(",")], kept) if columns else block
        ).markdown() + _source(quote)
    head = mark[0].partition("\n")[0]
    return f"{head}\n{body}{END}"


def _block(kept: Path, label: str) -> Block:
    blocks: dict[str, dict[str, Any]] = json.loads((kept / BLOCKS).read_text(encoding="utf-8"))
    if label not in blocks:
        raise DataError(
            f"{kept / BLOCKS} has no table {label!r}{nearest(label, blocks)}; there are: {', '.join(blocks)}"
        )
    return Block(label=label, **blocks[label])


def _chosen(block: Block, columns: Sequence[str], kept: Path) -> Block:
    """The block with only these columns, in this order, without its note."""
    for name in columns:
        if name not in block.header:
            raise DataError(
                f"{kept / BLOCKS}: table {block.label!r} has no column {name!r}{nearest(name, block.header)}"
            )
    places = [list(block.header).index(name) for name in columns]
    return replace(
        block, header=[block.header[n] for n in places], rows=[[row[n] for n in places] for row in block.rows], note=""
    )


def _source(quote: Quote) -> str:
    return f"\nFrom `{quote.study_file}` at commit {quote.made.commit[:7]}, {quote.made.date}.\n"


def _provenance(quote: Quote) -> str:
    lines = [f"- `{quote.study_file}`: run at commit {quote.made.commit[:7]}, {quote.made.date}."]
    lines += [
        f"  {check.how.capitalize()} at commit {check.commit[:7]}, {check.date}: {check.evidence}."
        for check in quote.checks[1:]
    ]
    return "\n".join(lines) + "\n"
