"""Between the package and Snakemake: the study file that is meant, and what a rule asks for as its input."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "src"))

from snakemake.exceptions import WorkflowError  # noqa: E402
from snakemake.io import ancient, unpack  # noqa: E402
from snakemake.logging import logger  # noqa: E402
from snakemake.settings.types import ConfigSettings  # noqa: E402

from priming.errors import UserError  # noqa: E402
from priming.jobs import Job, graph  # noqa: E402
from priming.recipes import Recipes  # noqa: E402
from priming.tasks.names import open_study  # noqa: E402


def run_this_checkout() -> None:
    """Let commands run this checkout with the Python that runs Snakemake, also where neither is on the path."""
    for variable, first in (("PYTHONPATH", ROOT / "src"), ("PATH", Path(sys.executable).parent)):
        os.environ[variable] = os.pathsep.join(filter(None, [str(first), os.environ.get(variable)]))


def study_file(settings: ConfigSettings) -> Path:
    """The file given by --configfile, read alone, or else config.yaml; raises WorkflowError where that is not plain."""
    if settings.config:
        given = " ".join(f"{key}={value}" for key, value in settings.config.items())
        raise WorkflowError(f"--config {given}: a study is what its file says; change the file, or give a changed copy with --configfile")
    if len(settings.configfiles) > 1:
        raise WorkflowError("--configfile names several files: a study file is never merged with another; give one")
    return Path(os.path.relpath(settings.configfiles[0])) if settings.configfiles else Path("config.yaml")


def read(file: Path) -> Recipes:
    """The recipes of the study in `file`; a user's mistake in it ends Snakemake with the one message."""
    try:
        recipes = Recipes(graph(open_study(file)), file.parent)
        recipes.read_raw_data()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(error.exit_code) from None
    return recipes


def asker(recipes: Recipes) -> Callable[[str], Any]:
    """The function that makes the input of a rule from the pattern of its output."""
    return lambda pattern: unpack(lambda wildcards: _inputs(recipes, pattern.format(**dict(wildcards.items()))))


def _inputs(recipes: Recipes, out: str) -> dict[str, Any]:
    """The folders that `out` is made from, and `recipe`, which stands for what its job is asked to make.

    Where the job has to make something (again), `recipe` is new, and that an input is made again is passed on. To a
    job that has not, every input is old whatever its time, and what its result does not have beside it, as after a
    partial `dvc pull`, is left out. `recipe` is a folder since of files Snakemake compares checksums, and named by
    what is asked for, so that a dry run under other settings does not slip into a job that is running.
    """
    job = recipes.graph.jobs.get(out)
    if job is None:
        raise WorkflowError(f"study {recipes.graph.study.name}: nothing makes {out}")
    recipe, made_from = f"{out}/{recipes.asked(job)[:16]}", recipes.graph.inputs(job)
    if not recipes.stale(job) and recipes.here(out):
        return {"recipe": ancient(_folder(recipe)), "made_from": [ancient(path) for path in made_from if recipes.here(path)]}
    _say_why(recipes, job)
    return {"recipe": fresh(recipe), "made_from": made_from}


_said: set[str] = set()


def _say_why(recipes: Recipes, job: Job) -> None:
    """Print, once, what makes the results of a job stale; Snakemake itself only knows that its `recipe` is new."""
    reasons = {item.path: reason for item in job.items if (reason := recipes.outdated(item.path))}
    if reasons and job.out not in _said:
        _said.add(job.out)
        path, reason = next(iter(reasons.items()))
        others = f" (and {len(reasons) - 1} others of its job)" if len(reasons) > 1 else ""
        logger.info(f"stale: {path}{others}: {reason}")


def fresh(name: str) -> str:
    """An input that is new, so that the job that has it runs."""
    folder = _folder(name)
    os.utime(folder)
    return folder


def _folder(name: str) -> str:
    folder = Path(".snakemake", "recipes", name)
    folder.mkdir(parents=True, exist_ok=True)
    return str(folder)
