"""Running one job of a study: the results it makes are put in place one after the other, each with its recipe.

A result is made in a folder of its own under work/ and moved to its place when it is whole, so a job that is killed
leaves nothing half made, and what is current already is not made again.
"""

import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from priming.attempts import noted
from priming.claim import claimed
from priming.contents import of_json
from priming.errors import DataError, DiskError, StudyError, nearest
from priming.jobs import Graph, Item, Job, graph, root, tables
from priming.needs import needs
from priming.recipes import Recipes, declare_done
from priming.strategies import Strategy
from priming.study import Study
from priming.study.load import load_study

if TYPE_CHECKING:
    from priming.training.tuner import Tuner
    from priming.training.validation import Validator

RUNLOG = "PRIMING_RUNLOG"

Tuners = dict[tuple[str, Strategy, int], "Tuner"]
"""The models that a job has loaded: it tunes many tasks with the same one, which is loaded once a seed."""


@dataclass(frozen=True)
class Making:
    """A result in the making: `out` is an empty folder to fill."""

    study: Study
    base: Path
    item: Item
    out: Path
    key: str
    tuners: Tuners

    @property
    def state(self) -> Path:
        """The folder of what a training that was stopped goes on from."""
        return self.out.parent / "state" / self.out.name

    @property
    def plm(self) -> Path:
        """The folder of the PLM."""
        return Path(root(self.study), "plm", self.item.member.name)

    @property
    def primed(self) -> Path | None:
        """The folder of the priming, None if there is none."""
        priming = self.item.priming
        return Path(root(self.study), "primed", self.item.member.name, priming.slug, f"seed-{self.item.seed}") if priming else None

    @property
    def tasks(self) -> Path:
        """The folder of the prepared tasks."""
        return Path(root(self.study), "tasks")


def run(step: str, study_file: Path, out: str) -> None:
    """Make what the job that declares the folder `out` makes, as far as it is not current.

    Raises StudyError where the study has no such job, DataError where something that the job needs is not here.
    """
    study = load_study(study_file)
    jobs = graph(study)
    job = _job(jobs, step, out, study_file)
    recipes = Recipes(jobs, study_file.parent)
    try:
        with noted(study.name, job.out), claimed(needs(jobs, job, study_file.parent).gpus):
            _make_stale(job, study_file.parent, recipes)
    except OSError as error:
        raise DiskError(f"{out}: {error}") from error


def _make_stale(job: Job, base: Path, recipes: Recipes) -> None:
    tuners: Tuners = {}
    failed = [str(error) for items in _groups(job) if (error := _made_or_failed(items, base, recipes, tuners))]
    if failed:
        raise DataError("\n".join(failed))
    if job.is_chunk:
        declare_done(job, recipes)


def verdict(study_file: Path) -> list[str]:
    """A line for each cell of a finished study that failed, or was not tuned since its priming had."""
    return Recipes(graph(load_study(study_file)), study_file.parent).failures()


def _job(jobs: Graph, step: str, out: str, study_file: Path) -> Job:
    job = jobs.jobs.get(out.rstrip("/"))
    if job is None or job.step != step:
        raise StudyError(f"{study_file}: no {step} makes {out}{nearest(out, jobs.outs(step))}")
    return job


def _groups(job: Job) -> Iterator[list[Item]]:
    """The items of a job, those together that are trained side by side."""
    for _, items in groupby(job.items, key=lambda item: (item.seed, item.together) if item.together else item.path):
        yield list(items)


def _made_or_failed(items: list[Item], base: Path, recipes: Recipes, tuners: Tuners) -> DataError | None:
    """Make what is not current; tasks whose data are missing do not keep the others of a job from being prepared."""
    try:
        if stale := [item for item in items if not recipes.current(item.path)]:
            _make(stale, base, recipes, tuners)
    except DataError as error:
        if items[0].step == "prepare":
            return error
        raise
    return None


def _make(items: list[Item], base: Path, recipes: Recipes, tuners: Tuners) -> None:
    """Make results and put them in their places, the recipe of each last."""
    jobs = recipes.graph
    made = []
    for item in items:
        if missing := [path for path in item.inputs if not recipes.made(path)]:
            raise DataError(f"{item.path} is made from {missing[0]}, which is not here; make it first: snakemake {jobs.maker[missing[0]]}")
        name = Path(item.path).relative_to(root(jobs.study)).as_posix().replace("/", "~")
        recipe = recipes.of(item)
        making = Making(jobs.study, base, item, Path("work", jobs.study.name, name), of_json(recipe), tuners)
        shutil.rmtree(making.out, ignore_errors=True)
        making.out.mkdir(parents=True)
        _log(item)
        made.append((making, recipe))
    for warning in STEPS[items[0].step]([making for making, _ in made]) or ():
        print(f"warning: {warning}", file=sys.stderr, flush=True)
    for making, recipe in made:
        _replace(making.out, recipes.folder(making.item.path))
        recipes.finish(making.item, recipe)
        shutil.rmtree(making.state, ignore_errors=True)


def _replace(made: Path, place: Path) -> None:
    """Move a folder to its place; what was there, or what hard links share with it, is removed, never written into."""
    if place.exists():
        shutil.rmtree(place)
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(made, place)


def _log(item: Item) -> None:
    """Count a real execution, for tests."""
    if file := os.environ.get(RUNLOG):
        with Path(file).open("a", encoding="utf-8") as log:
            log.write(f"{item.step} {item.path}\n")


def _prepare(making: Making) -> Iterable[str]:
    if making.study.tasks.in_gym(making.item.task):
        from priming.tasks.crossfit.prepare import prepare
    else:
        from priming.tasks.prepare import prepare

    return prepare(making.item.task, making.study.tasks, making.item.part, making.base, making.out)


def _pretrain(making: Making) -> None:
    from priming.training.pretrain import make_plm
    from priming.training.state import Place

    item, study = making.item, making.study
    plm, source = study.plms[item.plm].of_seed(item.member.seed), [Path(path) for path in item.inputs]
    make_plm(item.member.name, plm, source, making.base, making.out, study.compute, Place(making.state, making.key))


def _prime(making: Making) -> None:
    from priming.training.processes import prime_in, processes
    from priming.training.state import Place
    from priming.training.upstream import PrimingJob

    item, study = making.item, making.study
    assert item.priming
    settings = study.priming.of(item.priming.section, item.plm)
    job = PrimingJob(
        study=study.name,
        plm_name=item.member.name,
        plm=study.plms[item.plm],
        elements=study.elements,
        priming=item.priming,
        settings=settings,
        seed=item.seed,
        plm_folder=making.plm,
        source=[making.tasks / name for name in study.tasks.source],
        validator=_validator(making) if settings.keep == "best" else None,
        described=item.settings,
        compute=study.compute,
        place=Place(making.state, making.key),
        task_prefix=study.tasks.task_prefix,
        plm_seed=item.member.seed,
    )
    prime_in(processes(study.compute), job, making.out)


def _validator(making: Making) -> "Validator":
    """Judges checkpoints on the development tasks, for each downstream of the study's strategies with this priming."""
    from priming.training.validation import DevelopmentTasks

    study, priming = making.study, making.item.priming
    assert priming
    settings = study.priming.of(priming.section, making.item.plm).validation
    judged = [strategy for strategy in study.parsed_strategies if strategy.priming == priming]
    return DevelopmentTasks(
        tuners={strategy.downstream: _tuner(making, strategy) for strategy in judged},
        folders=[making.tasks / name for name in study.tasks.development],
        samples=study.tasks.samples[: settings.samples],
        steps=settings.steps,
    )


def _tune(makings: Sequence[Making]) -> Iterable[str]:
    from priming.training.downstream import Group, tune

    making = makings[0]
    item, study = making.item, making.study
    assert item.strategy
    group = Group(
        study=study.name,
        plm_name=item.member.name,
        samples=study.tasks.samples,
        tasks=[making.tasks / name for name in item.together],
        primed=making.primed,
        described=item.settings,
        outs={making.item.task: making.out for making in makings},
    )
    key = (str(making.plm), item.strategy, item.seed)
    if key not in making.tuners:
        making.tuners[key] = _tuner(making, item.strategy)
    return tune(making.tuners[key], group)


def _tuner(making: Making, strategy: Strategy) -> "Tuner":
    from priming.training.tuner import Tuner

    study, plm = making.study, making.study.plms[making.item.plm]
    seed, prefix, tuning = making.item.seed, study.tasks.task_prefix, study.tuning.of(making.item.plm, strategy)
    return Tuner(plm, making.plm, study.elements, strategy, tuning, study.scoring, seed, study.compute, prefix, making.item.member.seed)


def _tables(making: Making) -> None:
    from priming.reporting.tables import write_tables

    write_tables(making.study, Path(root(making.study)), making.out, making.item.settings["groups"])


def _figure(making: Making) -> None:
    from priming.reporting.figures import draw

    draw(making.item.figure, making.study, Path(tables(making.study)), making.out)


def _alone(step: Callable[[Making], Iterable[str] | None]) -> "Step":
    """A step that makes one result at a time."""
    return lambda makings: [warning for making in makings for warning in step(making) or ()]


Step = Callable[[Sequence[Making]], Iterable[str] | None]
"""Fills the folders of results that are made together; returns warnings."""

STEPS: dict[str, Step] = {
    "prepare": _alone(_prepare),
    "pretrain": _alone(_pretrain),
    "prime": _alone(_prime),
    "tune": _tune,
    "tables": _alone(_tables),
    "figure": _alone(_figure),
}
