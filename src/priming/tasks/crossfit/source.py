"""The rows of a gym task, from a mirror folder if one is given, else from the data set's present place on the hub."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path

from priming.errors import DataError
from priming.tasks.crossfit.entries import Entry
from priming.tasks.progress import bar
from priming.tasks.reading.files import read_rows
from priming.tasks.reading.hub import CONVERTED, HubReader, ScriptError
from priming.tasks.reading.mirror import HOW_TO, Mirror, find_mirror
from priming.tasks.reading.rows import Row


class Source:
    """Reads the rows of a task's splits, repeatedly if required."""

    def __init__(self, entry: Entry, hub_folder: str | None, base: Path) -> None:
        self.entry, self.hub_folder, self.base = entry, hub_folder, base
        self.key = f"task {entry.name}"

    def __call__(self, split: str) -> Iterator[Row]:
        """The rows of a split; raises DataError."""
        if self.entry.web:
            return self._shown(split, read_rows(web_file(self.entry, split, self.hub_folder, self.base)))
        self._reader.check(split, "split")
        return self._shown(split, self._with_old_columns(split))

    def _shown(self, split: str, rows: Iterator[Row]) -> Iterator[Row]:
        """The rows, with a progress bar on a terminal if there are many."""
        return bar(rows, "rows", self.entry.rows.get(split), f"{self.entry.name} {split}", delay=2)

    @cached_property
    def _reader(self) -> HubReader:
        hub = self.entry.hub
        assert hub
        try:
            mirror = find_mirror(self.key, hub.id, self.hub_folder, self.base)
            if mirror is None and self.entry.gone:
                raise DataError(
                    f"{self.key}: the data set {hub.id} was {self.entry.gone}; "
                    f"exclude the task (tasks.without), or {HOW_TO}"
                )
            try:
                return self._opened(hub.revision, mirror)
            except ScriptError:
                return self._opened(CONVERTED, mirror)
        except DataError as error:
            copy = f"; a widely used copy is {hub.mirror}, which was not compared row by row" if hub.mirror else ""
            raise type(error)(f"{error}{copy}") from None

    def _opened(self, revision: str | None, mirror: Mirror | None) -> HubReader:
        """A reader for a data set known to exist."""
        hub = self.entry.hub
        assert hub
        reader = HubReader(self.key, hub.id, hub.config, revision, mirror)
        _ = reader.splits
        return reader

    def _with_old_columns(self, split: str) -> Iterator[Row]:
        """Rows with CrossFit's column names, if the data set has renamed columns since."""
        rows = self._reader.rows(split)
        for old, column in self.entry.columns.items():
            rows = self._renamed(rows, split, old, column.now, column.names)
        return rows

    def _renamed(self, rows: Iterator[Row], split: str, old: str, now: str, names: str) -> Iterator[Row]:
        words: list[str] | None = None
        for row in rows:
            if old in row.values or now not in row.values:
                yield row
                continue
            if words is None:
                words = self._words(split, now, names)
            yield Row(row.place, {**row.values, old: _word(row, now, words)})

    def _words(self, split: str, column: str, names: str) -> list[str]:
        """The words of the classes, by their present ids in the data set."""
        known = self._reader.class_names(split, column) or []
        return [name.rpartition(":")[2] if names == "after_colon" else name for name in known]


def _word(row: Row, column: str, words: list[str]) -> str:
    found = row.values[column]
    if isinstance(found, str):
        return found.rpartition(":")[2]
    if found not in range(len(words)):
        raise DataError(
            f"{row.place}, column {column}: {found!r} has no class name; the data card of the data set should name "
            f"{len(words)} classes"
        )
    return words[found]


def web_file(entry: Entry, split: str, hub_folder: str | None, base: Path) -> Path:
    """The file of a data set outside the hub, which can only be read from a mirror; raises DataError."""
    web = entry.web
    assert web
    mirror = find_mirror(f"task {entry.name}", web.id, hub_folder, base)
    if mirror is None:
        raise DataError(
            f"task {entry.name}: {web.id} is not a data set of the hub; fetch it: "
            f"priming tasks mirror {entry.name} --to FOLDER; {HOW_TO}"
        )
    file = mirror.folder / web.files[split]
    if not file.is_file():
        raise DataError(f"task {entry.name}: {file} is missing; fetch it again: priming tasks mirror {entry.name}")
    return file


def raw_files(entry: Entry, hub_folder: str | None, base: Path) -> list[Path]:
    """The files that the task depends on, sorted; none for the live hub, or if the mirror lacks them."""
    try:
        if entry.web:
            return sorted(web_file(entry, split, hub_folder, base) for split in entry.splits)
        assert entry.hub
        mirror = find_mirror(f"task {entry.name}", entry.hub.id, hub_folder, base)
        return mirror.files(entry.hub.config) if mirror else []
    except DataError:
        return []


def missing(entry: Entry, hub_folder: str | None, base: Path) -> str | None:
    """Why the task's rows are unavailable, as far as is known without reading them; None if no reason is known."""
    try:
        if entry.web:
            for split in entry.splits:
                web_file(entry, split, hub_folder, base)
            return None
        assert entry.hub
        mirror = find_mirror(f"task {entry.name}", entry.hub.id, hub_folder, base)
        if mirror:
            mirror.files(entry.hub.config)
            return None
    except DataError as error:
        return str(error)
    return f"task {entry.name}: the data set {entry.hub.id} was {entry.gone}" if entry.gone else None


def unexpected_rows(entry: Entry, read: Mapping[str, int]) -> list[str]:
    """A line for each split whose number of rows differs from CrossFit's."""
    return [
        f"task {entry.name}: {entry.data}, split {split} has {read[split]} rows, "
        f"and had {number} when CrossFit was made"
        for split, number in entry.rows.items()
        if split in read and read[split] != number
    ]
