"""Rows of Parquet files."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from priming.errors import DataError
from priming.tasks.reading.rows import Row


def parquet_rows(path: Path) -> Iterator[Row]:
    """The rows of a file, in order.

    Raises:
        DataError: it is no Parquet file, two of its columns have one name, or a value of it cannot be read.
    """
    # Its import takes a third of a second, and only Parquet files need it.
    import pyarrow
    import pyarrow.parquet

    try:
        file = pyarrow.parquet.ParquetFile(path)
        names = file.schema_arrow.names
        if twice := [name for name in dict.fromkeys(names) if names.count(name) > 1]:
            raise DataError(f"{path}: two columns are called {twice[0]!r}; rename one")
        number = 0
        for batch in file.iter_batches():
            for values in _values(path, number, batch):
                number += 1
                yield Row(f"{path}, row {number}", values)
    except (pyarrow.ArrowException, OSError) as error:
        raise DataError(f"{path}: not a complete Parquet file ({error}); write or copy it again") from None


def _values(path: Path, before: int, batch: Any) -> list[dict[str, Any]]:
    """The rows of a batch, which comes after so many others."""
    try:
        found: list[dict[str, Any]] = batch.to_pylist()
        return found
    except (ValueError, OverflowError):
        pass
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        for number, value in enumerate(column, before + 1):
            try:
                value.as_py()
            except (ValueError, OverflowError) as error:
                text = f"{path}, row {number}, column {name}: a value of the type {column.type} that cannot be read"
                raise DataError(f"{text} ({error}); correct the row, or leave the column out") from None
    raise DataError(f"{path}: rows {before + 1} to {before + batch.num_rows} cannot be read; write the file again")
