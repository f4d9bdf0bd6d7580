"""A study on T5 and mT5 with every convention of CrossFit, from tasks to tables and figures."""

import json
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import pytest
import yaml

from priming.jobs.graph import graph
from priming.running.steps import run
from priming.study.load import load_study
from tests.tiny_study import TINY

LOSS = {"loss": "sum", "label_smoothing": 0.1, "clip": 0.1}
STRATEGIES = [
    "none -> plm",
    "none -> prefix",
    "mtl[plm] -> plm",
    "mtl[plm+adapter] -> adapter",
    "maml[plm | plm x1] -> plm",
    "maml[plm+prompt | plm+prompt x1] -> prompt",
]
BASELINES = {
    "none -> prefix": "none -> plm of gated",
    "mtl[plm+adapter] -> adapter": "mtl[plm] -> plm of gated",
    "maml[plm+prompt | plm+prompt x1] -> prompt": "maml[plm | plm x1] -> plm of gated",
}


def study_file(folder: Path, plms: Mapping[str, Path]) -> Path:
    study = yaml.safe_load(TINY.read_text())
    study["name"], study["strategies"], study["seeds"] = "conventions", STRATEGIES, [1]
    study["plms"] = {name: {"path": str(path), "max_input": 24, "max_output": 16} for name, path in plms.items()}
    study["tasks"]["task_prefix"] = True
    study["priming"]["mtl"] |= {**LOSS, "target_space": True}
    study["priming"]["maml"] |= {
        **LOSS,
        "target_space": True,
        "order": "second",
        "inner_learning_rates": {"plm": 0.1, "prompt": 0.1},
    }
    study["tuning"] |= LOSS
    study["scoring"] = {
        "decoder": "beam",
        "decoders": ["beam", "ranking"],
        "deviation": "population",
        "arg_baseline": "same algorithm",
        "arg_plm": "gated",
    }
    (folder / "study.yaml").write_text(yaml.safe_dump(study))
    return folder / "study.yaml"


@pytest.mark.slow
def test_a_study_with_every_convention(
    plm_folders: Mapping[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = study_file(tmp_path, {"gated": plm_folders["t5-gated"], "multilingual": plm_folders["mt5"]})
    monkeypatch.chdir(tmp_path)
    for out, job in graph(load_study(file)).jobs.items():
        run(job.step, file, out)
    results = tmp_path / "results/conventions"
    status = json.loads((results / "tables/status.json").read_text())
    assert (status["failed"], status["not_primed"], status["cells"]) == ([], [], 2 * len(STRATEGIES) * 2)
    arg = pd.read_csv(results / "tables/arg.csv")
    found = {(row.plm, row.strategy): row.baseline for row in arg.itertuples()}
    assert {name: found["multilingual", name] for name in BASELINES} == BASELINES
    first = next((results / "scores").rglob("sample-*.json"))
    assert set(json.loads(first.read_text())["test"]) == {"beam", "ranking"}
    cell = results / "tuned" / first.relative_to(results / "scores").with_suffix("")
    rows = [json.loads(line) for line in (cell / "predictions.jsonl").read_text().splitlines()]
    assert all(set(row["answers"]) == {"beam", "ranking"} for row in rows if row["part"] == "test")
