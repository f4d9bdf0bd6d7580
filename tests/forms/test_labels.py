"""Labels that a PLM cannot write whole, or cannot tell apart."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from priming.errors import StudyError
from priming.forms.labels import unfit_labels
from priming.study.tasks import Tasks
from priming.tasks.names import open_study
from priming.tasks.sources.table import source_of


def words(texts: Sequence[str]) -> list[list[int]]:
    """A token a word, unknown ones 0, and the end."""
    known = ["yes", "no", "maybe", "not", "at", "all"]
    return [[*(known.index(word) + 1 if word in known else 0 for word in text.split()), 9] for text in texts]


def test_labels_that_fit_are_no_problem() -> None:
    assert unfit_labels({"a": ["yes", "no"], "b": ["not at all"], "c": []}, words, "mine", 4) is None
    assert unfit_labels({}, words, "mine", 1) is None


def test_the_longest_label_is_named_with_the_least_limit_that_holds_all() -> None:
    labels = {"a": ["yes", "not at all"], "b": ["no", "maybe not at all"], "c": ["yes"]}
    said = (
        "task b: the label 'maybe not at all' takes 5 tokens including the end token, but plms.mine.max_output is 3: "
        "it would be truncated"
    )
    assert (
        unfit_labels(labels, words, "mine", 3)
        == f"{said}, as would labels of 1 other task; set plms.mine.max_output to 5 or more"
    )
    assert unfit_labels(labels, words, "mine", 5) is None
    assert (
        unfit_labels(labels, words, "mine", 4)
        == f"{said.replace('is 3', 'is 4')}; set plms.mine.max_output to 5 or more"
    )


def test_labels_with_equal_tokens_are_refused() -> None:
    message = "task a: the labels 'cat' and 'dog' have the same tokens in PLM mine; change the text of one of them"
    assert unfit_labels({"a": ["cat", "dog"]}, words, "mine", 4) == message
    assert unfit_labels({"a": ["cat"], "b": ["dog"]}, words, "mine", 4) is None


def test_which_labels_are_known_before_rows_are_read() -> None:
    files = {"files": {"train": "a.csv", "test": "b.csv"}, "input": "{x}", "output": "y"}
    define = {
        "mine": {**files, "labels": {0: "bad", 1: "good", 2: "bad"}},
        "other": files,
        "free": {**files, "kind": "text_to_text"},
    }
    tasks = Tasks.model_validate(
        {"define": define, "source": ["film_verdict", "many_of"], "target": ["mine", "other", "free", "glue-cola"]}
    )
    found = {name: source_of(tasks, name).labels for name in tasks.named}
    assert found == {
        "film_verdict": ("good", "bad"), "many_of": (), "mine": ("bad", "good"), "other": (), "free": (),
        "glue-cola": ("unacceptable", "acceptable")
    }  # fmt: skip


STUDY = """
name: mine
plms: {{mine: {{path: plm, max_output: {}}}}}
tasks:
  define:
    mood:
      files: {{train: rows.csv, test: rows.csv}}
      input: "{{text}}"
      output: label
      labels: {{0: bad, 1: goodbadgood}}
  source: [film_verdict]
  target: [mood]
priming: {{mtl: {{learning_rates: {{plm: 1.0e-3}}, target_space: true}}}}
strategies: [none -> plm, "mtl[plm] -> plm"]
"""


def test_checking_a_study_refuses_labels_that_the_plm_would_cut(plm_folder: Path, tmp_path: Path) -> None:
    """The tokens are counted by the library's tokenizer of the same folder."""
    from transformers import AutoTokenizer

    shutil.copytree(plm_folder, tmp_path / "plm")
    (tmp_path / "rows.csv").write_text("text,label\nx,0\n")
    needed = len(AutoTokenizer.from_pretrained(plm_folder)("goodbadgood")["input_ids"])
    assert needed > 3
    study = tmp_path / "study.yaml"
    study.write_text(STUDY.format(needed - 1))
    message = (
        f"^{study}: task mood: the label 'goodbadgood' takes {needed} tokens .* plms.mine.max_output is {needed - 1}: "
        f".* to {needed} or more$"
    )
    with pytest.raises(StudyError, match=message):
        open_study(study)
    study.write_text(STUDY.format(needed))
    assert open_study(study).plms["mine"].max_output == needed


def test_a_plm_whose_tokenizer_is_not_here_is_left_to_the_first_step(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("text,label\nx,0\n")
    hub = f"hub: nobody/nothing, revision: {'a' * 40}"
    (tmp_path / "study.yaml").write_text(STUDY.format(1).replace("path: plm", hub))
    assert open_study(tmp_path / "study.yaml").plms["mine"].max_output == 1
