"""A study as a graph of jobs and their results: a function of the study file alone, not of machine or disk.

A result is one folder with a recipe (see `priming.jobs.recipes`). A job is one process; it builds one result, or a
chunk of results if starting Python for each would cost more than the work. A chunk has a separate folder that marks it
as done, since Snakemake deletes a job's outputs before it starts.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, TypeVar

from priming.algorithms.table import ALGORITHMS
from priming.backbones.table import BACKBONES
from priming.elements.table import ELEMENTS
from priming.entries import module_of
from priming.evaluation.metrics import METRICS, own_metric
from priming.forms.table import FORMS, forms_on, module_of_kind
from priming.jobs import params
from priming.protocol.keeping.table import KEEPINGS
from priming.runs.update_rules.table import MODULES as UPDATE_RULES
from priming.section import remembered
from priming.strategies import Priming, Strategy
from priming.study import Study, paths
from priming.study.paths import chunk, root, tables
from priming.study.plm import Member
from priming.tasks.declared import kind_of, metric_of
from priming.tasks.sources.table import source_of

Part = Literal["source", "development", "target"]
T = TypeVar("T")

NO_PLM = Member("")
"""For results without a PLM."""

TASK_CHUNK = 64
PARTS: tuple[Part, ...] = ("source", "development", "target")


@dataclass(frozen=True, kw_only=True)
class Result:
    """A result: its folder, its step and the modules that the step runs, the settings it depends on, and its inputs.

    Those of a job that have the same `bank` are built together; of a cell, `together` are the tasks of its bank.
    `at_least` is a key of its settings whose value is a mapping: a result made with additional entries there is
    current.
    """

    path: str
    step: str
    modules: tuple[str, ...]
    settings: params.Params
    inputs: tuple[str, ...] = ()
    member: Member = NO_PLM
    priming: Priming | None = None
    strategy: Strategy | None = None
    seed: int = 0
    task: str = ""
    part: Part = "source"
    figure: str = ""
    together: tuple[str, ...] = ()
    bank: str = ""
    at_least: str = ""

    @property
    def plm(self) -> str:
        """The name of its PLM in the study."""
        return self.member.plm


@dataclass(frozen=True)
class Job:
    """One process: its output folder, and the results that it builds in this order."""

    step: str
    out: str
    results: tuple[Result, ...]

    @property
    def is_chunk(self) -> bool:
        """Whether `out` only marks the results as done."""
        return self.out != self.results[0].path


@dataclass(frozen=True)
class Graph:
    """All jobs of a study, by output folder."""

    study: Study
    jobs: dict[str, Job] = field(default_factory=dict)

    @cached_property
    def results(self) -> dict[str, Result]:
        """All results, by path."""
        return {result.path: result for job in self.jobs.values() for result in job.results}

    @cached_property
    def maker(self) -> dict[str, str]:
        """The output folder of each result's job."""
        return {result.path: job.out for job in self.jobs.values() for result in job.results}

    def inputs(self, job: Job) -> list[str]:
        """The output folders of the jobs that `job` depends on."""
        return list(dict.fromkeys(self.maker[path] for result in job.results for path in result.inputs))

    def outs(self, step: str) -> list[str]:
        """The output folders of the jobs of a step."""
        return [job.out for job in self.jobs.values() if job.step == step]


def graph(study: Study) -> Graph:
    """The jobs of a study, each after its dependencies."""
    trained = (*prepare_jobs(study), *pretrain_jobs(study), *prime_jobs(study), *tune_jobs(study))
    shown = (*score_jobs(study), tables_job(study), *figure_jobs(study))
    return Graph(study, {job.out: job for job in (*trained, *shown)})


def prepare_jobs(study: Study) -> Iterator[Job]:
    """Tasks are prepared in chunks, in the order of the study file."""
    results = [
        Result(
            path=_task(study, name), step="prepare",
            modules=(*source_of(study.tasks, name).modules(part), *_rows(study, (name,))),
            settings=params.task_params(study, name, part), task=name, part=part,
        )
        for part in PARTS
        for name in getattr(study.tasks, part)
    ]  # fmt: skip
    return _chunks("prepare", f"{root(study)}/{paths.TASKS}", results, TASK_CHUNK)


def pretrain_jobs(study: Study) -> Iterator[Job]:
    """A PLM is fetched, or trained on its own texts or on those of the source tasks."""
    for member in study.members:
        generate = study.plms[member.plm].generate
        own_texts = generate and generate.pretraining.texts == "source_tasks"
        inputs = tuple(_task(study, task) for task in study.tasks.source) if own_texts else ()
        rows = _rows(study, tuple(study.tasks.source)) if own_texts else ()
        yield _single(
            Result(
                path=_plm(study, member), step="pretrain",
                modules=("priming.training.pretrain", *_backbones(study, member), *rows),
                settings=params.plm_params(study, member), inputs=inputs, member=member,
            )
        )  # fmt: skip


def prime_jobs(study: Study) -> Iterator[Job]:
    """For each PLM and priming its seeds, one or a bank of them in a job.

    They come after the source tasks, and after the development tasks where these choose the checkpoint.
    """
    for member in study.members:
        for priming in study.primings_of(member.plm):
            chosen = study.settings_of(priming.section, member.plm).chooses
            tasks = [*study.tasks.source, *(study.tasks.development if chosen else ())]
            inputs = (_plm(study, member), *(_task(study, task) for task in tasks))
            folder = f"{root(study)}/{paths.primings(member, priming)}"
            banks = _consecutive(study.seeds, study.settings_of(priming.section, member.plm).bank)
            for number, seeds in enumerate(banks):
                results = tuple(_priming(study, member, priming, seed, inputs, seeds) for seed in seeds)
                yield _single(results[0]) if len(results) == 1 else Job("prime", chunk(folder, number), results)


def tune_jobs(study: Study) -> Iterator[Job]:
    """For each PLM and strategy, the target tasks in chunks; a job tunes a chunk over all seeds."""
    for member in study.members:
        for strategy in study.strategies_of(member.plm):
            folder = f"{root(study)}/{paths.tuned(member, strategy)}"
            for number, groups in enumerate(_tuning_chunks(study)):
                banks = groups if strategy.tuned else [(task,) for group in groups for task in group]
                runs = [(seed, tasks) for seed in study.seeds for tasks in banks]
                cells = [cell for seed, tasks in runs for cell in _cells(study, member, strategy, seed, tasks)]
                yield Job("tune", chunk(folder, number), tuple(cells))


def score_jobs(study: Study) -> Iterator[Job]:
    """For each PLM and strategy, scoring of the tuned cells' predictions, in the same chunks as tuning."""
    for member in study.members:
        for strategy in study.strategies_of(member.plm):
            folder = f"{root(study)}/{paths.scored(member, strategy)}"
            for number, groups in enumerate(_tuning_chunks(study)):
                tasks = [task for group in groups for task in group]
                cells = [(seed, task) for seed in study.seeds for task in tasks]
                found = tuple(_scores(study, member, strategy, seed, task) for seed, task in cells)
                yield Job("score", chunk(folder, number), found)


def tables_job(study: Study) -> Job:
    """The tables, after all primings, cells and scores; gains on single tasks also read the rows."""
    primed = [result.path for job in prime_jobs(study) for result in job.results]
    cells = [
        of(study, member, strategy, seed, task)
        for of in (_tuned, _scored)
        for member in study.members
        for strategy in study.strategies_of(member.plm)
        for seed in study.seeds
        for task in study.tasks.target
    ]
    prepared = [_task(study, task) for task in study.tasks.target]
    return _single(
        Result(
            path=tables(study),
            step="tables",
            modules=(
                "priming.reporting.tables",
                *_metrics(study, (study.scoring.metric,), tuple(study.tasks.target)),
                *_rows(study, tuple(study.tasks.target)),
            ),
            settings=params.tables_params(study),
            inputs=(*primed, *cells, *prepared),
        )
    )


def figure_jobs(study: Study) -> Iterator[Job]:
    """One job per figure, from the tables alone."""
    for figure in study.figures.draw:
        yield _single(
            Result(
                path=f"{root(study)}/{paths.figure(figure)}", step="figure",
                modules=(module_of("figure", "priming.reporting.figures", figure),),
                settings=params.figure_params(study, figure), inputs=(tables(study),), figure=figure,
            )
        )  # fmt: skip


def bank_groups(study: Study) -> list[tuple[str, ...]]:
    """Target tasks that are trained together: full groups of consecutive tasks; each remaining task alone."""
    groups = [tuple(group) for group in _consecutive(study.tasks.target, study.tuning.bank_tasks)]
    return [
        part
        for group in groups
        for part in ([group] if len(group) == study.tuning.bank_tasks else [(task,) for task in group])
    ]


def _tuning_chunks(study: Study) -> list[Sequence[tuple[str, ...]]]:
    """The groups of each job, about `tuning.chunk` tasks; groups are not divided."""
    return _consecutive(bank_groups(study), max(1, study.tuning.chunk // study.tuning.bank_tasks))


def _priming(
    study: Study, member: Member, priming: Priming, seed: int, inputs: tuple[str, ...], bank: Sequence[int]
) -> Result:
    return Result(
        path=_primed(study, member, priming, seed), step="prime", modules=_priming_modules(study, member, priming),
        settings=params.priming_params(study, member, priming, seed), inputs=inputs, member=member, priming=priming,
        seed=seed, bank=f"seeds {bank[0]} to {bank[-1]}",
    )  # fmt: skip


def _cells(study: Study, member: Member, strategy: Strategy, seed: int, tasks: tuple[str, ...]) -> Iterator[Result]:
    settings = params.cell_params(study, member, strategy, seed, tasks)
    selecting = _metrics(study, (study.scoring.metric,), tasks)
    forms = (*_forms(study, member, tasks), *_rows(study, tasks))
    modules = (
        "priming.training.downstream",
        *_backbones(study, member),
        *_elements(study.plms[member.plm].elements_of(strategy)),
        *forms,
        *selecting,
    )
    if strategy.tuned:
        modules = (*modules, *_tuning_modules(study))
    primed = [_primed(study, member, strategy.priming, seed)] if strategy.priming else []
    prepared = [_task(study, task) for task in tasks]
    for task in tasks:
        yield Result(
            path=_tuned(study, member, strategy, seed, task), step="tune", modules=modules, settings=settings,
            inputs=(_plm(study, member), *primed, *prepared), member=member, priming=strategy.priming,
            strategy=strategy, seed=seed, task=task, together=tuple(tasks), bank=f"seed {seed}, {', '.join(tasks)}",
            at_least=params.PREDICTED,
        )  # fmt: skip


def _scores(study: Study, member: Member, strategy: Strategy, seed: int, task: str) -> Result:
    """The scores of one cell."""
    return Result(
        path=_scored(study, member, strategy, seed, task),
        step="score",
        modules=(
            "priming.evaluation.scoring",
            *_metrics(study, tuple(study.scoring.metrics), (task,)),
            *_rows(study, (task,)),
        ),
        settings=params.score_params(study, member, seed, task),
        inputs=(_tuned(study, member, strategy, seed, task), _task(study, task)),
        member=member,
        priming=strategy.priming,
        strategy=strategy,
        seed=seed,
        task=task,
    )


def _task(study: Study, task: str) -> str:
    return f"{root(study)}/{paths.task(task)}"


def _plm(study: Study, member: Member) -> str:
    return f"{root(study)}/{paths.plm(member)}"


def _primed(study: Study, member: Member, priming: Priming, seed: int) -> str:
    return f"{root(study)}/{paths.primed(member, priming, seed)}"


def _tuned(study: Study, member: Member, strategy: Strategy, seed: int, task: str) -> str:
    return f"{root(study)}/{paths.tuned(member, strategy, seed, task)}"


def _scored(study: Study, member: Member, strategy: Strategy, seed: int, task: str) -> str:
    return f"{root(study)}/{paths.scored(member, strategy, seed, task)}"


def _priming_modules(study: Study, member: Member, priming: Priming) -> tuple[str, ...]:
    """The modules of a priming: its algorithm, and the update rules, elements and metrics used by it or by upstream
    validation."""
    settings = study.settings_of(priming.section, member.plm)
    judged = study.tuned_from(member.plm, priming) if settings.tunes_to_choose else ()
    elements = {*priming.elements, *(element for strategy in judged for element in strategy.elements)}
    own = (name for name in ELEMENTS if name in elements)
    judging = _metrics(study, (study.scoring.metric,), tuple(study.tasks.development)) if judged else ()
    tasks = (*study.tasks.source, *(study.tasks.development if settings.chooses else ()))
    forms = (*_forms(study, member, tasks), *_rows(study, tasks))
    modules = (*_backbones(study, member), ALGORITHMS.modules[priming.algorithm], UPDATE_RULES[settings.optimizer])
    tuning = _tuning_modules(study) if judged else ()
    return ("priming.training.upstream", *modules, *tuning, *_elements(own), *forms, *judging)


def _tuning_modules(study: Study) -> tuple[str, ...]:
    """The modules of the update rule, and of the rule for the step that is kept."""
    return UPDATE_RULES[study.tuning.optimizer], KEEPINGS.modules[study.tuning.keep]


def _backbones(study: Study, member: Member) -> tuple[str, ...]:
    """The module of a PLM's family; where it is not known yet, those of all families."""
    families, model_type = BACKBONES.modules, study.plms[member.plm].model_type
    return (families[model_type],) if model_type else tuple(dict.fromkeys(families.values()))


@remembered
def _forms(study: Study, member: Member, tasks: tuple[str, ...]) -> tuple[str, ...]:
    """The modules of the forms that tasks can have on a PLM (on any, if its family is unknown), and what these run."""
    passes = study.plms[member.plm].passes
    able = forms_on(passes) if passes else FORMS.values()
    kinds = {kind_of(study.tasks, task) for task in tasks}
    used = [form for form in able if kinds & set(form.kinds)][: 1 if passes else None]
    return tuple(module for form in used for module in (FORMS.modules[form.name], form.training))


@remembered
def _rows(study: Study, tasks: tuple[str, ...]) -> tuple[str, ...]:
    """The modules of the forms that read the rows of tasks."""
    return tuple(dict.fromkeys(module_of_kind(kind_of(study.tasks, task)) for task in tasks))


def _elements(names: Iterable[str]) -> Iterator[str]:
    """The modules of elements, which a step imports by name."""
    return (ELEMENTS.modules[name] for name in names)


@remembered
def _metrics(study: Study, named: tuple[str, ...], tasks: tuple[str, ...]) -> tuple[str, ...]:
    """The modules of the metrics that a study names; `task` stands for each task's own."""
    own = [metric_of(study.tasks, task) for task in tasks] if "task" in named else [""]
    wanted = {own_metric(metric, of_task) for metric in named for of_task in own}
    return tuple(module for metric, module in METRICS.modules.items() if metric in wanted)


def _single(result: Result) -> Job:
    return Job(result.step, result.path, (result,))


def _chunks(step: str, folder: str, results: Sequence[Result], size: int) -> Iterator[Job]:
    for number, some in enumerate(_consecutive(results, size)):
        yield Job(step, chunk(folder, number), tuple(some))


def _consecutive(things: Sequence[T], size: int) -> list[Sequence[T]]:
    return [things[start : start + size] for start in range(0, len(things), size)]
