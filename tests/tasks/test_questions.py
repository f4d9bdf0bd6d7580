"""Tasks of multiple choice from columns and from templates, and what is said of rows and studies that are wrong."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from priming.errors import DataError, StudyError
from priming.forms.choices import Question
from priming.study.definition import TaskDefinition
from priming.study.load import load_study
from priming.study.tasks import Tasks
from priming.tasks.groups import groups
from priming.tasks.names import open_study
from priming.tasks.prepare import write_task
from priming.tasks.prepared import read_task
from priming.tasks.sources.table import source_of
from priming.tasks.task import Task
from tests.tiny_study import TINY

ROWS: list[dict[str, Any]] = [
    {"premise": "it rained", "choice1": "wet", "choice2": "dry", "label": 0},
    {"premise": "it shone", "choice1": "wet", "choice2": "dry", "label": 1},
]
FILES = {"train": "train.jsonl", "test": "test.jsonl"}
COLUMNS = {"input": "{premise} so", "choices": ["choice1", "choice2"], "output": "label"}
JINJA = "{{ premise }} so ||| {{ answer_choices[label] }}"
CHOICES = "{{ choice1 }} ||| {{ choice2 }}"
TEMPLATES = """
templates:
  a: !Template
    {answer_choices: "{{ choice1 }} ||| {{ choice2 }}", jinja: "{{ premise }} so ||| {{ answer_choices[label] }}",
     name: "so, what?", metadata: !TemplateMetadata {original_task: true}}
  b: !Template
    {answer_choices: "no ||| yes", jinja: "Is {{ premise }} {{ choice1 }}? ||| {{ answer_choices[1 - label] }}",
     name: is it, metadata: !TemplateMetadata {original_task: true}}
  c: !Template
    {answer_choices: null, jinja: "What rhymes with {{ premise }}? ||| {{ choice1 }}",
     name: rhyme, metadata: !TemplateMetadata {original_task: false}}
"""


def write(folder: Path, rows: list[dict[str, Any]], test: list[dict[str, Any]] | None = None) -> None:
    for file, own in zip(FILES.values(), (rows, test or rows), strict=True):
        (folder / file).write_text("".join(json.dumps(row) + "\n" for row in own), encoding="utf-8")


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., Task]:
    """`load(rows, **definition)` reads a task; with templates it is that of the only one."""

    def of(rows: list[dict[str, Any]], **definition: Any) -> Task:
        write(tmp_path, rows)
        defined = TaskDefinition.model_validate({"files": FILES, "kind": "multiple_choice"} | definition)
        tasks = Tasks.model_construct(define={"copa": defined})
        return source_of(tasks, tasks.own[0]).load(tmp_path)

    return of


def test_choices_of_columns(load: Callable[..., Task]) -> None:
    first, second = load(ROWS, **COLUMNS).train
    assert isinstance(first, Question)
    assert (first.input, first.choices, first.answer) == ("it rained so", ("wet", "dry"), 0)
    assert (first.group, first.template) == ("copa", None)
    assert second.targets == ("dry",)


@pytest.mark.parametrize(("value", "first"), [(2, 1), ("2", 1), ("dry", 0), (1.0, 0), ("1", 0)])
def test_the_right_choice_by_number_or_text(load: Callable[..., Task], value: Any, first: int) -> None:
    row = ROWS[0] | {"label": value}
    (found,) = load([row], **COLUMNS, counted_from=first).train
    assert found.targets == ("dry",)


def test_choices_in_one_column_and_their_number_may_differ(load: Callable[..., Task]) -> None:
    rows = [{"q": "a", "all": ["x", "y", "z"], "label": 2}, {"q": "b", "all": ["x", "y"], "label": 0}]
    found = load(rows, input="{q}", choices="all", output="label").train
    assert [row.targets for row in found] == [("z",), ("x",)]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"label": 2}, "line 1, column label: '2' is no choice; allowed: 0 to 1 .*, or one of the choices"),
        ({"choice2": " "}, "line 1, column choice1, choice2: choice 2 is empty"),
        ({"choice2": None}, "line 1, column choice2: no value"),
        ({"premise": ""}, "line 1, column premise: empty input"),
        ({"choice2": "WET"}, "line 1, column label: choices 2 and 1 are both 'wet', case ignored; correct the row"),
    ],
)
def test_rows_that_are_wrong_are_named(load: Callable[..., Task], change: dict[str, Any], said: str) -> None:
    with pytest.raises(DataError, match=said):
        load([ROWS[0] | change], **COLUMNS)


@pytest.mark.parametrize(
    ("definition", "said"),
    [
        ({"choices": ["a", "b"], "output": "c"}, "input is missing; add 'input: ...'"),
        (COLUMNS | {"choices": None}, "choices is missing; add 'choices: ...'"),
        (COLUMNS | {"kind": "text_to_text"}, "a text_to_text task has no choices"),
        (COLUMNS | {"templates": {"a": {"jinja": JINJA}}}, "input and templates are both given"),
        ({"templates": {"a": {"jinja": JINJA}}, "kind": "classification"}, "templates are for multiple_choice and"),
        (COLUMNS | {"classes": {"label": ["a", "b"]}}, "classes are for templates"),
    ],
)
def test_definitions_that_are_wrong(definition: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        TaskDefinition.model_validate({"files": FILES, "kind": "multiple_choice"} | definition)


def templated(jinja: str = JINJA, choices: str | None = CHOICES, **more: Any) -> dict[str, Any]:
    return {"templates": {"so": {"jinja": jinja, "answer_choices": choices}}, **more}


def test_a_template_makes_the_same_questions_as_columns(load: Callable[..., Task]) -> None:
    by_columns, by_template = load(ROWS, **COLUMNS).train, load(ROWS, **templated()).train
    for one, other in zip(by_columns, by_template, strict=True):
        assert isinstance(one, Question)
        assert isinstance(other, Question)
        assert one.identity == other.identity
        assert one.made_from == other.made_from
        assert other.template == "so"


def test_nested_values_and_names_of_classes(load: Callable[..., Task]) -> None:
    rows = [{"target": {"premise": "p", "choice1": "a", "choice2": "b"}, "label": "second"}]
    (found,) = load(rows, **templated(classes={"label": ["first", "second"]})).train
    assert (found.input, found.targets) == ("p so", ("b",))
    with pytest.raises(DataError, match="'third' is none of its classes first, second"):
        load([rows[0] | {"label": "third"}], **templated(classes={"label": ["first", "second"]}))


def test_truth_values_are_classes_as_they_are_written(load: Callable[..., Task]) -> None:
    rows = [{"premise": "p", "choice1": "a", "choice2": "b", "label": value} for value in (True, False)]
    for written in (["false", "true"], ["False", "True"]):
        found = load(rows, **templated(classes={"label": written})).train
        assert [row.targets for row in found] == [("b",), ("a",)]


def test_rows_for_which_a_template_writes_no_output_are_left_out_and_counted(load: Callable[..., Task]) -> None:
    task = load(ROWS, **templated(JINJA.replace("{{ answer", "{% if label %}{{ answer") + "{% endif %}"))
    assert [row.targets for row in task.train] == [("dry",)]
    assert task.dropped == {"train, left out": 1, "test, left out": 1}
    assert task.notes[0] == "task copa.so: 1 of 2 training rows are left out, for which its template writes no output"
    with pytest.raises(DataError, match="its template writes no output for any of the 2 of 2 training rows"):
        load(ROWS, **templated("{{ premise }} ||| {% if label == 7 %}x{% endif %}"))


@pytest.mark.parametrize(
    ("definition", "said"),
    [
        (templated("{{ premis }} ||| x"), "line 1: template 'so': .*'premis' is undefined.*did you mean 'premise'"),
        (templated("{{ premise }} ||| {% if %}"), "tasks.define.copa.templates, 'so': the template does not parse"),
        (templated(choices="a ||| "), "template 'so': it writes an empty choice"),
        (templated(choices="a"), "template 'so': .*"),
        (templated(choices=None), "tasks.define.copa.templates, 'so': it has no answer_choices"),
        (templated("{{ premise }} ||| damp"), "its output 'damp' is none of its choices 'wet', 'dry'"),
        (templated("{{ ''.__class__.__mro__ }} ||| x"), "reaches for what templates may not have"),
        (
            templated("{{ premise }} ||| Wet", "wet ||| Wet"),
            "template 'so': choices 1 and 2 are both 'Wet', case ignored",
        ),
    ],
)
def test_templates_that_are_wrong_are_named(load: Callable[..., Task], definition: dict[str, Any], said: str) -> None:
    with pytest.raises(DataError, match=said):
        load(ROWS, **definition)


def test_templates_of_texts(load: Callable[..., Task]) -> None:
    task = load(ROWS, **templated("{{ premise }} ||| {{ choice1 }}", None, kind="text_to_text"))
    assert [(row.input, row.targets) for row in task.train] == [("it rained", ("wet",)), ("it shone", ("wet",))]


def test_a_prepared_task_is_read_as_it_was(load: Callable[..., Task], tmp_path: Path) -> None:
    task, tasks = load(ROWS * 4, **templated()), Tasks.model_construct(duplicates="keep", shots_in_all=2)
    write_task(task, tasks.model_copy(update={"samples": [1], "dev_set": "drawn"}), "target", tmp_path / "copa.so")
    train, dev, test = read_task(tmp_path / "copa.so").sample(1)
    assert (len(train), len(dev), len(test)) == (2, 2, 8)
    assert all(isinstance(row, Question) and row.template == "so" for row in [*train, *dev, *test])


@pytest.fixture
def study(tmp_path: Path) -> Callable[..., Path]:
    """`study(**tasks)` writes a study with a definition `weather` by a file of templates."""

    def of(**tasks: Any) -> Path:
        write(tmp_path, ROWS)
        (tmp_path / "templates.yaml").write_text(TEMPLATES, encoding="utf-8")
        document = yaml.safe_load(TINY.read_text(encoding="utf-8"))
        own = {"files": FILES, "kind": "multiple_choice", "templates": "templates.yaml"}
        document["tasks"] |= {"define": {"weather": own}, "target": ["weather"], "development": []} | tasks
        (tmp_path / "study.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
        return tmp_path / "study.yaml"

    return of


def test_a_name_stands_for_the_templates_of_its_file(study: Callable[..., Path]) -> None:
    tasks = load_study(study()).tasks
    assert tasks.target == ["weather.so_what", "weather.is_it"]
    assert groups(tasks) == {"weather": tasks.target}
    params = source_of(tasks, "weather.is_it").params("target")
    assert list(params["define"]["templates"]) == ["is_it"]
    assert params["define"]["templates"]["is_it"]["name"] == "is it"
    with pytest.raises(
        StudyError, match="'weather' is a task for each of its templates: weather.so_what, weather.is_it"
    ):
        source_of(tasks, "weather")
    one = load_study(study(target=["weather.is_it"])).tasks
    assert one.target == ["weather.is_it"]


def test_questions_without_templates_are_a_group_of_their_own(study: Callable[..., Path]) -> None:
    own = {"files": FILES, "kind": "multiple_choice", **COLUMNS}
    assert groups(load_study(study(define={"weather": own})).tasks) == {"weather": ["weather"]}


def test_a_template_that_does_not_parse_is_found_with_the_study_and_said_once(
    study: Callable[..., Path], tmp_path: Path
) -> None:
    path = study()
    (tmp_path / "templates.yaml").write_text(TEMPLATES.replace("Is {{ premise }}", "Is {% premise %}"))
    with pytest.raises(StudyError) as found:
        open_study(path)
    text = str(found.value)
    assert text.count("does not parse") == 1
    assert "tasks.define.weather.templates: template 'is it': " in text


def test_all_templates_of_texts(study: Callable[..., Path]) -> None:
    own = {"files": FILES, "kind": "text_to_text", "templates": "templates.yaml", "group": "rain"}
    tasks = load_study(study(define={"weather": own}, groups={"wet": ["weather"]})).tasks
    assert tasks.target == ["weather.so_what", "weather.is_it", "weather.rhyme"]
    assert tasks.groups == {"wet": tasks.target}
    assert source_of(tasks, "weather.rhyme").group == "rain"


def test_a_file_of_templates_that_is_not_there_or_wrong(
    study: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PRIMING_TEMPLATES", raising=False)
    own = {"files": FILES, "kind": "multiple_choice", "templates": "other.yaml"}
    with pytest.raises(
        StudyError, match=r"line \d+, tasks.define.weather.templates: there is no file .*other.yaml.*PRIMING_TEMPLATES"
    ):
        load_study(study(define={"weather": own}))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.setenv("PRIMING_TEMPLATES", str(elsewhere))
    with pytest.raises(StudyError, match=r"there is no file .*other.yaml' or '.*elsewhere/other.yaml'"):
        load_study(study(define={"weather": own}))
    (elsewhere / "other.yaml").write_text(TEMPLATES)
    assert load_study(study(define={"weather": own})).tasks.target == ["weather.so_what", "weather.is_it"]
    (tmp_path / "other.yaml").write_text(TEMPLATES.replace("original_task: true", "original_task: false"))
    with pytest.raises(StudyError, match="no template has answer choices and asks what the data set is made for"):
        load_study(study(define={"weather": own}))
