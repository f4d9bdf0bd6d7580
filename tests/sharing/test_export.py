"""Results of a study as folders: what is in them, that others open them, and that other studies start from them."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file

from priming.errors import DataError
from priming.forms.answers import read_predictions
from priming.result_files import read_result
from priming.sharing.export import export
from priming.sharing.finished import read_finished
from priming.sharing.fresh import FreshProcess
from priming.sharing.questions import ask
from tests.sharing.studies import run, sample, study

ADAPTED, KEPT = "mtl-plm+adapter--adapter", "mtl-plm+adapter--nothing.with.adapter"
STRATEGIES = [
    "mtl[plm+adapter] -> adapter",
    "mtl[plm+adapter] -> nothing (with adapter)",
    "none -> plm",
    "none -> adapter",
    "mtl[plm] -> bitfit",
    "mtl[plm] -> prefix",
]
PRINTED = """
from safetensors.torch import load_file, save_file
import sys
save_file({"logits": logits_of(**load_file(sys.argv[1]))}, sys.argv[2])
assert not [name for name in sys.modules if name.partition(".")[0] == "priming"]
"""


@pytest.fixture(scope="module")
def results(plms: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of a study, tables included."""
    content = study("shared", {"path": str(plms["bart"])}, ["colour"], STRATEGIES)
    return run(tmp_path_factory.mktemp("study"), content, leave_out=("figure",))


@pytest.fixture(scope="module")
def adapted(results: Path) -> Path:
    """An exported sample with an adapter on a primed PLM."""
    folder = results.parent / "adapted"
    export(read_finished(sample(results, ADAPTED, "colour")), folder, licence="apache-2.0")
    return folder


def code_of(card: Path) -> str:
    (code,) = re.findall(r"```python\n(.*?)```", card.read_text(), flags=re.DOTALL)
    return str(code)


def test_the_code_of_the_card_in_a_process_of_its_own(results: Path, adapted: Path, tmp_path: Path) -> None:
    """It is run as it is written, beside the folder."""
    questions = ask(read_finished(sample(results, ADAPTED, "colour")).model)
    inputs, logits = tmp_path / "inputs.safetensors", tmp_path / "logits.safetensors"
    save_file({name: value.contiguous() for name, value in questions.inputs.items()}, inputs)
    (tmp_path / "card.py").write_text(code_of(adapted / "README.md") + PRINTED)
    command = [sys.executable, "-I", str(tmp_path / "card.py"), str(inputs), str(logits)]
    done = subprocess.run(command, cwd=adapted.parent, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    torch.testing.assert_close(load_file(logits)["logits"], questions.expected, rtol=1e-5, atol=1e-5)


def test_the_card(results: Path, adapted: Path) -> None:
    """What the hub reads, and what a reader does."""
    _, front, body = (adapted / "README.md").read_text().split("---\n", 2)
    read = yaml.safe_load(front)
    assert (read["license"], read["library_name"], read["pipeline_tag"]) == (
        "apache-2.0", "adapters", "text2text-generation",
    )  # fmt: skip
    (index,) = read["model-index"]
    cell = results / "scores" / "tiny" / ADAPTED / "seed-1" / "colour" / "sample-13.json"
    score = json.loads(cell.read_text())["test"]["ranking"]["accuracy"]
    found = {one["dataset"]["name"]: one["metrics"] for one in index["results"]}
    assert found["colour"] == [
        {"type": "accuracy", "value": round(score, 6), "name": "accuracy (ranking)", "args": {"decoder": "ranking"}}
    ]
    (gain,) = found["1 task of the study"]
    assert gain["args"]["strategy"] == "mtl[plm+adapter] -> adapter"
    for said in ("of the study `shared`", "`colour` (files)", "primed on `colour_source`", '"bottleneck": 4', "`red`"):
        assert said in body


def test_files(adapted: Path) -> None:
    """No pickle, no path of this machine, and nothing that another library could take for something else."""
    names = {path.relative_to(adapted).as_posix() for path in adapted.rglob("*") if path.is_file()}
    assert {"adapter/adapter.safetensors", "adapter/adapter_config.json", "adapter/elements.safetensors"} <= names
    assert {"README.md", "config.json", "model.safetensors", "tokenizer.json"} <= names
    assert not [name for name in names if Path(name).suffix in {".bin", ".pt", ".pth"}]
    for path in adapted.rglob("*.json"):
        assert str(adapted.parents[1]) not in path.read_text()


def test_a_priming_and_a_plm(results: Path, fresh: FreshProcess) -> None:
    for name, path in (("primed", "primed/tiny/mtl-plm+adapter/seed-1"), ("plm", "plm/tiny")):
        chosen = export(read_finished(results / path), results.parent / name, fresh=fresh)
        assert [element for element, _ in chosen.formats] == ["adapter"][: name == "primed"]


@pytest.mark.parametrize("strategy", ["mtl-plm--bitfit", "mtl-plm--prefix"])
def test_what_the_card_loads(strategy: str, results: Path, fresh: FreshProcess) -> None:
    chosen = export(read_finished(sample(results, strategy, "colour")), results.parent / strategy, fresh=fresh)
    assert [form.library for _, form in chosen.formats] == ["safetensors"]


def test_a_plm_that_was_not_saved(results: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="its strategy tunes the PLM, whose values were not saved; set tuning.save_plm"):
        export(read_finished(sample(results, "none--plm", "colour")), tmp_path / "made")
    assert not (tmp_path / "made").exists()


def test_a_folder_that_is_there(results: Path, adapted: Path) -> None:
    with pytest.raises(DataError, match="adapted is there already; name a new folder, or remove it"):
        export(read_finished(results / "plm" / "tiny"), adapted)


def test_a_damaged_result(results: Path, tmp_path: Path) -> None:
    """What is not as its recipe says is given to nobody."""
    file = sample(results, "mtl-plm--prefix", "colour") / "elements.safetensors"
    whole = file.read_bytes()
    try:
        file.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        with pytest.raises(DataError, match="elements.safetensors is damaged"):
            export(read_finished(file.parent), tmp_path / "made")
    finally:
        file.write_bytes(whole)


def test_a_study_that_starts_from_what_another_made(results: Path, fresh: FreshProcess, tmp_path: Path) -> None:
    """Primed PLM and adapter, as a PLM that brings an adapter: the same answers, scored as it is and tuned."""
    export(read_finished(results / "primed/tiny/mtl-plm+adapter/seed-1"), tmp_path / "primed", fresh=fresh)
    plm: dict[str, Any] = {"path": "primed", "brings": "adapter"}
    other = run(tmp_path, study("other", plm, ["colour"], ["none -> nothing", "none -> adapter"]))
    for ours, theirs in (("none--nothing", KEPT), ("none--adapter", ADAPTED)):
        here, there = (sample(*pair, "colour") for pair in ((other, ours), (results, theirs)))
        assert read_predictions(here / "predictions.jsonl") == read_predictions(there / "predictions.jsonl")
        assert read_result(here)["runs"] == read_result(there)["runs"]
    assert read_result(other / "plm" / "tiny")["brings"] == {"element": "adapter", "length": None}


@pytest.mark.parametrize(
    ("elements", "message"),
    [
        ({"adapter": {"bottleneck": 2}}, "has .* of shape .*, and this element has .*. Set elements.adapter as it was"),
        ({"adapter": {"bottleneck": 4, "config": "seq_bn"}}, "has .*, which no adapter of this PLM has"),
    ],
)
def test_an_element_that_was_trained_otherwise(
    elements: dict[str, Any], message: str, adapted: Path, tmp_path: Path
) -> None:
    plm = {"path": str(adapted), "brings": "adapter"}
    with pytest.raises(DataError, match=message):
        run(tmp_path, study("other", plm, ["colour"], ["none -> nothing"], elements=elements))
