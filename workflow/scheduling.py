"""Resource requests and retries of all rules."""

import os
import shutil
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from priming.errors import UserError
from priming.jobs.recipes import Recipes
from priming.resources.estimates import Resources, needs
from priming.resources.site import Site, read_site
from priming.running import forks
from priming.running.killed_attempts import killed

if TYPE_CHECKING:
    from snakemake.workflow import Workflow

PROFILE = Path(__file__).parents[1] / "slurm"
PATIENT = 5
"""Primings are retried this many times as often as other jobs, since each attempt resumes from the saved state."""

LARGEST = 16
"""Largest factor by which memory grows."""

ELSEWHERE = (
    "run this on a machine that submits to SLURM (often after: module load slurm), "
    "or omit --profile slurm to compute here"
)


def site() -> Site:
    """The settings of the cluster; a mistake in them ends Snakemake with one message."""
    try:
        return read_site(PROFILE / "site.yaml", os.environ)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(error.exit_code) from None


def needing(recipes: Recipes, cluster: Site) -> Callable[[str], dict[str, Any]]:
    """The function from a rule's output pattern to its resources.

    What the site requests alike for jobs with and without GPUs is a value rather than a function, since Snakemake
    inspects and calls the functions for every job of a dry run. Memory doubles with every attempt that was killed
    without warning. Time grows with every attempt, except for primings, which resume where the last attempt ended.
    """
    study = recipes.graph.study.name

    @cache
    def needed(out: str) -> Resources:
        return needs(recipes.graph, recipes.graph.jobs[out], recipes.base, cluster.gpus)

    def memory(out: str, attempt: int) -> int:
        return needed(out).memory * min(LARGEST, 2 ** killed(study, out))

    def minutes(out: str, attempt: int) -> int:
        again = 1 if recipes.graph.jobs[out].step == "prime" else attempt
        return min(needed(out).minutes * again, cluster.longest or sys.maxsize)

    on_cpus, on_gpus = cluster.resources(0), cluster.resources(1)
    always = {name: value for name, value in on_cpus.items() if value == on_gpus[name]}
    wanted: dict[str, Callable[[str, int], Any]] = {"mem_mb": memory, "runtime": minutes}
    for name in (name for name in on_gpus if name not in always):
        wanted[name] = lambda out, attempt, name=name: cluster.resources(needed(out).gpus)[name]
    return lambda pattern: {name: _of_wildcards(value, pattern) for name, value in wanted.items()} | always


def cores(recipes: Recipes, cluster: Site, pattern: str) -> Callable[..., int]:
    """The threads of a rule, given its output pattern."""
    jobs = recipes.graph
    return lambda wildcards: (
        needs(jobs, jobs.jobs[pattern.format(**dict(wildcards.items()))], recipes.base, cluster.gpus).cores
    )


def _of_wildcards(value: Callable[[str, int], Any], pattern: str) -> Callable[..., Any]:
    return lambda wildcards, attempt: value(pattern.format(**dict(wildcards.items())), attempt)


def start(workflow: "Workflow") -> None:
    """Prepare a run whose jobs are about to start; if SLURM is requested but missing, end it with one message.

    Retries are not set in the rules, because Snakemake would then also retry inside the job, where memory and time
    cannot grow.
    """
    workflow.get_rule("prime").restart_times = PATIENT * workflow.execution_settings.retries
    if workflow.executor_plugin.name == "local" and not workflow.remote_exec:
        os.environ.setdefault(forks.OWNER, forks.owner())
    if workflow.executor_plugin.name != "slurm":
        return
    if missing := [program for program in ("sbatch", "squeue", "scancel") if not shutil.which(program)]:
        print(f"error: --profile slurm: there is no {missing[0]} on the PATH; {ELSEWHERE}", file=sys.stderr)
        raise SystemExit(1)
    os.environ["PATH"] = os.pathsep.join([str(PROFILE / "bin"), os.environ["PATH"]])
