"""Stages: parts of a study's results that are transferred as a whole, each in one folder under one name.

A stage is both a DVC stage and a Snakemake rule of the same name: `dvc pull primed@small/mtl-plm` fetches
`results/<study>/primed/small/mtl-plm`, which `snakemake primed@small/mtl-plm` builds.
"""

from dataclasses import dataclass
from itertools import groupby
from pathlib import PurePath
from typing import Any

from priming.jobs.graph import Graph, Job, Result
from priming.jobs.params import Params
from priming.study.paths import DEPTH, root


@dataclass(frozen=True)
class Stage:
    """A folder of results, and the jobs that fill it."""

    name: str
    out: str
    jobs: tuple[Job, ...]

    @property
    def part(self) -> str:
        """The folder of all stages of its kind: `primed` of `primed@small/mtl-plm`."""
        return self.name.partition("@")[0]

    @property
    def key(self) -> str:
        """Its key within its part: `small/mtl-plm`; empty if the part has only one stage."""
        return self.name.partition("@")[2]

    @property
    def results(self) -> tuple[Result, ...]:
        """Its results, in build order."""
        return tuple(result for job in self.jobs for result in job.results)


def stages(graph: Graph) -> dict[str, Stage]:
    """The stages of a study by name, each after its dependencies."""
    base = root(graph.study)
    found: dict[str, list[Job]] = {}
    for job in graph.jobs.values():
        parts = PurePath(job.out).relative_to(base).parts
        found.setdefault("/".join(parts[: DEPTH[parts[0]]]), []).append(job)
    return {
        name: Stage(name, f"{base}/{path}", tuple(jobs))
        for path, jobs in found.items()
        for name in [path.replace("/", "@", 1)]
    }


def settings(stage: Stage) -> Params:
    """The settings that the results of a stage depend on, defaults included.

    A key with the same value for all results is written once; otherwise its values are listed with their run lengths.
    """
    slices = [
        result.settings | _order(result)
        for result in sorted(stage.results, key=lambda result: (result.part, result.path))
    ]
    keys = list(dict.fromkeys(key for params_ in slices for key in params_))
    return {key: _value([params_.get(key) for params_ in slices]) for key in keys}


def _order(result: Result) -> Params:
    """The inputs of a result if its parameters do not name them: a PLM's texts come from tasks in this order."""
    return {"made_from": list(result.inputs)} if result.step == "pretrain" and result.inputs else {}


def _value(values: list[Any]) -> Any:
    runs = [{"value": value, "results": len(list(same))} for value, same in groupby(values)]
    return values[0] if len(runs) == 1 else runs
