"""What benchmarks report: medians, ratios, differences, and nothing that was not measured."""

import importlib
import json
import platform
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer

FORBIDDEN = ("/home/", "/tmp/", "/root/", "/work/", "estimat", "extrapolat")


@pytest.fixture
def report(project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(str(project / "benchmarks"))
    yield importlib.import_module("report")
    for name in ("report", "measuring"):
        sys.modules.pop(name, None)


@pytest.fixture
def measured(report: ModuleType) -> Any:
    found = report.Report("example", {"runs": 2}, "fast")
    found.add("a case", {"slow": [3.0, 9.0, 6.0], "fast": [2.0, 1.0, 4.0]}, peak_mb={"slow": 7.0})
    return found


def written(found: Any, file: Path) -> tuple[int, dict[str, Any]]:
    with pytest.raises(typer.Exit) as ended:
        found.finish(file)
    return ended.value.exit_code, json.loads(file.read_text())


def test_medians_and_ratios(measured: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, file = written(measured, tmp_path / "new" / "example.json")
    assert status == 0
    slow, fast = file["measured"]
    assert slow == {
        "case": "a case", "way": "slow", "seconds": [3.0, 9.0, 6.0], "median": 6.0, "least": 3.0, "most": 9.0,
        "peak_mb": 7.0,
    }  # fmt: skip
    assert fast["median"] == 2.0
    assert file["ratios"] == [{"case": "a case", "way": "slow", "over": "fast", "times": 3.0}]
    head, _, first, second = capsys.readouterr().out.splitlines()
    assert head.split() == ["CPU", "s", "least", "most", "GPU", "s", "times", "peak", "mb"]
    assert len(head) == len(first) == len(second)


def test_what_differs_is_a_failure(measured: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    measured.differ("a case", "scores", 0.1, 0.2)
    assert written(measured, tmp_path / "example.json")[0] == 0
    measured.differ("a case", "weights", 0.3, 0.2)
    status, file = written(measured, tmp_path / "example.json")
    assert status == 1
    assert file["agree"] is False
    assert "a case: weights differ by 3.0e-01 at most, 2e-01 is allowed\nTHE RESULTS DIFFER" in capsys.readouterr().out


def test_a_number_that_is_none_is_a_difference(measured: Any) -> None:
    measured.differ("a case", "scores", float("nan"), 1.0)
    assert not measured.agree


def test_neither_computer_nor_person_is_named(measured: Any, tmp_path: Path) -> None:
    _, file = written(measured, tmp_path / "example.json")
    assert file["machine"].keys() == {"cpu", "cores", "threads", "gpu"}
    assert platform.node() not in json.dumps(file)


def test_stored_results_are_measurements_that_agree(project: Path) -> None:
    for stored in (project / "benchmarks/results").glob("*/*.json"):
        text = stored.read_text()
        found = json.loads(text)
        assert found["agree"], stored
        assert found["benchmark"] == stored.stem
        assert not [word for word in FORBIDDEN if word in text], stored
        assert all(row["seconds"] and min(row["seconds"]) > 0 for row in found["measured"]), stored
