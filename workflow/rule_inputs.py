"""Interface between the package and Snakemake: the study file and the input functions of rules."""

import gc
import os
import sys
from collections.abc import Callable
from logging import Filter, LogRecord
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "src"))

from snakemake.exceptions import WorkflowError  # noqa: E402
from snakemake.io import ancient, unpack  # noqa: E402
from snakemake.jobs import Job as SnakemakeJob  # noqa: E402
from snakemake.logging import logger  # noqa: E402
from snakemake.settings.types import ConfigSettings  # noqa: E402
from snakemake_interface_logger_plugins.common import LogEvent  # noqa: E402

from priming.errors import UserError  # noqa: E402
from priming.jobs.graph import Job, graph  # noqa: E402
from priming.jobs.recipes import Recipes  # noqa: E402
from priming.programs import keep_typed, typed  # noqa: E402
from priming.running import events, runners  # noqa: E402
from priming.running.result_locks import clear_dead  # noqa: E402
from priming.tasks.names import open_study  # noqa: E402


def run_this_checkout() -> None:
    """Make commands run this checkout with Snakemake's Python, even if neither is on the path."""
    keep_typed()
    for variable, first in (("PYTHONPATH", ROOT / "src"), ("PATH", Path(sys.executable).parent)):
        os.environ[variable] = os.pathsep.join(filter(None, [str(first), os.environ.get(variable)]))


def collect_rarely() -> None:
    """Let Python look for garbage less often: each time it goes through everything that the study's jobs consist of."""
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)


def keep_results(recipes: Recipes) -> None:
    """Keep Snakemake from deleting results, as it does before a job starts and after it fails.

    A job puts its results in place whole, and recipes say whether they are current. What Snakemake would delete may be
    the finished result of another process: one that outlived its own Snakemake, or a job that SLURM started twice.
    """
    outs, remove, clean = recipes.graph.jobs, SnakemakeJob.remove_existing_output, SnakemakeJob.cleanup

    async def remove_existing_output(job: Any) -> None:
        """Before a start: the logs alone, for jobs with results."""
        if all(str(out) in outs for out in job.output):
            for log in job.log:
                await log.remove()
        else:
            await remove(job)

    async def cleanup(job: Any, skip_outputs: Any) -> None:
        """After a failure."""
        await clean(job, [*skip_outputs, *(out for out in job.output if str(out) in outs)])

    SnakemakeJob.remove_existing_output = remove_existing_output
    SnakemakeJob.cleanup = cleanup


def announce(workflow: Any, recipes: Recipes, file: Path) -> Callable[[], None]:
    """Describe this Snakemake to others, unless it runs a job for one that did; say who has the lock, if somebody has.

    Returns what marks it as the one that has the lock, for when it starts its jobs.
    """
    if not workflow.is_main_process:
        return lambda: None
    events.attach(logger)
    study = recipes.graph.study
    if said := runners.said_of_lock(study, file):
        print(said, file=sys.stderr, flush=True)
    clear_dead(study.name)
    return runners.register(study)


def study_file(settings: ConfigSettings) -> Path:
    """The file given by --configfile, which is read alone, or else config.yaml; raises WorkflowError if ambiguous."""
    if settings.config:
        given = " ".join(f"{key}={value}" for key, value in settings.config.items())
        raise WorkflowError(
            f"--config {given}: a study is defined by its file alone; edit the file, "
            "or give a changed copy with --configfile"
        )
    if len(settings.configfiles) > 1:
        raise WorkflowError(
            "--configfile lists several files, but study files are never merged; give one, "
            f"and write targets before it: {typed('snakemake --cores 2 plm --configfile FILE')}"
        )
    return Path(os.path.relpath(settings.configfiles[0])) if settings.configfiles else Path("config.yaml")


def read(file: Path) -> Recipes:
    """The recipes of the study in `file`; a user's mistake in it ends Snakemake with one message."""
    try:
        recipes = Recipes(graph(open_study(file)), file.parent)
        recipes.read_raw_data()
        if any(argument.split("=")[0] == "--report" for argument in sys.argv):
            recipes.refuse_damaged(file)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(error.exit_code) from None
    return recipes


def input_function(recipes: Recipes) -> Callable[[str], Any]:
    """The function from a rule's output pattern to its input."""
    return lambda pattern: unpack(lambda wildcards: _inputs(recipes, pattern.format(**dict(wildcards.items()))))


def _inputs(recipes: Recipes, out: str) -> dict[str, Any]:
    """The folders that `out` is made from, and `recipe`, which represents the required results of its job.

    If the job has stale results, `recipe` is new, and rebuilt inputs trigger the job. If it has none, every input
    counts as old, whatever its time, and missing inputs, as after a partial `dvc pull`, are omitted. `recipe` is a
    folder, since Snakemake compares files by checksum; its name depends on the required results, so that a dry run with
    other settings does not affect a running job.
    """
    job = recipes.graph.jobs.get(out)
    if job is None:
        raise WorkflowError(f"study {recipes.graph.study.name}: nothing makes {out}")
    recipe, made_from = f"{out}/{recipes.requested(job)[:16]}", recipes.graph.inputs(job)
    if not recipes.stale_job(job) and recipes.here(out):
        return {
            "recipe": ancient(_folder(recipe)),
            "made_from": [ancient(path) for path in made_from if recipes.here(path)],
        }
    _say_why(recipes, job)
    return {"recipe": fresh(recipe), "made_from": made_from}


_said: dict[str, str] = {}
"""Why the results of a job are stale, by its output folder."""


class _Reasons(Filter):
    """Puts the reason for which a job's results are stale where Snakemake would name the folder of its recipe."""

    def filter(self, record: LogRecord) -> bool:
        """Change what is said of a job; all records pass."""
        outs = getattr(record, "output", None) or []
        why = [_said[out] for out in map(str, outs) if out in _said]
        if why and getattr(record, "event", None) == LogEvent.JOB_INFO:
            record.reason = f"Stale: {why[0]}"
        return True


logger.addFilter(_Reasons())


def _say_why(recipes: Recipes, job: Job) -> None:
    """Print once why the results of a job are stale; Snakemake itself only knows that its `recipe` is new."""
    reasons = {result.path: reason for result in job.results if (reason := recipes.stale_reason(result.path))}
    if reasons and job.out not in _said:
        path, reason = next(iter(reasons.items()))
        others = f" (and {len(reasons) - 1} others of the job)" if len(reasons) > 1 else ""
        _said[job.out] = reason
        logger.info(f"stale: {path}{others}: {reason}")


def fresh(name: str) -> str:
    """A new input, which makes its job run."""
    folder = _folder(name)
    os.utime(folder)
    return folder


def _folder(name: str) -> str:
    folder = Path(".snakemake", "recipes", name)
    folder.mkdir(parents=True, exist_ok=True)
    return str(folder)
