"""Data sets of the Hugging Face hub, from a mirror folder if one is given."""

from collections.abc import Iterator
from pathlib import Path

from priming.errors import DataError
from priming.study.definition import Hub
from priming.study.problems import Problem
from priming.tasks.reading.mirror import find_mirror
from priming.tasks.sources.defined import DefinedSource
from priming.tasks.sources.interface import Request


class HubData(DefinedSource):
    """Splits of a data set."""

    key, preparing, memory, downloads = "hub", "priming.tasks.defined.hub", 3000, True

    @property
    def _hub(self) -> Hub:
        hub = self.definition.hub
        assert hub
        return hub

    @property
    def has_dev_split(self) -> bool:
        """Whether it names one of the data set's."""
        return self._hub.dev is not None

    def problems(self, base: Path) -> Iterator[Problem]:
        """A template that does not parse, or a mirror folder without the data set."""
        yield from super().problems(base)
        try:
            self.raw_files(base)
        except DataError as error:
            yield Problem((*self._key.split("."), "hub"), str(error))

    def raw_files(self, base: Path) -> list[Path]:
        """The files in the mirror; none for the live hub. Raises DataError if the mirror lacks them."""
        mirror = find_mirror(self.request.key, self._hub.id, self.tasks.hub_folder, base)
        return mirror.files(self._hub.config) if mirror else []

    @property
    def request(self) -> Request:
        """The configuration of the data set."""
        return Request(f"{self._key}.hub", self._hub.id, self._hub.config, self._hub.revision)


SOURCE = HubData
