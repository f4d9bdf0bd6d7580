"""The studies on CrossFit against each other: what a smaller one has of the full one, and what it leaves out."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from priming.forms.table import KINDS
from priming.study import Study
from priming.tasks.declared import kind_of
from priming.tasks.names import open_study

FULL = ("crossfit-random", "crossfit-classification")
NUMBERS = (int, float)
# The small studies' tasks are named, since a partition's are not in a small mirror; their PLMs are made.
ELSEWHERE = {"tasks/partition", "plms"}


def read(project: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((project / f"studies/{name}.yaml").read_text())
    return found


def choices(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """The settings in a section that choose between ways, and that there is a number where there is one."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from choices(inner, f"{place}/{key}".removeprefix("/"))
    elif isinstance(value, list) or (isinstance(value, NUMBERS) and not isinstance(value, bool)):
        yield place, "..."
    else:
        yield place, value


def branches(study: dict[str, Any], section: str) -> set[tuple[str, Any]]:
    """What a section of a study file chooses; overrides for some PLMs or strategies aside."""
    return {found for found in choices(study[section]) if not found[0].startswith(("exceptions", "plms"))}


@pytest.mark.parametrize("name", FULL)
@pytest.mark.parametrize("section", ["tasks", "priming", "tuning", "scoring"])
def test_a_small_study_goes_through_every_branch(project: Path, name: str, section: str) -> None:
    full, small = (branches(read(project, each), section) for each in (name, f"{name}-small"))
    left = {(key, value) for key, value in full - small if f"{section}/{key}" not in ELSEWHERE}
    assert left <= {("published/ye2021/bart", "random"), ("chunk", "...")}  # another PLM's name, one job for all tasks


@pytest.mark.parametrize("name", FULL)
def test_a_small_study_has_every_kind_of_strategy(project: Path, name: str) -> None:
    """Each algorithm and variant, and whether the inner loop moves all that the outer does."""

    def kinds(study: Study) -> set[tuple[str, bool]]:
        primings = [priming for plm in study.plms for priming in study.primings_of(plm)]
        return {(p.section, p.inner not in ((), p.outer)) for p in primings}

    full, small = (open_study(project / f"studies/{each}.yaml") for each in (name, f"{name}-small"))
    assert kinds(full) == kinds(small)
    assert {e for s in full.parsed_strategies for e in s.tuned} == {e for s in small.parsed_strategies for e in s.tuned}
    assert set(full.figures.draw) == set(small.figures.draw)
    assert {(bool(e.plms), bool(e.elements), bool(e.algorithms), *e.rest) for e in full.tuning.exceptions} <= {
        (bool(e.plms), bool(e.elements), bool(e.algorithms), *e.rest) for e in small.tuning.exceptions
    }


def test_a_small_study_has_a_task_without_labels(project: Path) -> None:
    """As the random partition has, and the classification partition has not."""
    small = open_study(project / "studies/crossfit-random-small.yaml")
    assert {KINDS[kind_of(small.tasks, task)].labelled for task in small.tasks.target} == {True, False}


@pytest.mark.parametrize("name", FULL)
def test_a_cut_for_one_gpu_has_the_full_study_s_settings(project: Path, name: str) -> None:
    full, cut = (open_study(project / f"studies/{each}.yaml") for each in (name, f"{name}-gpu"))
    assert set(cut.strategies) <= set(full.strategies)
    for plm in cut.plms:
        for strategy in cut.strategies_of(plm):
            assert cut.tuning_of(plm, strategy) == full.tuning_of(plm, strategy)
            if strategy.priming:
                section = strategy.priming.section
                assert cut.settings_of(section, plm) == full.settings_of(section, plm)
    assert cut.plms == {plm: full.plms[plm] for plm in cut.plms}
    assert cut.elements == full.elements
    same = {"samples"} if name == "crossfit-random" else set()
    assert cut.tasks.model_dump(exclude=same) == full.tasks.model_dump(exclude=same)


def test_the_dozen_of_the_random_cut(project: Path) -> None:
    cut = open_study(project / "studies/crossfit-random-gpu.yaml")
    assert len(cut.strategies) == 12
    assert cut.tasks.samples == [100, 13]


def test_a_split_divides_banks_and_batches(project: Path) -> None:
    """12 runs in banks of 3, 8 in banks of 2; 32 examples eight at a time, four tasks one at a time at the most."""
    whole = open_study(project / "studies/crossfit-random-gpu.yaml")
    parts = whole.model_copy(update={"compute": whole.compute.model_copy(update={"split": 4})})
    [plm, adapter] = whole.parsed_strategies[:2]
    assert [study.tuning_of("bart", s).bank for study in (whole, parts) for s in (plm, adapter)] == [8, 12, 2, 3]
    assert [parts.settings_of(name, "bart").accumulation_steps for name in ("mtl", "maml")] == [4, 4]
    many = whole.model_copy(update={"compute": whole.compute.model_copy(update={"split": 100})})
    assert many.tuning_of("bart", plm).bank == 1
    assert many.settings_of("mtl", "bart").accumulation_steps == 32
