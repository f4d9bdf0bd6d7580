"""Preparing CrossFit's tasks for a study."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from priming.errors import DataError
from priming.study.tasks import Tasks
from priming.tasks.names import idle_limit, missing_tasks, open_study, said_of_tasks
from priming.tasks.prepared import PreparedTask, read_task
from priming.tasks.sources.table import source_of
from tests.tasks.crossfit.conftest import Mirrored, sentences

TEST = [*sentences(3), *sentences(5, 900)]


def study(**keys: Any) -> Tasks:
    return Tasks.model_validate(
        {"source": ["first_word"], "target": ["glue-rte"], "hub_folder": "hub", "samples": [13, 100], **keys}
    )


def prepared(
    tmp_path: Path, tasks: Tasks, part: Any = "target", name: str = "glue-rte"
) -> tuple[PreparedTask, list[str]]:
    out = tmp_path / f"{part}-{tasks.fidelity}"
    said = source_of(tasks, name).prepare(part, tmp_path, out)
    return read_task(out), said


@pytest.fixture
def rte(mirrored: Mirrored) -> None:
    """Three test rows are among the 80 that samples are drawn from, which all samples draw whole but for order."""
    mirrored("nyu-mll/glue", "rte", train=sentences(64), validation=TEST)


@pytest.mark.usefixtures("rte")
def test_samples_are_those_of_crossfit_and_test_rows_in_them_are_counted(tmp_path: Path) -> None:
    task, said = prepared(tmp_path, study())
    assert (task.kind, task.origin, task.metric, task.fidelity) == (
        "classification",
        "crossfit",
        "accuracy",
        "crossfit",
    )
    assert task.labels == ("entailment", "not_entailment")
    for number in (13, 100):
        train, dev, test = task.sample(number)
        assert [example.targets[0] for example in train] == [train[0].targets[0]] * 16 + [train[16].targets[0]] * 16
        assert len({example.input for example in (*train, *dev)}) == 64
        assert len(test) == 8
    assert task.counts["in_sample_and_test"] == {"13": 3, "100": 3}
    assert task.counts["read"] == {"train": 64, "validation": 8}
    assert any("split train has 64 rows, and had 2490" in line for line in said)


@pytest.mark.usefixtures("rte")
def test_the_mended_drop_test_rows_that_occur_in_the_sample(tmp_path: Path) -> None:
    task, _ = prepared(tmp_path, study(fidelity="fixed"))
    assert task.fidelity == "fixed"
    assert task.counts["dropped_from_test"] == {"13": 3, "100": 3}
    assert [example.input for example in task.sample(13)[2]] == [
        f"sentence 1: one {i} [SEP] sentence 2: two {i}" for i in range(900, 905)
    ]


@pytest.mark.usefixtures("rte")
def test_a_source_task_is_its_pool_or_what_its_samples_drew(tmp_path: Path) -> None:
    tasks = study(source=["glue-rte"], target=["first_word"], source_limit=10)
    assert len(prepared(tmp_path, tasks, "source")[0].pool()) == 10
    tasks = study(source=["glue-rte"], target=["first_word"], source_rows="samples", shots=4)
    task = prepared(tmp_path, tasks, "source")[0]
    samples = prepared(tmp_path, study(shots=4))[0]
    drawn = [example for number in (13, 100) for part in samples.sample(number)[:2] for example in part]
    assert task.pool() == drawn
    assert len(drawn) == 32
    assert task.counts["repeated_in_pool"] == 32 - len(set(drawn))


def test_what_a_class_lacks_is_said(tmp_path: Path, mirrored: Mirrored) -> None:
    rows = [row | {"label": int(row["idx"] < 20)} for row in sentences(100)]
    mirrored("nyu-mll/glue", "rte", train=rows, validation=TEST)
    task, said = prepared(tmp_path, study())
    assert task.counts["short_classes"]["13"] == {"not_entailment": {"train": 16, "dev": 4}}
    assert "task glue-rte: too few rows of 'not_entailment' for training and development" in said


def test_without_development_rows_there_is_no_sample(tmp_path: Path, mirrored: Mirrored) -> None:
    mirrored("nyu-mll/glue", "rte", train=sentences(32), validation=TEST)
    with pytest.raises(DataError, match=r"task glue-rte, sample 13: no dev example is left; ask for fewer shots"):
        prepared(tmp_path, study())


def study_file(folder: Path, tasks: dict[str, Any]) -> Path:
    path = folder / "study.yaml"
    content = {
        "name": "s",
        "plms": {"small": {"generate": {}}},
        "tasks": tasks,
        "strategies": ["none -> plm"],
        "scoring": {"metric": "task", "metrics": ["task"]},
    }
    path.write_text(yaml.safe_dump(content))
    return path


def test_a_study_says_beforehand_what_it_will_miss(tmp_path: Path, mirrored: Mirrored) -> None:
    mirrored("nyu-mll/glue", "rte", train=sentences(64), validation=TEST)
    path = study_file(
        tmp_path, {"source": ["first_word"], "target": ["glue-rte", "glue-mnli", "eli5-eli5"], "hub_folder": "hub"}
    )
    missing = missing_tasks(open_study(path), tmp_path)
    assert list(missing) == ["glue-mnli", "eli5-eli5"]
    assert "there is no configuration 'mnli'" in missing["glue-mnli"]
    path = study_file(tmp_path, {"partition": "held_out_nli"})
    assert missing_tasks(open_study(path), tmp_path) == {}
    path = study_file(tmp_path, {"partition": "random"})
    found = missing_tasks(open_study(path), tmp_path)
    assert set(found) == {"eli5-askh", "eli5-asks", "eli5-eli5", "proto_qa"}
    assert (
        found["eli5-askh"] == "task eli5-askh: excluded by tasks.without; its data set was withdrawn by its publisher"
    )
    assert "priming tasks mirror proto_qa" in found["proto_qa"]


def test_a_plan_names_what_is_missing_and_what_source_and_target_share(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PRIMING_HUB", raising=False)
    path = study_file(tmp_path, {"source": ["glue-rte", "ag_news", "proto_qa"], "target": ["superglue-rte", "xsum"]})
    assert said_of_tasks(open_study(path), tmp_path) == [
        "missing: task proto_qa: iesl/protoqa-data is not a data set of the hub; "
        "fetch it: priming tasks mirror proto_qa --to FOLDER",
        "same rows: target task superglue-rte and source glue-rte",
        "same labels (entailment, not_entailment): target task superglue-rte and source glue-rte",
    ]


def test_a_limit_that_does_nothing_is_refused(tmp_path: Path) -> None:
    tasks = study(source=["glue-rte"], target=["first_word"], source_rows="samples", source_limit=10)
    (problem,) = idle_limit(tasks, tmp_path)
    assert problem.at == ("tasks", "source_limit")
    assert "remove it" in problem.text
    assert not list(idle_limit(study(source=["glue-rte"], target=["first_word"], source_limit=10), tmp_path))
    mixed = study(source=["glue-rte", "film_verdict"], target=["first_word"], source_rows="samples", source_limit=10)
    assert not list(idle_limit(mixed, tmp_path))


@pytest.mark.usefixtures("rte")
def test_the_pairs_of_a_pool_are_crossfits_files(tmp_path: Path) -> None:
    """Those that the same task has as a target, sample by sample, in the order of the study."""
    numbers = [21, 100, 13]
    tasks = study(source_rows="samples", shots=4, samples=numbers)
    (pool, _), (target, _) = prepared(tmp_path, tasks, "source"), prepared(tmp_path, tasks)
    assert pool.pairs() == [target.sample(number)[:2] for number in numbers]
    with pytest.raises(DataError, match="without the sizes of its samples"):
        replace(pool, counts={}).pairs()
