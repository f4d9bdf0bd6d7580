"""P3 as Wu et al. (2022) use it: configurations, sizes, the few-shot stream, rows of choices put together."""

import hashlib
import json
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas
import pytest

from priming.errors import DataError
from priming.forms.choices import Question
from priming.study.partitions import partition
from priming.study.tasks import Tasks
from priming.tasks.groups import groups
from priming.tasks.names import undrawable, unknown_names, wanted_of_hub
from priming.tasks.p3.registry import CAP, capped, checksum, configs, few_shot
from priming.tasks.prepared import read_task
from priming.tasks.sources.table import source_of

CB = "super_glue_cb_can_we_infer_score_eval"
TRAINED = "glue_mrpc_equivalent"
STREAM = "1abe3574ef07b8425d06f3b0fafed9e3436326df21dd382553b426e7c973ae48"
"""SHA-256 of the authors' own draws."""


def test_configurations_and_examples_are_those_of_the_paper() -> None:
    trained = [config for config in configs().values() if config.part == "train"]
    evaluated = [config for config in configs().values() if config.part == "eval"]
    assert (len(trained), len(evaluated)) == (313, 116)
    assert sum(config.rows for config in trained) == 90_897_624
    assert sum(min(config.rows, CAP) for config in trained) == 31_558_816
    assert sum(config.test or 0 for config in evaluated) == 115_888
    assert sum((config.test or 0) * (config.choices or 0) for config in evaluated) == 360_952
    large = {config.dataset for config in trained if config.rows > CAP}
    assert len(large) == 5
    assert sum(config.rows > CAP for config in trained) == 34


def test_the_partition_has_them_in_the_authors_order() -> None:
    found = partition("p3")
    assert (len(found["source"]), found["development"], len(found["target"])) == (313, [], 116)
    tasks = Tasks.model_validate({"partition": "p3"})
    by_group = Counter({group: len(own) for group, own in groups(tasks).items()})
    assert by_group == {
        "ANLI": 45, "Hellaswag": 4, "StoryCloze": 5, "CB": 15, "COPA": 12, "RTE": 10, "WIC": 10, "WSC": 10,
        "Winogrande": 5,
    }  # fmt: skip
    assert not list(unknown_names(tasks, Path()))


def test_one_stream_of_random_numbers_draws_what_the_authors_drew() -> None:
    found = [[name, rows] for name, rows in few_shot(100, 16).items()]
    assert hashlib.sha256(json.dumps(found, separators=(",", ":")).encode()).hexdigest() == STREAM
    assert few_shot(13, 16) != few_shot(100, 16)


def test_large_configurations_are_cut_to_the_first_of_a_shuffled_order() -> None:
    assert capped(10, 20) == list(range(10))
    cut = capped(1000, 20)
    assert len(set(cut)) == 20
    assert cut == capped(1000, 20) != list(range(20))


def rows_of(examples: int, choices: tuple[str, ...] = ("Yes", "No", "Maybe")) -> list[dict[str, Any]]:
    """Rows of choices as the hub has them; the right one goes round."""
    return [
        {
            "idx": [example, place],
            "inputs": [example, 7],
            "inputs_pretokenized": f"premise {example}",
            "is_correct": place == example % len(choices),
            "targets": [place, 1],
            "targets_pretokenized": f"\n{choice}",
            "weight": 1.0,
        }
        for example in range(examples)
        for place, choice in enumerate(choices)
    ]


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Tasks]:
    """`mirror(rows)` writes them as training rows of CB's configuration, and returns a study's tasks."""
    monkeypatch.delenv("PRIMING_HUB", raising=False)

    def of(rows: list[dict[str, Any]], **tasks: Any) -> Tasks:
        folder = tmp_path / "hub" / "bigscience" / "P3"
        texts = [
            {"inputs_pretokenized": f"is it {n}?", "targets_pretokenized": "yes", "inputs": [n], "targets": [1]}
            for n in range(3668)
        ]
        parts = {(CB, "train"): rows, (CB, "validation"): rows_of(56), (TRAINED, "train"): texts}
        head = ["---", "configs:"]
        for config in (CB, TRAINED):
            head += [f"- config_name: {config}", "  data_files:"]
            for name, split in parts:
                if name == config:
                    head += [f"  - split: {split}", f"    path: {config}/{split}-*"]
        for (config, split), own in parts.items():
            (folder / config).mkdir(parents=True, exist_ok=True)
            pandas.DataFrame(own).to_parquet(folder / config / f"{split}-00000.parquet")
        (folder / "README.md").write_text("\n".join([*head, "---", ""]), encoding="utf-8")
        keys = {"source": [TRAINED], "target": [CB], "hub_folder": "hub", "draw": "published", "duplicates": "keep"}
        return Tasks.model_validate(keys | {"dev_set": "none", "shots_in_all": 16, "samples": [100]} | tasks)

    return of


def test_rows_of_one_example_become_a_question(mirror: Callable[..., Tasks], tmp_path: Path) -> None:
    task = source_of(mirror(rows_of(250)), CB).load(tmp_path)
    assert (len(task.train), len(task.test)) == (250, 56)
    first = task.train[1]
    assert isinstance(first, Question)
    assert (first.input, first.choices, first.answer) == ("premise 1", ("Yes", "No", "Maybe"), 1)
    assert (first.group, first.template) == ("CB", CB)
    assert task.notes == (
        f"task {CB}: its rows are not in the order of Wu et al. (2022), so other ones are drawn",
    )  # fmt: skip


def test_the_rows_that_the_authors_drew_are_told_by_their_checksum(
    mirror: Callable[..., Tasks], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = few_shot(100, 16)[CB]
    text = "".join(str([n, 7, [0, 1], [1, 1], [2, 1]]) for n in drawn)
    found = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
    assert found != checksum(CB)
    monkeypatch.setattr("priming.tasks.p3.prepare.checksum", lambda name: found)
    assert source_of(mirror(rows_of(250)), CB).load(tmp_path).notes == ()


def test_the_published_rows_are_prepared(mirror: Callable[..., Tasks], tmp_path: Path) -> None:
    tasks = mirror(rows_of(250))
    assert not list(undrawable(tasks, tmp_path))
    source_of(tasks, CB).prepare("target", tmp_path, tmp_path / "cb")
    train, dev, test = read_task(tmp_path / "cb").sample(100)
    drawn = few_shot(100, 16)[CB]
    assert sorted(row.input for row in train) == sorted(f"premise {n}" for n in drawn)
    assert (len(train), dev, len(test)) == (16, [], 56)


def test_several_draws_are_of_the_authors_stream_from_other_seeds(mirror: Callable[..., Tasks], tmp_path: Path) -> None:
    source_of(mirror(rows_of(250), samples=[100, 101, 102]), CB).prepare("target", tmp_path, tmp_path / "cb")
    found = {}
    for seed in (100, 101, 102):
        stream = random.Random(seed)
        for name in partition("p3")["target"]:
            drawn = stream.sample(range(configs()[name].rows), 16)
            if name == CB:
                break
        train, _, test = read_task(tmp_path / "cb").sample(seed)
        assert sorted(row.input for row in train) == sorted(f"premise {n}" for n in drawn)
        assert len(test) == 56
        found[seed] = frozenset(drawn)
    assert len(set(found.values())) == 3


def test_balanced_draws_of_rows_with_choices_are_recorded_and_counted(
    mirror: Callable[..., Tasks], tmp_path: Path
) -> None:
    tasks = mirror(rows_of(250), draw="balanced", samples=[100, 101, 102], shots_in_all=15)
    assert not list(undrawable(tasks, tmp_path))
    source = source_of(tasks, CB)
    params = source.params("target")
    assert (params["draw"], params["shots_in_all"], params["samples"]) == ("balanced", 15, [100, 101, 102])
    assert "priming.protocol.draws.balanced" in source.modules("target")
    assert source.prepare("target", tmp_path, tmp_path / "cb")[:-1] == []  # but for the order of the rows
    samples = [read_task(tmp_path / "cb").sample(number)[0] for number in (100, 101, 102)]
    for train in samples:
        assert Counter(row.answer for row in train if isinstance(row, Question)) == {0: 5, 1: 5, 2: 5}
    assert len({frozenset(row.input for row in train) for train in samples}) == 3
    text = Tasks.model_validate({"source": ["film_verdict"], "target": ["kilt_nq"], "draw": "balanced"})
    (problem,) = undrawable(text, Path())
    assert problem.text.startswith("'balanced' draws from each class, and the task kilt_nq has none; leave tasks.draw")


def test_training_rows_are_texts_and_cut_as_the_authors_cut(mirror: Callable[..., Tasks], tmp_path: Path) -> None:
    tasks = mirror(rows_of(250), source_limit=100)
    said = source_of(tasks, TRAINED).prepare("source", tmp_path, tmp_path / "mrpc")
    pool = read_task(tmp_path / "mrpc").pool()
    assert [row.input for row in pool] == [f"is it {n}?" for n in capped(3668, 100)]
    assert said == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"is_correct": True}, "2 of the 3 choices of this example are right, and one should be"),
        ({"targets_pretokenized": " "}, "an empty choice"),
        ({"idx": [0]}, "idx is .* instead of the numbers of an example and of a choice"),
    ],
)
def test_rows_that_are_wrong_are_named(
    mirror: Callable[..., Tasks], tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    rows = rows_of(250)
    rows[1] = rows[1] | change
    with pytest.raises(DataError, match=said):
        source_of(mirror(rows), CB).load(tmp_path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda rows: rows[:1] + rows[2:], r"the choices of this example are \[0, 2\], and .* has 0 to 2"),
        (lambda rows: rows[:2] + rows[3:], r"the choices of this example are \[0, 1\], and .* has 0 to 2"),
        (lambda rows: [*rows[:3], rows[1], *rows[3:]], r"the choices of this example are \[0, 1, 1, 2\]"),
        (
            lambda rows: [rows[0], rows[1] | {"inputs_pretokenized": "another"}, *rows[2:]],
            "the choices of this example have different inputs",
        ),
    ],
)
def test_choices_that_are_missing_doubled_or_of_another_input_are_refused(
    mirror: Callable[..., Tasks], tmp_path: Path, change: Callable[[list[Any]], list[Any]], said: str
) -> None:
    with pytest.raises(DataError, match=said):
        source_of(mirror(change(rows_of(250))), CB).load(tmp_path)


def test_choices_are_put_together_wherever_they_stand(mirror: Callable[..., Tasks], tmp_path: Path) -> None:
    rows = rows_of(250)
    apart = [*rows[1:], rows[0]]
    together, found = (source_of(mirror(own), CB).load(tmp_path).train for own in (rows, apart))
    assert found == together


def test_none_of_the_choices_is_right(mirror: Callable[..., Tasks], tmp_path: Path) -> None:
    rows = rows_of(250)
    rows[0] = rows[0] | {"is_correct": False}
    with pytest.raises(DataError, match="0 of the 3 choices of this example are right"):
        source_of(mirror(rows), CB).load(tmp_path)


def test_configurations_have_their_place(mirror: Callable[..., Tasks]) -> None:
    tasks = mirror(rows_of(250))
    assert source_of(tasks, CB).misplaced("source") == (
        f"{CB!r} is a configuration for evaluation; name it in tasks.target"
    )
    assert source_of(tasks, TRAINED).misplaced("target") == (
        f"{TRAINED!r} is a configuration for training; name it in tasks.source"
    )


def test_a_mirror_that_lacks_a_configuration_is_said_with_what_to_type(
    mirror: Callable[..., Tasks], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks, root = mirror(rows_of(250)), tmp_path / "hub"
    source = source_of(tasks, "glue_mrpc_paraphrase")
    said = (
        f"{root}/bigscience/P3/README.md: no configuration 'glue_mrpc_paraphrase' (tasks.source) among the 2 of this "
        "mirror, which {} names; did you mean 'glue_mrpc_equivalent'?; where there is a network, type: priming tasks "
        f"mirror glue_mrpc_paraphrase --to {root}"
    )
    assert source.missing(tmp_path) == said.format("tasks.hub_folder")
    assert source.raw_files(tmp_path) == []  # other tasks of the study can be run
    with pytest.raises(DataError) as found:
        source.load(tmp_path)
    assert str(found.value) == said.format("tasks.hub_folder")
    monkeypatch.setenv("PRIMING_HUB", str(root))
    assert source.missing(tmp_path) == said.format("PRIMING_HUB")
    assert source_of(tasks, CB).missing(tmp_path) is None
    assert wanted_of_hub(["glue_mrpc_paraphrase"], None)[0].config == "glue_mrpc_paraphrase"  # what is to be typed


def test_a_mirror_without_p3_is_said_once(mirror: Callable[..., Tasks], tmp_path: Path) -> None:
    tasks = mirror(rows_of(250))
    (tmp_path / "hub/bigscience/P3").rename(tmp_path / "hub/bigscience/P4")
    said = {source_of(tasks, name).missing(tmp_path) for name in (CB, TRAINED)}
    assert said == {
        f"tasks.hub_folder: the mirror {tmp_path / 'hub'} has no bigscience/P3, the data set of P3's tasks; it has "
        "bigscience/P4; where there is a network, type: priming tasks mirror --study STUDY_FILE --to FOLDER"
    }


def test_a_training_configuration_is_shown(mirror: Callable[..., Tasks], tmp_path: Path) -> None:
    lines = source_of(mirror(rows_of(250), source_limit=100), TRAINED).described(tmp_path, 2).splitlines()
    assert lines == [
        f"{TRAINED}: text to text, p3, 3668 training rows (3668 different), no test rows",
        "only primed on: at most 100 of them (tasks.source_limit)",
        "", "input:  is it 0?", "output: yes", "", "input:  is it 1?", "output: yes",
    ]  # fmt: skip


def test_an_evaluation_configuration_is_shown_with_what_the_authors_drew(
    mirror: Callable[..., Tasks], tmp_path: Path
) -> None:
    lines = source_of(mirror(rows_of(250)), CB).described(tmp_path, 1).splitlines()
    also = sum(n < 56 for n in few_shot(100, 16)[CB])  # the made-up test rows are the first of the training rows
    assert lines[:2] == [
        f"{CB}: multiple choice, p3, 250 training rows (250 different), 56 test rows",
        f"sample 100: 16 for training, 0 for development, 56 test rows ({also} also in the sample)",
    ]


def test_published_draws_are_of_all_rows_and_of_p3() -> None:
    keys = {"source": ["film_verdict"], "target": ["article_topic"], "draw": "published"}
    with pytest.raises(ValueError, match="counts repeated rows too; add 'duplicates: keep'"):
        Tasks.model_validate(keys)
    (problem,) = undrawable(Tasks.model_validate(keys | {"duplicates": "keep"}), Path())
    assert problem.text == "'published' is for P3's tasks, and the task article_topic is none; write draw: in_all"
