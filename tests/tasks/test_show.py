"""Tasks in words."""

from collections.abc import Callable
from pathlib import Path

import pytest

from priming.errors import StudyError
from priming.study.tasks import Tasks
from priming.tasks.crossfit import registry
from priming.tasks.describe import describe
from priming.tasks.generated import GENERATED
from priming.tasks.languages.table import LANGUAGES
from priming.tasks.p3.registry import configs
from priming.tasks.show import listed_tasks, shown_task
from priming.tasks.sources.prompted import questions
from priming.tasks.sources.table import source_of
from tests.tasks.conftest import reviews, write_rows

STUDY = """\
name: toy
plms:
  tiny: {generate: {}}
tasks:
  define:
    mine:
      files: {train: train.csv, test: test.csv}
      input: "review : {text}"
      output: label
      labels: {0: bad, 1: good}
  source: [film_verdict, first_word]
  target: [mine]
strategies: ["none -> plm"]
"""


@pytest.fixture
def study_file(tmp_path: Path) -> Path:
    write_rows(tmp_path / "train.csv", reviews(100))
    write_rows(tmp_path / "test.csv", reviews(11, 100))
    path = tmp_path / "study.yaml"
    path.write_text(STUDY, encoding="utf-8")
    return path


def test_the_list_has_every_built_in_task_with_its_labels() -> None:
    lines, longest = listed_tasks(None).splitlines(), max(map(len, GENERATED))
    assert [line.split()[0] for line in lines if line.startswith("  ")] == [
        *GENERATED,
        *LANGUAGES,
        *(name for names in questions().values() for name in names),
        *registry.names(),
        *configs(),
    ]
    assert "  dinner_review".ljust(longest + 3) + "tasty, disgusting" in lines
    assert [line for line in lines if not line.startswith("  ")][1:] == [
        "development (8)",
        "target (17)",
        "source languages (2)",
        "development languages (1)",
        "target languages (8)",
        "source questions (36)",
        "target questions (8)",
        "crossfit (160)",
        "P3, for training (313)",
        "P3, for evaluation (116)",
    ]
    assert f"  {'glue-rte':52}  {'classification/nli':42}  accuracy       16 a class" in lines


def test_the_list_of_a_study_has_its_own_tasks(study_file: Path) -> None:
    assert listed_tasks(study_file) == (
        "source (2)\n"
        "  film_verdict  good, bad\n"
        "  first_word    a word of the input, or one that belongs to it\n"
        "development (0)\n"
        "target (1)\n"
        "  mine  bad, good\n"
    )


def test_a_task_is_shown_as_the_model_sees_it(study_file: Path) -> None:
    lines = shown_task("mine", study_file, 3).splitlines()
    assert lines[0] == "mine: classification, files, 100 training rows (100 different), 11 test rows"
    assert lines[1] == "sample 100: 32 for training, 32 for development, 11 test rows"
    assert lines[2:4] == ["label 'bad': 50 training rows, 6 test rows", "label 'good': 50 training rows, 5 test rows"]
    inputs = [line for line in lines if line.startswith("input:  review : review ")]
    outputs = [line.removeprefix("output: ") for line in lines if line.startswith("output: ")]
    assert len(inputs) == 3
    assert outputs == ["good" if int(line.split()[4].strip(",")) % 2 else "bad" for line in inputs]


def test_built_in_tasks_are_shown_without_a_study() -> None:
    for name in ("first_word", "hotel_review", "odd_one_out"):
        task = GENERATED[name]
        assert shown_task(name, None, 1).startswith(f"{name}: {task.kind.replace('_', ' ')}, generated, ")


def test_an_unknown_task_is_named_with_the_nearest() -> None:
    with pytest.raises(
        StudyError, match=r"there is no built-in task 'diner_review'; did you mean 'dinner_review'.*--study FILE"
    ):
        shown_task("diner_review", None, 1)


def test_short_classes_are_shown(tmp_path: Path, own_files: Callable[..., Tasks]) -> None:
    tasks = own_files(reviews(40), reviews(4, 40), labels={0: "bad", 1: "good"})
    assert "note: of 'good' there are only 16 for training and 4 for development\n" in describe(
        source_of(tasks, "mine").load(tmp_path), tasks, 1
    )


def test_notes_and_dropped_rows_are_shown(tmp_path: Path, own_files: Callable[..., Tasks]) -> None:
    tasks = own_files(reviews(100), reviews(100))
    assert (
        "sample 100: 32 for training, 32 for development, 36 test rows (64 dropped, they occur in the sample)"
        in describe(source_of(tasks, "mine").load(tmp_path), tasks, 1)
    )
