"""Paths of a study's results. All but `root` and `tables` are relative to the folder of its results."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from priming.strategies import Priming, Strategy
    from priming.study.plm import Member
    from priming.study.study import Study

TASKS = "tasks"
"""The folder of all prepared tasks."""

DEPTH = {TASKS: 1, "plm": 2, "primed": 3, "tuned": 3, "scores": 3, "tables": 1, "figures": 1}
"""The number of path components that identify a stage: one for all seeds of a priming, or all cells of a strategy."""


def root(study: "Study") -> str:
    """The folder of all results of a study."""
    return f"results/{study.name}"


def tables(study: "Study") -> str:
    """The folder of the tables."""
    return f"{root(study)}/tables"


def kept(study: "Study", name: str) -> str:
    """The folder of tables that were kept under a name when the study was run again."""
    return f"{root(study)}/kept/{name}"


def task(name: str) -> str:
    """The folder of a prepared task."""
    return f"{TASKS}/{name}"


def plm(member: "Member") -> str:
    """The folder of a PLM."""
    return f"plm/{member.name}"


def primed(member: "Member", priming: "Priming", seed: int) -> str:
    """The folder of a primed checkpoint."""
    return f"{primings(member, priming)}/seed-{seed}"


def primings(member: "Member", priming: "Priming") -> str:
    """The folder of all seeds of a priming."""
    return f"primed/{member.name}/{priming.slug}"


def tuned(member: "Member", strategy: "Strategy", seed: int | None = None, name: str = "") -> str:
    """The folder of a tuned cell; without seed and task, that of all cells of a strategy."""
    return _cell("tuned", member, strategy, seed, name)


def scored(member: "Member", strategy: "Strategy", seed: int | None = None, name: str = "") -> str:
    """The folder of a cell's scores; without seed and task, that of all cells of a strategy."""
    return _cell("scores", member, strategy, seed, name)


def sample(number: int) -> str:
    """The folder of one sample within a tuned cell; its scores are a file of this name."""
    return f"sample-{number}"


def figure(name: str) -> str:
    """The folder of a figure."""
    return f"figures/{name}"


def chunk(folder: str, number: int) -> str:
    """The folder, within a step's results, that marks a chunk of them as done."""
    return f"{folder}/chunks/{number:02d}"


def _cell(kind: str, member: "Member", strategy: "Strategy", seed: int | None, name: str) -> str:
    cells = f"{kind}/{member.name}/{strategy.slug}"
    return cells if seed is None else f"{cells}/seed-{seed}/{name}"


def job_log(study: "Study", out: str) -> str:
    """The log of the job with an output folder, as the workflow's rules name it."""
    inside = out.removeprefix(f"{root(study)}/")
    kind = inside.partition("/")[0]
    return f"logs/{study.name}/{inside if kind == 'primed' else inside.replace('/chunks/', '/')}.log"
