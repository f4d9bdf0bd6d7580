"""StoryCloze from its own files: the five of P3's tasks that are not on the hub, on made-up stories."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from priming.errors import DataError, StudyError
from priming.forms.choices import Question
from priming.tasks.names import missing_tasks, open_study
from priming.tasks.p3.registry import configs, few_shot
from priming.tasks.prepared import read_task
from priming.tasks.sources.table import source_of
from tests.templates.test_promptsource import DATA, needs_data

HEADER = [
    "InputStoryid", "InputSentence1", "InputSentence2", "InputSentence3", "InputSentence4", "RandomFifthSentenceQuiz1",
    "RandomFifthSentenceQuiz2", "AnswerRightEnding",
]  # fmt: skip
STORIES = [name for name, config in configs().items() if not config.on_hub]
KEYS = [name.removeprefix("story_cloze_2016_").removesuffix("_score_eval") for name in STORIES]
JINJA = "{key}: {{{{input_sentence_1}}}} {{{{input_sentence_4}}}} - {{{{answer_choices | join(' or ')}}}}?"
STUDY = """
name: stories
plms: {{tiny: {{generate: {{}}}}}}
tasks:
  source: [glue_mrpc_equivalent]
  target: [{target}]
  storycloze: {stories}
  draw: published
  dev_set: none
  duplicates: keep
  shots_in_all: 16
  samples: [100, 101]
tuning: {{keep: last}}
scoring: {{arg_baseline: chance, arg_over: groups}}
strategies: ["none -> nothing"]
"""
GIVEN = "{validation: val.csv, test: test.csv}"


def story(number: int, right: Any = None) -> list[Any]:
    """A story with commas and quotes, whose right ending is the first in every third row."""
    first, second = f'"Home, at {number}", she said.', f"She slept {number} hours."
    return [
        f"id-{number}",
        "It, rained.",
        "She ran.",
        "She fell.",
        f"End {number}.",
        first,
        second,
        right or 1 + (number % 3 > 0),
    ]


def write_stories(path: Path, rows: list[list[Any]], header: list[str] = HEADER) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])


def write_templates(path: Path, keys: list[str]) -> None:
    lines = ["templates:"]
    for key in keys:
        jinja = f"{JINJA.format(key=key)} ||| {{{{answer_choices[answer_right_ending -1]}}}}"
        choices = "{{sentence_quiz1}} ||| {{sentence_quiz2}}"
        about = f'name: "{key.replace("_", " ")}", metadata: !TemplateMetadata {{original_task: true}}'
        lines += [f"  {key}: !Template", f'    {{answer_choices: "{choices}", jinja: "{jinja}", {about}}}']
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """`study(stories)` writes a study file that names StoryCloze's files so, beside whole files of the right size."""
    monkeypatch.delenv("PRIMING_HUB", raising=False)
    monkeypatch.delenv("PRIMING_TEMPLATES", raising=False)
    write_stories(tmp_path / "val.csv", [story(number) for number in range(1871)])
    write_stories(tmp_path / "test.csv", [story(number) for number in range(5000, 6871)])
    write_templates(tmp_path / "story_cloze/2016/templates.yaml", KEYS)

    def of(stories: str = GIVEN, target: str = ", ".join(STORIES)) -> Path:
        path = tmp_path / "study.yaml"
        path.write_text(STUDY.format(stories=stories, target=target), encoding="utf-8")
        return path

    return of


def test_the_five_tasks_are_made_of_the_two_files(study: Callable[..., Path], tmp_path: Path) -> None:
    opened = open_study(study())
    assert missing_tasks(opened, tmp_path) == {}
    assert len(STORIES) == 5
    found = {name: source_of(opened.tasks, name).load(tmp_path) for name in STORIES}
    for name, key in zip(STORIES, KEYS, strict=True):
        task = found[name]
        assert (len(task.train), len(task.test), task.notes) == (1871, 1871, ())
        one, two = task.train[3], task.test[0]
        assert isinstance(one, Question)
        assert isinstance(two, Question)
        assert one.input == f'{key}: It, rained. End 3. - "Home, at 3", she said. or She slept 3 hours.?'
        assert (one.choices, one.answer) == (('"Home, at 3", she said.', "She slept 3 hours."), 0)
        assert (two.id, two.answer, two.group, two.template) == ("id-5000", 1, "StoryCloze", name)
        assert two.made_from == "StoryCloze/id-5000"


def test_samples_are_those_of_the_authors_stream(study: Callable[..., Path], tmp_path: Path) -> None:
    tasks = open_study(study()).tasks
    source_of(tasks, STORIES[2]).prepare("target", tmp_path, tmp_path / "out")
    prepared = read_task(tmp_path / "out")
    for number in (100, 101):
        train, dev, test = prepared.sample(number)
        drawn = {f"id-{row}" for row in few_shot(number, 16)[STORIES[2]]}
        assert {row.id for row in train if isinstance(row, Question)} == drawn
        assert (len(train), dev, len(test)) == (16, [], 1871)


def test_the_partition_is_complete_with_them(study: Callable[..., Path], tmp_path: Path) -> None:
    path = study()
    text = path.read_text().replace(f"  target: [{', '.join(STORIES)}]\n", "")
    path.write_text(text.replace("source: [glue_mrpc_equivalent]", "partition: p3"))
    opened = open_study(path)
    assert len(opened.tasks.target) == 116
    assert missing_tasks(opened, tmp_path) == {}
    path.write_text(path.read_text().replace(f"  storycloze: {GIVEN}\n", ""))
    reasons = missing_tasks(open_study(path), tmp_path)
    assert list(reasons) == STORIES
    (said,) = set(reasons.values())
    assert said.startswith(
        "tasks.storycloze is not set, and StoryCloze, of which five of P3's tasks are made, is not on"
    )
    assert "add 'storycloze: {validation: FILE.csv, test: FILE.csv}' under tasks" in said
    with pytest.raises(DataError, match=r"^tasks\.storycloze is not set"):
        source_of(open_study(path).tasks, STORIES[0]).load(tmp_path)


@pytest.mark.parametrize(
    ("stories", "said"),
    [
        (
            "{validation: vall.csv, test: test.csv}",
            r"tasks\.storycloze\.validation: there is no file .*did you mean 'val",
        ),
        ("{validation: val.csv}", r"tasks\.storycloze\.test: is missing; add 'test: \.\.\.'"),
        (
            "{validation: val.csv, test: test.csv, templates: t.yaml}",
            r"storycloze\.templates: there is no file .*t\.yaml",
        ),
        ("{validation: val.csv, test: test.csv, last_token: lost}", r"last_token: 'lost' is not allowed.*'kept' or"),
    ],
)
def test_what_the_section_lacks_is_said(study: Callable[..., Path], stories: str, said: str) -> None:
    with pytest.raises(StudyError, match=said):
        open_study(study(stories))


def test_templates_are_also_found_below_the_folder_of_promptsource(
    study: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "story_cloze").rename(tmp_path / "elsewhere")
    with pytest.raises(StudyError, match=r"storycloze.*set PRIMING_TEMPLATES=FOLDER"):
        open_study(study())
    (tmp_path / "templates").mkdir()
    (tmp_path / "elsewhere").rename(tmp_path / "templates/story_cloze")
    monkeypatch.setenv("PRIMING_TEMPLATES", str(tmp_path / "templates"))
    assert open_study(study()).tasks.storycloze is not None


def test_a_template_that_is_missing_is_named(study: Callable[..., Path], tmp_path: Path) -> None:
    write_templates(tmp_path / "story_cloze/2016/templates.yaml", KEYS[1:])
    with pytest.raises(StudyError, match=rf"storycloze.templates: no template '{KEYS[0]}', which {STORIES[0]} needs"):
        open_study(study())


@pytest.mark.parametrize(
    ("rows", "header", "said"),
    [
        ([story(1, 3)], HEADER, r"val\.csv, line 2, column AnswerRightEnding: '3' is not allowed; allowed: 1, 2"),
        ([story(1)], [*HEADER[:-1], "AnswerRight"], r"line 2: there is no column 'AnswerRightEnding'.*did you mean"),
        ([[*story(1)[:6], " ", 1]], HEADER, r"line 2, column RandomFifthSentenceQuiz2: no value"),
    ],
)
def test_wrong_rows_are_named(
    study: Callable[..., Path], tmp_path: Path, rows: list[list[Any]], header: list[str], said: str
) -> None:
    tasks = open_study(study()).tasks
    write_stories(tmp_path / "val.csv", rows, header)
    with pytest.raises(DataError, match=said):
        source_of(tasks, STORIES[0]).load(tmp_path)


def test_a_file_with_fewer_rows_is_noted_and_has_not_what_the_authors_drew(
    study: Callable[..., Path], tmp_path: Path
) -> None:
    tasks = open_study(study()).tasks
    write_stories(tmp_path / "val.csv", [story(number) for number in range(40)])
    source = source_of(tasks, STORIES[0])
    assert source.load(tmp_path).notes == (
        f"task {STORIES[0]}: 40 examples to train on, and Wu et al. (2022) have 1871",
    )  # fmt: skip
    last = max(few_shot(100, 16)[STORIES[0]]) + 1
    with pytest.raises(DataError, match=f"40 training rows, and its authors drew number {last}; .*tasks.draw: in_all"):
        source.prepare("target", tmp_path, tmp_path / "out")


def test_what_a_task_is_made_from_is_in_its_recipe(study: Callable[..., Path], tmp_path: Path) -> None:
    kept = source_of(open_study(study()).tasks, STORIES[0])
    about = kept.params("target")["storycloze"]
    assert {key: value for key, value in about.items() if key != "templates"} == {
        "validation": "val.csv", "test": "test.csv"
    }  # fmt: skip
    assert list(about["templates"]) == [KEYS[0]]
    assert kept.raw_files(tmp_path) == [tmp_path / "test.csv", tmp_path / "val.csv"]
    dropped = source_of(open_study(study(GIVEN[:-1] + ", last_token: dropped}")).tasks, STORIES[0])
    assert dropped.params("target")["storycloze"] == about | {"last_token": "dropped"}
    task = dropped.load(tmp_path)
    assert all(row.loses_last for row in (*task.train, *task.test) if isinstance(row, Question))
    assert task.notes == (f"task {STORIES[0]}: choices lose their last tokens (tasks.storycloze.last_token: dropped)",)
    other = source_of(dropped.tasks, "super_glue_cb_can_we_infer_score_eval")
    assert "storycloze" not in other.params("target")


@needs_data
def test_promptsource_has_a_template_for_each(study: Callable[..., Path], tmp_path: Path) -> None:
    path = DATA / "promptsource/story_cloze/2016/templates.yaml"
    tasks = open_study(study(GIVEN[:-1] + f", templates: {path}}}")).tasks
    assert tasks.storycloze is not None
    assert sorted(tasks.storycloze.named_templates) == sorted(KEYS)
    one = source_of(tasks, "story_cloze_2016_Movie_What_Happens_Next_score_eval").load(tmp_path).train[3]
    assert one.input.endswith('End 3. What happens next? - "Home, at 3", she said.\n- She slept 3 hours.')
