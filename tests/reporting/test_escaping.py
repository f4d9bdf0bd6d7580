"""Texts of a study are shown as they are, in the report and in every table: none is markup."""

import subprocess
import warnings
from html.parser import HTMLParser
from pathlib import Path
from shutil import which

import pytest
from docutils.core import publish_parts

from priming.blocks import LATEX_NEEDS, Block, latex_text, markdown_text
from priming.reporting.figures import style
from priming.reporting.restructured import literal, paragraphs, plain, title
from priming.reporting.tables import write_tables
from tests.reporting.conftest import STRATEGIES, TASKS, study_settings

from .figure_studies import boxes, drawn
from .test_tables import Made

HOSTILE = [
    ".. include:: /etc/passwd",
    ".. raw:: html\n\n   <script>alert(1)</script>",
    ":file:`/etc/passwd` |now| `a <javascript:alert(1)>`_ and **bold** *x* ``code``",
    "https://example.org/?a=1 javascript:alert(1) mail@example.org reference_ [1]_ _`target`",
    "1. an item",
    "#. an item",
    "- an item",
    "(a) an item",
    ":field: value",
    "====",
    ">>> print(1)",
    "| a line",
    "+---+",
    ".. |now| date::",
    "__ https://example.org",
    "_name: https://example.org",
    "trailing\\",
    "\\ leading",
    "日本語の題",
    "{{ snakemake.config }} {% raw %}",
]


def html_of(text: str) -> str:
    """The body as Snakemake makes it; anything that docutils has to say is an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PendingDeprecationWarning)
        parts = publish_parts(text, writer_name="html", settings_overrides={"halt_level": 2, "report_level": 2})
    return str(parts["html_body"])


class Seen(HTMLParser):
    """Tags, and the text that a reader sees."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("text", HOSTILE)
def test_a_text_is_read_as_it_is(text: str) -> None:
    seen = Seen(html_of(plain(text)))
    assert seen.tags == ["div", "p"]
    assert seen.text.strip() == " ".join(text.split())
    in_cell = Seen(html_of(f".. list-table::\n\n   * - {plain(text)}\n"))
    assert in_cell.text.split() == text.split()
    assert not {"a", "script", "em", "strong", "ul", "ol"} & set(in_cell.tags)


@pytest.mark.parametrize("text", HOSTILE)
def test_a_title_is_one(text: str) -> None:
    seen = Seen(html_of("\n".join([*title(text), "", "text"])))
    assert "h1" in seen.tags
    assert not {"a", "script"} & set(seen.tags)


@pytest.mark.parametrize("text", HOSTILE)
def test_code_is_code(text: str) -> None:
    assert not {"a", "script", "strong"} & set(Seen(html_of(literal(text))).tags)


def test_a_question_keeps_its_paragraphs() -> None:
    assert paragraphs("One\nline.\n\n.. include:: x\n") == ["One line.", "", "\\ .. include\\:: x"]


def test_usual_texts_are_left_alone() -> None:
    usual = 'Which priming (T5: x, 2 of 3) makes a_b + c\'s adapters, "prompts" & prefixes best? 5 % <0.001'
    assert (plain(usual), markdown_text(usual)) == (usual, usual)
    assert title(usual) == [usual, "=" * len(usual)]


@pytest.fixture(scope="module")
def hostile_tables(make_results: Made, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tables of the made-up study with hostile title, question and names of groups."""
    groups = {HOSTILE[1]: TASKS[:6], "[x](javascript:alert(1)) <script>&lt;|*b* $\\input{/etc/passwd}": TASKS[6:]}
    tasks = study_settings().tasks.model_dump(exclude_defaults=True) | {"groups": groups}
    study = study_settings(title=HOSTILE[0], question=HOSTILE[1], tasks=tasks, strategies=STRATEGIES[:6])
    folder = tmp_path_factory.mktemp("hostile")
    write_tables(study, make_results(study, folder), folder / "tables", groups)
    return folder / "tables"


def test_the_front_page_includes_nothing(hostile_tables: Path) -> None:
    seen = Seen(html_of((hostile_tables / "front.rst").read_text(encoding="utf-8")))
    assert "root:" not in seen.text
    assert ".. include:: /etc/passwd" in seen.text
    assert "<script>alert(1)</script>" in seen.text
    assert not {"script", "a"} & set(seen.tags)


def test_no_table_has_markup_of_the_study(hostile_tables: Path) -> None:
    html = (hostile_tables / "groups.html").read_text(encoding="utf-8")
    assert "script" not in Seen(html).tags
    markdown = (hostile_tables / "groups.md").read_text(encoding="utf-8")
    assert "\\<script>" in markdown
    assert " <script>" not in markdown
    assert "](javascript" not in markdown
    header, rule, *_ = (line for line in markdown.splitlines() if line.startswith("|"))
    assert header.replace("\\|", "").count("|") == rule.count("|")
    latex = (hostile_tables / "groups.tex").read_text(encoding="utf-8")
    assert "\\input{" not in latex


@pytest.mark.parametrize("text", [*HOSTILE, "[2pt] row", "* row", "a\n\nb", "50% & #1 ~ ^ \\"])
def test_a_row_of_latex_stays_a_row(text: str) -> None:
    block = Block("x", text, ["", text], [[text, "1"], [text, "2"]], text)
    lines = block.latex().splitlines()
    rows = [line for line in lines if line.endswith(r" \\")]
    assert len(rows) == 3
    assert not any(line.startswith(("[", "*")) for line in rows)
    assert "\n" not in latex_text(text)


def test_latex_reads_it(tmp_path: Path) -> None:
    if which("pdflatex") is None:
        pytest.skip("there is no pdflatex")
    plain_texts = [text for text in HOSTILE if text.isascii()] + ["[2pt] row", "* row"]
    block = Block("x", "caption", ["", "n"], [[text, "1"] for text in plain_texts], "note")
    head = "\\documentclass{article}\\usepackage{booktabs}\\usepackage{textcomp}\\begin{document}\n"
    (tmp_path / "t.tex").write_text(f"{head}{LATEX_NEEDS}{block.latex()}\\end{{document}}\n")
    done = subprocess.run(
        ["pdflatex", "-halt-on-error", "t.tex"], cwd=tmp_path, capture_output=True, timeout=60, check=False
    )
    assert done.returncode == 0


def test_no_figure_reads_mathematics(make_results: Made, tmp_path: Path) -> None:
    """An unknown command between dollar signs ended the drawing."""
    broken = "$\\nothing{$"
    bars = [{"plm": "tiny", "strategy": "none -> plm"}]
    tasks = study_settings().tasks.model_dump(exclude_defaults=True) | {"groups": {broken: TASKS[:6], "b": TASKS[6:]}}
    figures = {"charts": {"panels": [{"title": broken, "bars": bars}]}, "tasks": {"of": "groups"}}
    study = study_settings(tasks=tasks, strategies=STRATEGIES[:6], figures=figures)
    write_tables(study, make_results(study, tmp_path), tmp_path / "tables", study.tasks.groups)
    texts = {
        name: [text for text, _ in boxes(drawn(name, study, tmp_path / "tables"))]
        for name in ("charts", "tasks", "groups")
    }
    assert style.as_text(broken) in texts["charts"]
    assert style.as_text(broken) in texts["tasks"]
    assert any(text.startswith(style.as_text(broken)) for text in texts["groups"])
