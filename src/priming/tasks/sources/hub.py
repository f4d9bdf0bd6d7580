"""Data sets of the Hugging Face hub, read through `datasets`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from priming.errors import DataError, nearest
from priming.study.tasks import Hub, TaskDefinition
from priming.tasks.sources.mirror import HOW_TO, Mirror, chosen_configuration, find_mirror
from priming.tasks.sources.rows import Row, task_from_rows
from priming.tasks.task import Task


def load_hub(name: str, definition: TaskDefinition, hub_folder: str | None, base: Path) -> Task:
    """Read a task from the mirror where one is named, else from the live hub; raises DataError."""
    hub = definition.hub
    assert hub is not None
    mirror = find_mirror(name, hub, hub_folder, base)
    key = f"tasks.define.{name}.hub"
    train = [hub.train] if isinstance(hub.train, str) else hub.train
    splits = _splits(key, hub, mirror)
    for part, wanted in (("train", train), ("test", [hub.test])):
        for split in wanted:
            if split not in splits:
                raise DataError(f"{key}.{part}: there is no split {split!r}{nearest(split, splits)}; {_called(hub)} has {', '.join(splits)}")
    return task_from_rows(name, definition, "hub", _rows(key, hub, mirror, train), _rows(key, hub, mirror, [hub.test]))


def _splits(key: str, hub: Hub, mirror: Mirror | None) -> list[str]:
    """The splits of the configuration."""
    # It takes two seconds to import, and a study without hub tasks does not need it.
    import datasets

    if mirror:
        mirror.files(hub.config)
    try:
        path, options = _where(hub, mirror)
        there = datasets.get_dataset_config_names(path, **options)
        config = chosen_configuration(key, hub.id, hub.config, there)
        return list(datasets.get_dataset_split_names(path, config, **options))
    except DataError:
        raise
    except Exception as error:
        raise _explained(key, hub, mirror, error) from error


def _rows(key: str, hub: Hub, mirror: Mirror | None, splits: list[str]) -> Iterator[Row]:
    """The rows of `splits`, one after the other.

    A mirror is streamed: `datasets` would copy it into its cache, and take the copy for current as long as the files' dates are the same.
    """
    import datasets

    path, options = _where(hub, mirror)
    for split in splits:
        number = 0
        try:
            rows = datasets.load_dataset(path, hub.config, split=split, streaming=mirror is not None, **options)
            for number, values in enumerate(rows, 1):
                yield Row(f"{_called(hub)}, {split} row {number}", values)
        except Exception as error:
            raise _explained(key, hub, mirror, error) from error
        if not number:
            raise DataError(f"{_called(hub)}: there is no row in the split {split}")


def _where(hub: Hub, mirror: Mirror | None) -> tuple[str, dict[str, Any]]:
    if mirror:
        return str(mirror.folder), {}
    return hub.id, {} if hub.revision is None else {"revision": hub.revision}


def _called(hub: Hub) -> str:
    return f"{hub.id} ({hub.config})" if hub.config else hub.id


def _explained(key: str, hub: Hub, mirror: Mirror | None, error: Exception) -> DataError:
    """What `datasets` raised, as something that the user can act on."""
    said = " ".join(str(error).split()) or type(error).__name__
    columns = [", ".join(getattr(error, which, ())) for which in ("table_column_names", "requested_column_names")]
    if any(columns):
        return DataError(f"{key}: the files of {_called(hub)} differ in their columns, one has {' and another '.join(columns)}; name them alike")
    if mirror:
        return DataError(f"{key}: {mirror.folder} cannot be read ({said}); copy the data set again, README.md included")
    if "script" in said:
        return DataError(f"{key}: {hub.id} is made by a script, which is not run; try {key}.revision: refs/convert/parquet ({said})")
    return DataError(f"{key}: {_called(hub)} cannot be read from the hub ({said}); {HOW_TO}")
