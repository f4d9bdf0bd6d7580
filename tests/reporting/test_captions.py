"""The captions and the front page as Snakemake renders them: Jinja templates of reStructuredText."""

import warnings
from pathlib import Path
from types import SimpleNamespace

import pytest
from docutils.core import publish_parts
from jinja2 import Environment, StrictUndefined

from priming.study.figures import FIGURES

REPORT = Path(__file__).parents[2] / "workflow" / "report"


def rendered(template: str, **known: object) -> str:
    """The body that the report shows; anything that docutils has to say is an error."""
    text = (
        Environment(undefined=StrictUndefined)
        .from_string((REPORT / template).read_text())
        .render(snakemake=SimpleNamespace(**known))
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PendingDeprecationWarning)
        return str(
            publish_parts(text, writer_name="html", settings_overrides={"halt_level": 2, "report_level": 2})[
                "html_body"
            ]
        )


def test_every_figure_has_its_own_caption() -> None:
    captions = {rendered("figure.rst", wildcards=SimpleNamespace(figure=figure)) for figure in FIGURES}
    assert len(captions) == len(FIGURES)
    assert all("<strong>" in caption for caption in captions)


@pytest.mark.parametrize("table", ["summary", "scores", "effects", "groups", "arg", "published"])
def test_every_table_has_a_caption(table: str) -> None:
    assert rendered("tables.rst", wildcards=SimpleNamespace(table=table)).count("<p>") == 2


def test_front_page_is_that_of_the_tables() -> None:
    assert "my answer" in rendered("workflow.rst", config={"front": "Title\n=====\n\nmy answer"})
    assert "do not exist yet" in rendered("workflow.rst", config={})
