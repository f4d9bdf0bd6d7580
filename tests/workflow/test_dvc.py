"""dvc.yaml names the phases of the embedded study and deletes nothing."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml


@pytest.fixture
def pipeline(project: Path) -> dict[str, Any]:
    return yaml.safe_load((project / "dvc.yaml").read_text())


def test_every_output_persists(pipeline: dict[str, Any]) -> None:
    outs = [out for stage in pipeline["stages"].values() for out in stage["outs"]]
    assert {path for out in outs for path in out} == {f"${{results}}/{part}" for part in ("tasks", "plm", "primed", "tuned", "tables", "figures")}
    assert all(options["persist"] is True for out in outs for options in out.values())


def test_results_are_those_of_the_embedded_study(pipeline: dict[str, Any], project: Path) -> None:
    study = yaml.safe_load((project / "config.yaml").read_text())
    assert pipeline["vars"] == [{"results": f"results/{study['name']}"}]


def test_stages_ask_for_targets_that_there_are(pipeline: dict[str, Any], project: Path) -> None:
    rules = re.findall(r"^rule (\w+):", (project / "workflow/Snakefile").read_text(), flags=re.MULTILINE)
    targets = [target for stage in pipeline["stages"].values() for target in stage["cmd"].removeprefix("snakemake --cores all").split()]
    assert targets == ["prepared", "pretrained", "primed", "tuned", "tables"]
    assert set(targets) < set(rules)


def test_stages_depend_on_the_study_the_code_and_what_they_are_made_from(pipeline: dict[str, Any]) -> None:
    for name, stage in pipeline["stages"].items():
        assert {"config.yaml", "src/priming"} <= set(stage["deps"]), name
    assert {"${results}/primed", "${results}/tuned"} < set(pipeline["stages"]["tables"]["deps"])
