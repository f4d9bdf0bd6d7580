"""Data sets of the Hugging Face hub, read through `datasets`."""

from collections.abc import Iterator
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

from priming.errors import DataError, nearest
from priming.study.tasks import TaskDefinition
from priming.tasks.sources.mirror import HOW_TO, Mirror, chosen_configuration, find_mirror
from priming.tasks.sources.rows import Row, task_from_rows
from priming.tasks.task import Task

CONVERTED = "refs/convert/parquet"


class ScriptError(DataError):
    """The main branch of a data set is a script."""


class UnreachableError(DataError):
    """The hub does not answer."""


def load_hub(name: str, definition: TaskDefinition, hub_folder: str | None, base: Path) -> Task:
    """Read a task from the mirror where one is named, else from the live hub; raises DataError."""
    hub = definition.hub
    assert hub is not None
    key = f"tasks.define.{name}.hub"
    reader = HubReader(key, hub.id, hub.config, hub.revision, find_mirror(key, hub.id, hub_folder, base))
    train = [hub.train] if isinstance(hub.train, str) else hub.train
    for part, wanted in (("train", train), ("test", [hub.test])):
        for split in wanted:
            reader.check(split, part)
    return task_from_rows(name, definition, "hub", chain.from_iterable(map(reader.rows, train)), reader.rows(hub.test))


class HubReader:
    """The splits of one configuration of a data set, in a mirror or on the live hub; `key` is what messages call the place that asks for it."""

    def __init__(self, key: str, name: str, config: str | None, revision: str | None, mirror: Mirror | None) -> None:
        self.key, self.name, self.config, self.mirror = key, name, config, mirror
        self.called = f"{name} ({config})" if config else name
        self._options: dict[str, Any] = {} if mirror or revision is None else {"revision": revision}

    @property
    def _path(self) -> str:
        return str(self.mirror.folder) if self.mirror else self.name

    @cached_property
    def splits(self) -> list[str]:
        """The splits of the configuration; raises DataError."""
        # It takes two seconds to import, and a study without hub tasks does not need it.
        import datasets

        if self.mirror:
            self.mirror.files(self.config)
        try:
            there = datasets.get_dataset_config_names(self._path, **self._options)
            config = chosen_configuration(self.key, self.name, self.config, there)
            return list(datasets.get_dataset_split_names(self._path, config, **self._options))
        except DataError:
            raise
        except Exception as error:
            raise self._explained(error) from error

    def check(self, split: str, part: str) -> None:
        """Raise DataError unless there is such a split; `part` is the key that names it."""
        if split not in self.splits:
            raise DataError(
                f"{self.key}.{part}: there is no split {split!r}{nearest(split, self.splits)}; {self.called} has {', '.join(self.splits)}"
            )

    def rows(self, split: str) -> Iterator[Row]:
        """The rows of a split, in order; raises DataError."""
        number = 0
        try:
            for number, values in enumerate(self._loaded(split), 1):
                yield Row(f"{self.called}, {split} row {number}", values)
        except Exception as error:
            raise self._explained(error) from error
        if not number:
            raise DataError(f"{self.called}: there is no row in the split {split}")

    def class_names(self, split: str, column: str) -> list[str] | None:
        """The names of a column of class ids, None where it is no such column or the data set does not say."""
        feature = (self._loaded(split).features or {}).get(column)
        return getattr(feature, "names", None)

    def _loaded(self, split: str) -> Any:
        """The split; a mirror is streamed: `datasets` would copy it, and take the copy for current as long as the files' dates are the same."""
        import datasets

        return datasets.load_dataset(self._path, self.config, split=split, streaming=self.mirror is not None, **self._options)

    def _explained(self, error: Exception) -> DataError:
        """What `datasets` raised, as something that the user can act on."""
        key, said = self.key, " ".join(str(error).split()) or type(error).__name__
        columns = [", ".join(getattr(error, which, ())) for which in ("table_column_names", "requested_column_names")]
        if any(columns):
            return DataError(f"{key}: the files of {self.called} differ in their columns, one has {' and another '.join(columns)}; name them alike")
        if self.mirror:
            return DataError(f"{key}: {self.mirror.folder} cannot be read ({said}); copy the data set again, README.md included")
        if "script" in said:
            return ScriptError(f"{key}: {self.name} is made by a script, which is not run; try {key}.revision: {CONVERTED} ({said})")
        kind = UnreachableError if isinstance(error, ConnectionError) else DataError
        return kind(f"{key}: {self.called} cannot be read from the hub ({said}); {HOW_TO}")
