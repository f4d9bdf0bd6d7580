"""The configurations of P3 that Wu et al. (2022) train and evaluate on."""

from functools import cached_property
from pathlib import Path

from priming.errors import DataError
from priming.study.tasks import Tasks
from priming.tasks.p3.registry import GROUPS, HUB, REVISION, Config, configs
from priming.tasks.reading.mirror import find_mirror
from priming.tasks.sources.interface import Params, Request, Source
from priming.tasks.task import Kind


class P3(Source):
    """A data set with a template: texts for training, or rows with choices for evaluation."""

    preparing, memory, downloads = "priming.tasks.p3.prepare", 3000, True
    publishes = True

    @classmethod
    def has(cls, tasks: Tasks, task: str) -> bool:
        """Whether the task is a configuration and not redefined by the study."""
        return task not in tasks.define and task in configs()

    @classmethod
    def built_in(cls) -> dict[str, list[str]]:
        """All configurations, by what they are for."""
        return {
            f"P3, for {what}": [name for name, config in configs().items() if config.part == part]
            for part, what in GROUPS.items()
        }

    @cached_property
    def config(self) -> Config:
        """What is known of it."""
        return configs()[self.task]

    def about(self) -> Params:
        """The configuration."""
        return {"p3": self.task}

    @property
    def kind(self) -> Kind:
        """Texts, or choices of each row's own."""
        return "text_to_text" if self.config.part == "train" else "multiple_choice"

    @property
    def group(self) -> str:
        """The data set."""
        return self.config.group

    @property
    def test_rows(self) -> int | None:
        """Those for evaluation."""
        return self.config.test

    def misplaced(self, part: str) -> str | None:
        """That the rows of one for training have no choices, and that those for evaluation are never trained on."""
        if (part == "source") == (self.config.part == "train"):
            return None
        return f"{self.task!r} is a configuration for {GROUPS[self.config.part]}; name it in tasks.{self._place}"

    @property
    def _place(self) -> str:
        return "source" if self.config.part == "train" else "target"

    def missing(self, base: Path) -> str | None:
        """That it is not on the hub, or not in the mirror."""
        if not self.config.on_hub:
            return f"task {self.task}: {self.config.dataset} is not on the hub; define it from its files with templates"
        try:
            self.raw_files(base)
        except DataError as error:
            return str(error)
        return None

    def raw_files(self, base: Path) -> list[Path]:
        """Its files in the mirror; none for the live hub."""
        mirror = find_mirror(f"task {self.task}", HUB, self.tasks.hub_folder, base) if self.config.on_hub else None
        return mirror.files(self.task) if mirror else []

    @property
    def request(self) -> Request | None:
        """The configuration."""
        return Request(f"task {self.task}", HUB, self.task, REVISION) if self.config.on_hub else None

    @property
    def summary(self) -> str:
        """The data set and its sizes."""
        config = self.config
        if config.part == "train":
            return f"{config.dataset}, {config.rows:,} rows"
        return f"{config.group}, {config.choices} choices, {config.test:,} test rows"


SOURCE = P3
