"""Data cards of a mirror: parsed once however many tasks read them, and again when they change."""

import os
from pathlib import Path

import pytest
import yaml

from priming.errors import DataError
from priming.tasks.reading.mirror import Mirror, described_splits, write_readme


def card(folder: Path, names: list[str]) -> None:
    """Files of configurations, and a data card that lists them."""
    paths = [f"{name}/train/0000.parquet" for name in names]
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(b"")
    write_readme(folder / "README.md", described_splits(paths))


def test_a_card_is_parsed_once_for_all_its_configurations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed, real = [], yaml.safe_load
    monkeypatch.setattr(yaml, "safe_load", lambda text: parsed.append(text) or real(text))
    names = [f"config_{number}" for number in range(40)]
    card(tmp_path, names)
    for name in names:
        files = Mirror(tmp_path, f"task {name}").files(name)
        assert files == [tmp_path / "README.md", tmp_path / name / "train/0000.parquet"]
    assert len(parsed) == 1


def test_a_card_that_changes_is_read_again_whatever_its_date_and_size(tmp_path: Path) -> None:
    card(tmp_path, ["before"])
    readme = tmp_path / "README.md"
    when, mirror = readme.stat().st_mtime_ns, Mirror(tmp_path, "task")
    assert list(mirror.configurations()) == ["before"]
    readme.write_text(readme.read_text().replace("before", "behind"))
    os.utime(readme, ns=(when, when))
    assert list(mirror.configurations()) == ["behind"]


def test_what_a_reader_does_to_the_configurations_reaches_no_other(tmp_path: Path) -> None:
    card(tmp_path, ["one", "two"])
    Mirror(tmp_path, "task").configurations().clear()
    assert list(Mirror(tmp_path, "task").configurations()) == ["one", "two"]


def test_a_card_that_cannot_be_parsed_is_said_each_time_and_parsed_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "README.md").write_text("---\nconfigs: [unclosed\n---\n")
    parsed, real = [], yaml.safe_load
    monkeypatch.setattr(yaml, "safe_load", lambda text: parsed.append(text) or real(text))
    for _ in range(3):
        with pytest.raises(DataError, match=r"README\.md: the YAML head cannot be read \("):
            Mirror(tmp_path, "task").configurations()
    assert len(parsed) == 1
