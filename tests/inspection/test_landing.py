"""The landing page of the report."""

from pathlib import Path

from docutils.core import publish_parts

from priming.inspection.landing import landing_page
from priming.jobs.graph import graph
from priming.jobs.recipes import Recipes
from priming.tasks.names import open_study


def recipes() -> Recipes:
    return Recipes(graph(open_study(Path("config.yaml"))), Path())


def rendered(page: str) -> str:
    """As Snakemake renders it, with the links that it adds."""
    names = ["strategy_matrix.svg", "tasks.svg", *(file.name for file in Path("results/tiny/tables").glob("*.html"))]
    links = "\n".join(f".. _{name}: javascript:app.showResultInfo('{name}')" for name in names)
    settings = {"report_level": 2, "halt_level": 2}
    return str(publish_parts(f"{page}\n{links}", writer="html", settings_overrides=settings)["html_body"])


def test_question_answer_figure_settings_and_times_are_on_the_page(inside: Path) -> None:
    page = landing_page(recipes())
    html = rendered(page)
    places = [
        html.index(text)
        for text in ("Does every step run?", "<h1>Answer", "<svg", "<h1>Settings", "<h1>Runs without", "<h1>Run times")
    ]
    assert places == sorted(places)
    assert "href=\"javascript:app.showResultInfo('summary.html')\"" in html
    assert "href=\"javascript:app.showResultInfo('tasks.svg')\"" in html
    assert page.count("\n   * - ") > 7  # a row for each step, and for settings


def test_without_tables_there_is_no_page(tmp_path: Path, inside: Path) -> None:
    assert landing_page(Recipes(recipes().graph, Path(), tmp_path)) == ""
