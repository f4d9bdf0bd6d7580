"""Running one job of a study: its results are put in place one after the other, each with its recipe.

A result is written to a folder of this attempt under work/ and moved into place when complete, so a killed job leaves
no partial results. Current results are not rebuilt. While a result is being built it is locked: another process that is
to build the same one waits, and then finds it current.
"""

import os
import resource
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from priming.digests import RECIPE, of_json
from priming.errors import BusyError, DataError, StudyError, disk_error, nearest, system_error
from priming.jobs.graph import Graph, Job, Result, graph
from priming.jobs.recipes import Recipes, declare_done
from priming.programs import typed
from priming.resources.estimates import needs
from priming.resources.room import check_room
from priming.running.gpu_locks import claimed
from priming.running.killed_attempts import track_attempt
from priming.running.leftovers import clear_done, drop_state
from priming.running.placing import put_file_in_place, put_in_place
from priming.running.result_locks import Locks, lock_name, patience
from priming.strategies import Strategy
from priming.study import Study, paths
from priming.study.load import load_study
from priming.study.paths import root, tables
from priming.tasks.sources.table import source_of

if TYPE_CHECKING:
    from priming.training.priming_run import PrimingJob
    from priming.training.tuner import Tuner
    from priming.training.validation import Validator

RUNLOG = "PRIMING_RUNLOG"

Tuners = dict[tuple[str, Strategy, int], "Tuner"]
"""The models that a job has loaded: it tunes many tasks with the same model, which is loaded once per seed."""


@dataclass(frozen=True)
class JobContext:
    """A result being built: `out` is an empty folder to fill."""

    study: Study
    base: Path
    result: Result
    out: Path
    key: str
    tuners: "Tuners"
    """The models that this job has loaded."""

    @property
    def work(self) -> Path:
        """The folder of what the study's jobs keep for others, of them or of a later attempt."""
        return Path("work", self.study.name)

    @property
    def state(self) -> Path:
        """The folder of the state from which a stopped training resumes."""
        return self.work / "state" / self.out.name

    @property
    def plm(self) -> Path:
        """The folder of the PLM."""
        return Path(root(self.study), paths.plm(self.result.member))

    @property
    def primed(self) -> Path | None:
        """The folder of the priming, or None."""
        result = self.result
        return (
            Path(root(self.study), paths.primed(result.member, result.priming, result.seed)) if result.priming else None
        )

    @property
    def tasks(self) -> Path:
        """The folder of the prepared tasks."""
        return Path(root(self.study), paths.TASKS)


def run(step: str, study_file: Path, out: str) -> None:
    """Build the stale results of the job with output folder `out`.

    The last line printed says what it took. Raises StudyError if the study has no such job, and DataError if an input
    of the job is missing.
    """
    start, before = time.monotonic(), time.process_time()
    study = load_study(study_file)
    jobs = graph(study)
    job = _job(jobs, step, out, study_file)
    recipes, needed, locks = Recipes(jobs, study_file.parent), needs(jobs, job, study_file.parent), Locks(study.name)
    try:
        with track_attempt(study.name, job.out), claimed(needed.gpus), locks.working():
            _make_stale(job, Making(study_file, recipes, locks, patience(60.0 * needed.minutes)))
    except Exception as error:
        if refused := system_error(error):
            raise disk_error(out, refused) from error
        raise
    print(_took(start, before), flush=True)


def _took(start: float, before: float) -> str:
    """Seconds since then, and what this process and those that it started have used since they began.

    Of that, it used the CPU seconds `before` on imports and the like.
    """
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    seconds = sum(one.ru_utime + one.ru_stime for one in used)
    memory = max(one.ru_maxrss for one in used) / (1e6 if sys.platform == "darwin" else 1e3)
    took = f"took {time.monotonic() - start:.1f} s, {seconds:.1f} CPU s ({before:.1f} to start)"
    return f"{took}, at most {memory:.0f} MB a process"


@dataclass(frozen=True)
class Making:
    """What the results of a job are built with; `patience` is how long another process is waited for, in seconds."""

    file: Path
    """The study file."""
    recipes: Recipes
    locks: Locks
    patience: float
    tuners: Tuners = field(default_factory=dict)

    @property
    def base(self) -> Path:
        """The folder to which paths in the study file are relative."""
        return self.file.parent


def _make_stale(job: Job, making: Making) -> None:
    recipes = making.recipes
    stale = [result for result in job.results if not recipes.current(result.path)]
    study = recipes.graph.study
    check_room(study, stale, making.base, (Path("work", study.name), recipes.folder(root(study))))
    failed = [str(error) for results in _groups(job) if (error := _made_or_failed(results, making))]
    if failed:
        raise DataError("\n".join(failed))
    if job.is_chunk:
        declared = making.locks.work / "declared"
        declare_done(job, recipes, declared)
        put_file_in_place(declared / RECIPE, recipes.folder(job.out) / RECIPE)
    clear_done(recipes, making.locks.work)


def _job(jobs: Graph, step: str, out: str, study_file: Path) -> Job:
    job = jobs.jobs.get(out.rstrip("/"))
    if job is None or job.step != step:
        raise StudyError(f"{study_file}: no {step} makes {out}{nearest(out, jobs.outs(step))}")
    return job


def _groups(job: Job) -> Iterator[list[Result]]:
    """The results of a job, grouped into those trained side by side."""
    for _, results in groupby(job.results, key=lambda result: result.bank or result.path):
        yield list(results)


def _made_or_failed(results: list[Result], making: Making) -> DataError | None:
    """Rebuild stale results; tasks whose data are missing do not keep the job's other tasks from being prepared."""
    try:
        if stale := [result for result in results if not making.recipes.current(result.path)]:
            with making.locks.held({lock_name(result.path): result.path for result in stale}, making.patience):
                if stale := _still_stale(stale, making):
                    _make(stale, making)
    except DataError as error:
        if results[0].step == "prepare":
            return error
        raise
    return None


def _still_stale(results: list[Result], making: Making) -> list[Result]:
    """Those that another process has not built by now."""
    making.recipes.look_again(path for result in results for path in (result.path, *result.inputs))
    return [result for result in results if not making.recipes.current(result.path)]


def _make(results: list[Result], making: Making) -> None:
    """Build results whose locks are held, and put them in place with their recipes."""
    recipes, made = making.recipes, []
    jobs = recipes.graph
    for result in results:
        if missing := [path for path in result.inputs if not recipes.made(path)]:
            raise DataError(_unmade(result, missing[0], making))
        recipe, out = recipes.of(result), making.locks.work / lock_name(result.path)
        context = JobContext(jobs.study, making.base, result, out, of_json(recipe), making.tuners)
        out.mkdir()
        _log(result)
        made.append((context, recipe))
    for warning in STEPS[results[0].step]([context for context, _ in made]) or ():
        print(f"warning: {warning}", file=sys.stderr, flush=True)
    if thief := making.locks.lost():
        recipes.look_again(context.result.path for context, _ in made)
        for context, _ in made:
            if recipes.current(context.result.path):  # nobody needs the state that was saved meanwhile
                drop_state(context.state, making.locks.work)
        raise BusyError(
            f"{results[0].path}: {thief} took over, since nothing was heard of this process for too long; "
            "it is left to that one"
        )
    for context, recipe in made:
        recipes.finish(context.result, recipe, context.out)
        put_in_place(context.out, recipes.folder(context.result.path))
        drop_state(context.state, making.locks.work)


def _unmade(result: Result, path: str, making: Making) -> str:
    """What to do where a result is made from one that is not there, or has no recipe that can be believed."""
    folder = making.recipes.folder(path)
    why = f"whose {RECIPE} is missing or damaged" if folder.is_dir() else "which is missing"
    command = typed(f"snakemake {making.recipes.graph.maker[path]} --cores 1 --configfile {making.file}")
    return f"{result.path} is made from {path}, {why}; build it first: {command}"


def _log(result: Result) -> None:
    """Record that a step was executed, for tests."""
    if file := os.environ.get(RUNLOG):
        with Path(file).open("a", encoding="utf-8") as log:
            log.write(f"{result.step} {result.path}\n")


def _prepare(context: JobContext) -> Iterable[str]:
    from priming.tasks.reading.mirror import refuse_damaged

    source = source_of(context.study.tasks, context.result.task)
    if source.reads_data:
        refuse_damaged(source.raw_files(context.base), context.study.tasks.hub_folder, context.base)
    return source.prepare(context.result.part, context.base, context.out)


def _pretrain(context: JobContext) -> None:
    from priming.runs.checkpoints import CheckpointDir
    from priming.training.pretrain import make_plm

    result, study = context.result, context.study
    plm, source = study.plms[result.plm].of_seed(result.member.seed), [Path(path) for path in result.inputs]
    make_plm(
        result.member.name,
        plm,
        source,
        context.base,
        context.out,
        study.compute,
        CheckpointDir(context.state, context.key),
    )


def _prime(contexts: Sequence[JobContext]) -> None:
    from priming.training.processes import prime_in, processes

    number = processes(contexts[0].study.compute)
    prime_in(number, list(map(_priming_job, contexts)), [context.out for context in contexts])


def _priming_job(context: JobContext) -> "PrimingJob":
    from priming.runs.checkpoints import CheckpointDir
    from priming.training.priming_run import PrimingJob

    result, study = context.result, context.study
    assert result.priming
    settings = study.settings_of(result.priming.section, result.plm)
    return PrimingJob(
        study=study.name,
        plm_name=result.member.name,
        plm=study.plms[result.plm],
        elements=study.elements,
        priming=result.priming,
        settings=settings,
        seed=result.seed,
        plm_folder=context.plm,
        source=[context.tasks / name for name in study.tasks.source],
        validator=_validator(context) if settings.tunes_to_choose else None,
        development=_development(context) if settings.chooses and not settings.tunes_to_choose else {},
        described=result.settings,
        compute=study.compute,
        place=CheckpointDir(context.state, context.key),
        task_prefix=study.tasks.task_prefix,
        plm_seed=result.member.seed,
        tokens=context.work / "tokens",
    )


def _development(context: JobContext) -> dict[Path, list[int]]:
    """The development tasks with all their samples."""
    tasks = context.study.tasks
    return {context.tasks / name: tasks.samples for name in tasks.development}


def _validator(context: JobContext) -> "Validator":
    """Judges checkpoints on the development tasks, for each set of downstream elements used with this priming."""
    from priming.training.validation import DevelopmentTasks

    study, priming = context.study, context.result.priming
    assert priming
    settings = study.settings_of(priming.section, context.result.plm).validation
    judged = study.tuned_from(context.result.plm, priming)
    return DevelopmentTasks(
        tuners={strategy.downstream: _tuner(context, strategy) for strategy in judged},
        folders=[context.tasks / name for name in study.tasks.development],
        samples=study.tasks.samples[: settings.samples],
        steps=settings.steps,
    )


def _tune(contexts: Sequence[JobContext]) -> Iterable[str]:
    from priming.runs.checkpoints import CheckpointDir
    from priming.training.downstream import Group, tune

    context = contexts[0]
    result, study = context.result, context.study
    assert result.strategy
    group = Group(
        study=study.name,
        plm_name=result.member.name,
        samples=study.tasks.samples,
        tasks=[context.tasks / name for name in result.together],
        primed=context.primed,
        described=result.settings,
        outs={context.result.task: context.out for context in contexts},
        place=CheckpointDir(context.state, of_json([context.key for context in contexts])),
    )
    key = (str(context.plm), result.strategy, result.seed)
    if key not in context.tuners:
        context.tuners[key] = _tuner(context, result.strategy)
    return tune(context.tuners[key], group)


def _tuner(context: JobContext, strategy: Strategy) -> "Tuner":
    from priming.training.tuner import Tuner

    study, plm = context.study, context.study.plms[context.result.plm]
    seed, prefix, tuning = context.result.seed, study.tasks.task_prefix, study.tuning_of(context.result.plm, strategy)
    return Tuner(
        plm,
        context.plm,
        study.elements,
        strategy,
        tuning,
        study.scoring,
        seed,
        study.compute,
        prefix,
        context.result.member.seed,
        context.work / "states",
    )


def _score(context: JobContext) -> None:
    from priming.evaluation.scoring import write_scores

    study = context.study
    tuned, prepared = map(Path, context.result.inputs)
    write_scores(tuned, prepared, study.tasks.samples, study.scoring, context.out)


def _tables(context: JobContext) -> None:
    from priming.reporting.tables import write_tables

    write_tables(context.study, Path(root(context.study)), context.out, context.result.settings["groups"])


def _figure(context: JobContext) -> None:
    from priming.reporting.figures import draw

    draw(context.result.figure, context.study, Path(tables(context.study)), context.out)


def _alone(step: Callable[[JobContext], Iterable[str] | None]) -> "Step":
    """A step that builds one result at a time."""
    return lambda contexts: [warning for context in contexts for warning in step(context) or ()]


Step = Callable[[Sequence[JobContext]], Iterable[str] | None]
"""Fills the folders of results that are built together; returns warnings."""

STEPS: dict[str, Step] = {
    "prepare": _alone(_prepare),
    "pretrain": _alone(_pretrain),
    "prime": _prime,
    "tune": _tune,
    "score": _alone(_score),
    "tables": _alone(_tables),
    "figure": _alone(_figure),
}
