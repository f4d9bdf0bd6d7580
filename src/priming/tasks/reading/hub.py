"""Data sets of the Hugging Face hub, read through `datasets`."""

import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from priming.errors import DataError, nearest
from priming.hub_access import UnreachableError, cache_alone_where_unresolved, no_copy
from priming.tasks.reading.mirror import HOW_TO, Mirror, chosen_configuration
from priming.tasks.reading.rows import Row

CONVERTED = "refs/convert/parquet"

FILLED_BY = "'priming tasks mirror' fills FOLDER where there is a network"


class ScriptError(DataError):
    """The main branch of a data set is a script."""


class HubReader:
    """The splits of one configuration of a data set, in a mirror or on the live hub; `key` is its key in messages."""

    def __init__(self, key: str, name: str, config: str | None, revision: str | None, mirror: Mirror | None) -> None:
        self.key, self.name, self.config, self.mirror = key, name, config, mirror
        self.called = f"{name} ({config})" if config else name
        self.revision = None if mirror else revision
        self._options: dict[str, Any] = {} if self.revision is None else {"revision": self.revision}
        self._unresolved = None if mirror else cache_alone_where_unresolved()

    @property
    def _path(self) -> str:
        return str(self.mirror.folder) if self.mirror else self.name

    @cached_property
    def splits(self) -> list[str]:
        """The splits of the configuration; raises DataError."""
        # Its import takes two seconds, and a study without hub tasks does not need it.
        import datasets

        if self.mirror:
            self.mirror.files(self.config)
        try:
            if not self.mirror and datasets.config.HF_HUB_OFFLINE:
                return self._cached_splits()
            there = datasets.get_dataset_config_names(self._path, **self._options)
            config = chosen_configuration(self.key, self.name, self.config, there)
            return list(datasets.get_dataset_split_names(self._path, config, **self._options))
        except DataError:
            raise
        except Exception as error:
            raise self._explained(error) from error

    def _cached_splits(self) -> list[str]:
        """The splits of the latest copy in the cache of `datasets`, which must be of the required commit."""
        import datasets

        builder = datasets.load_dataset_builder(self.name, self.config, **self._options)
        if (wanted := known_commit(self.name, self.revision)) not in (None, builder.hash):
            raise FileNotFoundError(f"the latest copy in the cache is of commit {builder.hash}, not {wanted}")
        return list(builder.info.splits or ())

    def check(self, split: str, part: str) -> None:
        """Raise DataError unless the split exists; `part` is the key that names it."""
        if split not in self.splits:
            raise DataError(
                f"{self.key}.{part}: there is no split {split!r}{nearest(split, self.splits)}; "
                f"{self.called} has {', '.join(self.splits)}"
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
            raise DataError(f"{self.called}: the split {split} has no rows")

    def class_names(self, split: str, column: str) -> list[str] | None:
        """The class names of a column; None if it is not a column of class ids or the data set does not name them."""
        feature = (self._loaded(split).features or {}).get(column)
        return getattr(feature, "names", None)

    def classes(self, split: str) -> dict[str, list[str]]:
        """The class names of every column of class ids or lists of them; raises DataError."""
        try:
            features = dict(self._loaded(split).features or {})
        except Exception as error:
            raise self._explained(error) from error
        inner = {column: getattr(feature, "feature", feature) for column, feature in features.items()}
        return {column: list(names) for column, feature in inner.items() if (names := getattr(feature, "names", None))}

    def _loaded(self, split: str) -> Any:
        """The split. A mirror is streamed: `datasets` would copy it, and treat the copy as current while file dates
        match.
        """
        import datasets

        return datasets.load_dataset(
            self._path, self.config, split=split, streaming=self.mirror is not None, **self._options
        )

    def _explained(self, error: Exception) -> DataError:
        """An error of `datasets` as a message that the user can act on."""
        key, said = self.key, " ".join(str(error).split()) or type(error).__name__
        columns = [", ".join(getattr(error, which, ())) for which in ("table_column_names", "requested_column_names")]
        if any(columns):
            return DataError(
                f"{key}: the files of {self.called} differ in their columns, one has {' and another '.join(columns)}; "
                "use the same names"
            )
        if self.mirror:
            return DataError(
                f"{key}: {self.mirror.folder} cannot be read ({said}); copy the data set again, README.md included"
            )
        if "script" in said:
            return ScriptError(
                f"{key}: {self.name} is built by a script, which is not run; try {key}.revision: {CONVERTED} ({said})"
            )
        if self._unresolved:
            why = "" if isinstance(error, ConnectionError) else said
            missing = no_copy(f"{key}: {self.called}", self._unresolved, why)
            return UnreachableError(f"{missing}, or {HOW_TO}; {FILLED_BY}")
        kind = UnreachableError if isinstance(error, ConnectionError) else DataError
        return kind(f"{key}: {self.called} cannot be read from the hub ({said}); {HOW_TO}")


def known_commit(name: str, revision: str | None) -> str | None:
    """The commit `revision`, or the branch's commit when the hub was last reached; None if unknown."""
    from huggingface_hub.constants import HF_HUB_CACHE

    if revision and re.fullmatch("[0-9a-f]{40}", revision):
        return revision
    reference = Path(HF_HUB_CACHE, f"datasets--{name.replace('/', '--')}", "refs", revision or "main")
    return reference.read_text(encoding="utf-8").strip() if reference.is_file() else None
