"""A study whose tasks are a partition."""

from typing import Any

import pytest
from pydantic import ValidationError

from priming.errors import StudyError
from priming.study.load import load_study
from priming.study.partitions import PARTITIONS, partition
from priming.study.tasks import Tasks
from priming.tasks.sources.table import SOURCES, source_of
from tests.study.conftest import Changed


def tasks(**keys: Any) -> Tasks:
    return Tasks.model_validate(keys)


@pytest.mark.parametrize("name", PARTITIONS)
def test_a_partition_fills_the_parts_without_tasks_whose_data_are_gone(name: str) -> None:
    filled = tasks(partition=name)
    for part, names in partition(name).items():
        assert getattr(filled, part) == [task for task in names if not task.startswith("eli5-")]
    assert tasks(partition=name, without=[]).source == partition(name)["source"]


def test_held_out_tasks_are_targets_and_there_are_no_development_tasks() -> None:
    filled = tasks(partition="held_out_nli")
    assert filled.development == []
    assert filled.target == [
        "anli",
        "glue-mnli",
        "glue-qnli",
        "glue-rte",
        "glue-wnli",
        "scitail",
        "sick",
        "superglue-cb",
    ]
    assert "sick" not in filled.source


def test_what_is_given_is_not_filled() -> None:
    filled = tasks(partition="random", target=["ag_news"], without=["glue-rte"])
    assert filled.target == ["ag_news"]
    assert "glue-rte" not in filled.source
    assert len(filled.source) == 119
    assert tasks(**filled.model_dump()) == filled


def test_a_task_of_crossfit_can_be_defined_anew() -> None:
    definition = {"hub": {"id": "a/b"}, "input": "{text}", "output": "label"}
    filled = tasks(source=["xsum"], target=["ag_news"], define={"ag_news": definition})
    found = [type(source_of(filled, name)) for name in ("xsum", "ag_news", "film_verdict")]
    assert found == [SOURCES["crossfit"], SOURCES["hub"], SOURCES["generated"]]


def test_an_unknown_partition_is_refused() -> None:
    with pytest.raises(ValidationError, match="random"):
        tasks(partition="randm")


def test_missing_parts_are_named(changed: Changed) -> None:
    path = changed(("  source: [a, b]\n", ""), ("  target: [d, e]\n", ""))
    with pytest.raises(
        StudyError,
        match=r"line 5, tasks\.source: is missing; add 'source: \[\.\.\.\]' \(Tasks primed on\), "
        r"or name a partition\n  line 5, tasks\.target",
    ):
        load_study(path)
