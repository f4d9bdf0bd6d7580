"""What a rule asks a scheduler for, and how often its jobs are tried: written once for all rules."""

import os
import shutil
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from priming.attempts import killed
from priming.errors import UserError
from priming.needs import Needs, needs
from priming.recipes import Recipes
from priming.site import Site, read_site

if TYPE_CHECKING:
    from snakemake.workflow import Workflow

PROFILE = Path(__file__).parents[1] / "slurm"
PATIENT = 5
"""How many times as often as others a priming is tried, since each attempt goes on from the state that the last one saved."""

LARGEST = 16
"""The most by which memory grows."""

ELSEWHERE = "type this on a machine that submits to SLURM (often after: module load slurm), or leave --profile slurm out to compute here"


def site() -> Site:
    """The settings of the cluster; a mistake in them ends Snakemake with the one message."""
    try:
        return read_site(PROFILE / "site.yaml", os.environ)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(error.exit_code) from None


def needing(recipes: Recipes, cluster: Site) -> Callable[[str], dict[str, Callable[..., Any]]]:
    """The function that makes the resources of a rule from the pattern of its output.

    Memory doubles with every attempt that was killed without warning. Time grows with every attempt, but for primings,
    which go on where the last one ended.
    """
    study = recipes.graph.study.name

    @cache
    def needed(out: str) -> Needs:
        return needs(recipes.graph, recipes.graph.jobs[out], recipes.base, cluster.gpus)

    def memory(out: str, attempt: int) -> int:
        return needed(out).memory * min(LARGEST, 2 ** killed(study, out))

    def minutes(out: str, attempt: int) -> int:
        again = 1 if recipes.graph.jobs[out].step == "prime" else attempt
        return min(needed(out).minutes * again, cluster.longest or sys.maxsize)

    asked: dict[str, Callable[[str, int], Any]] = {"mem_mb": memory, "runtime": minutes}
    for name in Site().asked(1):
        asked[name] = lambda out, attempt, name=name: cluster.asked(needed(out).gpus)[name]
    return lambda pattern: {name: _of_wildcards(value, pattern) for name, value in asked.items()}


def cores(recipes: Recipes, cluster: Site, pattern: str) -> Callable[..., int]:
    """The threads of a rule, from the pattern of its output."""
    jobs = recipes.graph
    return lambda wildcards: needs(jobs, jobs.jobs[pattern.format(**dict(wildcards.items()))], recipes.base, cluster.gpus).cores


def _of_wildcards(value: Callable[[str, int], Any], pattern: str) -> Callable[..., Any]:
    return lambda wildcards, attempt: value(pattern.format(**dict(wildcards.items())), attempt)


def start(workflow: "Workflow") -> None:
    """Prepare a run whose jobs are about to start; where SLURM is wanted and is not there, end it with the one message.

    Retries of a rule are not written in the rule: Snakemake would also make them inside the job, where no more memory or
    time can be had.
    """
    workflow.get_rule("prime").restart_times = PATIENT * workflow.execution_settings.retries
    if workflow.executor_plugin.name != "slurm":
        return
    if missing := [program for program in ("sbatch", "squeue", "scancel") if not shutil.which(program)]:
        print(f"error: --profile slurm: there is no {missing[0]} on the PATH; {ELSEWHERE}", file=sys.stderr)
        raise SystemExit(1)
    os.environ["PATH"] = os.pathsep.join([str(PROFILE / "bin"), os.environ["PATH"]])
