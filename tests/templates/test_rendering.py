"""Rendering: what a template writes, values that look like templates, and what is kept out of its reach."""

import re

import pytest

from priming.templates.rendering import Rendered, Renderer, RenderingError

ROW = {"text": "a|||b {{ 1 + 1 }}", "label": 1, "words": ["x", "y"], "nested": {"inner": "z"}}


def test_input_output_and_choices() -> None:
    found = Renderer(" {{ text }}? ||| {{ answer_choices[label] }} ", "no|||{{ words | join(' ') }}").render(ROW)
    assert found == Rendered("a|||b {{ 1 + 1 }}?", "x y", ("no", "x y"))


def test_no_output_and_no_choices() -> None:
    found = Renderer("{{ nested.inner }} ||| {% if label == 0 %}yes{% endif %}").render(ROW)
    assert found == Rendered("z", None, None)


def test_a_template_without_separator_in_one_branch_writes_no_output() -> None:
    assert Renderer("{{ text }}{% if label == 0 %} ||| yes{% endif %}").render(ROW).output is None


def test_choices_at_random_depend_on_the_row_alone() -> None:
    template = Renderer("{{ ['a', 'b', 'c', 'd', 'e'] | choice }} ||| x")
    found = [template.render({"text": str(number)}).input for number in range(40)]
    assert found == [template.render({"text": str(number)}).input for number in range(40)]
    assert len(set(found)) > 2


@pytest.mark.parametrize(
    ("jinja", "said"),
    [
        ("{{ text }} ||| {% if %}", "the template does not parse, line 1"),
        ("{{ text }}", "the template has no |||; write it between input and output"),
        ("{{ text | nothing }} ||| x", "the template does not parse, line 1: No filter named 'nothing'"),
    ],
)
def test_what_is_no_template_is_refused(jinja: str, said: str) -> None:
    with pytest.raises(RenderingError, match=re.escape(said)):
        Renderer(jinja)


@pytest.mark.parametrize(
    ("jinja", "said"),
    [
        ("{{ txt }} ||| x", "'txt' is undefined; the row has text, label, words, nested; did you mean 'text'?"),
        ("{{ nested.outer }} ||| x", "has no attribute 'outer'"),
        ("{{ words[7] }} ||| x", "no element 7"),
        ("{{ answer_choices[label] }} ||| x", "'answer_choices' is undefined"),
        ("{{ text + 1 }} ||| x", "can only concatenate str"),
        ("{{ 1 / 0 }} ||| x", "division by zero"),
        ("{{ text }} ||| {{ label }} ||| x", "the template writes 2 times |||"),
    ],
)
def test_what_cannot_be_written_is_said(jinja: str, said: str) -> None:
    with pytest.raises(RenderingError, match=re.escape(said)):
        Renderer(jinja).render(ROW)


@pytest.mark.parametrize(
    "jinja",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }} ||| x",
        "{{ words.append('z') }} ||| x",
        "{{ 'a' * 10 ** 9 }} ||| x",
        "{{ 'a' * 1000000 }} ||| x",
        "{{ 99999 ** 99999 }} ||| x",
        "{{ [1, 2] * 1000000 }} ||| x",
        "{{ cycler.__init__.__globals__ }} ||| x",
    ],
)
def test_nothing_outside_the_sandbox_is_in_reach(jinja: str) -> None:
    with pytest.raises(RenderingError, match="reaches for what templates may not have|cannot be written"):
        Renderer(jinja).render(ROW)


def test_long_ranges_are_refused() -> None:
    with pytest.raises(RenderingError, match="cannot be written: Range too big"):
        Renderer("{% for n in range(10000000) %}{{ n }}{% endfor %} ||| x").render(ROW)
