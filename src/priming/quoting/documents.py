"""Writing kept tables into documents, between marks.

    <!-- quote: STUDY BLOCK [| COLUMN, COLUMN ...] -->
    (the table, then a line that says which study, commit and date it is from; written by `priming quotes write`)
    <!-- end of quote -->

BLOCK is the label of a table for reading without the study's name, such as `small-effects`; the columns are those wanted, in order, and
the note below the table is left out then; without any it is the whole table. `STUDY provenance` gives the list of the commits at
which the study's numbers came out.
"""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from priming.errors import DataError, nearest
from priming.quoting.store import BLOCKS, FOLDER, Quote, read
from priming.reporting.block import Block

END = "<!-- end of quote -->"
MARK = re.compile(r"<!-- quote: (?P<study>\S+) (?P<block>[^\s|]+)(?: \| (?P<columns>[^>]*?))? -->\n.*?" + re.escape(END), re.DOTALL)
PROVENANCE = "provenance"


def documents(root: Path = Path()) -> list[Path]:
    """The documents that may quote."""
    return [root / "README.md", *sorted((root / "docs").glob("*.md"))]


def written(text: str, folder: Path = FOLDER) -> str:
    """A document's text with every quote written anew; raises DataError for a quote of what is not kept."""
    return MARK.sub(lambda mark: _filled(mark, folder), text)


def write(paths: Iterable[Path], folder: Path = FOLDER) -> list[Path]:
    """Write the quotes of these documents anew; those that changed."""
    changed = []
    for path in paths:
        before = path.read_text(encoding="utf-8")
        if (after := written(before, folder)) != before:
            path.write_text(after, encoding="utf-8")
            changed.append(path)
    return changed


def _filled(mark: re.Match[str], folder: Path) -> str:
    study, label, columns = mark["study"], mark["block"], mark["columns"]
    kept = folder / study
    quote = read(kept)
    if label == PROVENANCE:
        body = _provenance(quote)
    else:
        block = _block(kept, label)
        body = (_chosen(block, [name.strip() for name in columns.split(",")], kept) if columns else block).markdown() + _source(quote)
    head = mark[0].partition("\n")[0]
    return f"{head}\n{body}{END}"


def _block(kept: Path, label: str) -> Block:
    blocks: dict[str, dict[str, Any]] = json.loads((kept / BLOCKS).read_text(encoding="utf-8"))
    if label not in blocks:
        raise DataError(f"{kept / BLOCKS} has no table {label!r}{nearest(label, blocks)}; there are: {', '.join(blocks)}")
    return Block(label=label, **blocks[label])


def _chosen(block: Block, columns: Sequence[str], kept: Path) -> Block:
    """The block with these columns alone, in this order, without its note."""
    for name in columns:
        if name not in block.header:
            raise DataError(f"{kept / BLOCKS}: table {block.label!r} has no column {name!r}{nearest(name, block.header)}")
    places = [list(block.header).index(name) for name in columns]
    return replace(block, header=[block.header[n] for n in places], rows=[[row[n] for n in places] for row in block.rows], note="")


def _source(quote: Quote) -> str:
    return f"\nFrom `{quote.study_file}` at commit {quote.made.commit[:7]}, {quote.made.date}.\n"


def _provenance(quote: Quote) -> str:
    lines = [f"- `{quote.study_file}`: run at commit {quote.made.commit[:7]}, {quote.made.date}."]
    lines += [f"  {check.how.capitalize()} at commit {check.commit[:7]}, {check.date}: {check.evidence}." for check in quote.checks[1:]]
    return "\n".join(lines) + "\n"
