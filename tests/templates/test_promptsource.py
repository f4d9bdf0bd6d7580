"""Files of templates: what is read, what is refused, and PromptSource's own files with the rows of FewGLUE."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from priming.errors import DataError
from priming.templates.promptsource import Template, read_templates
from priming.templates.rendering import Renderer

DATA = Path(__file__).parents[3] / "shared" / "data"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="PromptSource's files and FewGLUE's rows are not here")
GOOD = """
dataset: cb
templates:
  4d3: !Template
    answer_choices: Yes ||| No
    id: 4d3
    jinja: '{{ text }}? ||| {{ answer_choices[label] }}'
    metadata: !TemplateMetadata {original_task: true, metrics: [Accuracy]}
    name: is it
  7aa: !Template
    answer_choices: null
    jinja: 'Write on. {{ text }} ||| {{ more }}'
    metadata: !TemplateMetadata {original_task: false}
    name: go on
"""


@pytest.fixture
def read(tmp_path: Path) -> Callable[[str], list[Template]]:
    def of(text: str) -> list[Template]:
        file = tmp_path / "templates.yaml"
        file.write_text(text, encoding="utf-8")
        return read_templates(file)

    return of


def test_templates_of_a_file(read: Callable[[str], list[Template]]) -> None:
    assert read(GOOD) == [
        Template("is it", "{{ text }}? ||| {{ answer_choices[label] }}", "Yes ||| No", True),
        Template("go on", "Write on. {{ text }} ||| {{ more }}", None, False),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("templates: [", "not YAML as PromptSource writes it"),
        ("templates: !!python/object/apply:os.system [ls]", "not YAML as PromptSource writes it"),
        ("templates: !Other {}", "could not determine a constructor for the tag '!Other'"),
        ("dataset: cb", "it has no key 'templates' with templates"),
        ("templates: {a: 3}", "template a: a int instead of keys with values"),
        ("templates: {a: {name: b}}", "template a: jinja is None instead of text"),
        ("templates: {a: {name: b, jinja: x, answer_choices: [a]}}", r"answer_choices is \['a'\] instead of text"),
        ("templates: {a: {name: b, jinja: x}, c: {name: b, jinja: y}}", "two templates are called 'b'"),
    ],
)
def test_what_is_no_file_of_templates_is_refused(read: Callable[[str], list[Template]], text: str, said: str) -> None:
    with pytest.raises(DataError, match=rf"templates\.yaml.*{said}"):
        read(text)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="none.yaml: the templates cannot be read"):
        read_templates(tmp_path / "none.yaml")


EVALUATED = {
    "anli": 15, "hellaswag": 4, "story_cloze/2016": 5, "super_glue/cb": 15, "super_glue/copa": 12, "super_glue/rte": 10,
    "super_glue/wic": 10, "super_glue/wsc.fixed": 10, "winogrande/winogrande_xl": 5,
}  # fmt: skip


@needs_data
def test_the_evaluation_templates_of_wu_et_al_are_116() -> None:
    found = {}
    for name in EVALUATED:
        templates = read_templates(DATA / "promptsource" / name / "templates.yaml")
        found[name] = sum(one.original_task and one.answer_choices is not None for one in templates)
    assert found == EVALUATED
    assert sum(found.values()) + 2 * found["anli"] == 116  # its three rounds have the same templates


FEWGLUE: dict[str, tuple[str, dict[str, list[str]]]] = {
    "CB": ("cb", {"label": ["entailment", "contradiction", "neutral"]}),
    "COPA": ("copa", {}),
    "RTE": ("rte", {"label": ["entailment", "not_entailment"]}),
    "WiC": ("wic", {}),
    "WSC": ("wsc.fixed", {}),
}


def fewglue(name: str) -> Iterator[dict[str, Any]]:
    """The rows of a set, with nested values by their own names and names of classes as numbers."""
    for line in (DATA / "fewglue" / name / "train.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        row |= row.get("target", {})
        yield row | {column: names.index(row[column]) for column, names in FEWGLUE[name][1].items()}


@needs_data
@pytest.mark.parametrize("name", FEWGLUE)
def test_every_template_renders_every_row_of_fewglue(name: str) -> None:
    rows = list(fewglue(name))
    assert len(rows) == 32
    for template in read_templates(DATA / "promptsource" / "super_glue" / FEWGLUE[name][0] / "templates.yaml"):
        rendered = [Renderer(template.jinja, template.answer_choices).render(row) for row in rows]
        halves = [row["question"] == "effect" for row in rows] if name == "COPA" else []
        left_out = [one.output is None for one in rendered]
        assert left_out in ([False] * 32, halves, [not half for half in halves])
        for one, row in zip(rendered, rows, strict=True):
            if one.output is not None:
                assert one.choices
                assert one.choices.index(one.output) == int(row["label"])
