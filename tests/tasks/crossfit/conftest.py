"""A mirror folder with a few rows of some of CrossFit's data sets."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.tasks.conftest import Rows, write_rows

Mirrored = Callable[..., Path]


def sentences(number: int, start: int = 0) -> Rows:
    return [
        {"sentence1": f"one {i}", "sentence2": f"two {i}", "label": i % 2, "idx": i}
        for i in range(start, start + number)
    ]


@pytest.fixture
def mirrored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mirrored:
    """`mirrored(id, config, split=rows...)` writes a data set into the mirror `tmp_path/hub`, which it returns."""
    monkeypatch.delenv("PRIMING_HUB", raising=False)

    def make(name: str, config: str, **splits: list[dict[str, Any]]) -> Path:
        folder = tmp_path / "hub" / name
        files = "".join(f"  - split: {split}\n    path: {config}/{split}-*\n" for split in splits)
        for split, rows in splits.items():
            write_rows(folder / config / f"{split}-00000-of-00001.parquet", rows)
        (folder / "README.md").write_text(
            f"---\nconfigs:\n- config_name: {config}\n  data_files:\n{files}---\n", encoding="utf-8"
        )
        return tmp_path / "hub"

    return make
