"""The tasks of CrossFit's gym (Ye et al., 2021), made from data sets of the hub like in CrossFit."""

from collections.abc import Iterator, Sequence
from functools import cache, cached_property
from pathlib import Path

from priming.study.partitions import gym, partition
from priming.study.problems import Problem
from priming.study.tasks import Fidelity, Tasks
from priming.tasks.crossfit import registry
from priming.tasks.crossfit.entries import Entry, kind_of_shots
from priming.tasks.sources.interface import Params, Request, Source
from priming.tasks.task import Kind

CATEGORIES = {"qa": "question answering"}
"""Long names of CrossFit's abbreviated categories."""


class CrossFit(Source):
    """A task from an entry of CrossFit's registry."""

    preparing, memory, downloads = "priming.tasks.crossfit.prepare", 3000, True

    @classmethod
    def has(cls, tasks: Tasks, task: str) -> bool:
        """Whether the task is CrossFit's and not redefined by the study."""
        return task not in tasks.define and task in gym()

    @classmethod
    def built_in(cls) -> dict[str, list[str]]:
        """All tasks of the registry."""
        return {"crossfit": list(registry.names())}

    @classmethod
    def left_out(cls, tasks: Tasks) -> dict[str, str]:
        """Tasks of the study's partition listed in `without`."""
        whole = partition(tasks.partition) if tasks.partition else {}
        names = [name for members in whole.values() for name in members]
        return {name: _left_out(name) for name in names if name in tasks.without and name not in tasks.named}

    @classmethod
    def overlaps(cls, source: Sequence[str], target: Sequence[str]) -> list[str]:
        """For each target task, the source tasks with the same rows, and those with the same labels."""
        from priming.tasks.crossfit.leakage import overlaps

        return overlaps(source, target)

    @cached_property
    def entry(self) -> Entry:
        """The task's entry in the study's fidelity."""
        return registry.entry(self.task, self.tasks.fidelity)

    def about(self) -> Params:
        """The task's entry, rather than the whole registry."""
        fidelity = self.tasks.fidelity
        return {"fidelity": fidelity, "entry": registry.described(self.task, fidelity)}

    def drawn(self, part: str) -> Params:
        """As of others, or for priming what all samples together have."""
        if part == "source" and self.draws(part):
            return self.samples() | {"source_rows": "samples"}
        return super().drawn(part)

    def draws(self, part: str) -> bool:
        """As of others, and where priming sees the samples."""
        return super().draws(part) or self.tasks.source_rows == "samples"

    def repeated(self) -> Params:
        """Nothing: the fidelity decides."""
        return {}

    @property
    def kind(self) -> Kind:
        """By how CrossFit draws it."""
        return _kind(self.task, self.tasks.fidelity)

    @property
    def metric(self) -> str | None:
        """As its entry says."""
        return str(registry.described(self.task, self.tasks.fidelity)["metric"])

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels in its entry."""
        from priming.tasks.crossfit.prepare import labels

        return labels(self.entry, ()) or ()

    @property
    def group(self) -> str:
        """The first level of its category."""
        category = self.entry.category.partition("/")[0]
        return CATEGORIES.get(category, category)

    @property
    def test_rows(self) -> int | None:
        """Those that CrossFit found."""
        return self.entry.test_rows

    def problems(self, base: Path) -> Iterator[Problem]:
        """Samples with numbers that CrossFit's generator does not take."""
        for index, sample in enumerate(self.tasks.samples):
            if sample >= 2**32:
                text = (
                    f"{sample} is not for CrossFit's tasks, whose generator takes 32 bits; allowed: less than {2**32}"
                )
                yield Problem(("tasks", "samples", index), text)

    def missing(self, base: Path) -> str | None:
        """A message if its data set is gone or not in the mirror."""
        from priming.tasks.crossfit.source import missing

        return missing(self.entry, self.tasks.hub_folder, base)

    def raw_files(self, base: Path) -> list[Path]:
        """Its files in the mirror; none for the live hub, or if the mirror lacks them."""
        from priming.tasks.crossfit.source import raw_files

        return raw_files(self.entry, self.tasks.hub_folder, base)

    @property
    def request(self) -> Request:
        """The configuration of its data set, or its files outside the hub."""
        entry, key = self.entry, f"task {self.task}"
        if entry.web:
            return Request(key, entry.web.id, url=entry.web.url, files=tuple(entry.web.files.values()))
        assert entry.hub
        return Request(key, entry.hub.id, entry.hub.config, entry.hub.revision)

    @property
    def summary(self) -> str:
        """Category, metric, kind of draw, and why its data are gone."""
        from priming.tasks.crossfit.describe import summary

        return summary(self.entry)

    def described(self, base: Path, number: int) -> str:
        """Its source, mapping and examples, or why it has no examples."""
        from priming.tasks.crossfit.describe import describe

        return describe(self.entry, self.tasks, base, number)


@cache
def _kind(name: str, fidelity: Fidelity) -> Kind:
    return kind_of_shots(str(registry.described(name, fidelity)["shots"]))


def _left_out(name: str) -> str:
    gone = registry.gone(name)
    return f"task {name}: excluded by tasks.without{f'; its data set was {gone}' if gone else ''}"


SOURCE = CrossFit
