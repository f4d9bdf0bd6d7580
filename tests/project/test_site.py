"""The site has every page, its navigation, the help of every command, and the graph of the rules as they are."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest
import typer
from typer.testing import CliRunner

from priming.cli.app import app

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def module(name: str) -> ModuleType:
    """A module that the site is built with."""
    spec = importlib.util.spec_from_file_location(f"site_{name}", DOCS / f"building/{name}.py")
    assert spec
    assert spec.loader
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


contents, commands, links, rulegraph, docstrings = (
    module(name) for name in ("contents", "commands", "links", "rulegraph", "docstrings")
)


def test_the_index_leads_to_every_page_once() -> None:
    sections = contents.sections((DOCS / "index.md").read_text(encoding="utf-8"))
    listed = [page for pages in sections.values() for page in pages]
    assert sorted(listed) == sorted(page.stem for page in DOCS.glob("*.md") if page.stem != "index")


def test_a_section_of_the_index_becomes_a_part_of_the_navigation() -> None:
    index = "# Title\n\nSee [this](first.md).\n\n## Guides\n\n[One](one.md), [two](two.md#part)\n\n## Empty\n"
    assert contents.sections(index) == {"Guides": {"one": "One"}}
    assert contents.with_tables_of_contents(index).endswith(
        "\n\n```{toctree}\n:hidden:\n:caption: Guides\n\nOne <one>\n```\n\n"
    )


def test_the_reference_has_the_help_of_every_command() -> None:
    page = commands.filled((DOCS / "command-line.md").read_text(encoding="utf-8"))
    names = list(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
    assert {"check", "plan", "tasks"} <= set(names)
    for name in names:
        assert f"\n## priming {name}\n" in page
    assert "\n## priming tasks show\n" in page
    summary = CliRunner().invoke(app, ["plan", "--help"]).output
    option = re.findall(r"--\w+", summary)[0]
    assert option in page.partition("## priming plan")[2].partition("\n## ")[0]


def test_a_page_of_commands_without_its_mark_is_refused() -> None:
    with pytest.raises(ValueError, match="has no line '<!-- the commands stand here -->'"):
        commands.filled("# Command line\n")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("[all](../benchmarks/README.md#a)", "[all](benchmarks.md#a)"),
        ("[stored](quoted/)", "`quoted/`"),
        ("[results](../benchmarks/results)", "`benchmarks/results`"),
        ("[a file](../config.yaml)", "[a file](../config.yaml)"),
        (
            "[a page](speed.md#x), [a site](https://example.org/docs)",
            "[a page](speed.md#x), [a site](https://example.org/docs)",
        ),
    ],
)
def test_links_that_lead_out_of_the_site(text: str, shown: str) -> None:
    assert links.within_the_site(text, DOCS) == shown


def test_included_files_are_shown_by_a_page() -> None:
    for file, page in links.SHOWN.items():
        assert f"{{include}} {file}\n" in (DOCS / page).read_text(encoding="utf-8")


def test_the_graph_of_the_rules_is_current() -> None:
    graph = rulegraph.edges(ROOT)
    assert {("prime", "tune"), ("tune", "score"), ("tabulate", "draw")} <= set(graph)
    assert (DOCS / "rulegraph.dot").read_text(encoding="utf-8") == rulegraph.dot(graph), "type: make rulegraph"
    assert (DOCS / "rulegraph.svg").read_text(encoding="utf-8") == rulegraph.svg(graph), "type: make rulegraph"


def test_a_rule_stands_after_those_that_it_needs() -> None:
    graph = [("c", "a"), ("c", "b"), ("b", "a")]
    assert rulegraph.order(graph) == ["c", "b", "a"]
    assert rulegraph.svg(graph).count("<path") == 1 + len(graph)  # the arrow's head and an arrow for each


@pytest.mark.parametrize(
    ("what", "before", "after"),
    [
        ("property", ["What is tuned: `plm`."], ["What is tuned - `plm`."]),
        ("attribute", ["Alias for field number 0"], [""]),
        ("module", ["Like this:", "", "    tune()"], ["Like this::", "", "    tune()"]),
        ("method", ["Fill it.", "", "Raises:", "    StudyError: it is full."], None),
        ("method", ["Two things: one, two."], None),
    ],
)
def test_docstrings_are_shown_as_they_are_meant(what: str, before: list[str], after: list[str] | None) -> None:
    lines = list(before)
    docstrings.shown(None, what, "name", None, None, lines)
    assert lines == (after or before)
