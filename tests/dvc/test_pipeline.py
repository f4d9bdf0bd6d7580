"""dvc.yaml is that of the study, asks Snakemake for what there is, and deletes nothing."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from priming.dvc import pipeline
from priming.errors import DataError, StudyError
from priming.jobs import code
from priming.jobs.graph import graph
from priming.jobs.recipes import Recipes
from priming.jobs.stages import Stage, settings, stages
from priming.study import Study, load_study
from tests.tiny_study import RICH

CONFIG = Path("config.yaml")


@pytest.fixture(scope="module")
def root() -> Path:
    return Path(__file__).parents[2]


@pytest.fixture(scope="module")
def embedded(root: Path) -> dict[str, Stage]:
    return stages(graph(load_study(root / CONFIG)))


@pytest.fixture(scope="module")
def document(root: Path) -> dict[str, Any]:
    return yaml.safe_load((root / "dvc.yaml").read_text())


def dvc_stages(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Each stage as DVC reads it, those of `foreach` filled in."""
    found = {}
    for name, stage in document["stages"].items():
        for key, result in stage.get("foreach", {"": {}}).items():
            text = yaml.safe_dump(stage.get("do", stage), width=1000)
            for variable, value in {"key": key, **{f"item.{name}": value for name, value in result.items()}}.items():
                text = text.replace(f"${{{variable}}}", value)
            assert "${" not in text
            found[f"{name}@{key}" if key else name] = yaml.safe_load(text)
    return found


def test_it_is_that_of_the_embedded_study(root: Path) -> None:
    text = pipeline.text(graph(load_study(root / CONFIG)), CONFIG)
    assert (root / "dvc.yaml").read_text(encoding="utf-8") == text, "type: priming dvc config.yaml --write"


def test_there_is_a_stage_for_each_unit_and_its_folder(document: dict[str, Any], embedded: dict[str, Stage]) -> None:
    outs = {name: [path for out in stage["outs"] for path in out] for name, stage in dvc_stages(document).items()}
    assert outs == {"settings": ["results/embedded/settings"]} | {name: [stage.out] for name, stage in embedded.items()}


def test_every_output_persists_and_is_cached(document: dict[str, Any]) -> None:
    options = [options for stage in dvc_stages(document).values() for out in stage["outs"] for options in out.values()]
    assert options == [{"persist": True}] * len(dvc_stages(document))


def test_a_stage_asks_snakemake_for_the_rule_of_its_name(document: dict[str, Any], embedded: dict[str, Stage]) -> None:
    found = dvc_stages(document)
    for name, stage in embedded.items():
        command = found[name]["cmd"]
        if name in {"tables", "figures"}:
            assert command == f"snakemake --cores all {name}"
        else:
            assert command == [
                f"env PYTHONPATH=src priming fetch {name} --out {stage.out}",
                f"snakemake --cores all {name}",
            ]


def test_a_stage_depends_on_all_that_its_recipes_hold(
    root: Path, document: dict[str, Any], embedded: dict[str, Stage]
) -> None:
    found = dvc_stages(document)
    recipes = Recipes(graph(load_study(root / CONFIG)), root)
    made_in = {result.path: stage.out for stage in embedded.values() for result in stage.results}
    for name, stage in embedded.items():
        deps = set(found[name]["deps"])
        files = {code.source_of(module) for result in stage.results for module in recipes.code(result.modules)}
        assert all(any(file and file.is_relative_to(root / dep) for dep in deps) for file in files), name
        results = {made_in[path] for result in stage.results for path in result.inputs}
        # A tuning from a priming has its PLM through it.
        assert results - deps <= ({"results/embedded/plm/small"} if stage.results[0].priming else set()), name
        assert found[name]["params"] == [{f"results/embedded/settings/{name.replace('@', '/')}.yaml": None}]


def test_metrics_plots_and_parameters_are_declared(document: dict[str, Any]) -> None:
    assert document["params"] == ["config.yaml"]
    assert document["metrics"] == ["results/embedded/tables/metrics"]
    assert [path for plot in document["plots"] for path in plot] == ["results/embedded/tables/strategies.csv"]


def test_another_study(rich: Study) -> None:
    found = dvc_stages(pipeline.document(graph(rich), Path("studies/rich.yaml"), tables_in_git=True))
    assert found["plm@local"]["deps"][:2] == ["results/rich/tasks", "studies/models/bart"]
    assert {"studies/mine.csv", "studies/test.csv"} <= set(found["tasks"]["deps"])
    assert found["tasks"]["cmd"][1] == "snakemake --cores all --configfile studies/rich.yaml tasks"
    in_git = {
        name for name, stage in found.items() if stage["outs"][0].popitem()[1] == {"persist": True, "cache": False}
    }
    assert in_git == {"settings", "tables"}


def test_written_settings_are_those_of_the_units(rich: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    jobs = graph(rich)
    pipeline.write(jobs, CONFIG)
    folder = pipeline.write_settings(jobs, CONFIG)
    files = {
        file.relative_to(folder).with_suffix("").as_posix().replace("/", "@", 1): yaml.safe_load(file.read_text())
        for file in sorted(folder.rglob("*.yaml"))
    }
    assert files == {name: settings(stage) for name, stage in stages(jobs).items()}
    assert not re.search(r"[&*]id0", "".join(file.read_text() for file in folder.rglob("*.yaml")))


def test_tables_stay_where_they_are(rich: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    jobs = graph(rich)
    for given, expected in ((None, False), (True, True), (None, True), (False, False)):
        pipeline.write(jobs, CONFIG, given)
        assert pipeline.has_tables_in_git(pipeline.FILE) is expected


def test_a_dvc_yaml_of_other_strategies_is_refused(
    rich: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=r"there is no dvc.yaml here; type: priming dvc config.yaml --write"):
        pipeline.write_settings(graph(rich), CONFIG)
    pipeline.write(graph(rich), CONFIG)
    more = Study.model_validate({**RICH, "strategies": [*RICH["strategies"], "none -> prefix"]})
    with pytest.raises(
        StudyError,
        match="dvc.yaml has no stage scores@local/none--prefix and 5 more, after a change of config.yaml; "
        "type: priming dvc",
    ):
        pipeline.write_settings(graph(more), CONFIG)
    pipeline.write(graph(more), CONFIG)
    with pytest.raises(StudyError, match=r"dvc.yaml still has the stage scores@local/none--prefix and 5 more"):
        pipeline.write_settings(graph(rich), CONFIG)
    pipeline.FILE.write_text("stages: [")
    with pytest.raises(DataError, match=r"dvc.yaml: cannot be read .*rewrite it: priming dvc --write"):
        pipeline.write_settings(graph(rich), CONFIG)
