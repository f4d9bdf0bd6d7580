"""What is carried from place to place as a whole: a part of a study's results, in one folder and under one name.

A unit is a stage of DVC and a rule of Snakemake by the same name: `dvc pull primed@small/mtl-plm` fetches what
`snakemake primed@small/mtl-plm` makes, `results/<study>/primed/small/mtl-plm`.
"""

from dataclasses import dataclass
from itertools import groupby
from pathlib import PurePath
from typing import Any

from priming.jobs import Graph, Item, Job, root
from priming.slices import Slice

# How many parts of a result's path name its unit: all seeds of a priming belong together, all cells of a strategy.
DEPTH = {"tasks": 1, "plm": 2, "primed": 3, "tuned": 3, "tables": 1, "figures": 1}


@dataclass(frozen=True)
class Unit:
    """A folder of results, and the jobs that fill it."""

    name: str
    out: str
    jobs: tuple[Job, ...]

    @property
    def part(self) -> str:
        """The folder of all units of its kind: `primed` of `primed@small/mtl-plm`."""
        return self.name.partition("@")[0]

    @property
    def key(self) -> str:
        """What tells it from others of its part: `small/mtl-plm`; empty where there is one."""
        return self.name.partition("@")[2]

    @property
    def items(self) -> tuple[Item, ...]:
        """Its results, in the order in which they are made."""
        return tuple(item for job in self.jobs for item in job.items)


def units(graph: Graph) -> dict[str, Unit]:
    """The units of a study by name, each after those it is made from."""
    base = root(graph.study)
    found: dict[str, list[Job]] = {}
    for job in graph.jobs.values():
        parts = PurePath(job.out).relative_to(base).parts
        found.setdefault("/".join(parts[: DEPTH[parts[0]]]), []).append(job)
    return {name: Unit(name, f"{base}/{path}", tuple(jobs)) for path, jobs in found.items() for name in [path.replace("/", "@", 1)]}


def settings(unit: Unit) -> Slice:
    """The parts of the study that the results of a unit depend on, every default filled in.

    A key that is the same for all is said once; of another the values are listed, with the number of results in a row that have each.
    """
    slices = [item.settings | _order(item) for item in sorted(unit.items, key=lambda item: (item.part, item.path))]
    keys = list(dict.fromkeys(key for slice_ in slices for key in slice_))
    return {key: _value([slice_.get(key) for slice_ in slices]) for key in keys}


def _order(item: Item) -> Slice:
    """The results that an item is made from where its slice does not say them: the texts of a PLM come from tasks in this order."""
    return {"made_from": list(item.inputs)} if item.step == "pretrain" and item.inputs else {}


def _value(values: list[Any]) -> Any:
    runs = [{"value": value, "results": len(list(same))} for value, same in groupby(values)]
    return values[0] if len(runs) == 1 else runs
