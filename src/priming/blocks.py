"""A table for reading: Markdown that lines up as text, LaTeX with booktabs, HTML."""

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass

_LATEX = {
    "\\": r"\textbackslash{}",
    **{character: "\\" + character for character in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "±": r"$\pm$",
    "†": r"$\dagger$",
}
LATEX_NEEDS = "% \\usepackage{booktabs}\n"
HTML_HEAD = """<!doctype html>
<meta charset="utf-8">
<style>
body { font-family: sans-serif; font-size: 14px; margin: 1em; }
table { border-collapse: collapse; margin: 1.5em 0 0.5em; border-top: 2px solid; border-bottom: 2px solid; }
caption { text-align: left; font-weight: bold; padding: 0.4em 0; }
th { border-bottom: 1px solid; }
th, td { padding: 0.2em 0.8em; text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; font-family: monospace; }
tbody tr:hover { background: #eee; }
</style>
"""
_MARKDOWN = re.compile(r"\\|\*(?=\S)|<(?=[A-Za-z/!?])|(?<=\])[(\[:]|(?<!\w)_|_(?!\w)|&(?=#?\w+;)")
_LINES = re.compile(r"\s*[\r\n\v\f\x85\u2028\u2029]\s*")
_MINUS = re.compile(r"(?<![^ \[])-(?=\d)")


@dataclass(frozen=True)
class Block:
    """One table: a caption, a note under it, and rows whose first cell is a name and whose other cells are numbers."""

    label: str
    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""

    def markdown(self) -> str:
        """The table in pipes, padded so that it lines up in plain text too."""
        escaped = [[markdown_text(cell).replace("|", r"\|") for cell in row] for row in (self.header, *self.rows)]
        widths = [max(map(len, column)) for column in zip(*escaped, strict=True)]
        lines = [_piped(row, widths) for row in escaped]
        rule = "|" + "|".join("-" * (width + 1) + (":" if n else "-") for n, width in enumerate(widths)) + "|"
        note = "\n".join(["", *map(markdown_text, self.note.splitlines()), ""]) if self.note else ""
        return f"**{markdown_text(self.caption)}**\n\n" + "\n".join([lines[0], rule, *lines[1:]]) + "\n" + note

    def html(self) -> str:
        """A `table` for a browser."""
        head = "".join(f"<th>{html.escape(cell)}</th>" for cell in self.header)
        rows = "".join(
            "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>\n" for row in self.rows
        )
        note = f"<p>{html.escape(self.note)}</p>\n" if self.note else ""
        return (
            f"<table>\n<caption>{html.escape(self.caption)}</caption>\n<thead><tr>{head}</tr></thead>\n<tbody>\n"
            f"{rows}</tbody>\n</table>\n{note}"
        )

    def latex(self) -> str:
        """A `table` with booktabs rules."""
        body = [_latex_row(row) for row in (self.header, *self.rows)]
        note = [rf"\\[2pt] \parbox{{\linewidth}}{{\footnotesize {latex_text(self.note)}}}"] if self.note else []
        lines = [
            r"\begin{table}",
            r"\centering\small",
            rf"\caption{{{latex_text(self.caption)}}}",
            rf"\label{{tab:{self.label}}}",
            rf"\begin{{tabular}}{{l{'r' * (len(self.header) - 1)}}}",
            r"\toprule",
            body[0],
            r"\midrule",
            *body[1:],
            r"\bottomrule",
            r"\end{tabular}",
            *note,
            r"\end{table}",
        ]
        return "\n".join(lines) + "\n"


def markdown_text(text: str) -> str:
    """`text` in one line with what Markdown would read otherwise escaped: no tag, no link; columns are for cells."""
    return _MARKDOWN.sub(r"\\\g<0>", _LINES.sub(" ", text))


def _latex_row(row: Sequence[str]) -> str:
    r"""A row; a bracket or star at its start would be read as an argument of the `\\` before it."""
    text = " & ".join(latex_text(cell) for cell in row)
    return ("{}" if text.startswith(("[", "*")) else "") + text + r" \\"


def latex_text(text: str) -> str:
    """`text` with every character that LaTeX would read otherwise escaped; arrows and minus signs in mathematics."""
    text = "".join(_LATEX.get(character, character) for character in _LINES.sub(" ", text))
    text = text.replace(r" -\textgreater{} ", r" $\rightarrow$ ")
    return _MINUS.sub("$-$", text)


def _piped(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [
        cell.rjust(width) if n else cell.ljust(width) for n, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return "| " + " | ".join(cells) + " |"
