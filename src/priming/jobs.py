"""A study as a graph of jobs and of the results they make: a function of the study file alone, never of machine or disk.

An item is a result that users see as a unit, one folder that ends with a recipe (see `priming.recipes`). A job is one
process; it makes one item, or, where starting Python for each would cost more than the work, a chunk of them. A chunk
has a folder of its own that says it is done, since Snakemake deletes the outputs of a job before it starts.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, TypeVar

from priming import slices
from priming.strategies import Priming, Strategy
from priming.study import Study
from priming.study.plm import Member

Part = Literal["source", "development", "target"]
T = TypeVar("T")

NO_PLM = Member("")
"""Of a result that is of no PLM."""

TASK_CHUNK = 64
PREPARING = {False: "priming.tasks.prepare", True: "priming.tasks.crossfit.prepare"}
"""Two modules, so that a change of CrossFit's tasks leaves the others as they are."""
PARTS: tuple[Part, ...] = ("source", "development", "target")


@dataclass(frozen=True, kw_only=True)
class Item:
    """A result: its folder, the step that makes it, the part of the study it depends on and the results it is made from."""

    path: str
    step: str
    module: str
    settings: slices.Slice
    inputs: tuple[str, ...] = ()
    member: Member = NO_PLM
    priming: Priming | None = None
    strategy: Strategy | None = None
    seed: int = 0
    task: str = ""
    part: Part = "source"
    figure: str = ""
    together: tuple[str, ...] = ()

    @property
    def plm(self) -> str:
        """The PLM of the study that it is of."""
        return self.member.plm


@dataclass(frozen=True)
class Job:
    """One process: the folder that it declares, and the items that it makes in this order."""

    step: str
    out: str
    items: tuple[Item, ...]

    @property
    def is_chunk(self) -> bool:
        """Whether `out` only says that the items are done."""
        return self.out != self.items[0].path


@dataclass(frozen=True)
class Graph:
    """All jobs of a study, by the folder they declare."""

    study: Study
    jobs: dict[str, Job] = field(default_factory=dict)

    @cached_property
    def items(self) -> dict[str, Item]:
        """All items, by path."""
        return {item.path: item for job in self.jobs.values() for item in job.items}

    @cached_property
    def maker(self) -> dict[str, str]:
        """For each item the folder that its job declares."""
        return {item.path: job.out for job in self.jobs.values() for item in job.items}

    def inputs(self, job: Job) -> list[str]:
        """The folders declared by the jobs that `job` follows."""
        return list(dict.fromkeys(self.maker[path] for item in job.items for path in item.inputs))

    def outs(self, step: str) -> list[str]:
        """The folders declared by the jobs of a step."""
        return [job.out for job in self.jobs.values() if job.step == step]


def root(study: Study) -> str:
    """The folder of all results of a study."""
    return f"results/{study.name}"


def graph(study: Study) -> Graph:
    """The jobs of a study, each after those it needs."""
    made = [*prepare_jobs(study), *pretrain_jobs(study), *prime_jobs(study), *tune_jobs(study), tables_job(study), *figure_jobs(study)]
    return Graph(study, {job.out: job for job in made})


def prepare_jobs(study: Study) -> Iterator[Job]:
    """Tasks are prepared in chunks, in the order of the study file."""
    items = [
        Item(
            path=_task(study, name), step="prepare", module=PREPARING[study.tasks.in_gym(name)],
            settings=slices.task_slice(study, name, part), task=name, part=part,
        )
        for part in PARTS
        for name in getattr(study.tasks, part)
    ]  # fmt: skip
    return _chunks("prepare", f"{root(study)}/tasks", items, TASK_CHUNK)


def pretrain_jobs(study: Study) -> Iterator[Job]:
    """A PLM is fetched, or trained on its own texts or on those of the source tasks."""
    for member in study.members:
        generate = study.plms[member.plm].generate
        own_texts = generate and generate.pretraining.texts == "source_tasks"
        inputs = tuple(_task(study, task) for task in study.tasks.source) if own_texts else ()
        yield _single(
            Item(
                path=_plm(study, member), step="pretrain", module="priming.training.pretrain",
                settings=slices.plm_slice(study, member), inputs=inputs, member=member,
            )
        )  # fmt: skip


def prime_jobs(study: Study) -> Iterator[Job]:
    """A priming for each PLM and seed, after the source tasks, and after the development tasks where they choose its checkpoint."""
    for member in study.members:
        for priming in study.primings:
            chosen = study.priming.of(priming.section, member.plm).keep == "best"
            tasks = [*study.tasks.source, *(study.tasks.development if chosen else ())]
            inputs = (_plm(study, member), *(_task(study, task) for task in tasks))
            for seed in study.seeds:
                settings = slices.priming_slice(study, member, priming, seed)
                yield _single(
                    Item(
                        path=_primed(study, member, priming, seed), step="prime", module="priming.training.upstream", settings=settings,
                        inputs=inputs, member=member, priming=priming, seed=seed,
                    )
                )  # fmt: skip


def tune_jobs(study: Study) -> Iterator[Job]:
    """For each PLM and strategy the target tasks in chunks; a job tunes those of its chunk over all seeds."""
    for member in study.members:
        for strategy in study.parsed_strategies:
            folder = f"{root(study)}/tuned/{member.name}/{strategy.slug}"
            for number, groups in enumerate(_tuning_chunks(study)):
                cells = [cell for seed in study.seeds for tasks in groups for cell in _cells(study, member, strategy, seed, tasks)]
                yield Job("tune", f"{folder}/chunks/{number:02d}", tuple(cells))


def tables_job(study: Study) -> Job:
    """The tables, after every priming and cell."""
    primed = [job.out for job in prime_jobs(study)]
    cells = [
        _tuned(study, member, strategy, seed, task)
        for member in study.members
        for strategy in study.parsed_strategies
        for seed in study.seeds
        for task in study.tasks.target
    ]
    return _single(
        Item(path=tables(study), step="tables", module="priming.reporting.tables", settings=slices.tables_slice(study), inputs=(*primed, *cells))
    )


def figure_jobs(study: Study) -> Iterator[Job]:
    """A job a figure, from the tables alone."""
    for figure in study.figures.draw:
        yield _single(
            Item(
                path=f"{root(study)}/figures/{figure}", step="figure", module=f"priming.reporting.figures.{figure}",
                settings=slices.figure_slice(study, figure), inputs=(tables(study),), figure=figure,
            )
        )  # fmt: skip


def tables(study: Study) -> str:
    """The folder of the tables."""
    return f"{root(study)}/tables"


def bank_groups(study: Study) -> list[tuple[str, ...]]:
    """Which target tasks are trained together: full groups of consecutive ones, those left over alone."""
    groups = [tuple(group) for group in _consecutive(study.tasks.target, study.tuning.bank_tasks)]
    return [part for group in groups for part in ([group] if len(group) == study.tuning.bank_tasks else [(task,) for task in group])]


def _tuning_chunks(study: Study) -> list[Sequence[tuple[str, ...]]]:
    """The groups of each job, about `tuning.chunk` tasks; no group is divided."""
    return _consecutive(bank_groups(study), max(1, study.tuning.chunk // study.tuning.bank_tasks))


def _cells(study: Study, member: Member, strategy: Strategy, seed: int, tasks: Sequence[str]) -> Iterator[Item]:
    settings = slices.cell_slice(study, member, strategy, seed, tasks)
    primed = [_primed(study, member, strategy.priming, seed)] if strategy.priming else []
    prepared = [_task(study, task) for task in tasks]
    for task in tasks:
        yield Item(
            path=_tuned(study, member, strategy, seed, task), step="tune", module="priming.training.downstream", settings=settings,
            inputs=(_plm(study, member), *primed, *prepared), member=member, priming=strategy.priming, strategy=strategy, seed=seed, task=task,
            together=tuple(tasks),
        )  # fmt: skip


def _task(study: Study, task: str) -> str:
    return f"{root(study)}/tasks/{task}"


def _plm(study: Study, member: Member) -> str:
    return f"{root(study)}/plm/{member.name}"


def _primed(study: Study, member: Member, priming: Priming, seed: int) -> str:
    return f"{root(study)}/primed/{member.name}/{priming.slug}/seed-{seed}"


def _tuned(study: Study, member: Member, strategy: Strategy, seed: int, task: str) -> str:
    return f"{root(study)}/tuned/{member.name}/{strategy.slug}/seed-{seed}/{task}"


def _single(item: Item) -> Job:
    return Job(item.step, item.path, (item,))


def _chunks(step: str, folder: str, items: Sequence[Item], size: int) -> Iterator[Job]:
    for number, chunk in enumerate(_consecutive(items, size)):
        yield Job(step, f"{folder}/chunks/{number:02d}", tuple(chunk))


def _consecutive(things: Sequence[T], size: int) -> list[Sequence[T]]:
    return [things[start : start + size] for start in range(0, len(things), size)]
