"""Tuning as the workflow runs it: what is written, kept, refused and marked as failed."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForSeq2SeqLM

from priming.elements.sections import Elements
from priming.errors import DataError
from priming.evaluation.scoring import sample_scores
from priming.study.definition import Files, TaskDefinition
from priming.study.tuning import Grid, Scoring
from priming.tasks.prepared import read_task
from priming.tasks.sources.table import source_of
from priming.training.downstream import tune
from priming.training.priming_run import PrimingJob
from priming.training.upstream import prime
from tests.tiny_bart import SIZES

from .conftest import DEVELOPMENT, PLM, TARGET, TASKS, TUNING, group, result, tuner

Captured = pytest.CaptureFixture[str]
TEXT_TASK = TaskDefinition(
    files=Files(train="rows.csv", test="rows.csv"), kind="text_to_text", input="{text}", output="answer"
)


def test_tuning_starts_from_the_primed_values(job: PrimingJob, tasks: Path, tmp_path: Path, capsys: Captured) -> None:
    prime(job, tmp_path / "primed")
    primed = tuner(job.plm_folder, "mtl[plm+adapter] -> adapter")
    tune(primed, group(tasks, tmp_path / "primed", tmp_path))
    log = capsys.readouterr().out
    started = f"mtl[plm+adapter] -> adapter seed 1, {TARGET[0]}, "
    assert f"{started}bank 1 of 1: 4 runs side by side, batches of 4, 4 steps\n" in log
    assert f"{started}test set: 20 rows of 2 runs, 2 labels, by ranking, greedy\n" in log
    assert f"{started}test set: done in " in log
    saved = load_file(tmp_path / "primed" / "plm.safetensors")
    parameters = dict(primed.model.named_parameters())
    assert all(torch.equal(parameters[name], value) for name, value in saved.items())
    found = result(tmp_path / TARGET[0] / "sample-1")
    assert found["status"] == "done"
    assert len(found["runs"]) == 2
    scores = sample_scores(tmp_path / TARGET[0] / "sample-1", read_task(tasks / TARGET[0]), 1, Scoring())
    assert set(scores["test"]) == {"ranking", "greedy"}
    best = max(run["best_dev"] for run in found["runs"])
    assert found["runs"][found["winner"]]["best_dev"] == best == scores["dev"]["ranking"]["accuracy"]
    lines = (tmp_path / TARGET[0] / "sample-1" / "predictions.jsonl").read_text().splitlines()
    rows = [row for row in map(json.loads, lines) if row["part"] == "test"]
    gold = [
        json.loads(line)["targets"] for line in (tasks / TARGET[0] / "sample-1-test.jsonl").read_text().splitlines()
    ]
    hits = sum(row["answers"]["ranking"] in targets for row, targets in zip(rows, gold, strict=True))
    assert hits / len(rows) == pytest.approx(scores["test"]["ranking"]["accuracy"])
    labels = json.loads((tasks / TARGET[0] / "task.json").read_text())["labels"]
    assert all(row["answers"]["ranking"] == labels[row["scores"].index(max(row["scores"]))] for row in rows)
    tuned = sum(
        value.numel() for value in load_file(tmp_path / TARGET[0] / "sample-1" / "elements.safetensors").values()
    )
    assert found["parameters"]["tuned"] == tuned


def test_labels_that_would_be_cut_are_refused_before_anything_is_trained(
    job: PrimingJob, tasks: Path, tmp_path: Path
) -> None:
    short = PLM.model_copy(update={"max_output": 2})
    with pytest.raises(
        DataError,
        match=r"task age_compare: the label '\w+' takes \d+ tokens .* plms.mini.max_output is 2: .* set plms",
    ):
        prime(replace(job, plm=short), tmp_path / "primed")
    with pytest.raises(DataError, match=r"task dinner_review: the label 'disgusting' takes \d+ tokens"):
        tune(replace(tuner(job.plm_folder, "none -> adapter"), plm=short), group(tasks, None, tmp_path))
    assert not list(tmp_path.rglob("result.json"))


def test_text_targets_that_are_cut_are_counted_and_said(
    job: PrimingJob, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = TASKS.model_copy(
        update={"source": ["many_of"], "define": {"verbatim": TEXT_TASK}, "target": ["verbatim"], "shots_in_all": 4}
    )
    rows = "".join(f"{i},{'red ' * i}\n" for i in range(1, 31))
    (tmp_path / "rows.csv").write_text(f"text,answer\n{rows}")
    for name, part in (("many_of", "source"), ("verbatim", "target")):
        source_of(study, name).prepare(part, tmp_path, tmp_path / "tasks" / name)
    tokenizer = tuner(job.plm_folder, "none -> adapter").encoder.tokenizer

    def longer(file: str, limit: int) -> int:
        lines = (tmp_path / "tasks" / file).read_text().splitlines()
        return sum(
            len(tokenizer(target)["input_ids"]) > limit for line in lines for target in json.loads(line)["targets"]
        )

    prime(
        replace(job, source=[tmp_path / "tasks/many_of"], plm=PLM.model_copy(update={"max_output": 3})),
        tmp_path / "primed",
    )
    cut = longer("many_of/pool.jsonl", 3)
    assert cut > 0
    assert result(tmp_path / "primed")["cut_targets"] == {"many_of": cut}
    assert (
        f"mtl[plm+adapter] seed 1: {cut} targets of task many_of truncated, since plms.mini.max_output is 3 tokens"
        in capsys.readouterr().err
    )
    tune(tuner(job.plm_folder, "none -> adapter"), group(tmp_path / "tasks", None, tmp_path, ["verbatim"]))
    for number in (1, 2):
        parts = {part: longer(f"verbatim/sample-{number}-{part}.jsonl", 16) for part in ("train", "dev", "test")}
        assert parts["test"] > 0
        assert result(tmp_path / "verbatim" / f"sample-{number}")["cut_targets"] == parts


def test_a_dropped_element_leaves_no_trace_and_a_kept_one_stays(job: PrimingJob, tasks: Path, tmp_path: Path) -> None:
    prime(job, tmp_path / "primed")
    kept = tuner(job.plm_folder, "mtl[plm+adapter] -> prompt (with adapter)")
    kept.load(tmp_path / "primed")
    values = load_file(tmp_path / "primed" / "adapter.safetensors")
    assert all(torch.equal(dict(kept.model.named_parameters())[name], value) for name, value in values.items())
    dropped = tuner(job.plm_folder, "mtl[plm+adapter] -> prompt")
    dropped.load(tmp_path / "primed")
    assert not any(name in dict(dropped.model.named_parameters()) for name in values)


def test_a_sweep_in_which_every_run_breaks_is_a_result(job: PrimingJob, tasks: Path, tmp_path: Path) -> None:
    broken = replace(
        tuner(job.plm_folder, "none -> adapter"),
        tuning=TUNING.model_copy(update={"learning_rates": Grid(adapter=[1e38]), "warmup": 0.0, "clip": None}),
    )
    tune(broken, group(tasks, None, tmp_path))
    found = result(tmp_path / TARGET[0] / "sample-1")
    assert found["status"] == "failed"
    assert "not finite" in found["reason"]
    assert found["winner"] is None
    scores = sample_scores(tmp_path / TARGET[0] / "sample-1", read_task(tasks / TARGET[0]), 1, Scoring())
    assert (scores["status"], scores["test"]) == ("failed", None)
    assert scores["majority"]["test_accuracy"] >= scores["chance"] == 0.5


@pytest.mark.parametrize(
    ("change", "message"), [("missing", "missing"), ("shape", "another shape"), ("extra", "unexpected")]
)
def test_a_checkpoint_of_another_model_is_refused(job: PrimingJob, tmp_path: Path, change: str, message: str) -> None:
    prime(job, tmp_path)
    values = load_file(tmp_path / "adapter.safetensors")
    name = next(iter(values))
    changed = {
        "missing": {n: v for n, v in values.items() if n != name},
        "shape": values | {name: torch.zeros(1)},
        "extra": values | {"prompt": torch.zeros(2)},
    }
    save_file(changed[change], tmp_path / "adapter.safetensors")
    with pytest.raises(DataError, match=message):
        tuner(job.plm_folder, "mtl[plm+adapter] -> adapter").load(tmp_path)


def test_a_checkpoint_cut_short_is_refused(job: PrimingJob, tmp_path: Path) -> None:
    prime(job, tmp_path)
    path = tmp_path / "adapter.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DataError, match="cannot be read"):
        tuner(job.plm_folder, "mtl[plm+adapter] -> adapter").load(tmp_path)


def test_elements_have_the_sizes_of_the_study(plm_folder: Path) -> None:
    sizes = {element: tuner(plm_folder, f"none -> {element}") for element in ("adapter", "prompt", "prefix")}
    counts = {
        e: sum(p.numel() for n, p in t.model.named_parameters() if e in n or (e == "adapter" and ".adapters." in n))
        for e, t in sizes.items()
    }
    width, layers, settings = 16, 4, Elements.model_validate(SIZES.model_dump())
    bottleneck = settings.adapter.bottleneck
    one = 2 * width * bottleneck + bottleneck + width
    assert counts["prompt"] == settings.prompt.length * width
    assert counts["prefix"] == 2 * settings.prefix.length * width * (2 + 2 + 2)
    assert counts["adapter"] == one * 2 * layers


def test_tasks_tuned_side_by_side_give_what_they_give_alone(plm_folder: Path, tasks: Path, tmp_path: Path) -> None:
    """Other rows, labels and lengths in the same bank change no score and no weight beyond float arithmetic."""
    names = [*TARGET, *DEVELOPMENT]
    tune(tuner(plm_folder, "none -> adapter"), group(tasks, None, tmp_path / "together", names))
    for name in names:
        tune(tuner(plm_folder, "none -> adapter"), group(tasks, None, tmp_path / "alone", [name]))
        for number in (1, 2):
            one, other = (result(tmp_path / way / name / f"sample-{number}") for way in ("together", "alone"))
            ours, theirs = (
                sample_scores(tmp_path / way / name / f"sample-{number}", read_task(tasks / name), number, Scoring())
                for way in ("together", "alone")
            )
            assert ours["test"] == theirs["test"]
            assert [run["best_step"] for run in one["runs"]] == [run["best_step"] for run in other["runs"]]
            ours, theirs = (
                load_file(tmp_path / way / name / f"sample-{number}" / "elements.safetensors")
                for way in ("together", "alone")
            )
            for tensor, value in ours.items():
                torch.testing.assert_close(value, theirs[tensor], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("text", ["none -> nothing", "mtl[plm+adapter] -> nothing"])
def test_a_model_that_is_not_tuned_answers_as_the_library_has_it(
    job: PrimingJob, tasks: Path, tmp_path: Path, text: str
) -> None:
    """Greedy outputs of the PLM as it was pretrained, or as priming left it, are those of the library's `generate`."""
    prime(job, tmp_path / "primed")
    untuned, primed = tuner(job.plm_folder, text), "mtl" in text
    assert tune(untuned, group(tasks, tmp_path / "primed" if primed else None, tmp_path)) == []
    plain = AutoModelForSeq2SeqLM.from_pretrained(job.plm_folder).eval()
    if primed:
        saved = load_file(tmp_path / "primed" / "plm.safetensors")
        own = {name: dict(untuned.model.named_parameters())[name] for name in saved}
        assert all(torch.equal(own[name], value) for name, value in saved.items())
        plain.load_state_dict({name.removeprefix("plm."): value for name, value in saved.items()}, strict=False)
    found = result(tmp_path / TARGET[0] / "sample-1")
    assert (found["status"], found["flops"], found["flops_executed"], found["kept_start"]) == ("done", 0, 0, False)
    assert (len(found["runs"]), found["winner"], found["parameters"]["tuned"]) == (1, 0, 0)
    assert not (tmp_path / TARGET[0] / "sample-1" / "elements.safetensors").exists()
    task = read_task(tasks / TARGET[0])
    tokenizer, test = untuned.encoder.tokenizer, task.sample(1)[2]
    longest = max(len(ids) for ids in untuned.encoder.targets(task.labels or ()))
    ids = tokenizer([e.input for e in test], padding=True, truncation=True, max_length=24, return_tensors="pt")
    told = {"do_sample": False, "num_beams": 1, "max_new_tokens": longest, "forced_bos_token_id": None}
    with torch.no_grad():
        texts = tokenizer.batch_decode(
            plain.generate(ids.input_ids, attention_mask=ids.attention_mask, **told), skip_special_tokens=True
        )
    lines = (tmp_path / TARGET[0] / "sample-1" / "predictions.jsonl").read_text().splitlines()
    rows = [row for row in map(json.loads, lines) if row["part"] == "test"]
    assert [row["answers"]["greedy"] for row in rows] == [one.strip() for one in texts]
    scores = sample_scores(tmp_path / TARGET[0] / "sample-1", task, 1, Scoring())
    assert scores["dev"]["ranking"]["accuracy"] == found["runs"][0]["best_dev"]
