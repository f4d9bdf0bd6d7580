"""Priming on tokens in files: the same as on those in memory, but for the order of epochs, which has each row once."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from safetensors.torch import load_file

from priming.algorithms.interface import Budget, Upstream
from priming.algorithms.maml import Maml
from priming.algorithms.mtl import Mtl
from priming.backbones.encoding import TextTokenizer
from priming.backbones.loading import load_plm
from priming.backbones.stored import Part, StoredRows, write_rows
from priming.backbones.stored_set import StoredSet
from priming.elements.sections import Rates
from priming.forms.batches import epoch_batch
from priming.forms.table import form_on
from priming.forms.training import training_of
from priming.strategies import Priming
from priming.tasks.prepared import read_task
from priming.training.priming_run import PrimingJob
from priming.training.token_files import TokenFiles
from priming.training.upstream import prime

from .conftest import RATES, result

META = {"tasks": 2, "support": 2, "query": 2, "order": "first", "inner_learning_rates": Rates(prompt=0.1)}


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        ("mtl[plm]", Mtl(batch=4)),
        ("maml[plm+prompt | prompt x2]", Maml(**META)),
        ("maml[plm+prompt | prompt x2]", Maml(mixing="examples", same_support=False, **META)),
    ],
)
def test_draws_from_files_are_those_from_memory(job: PrimingJob, tmp_path: Path, text: str, settings: Upstream) -> None:
    found = {}
    for tokens in ("memory", "mapped"):
        own = {"budget": Budget(steps=3), "learning_rates": RATES, "tokens": tokens}
        one = replace(job, priming=Priming.parse(text), settings=settings.model_copy(update=own), tokens=tmp_path / "t")
        prime(one, tmp_path / tokens)
        found[tokens] = (tmp_path / tokens / "plm.safetensors").read_bytes()
        counted = result(tmp_path / tokens)
        assert (counted["flops"], counted["flops_executed"]) > (0, 0)
    assert found["memory"] == found["mapped"]


def test_files_of_tokens_are_written_once_and_hold_the_tokenizers_ids(job: PrimingJob, tmp_path: Path) -> None:
    loaded, tasks = load_plm(job.plm_folder), [read_task(folder) for folder in job.source]
    encoder = TextTokenizer(loaded.tokenizer, 24, 16)
    training = training_of(form_on(("decode",), [task.kind for task in tasks], "mini"))

    def cut(text: str, longest: int) -> list[int]:
        return list(loaded.tokenizer(text, truncation=True, max_length=longest)["input_ids"])

    files = TokenFiles(tmp_path, tasks, job.conventions, encoder)
    sets = files.sets(training)
    before = {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*.arrow")}
    for task, own in zip(tasks, sets, strict=True):
        rows = task.pool()
        assert len(own) == len(rows)
        for place in (0, 7, len(rows) - 1):
            assert list(own.inputs[place]) == cut(rows[place].input, 24)
            assert [list(one) for one in own.targets[place]] == [cut(rows[place].targets[0], 16)]
        lengths = [len(cut(row.input, 24)) for row in rows]
        assert own.mean_lengths[0] == pytest.approx(sum(lengths) / len(lengths))
    TokenFiles(tmp_path, tasks, job.conventions, encoder).sets(training)
    assert {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*.arrow")} == before
    other = TextTokenizer(loaded.tokenizer, 12, 16)
    TokenFiles(tmp_path, tasks, job.conventions, other).sets(training)
    assert len(list(tmp_path.rglob("*.arrow"))) == 2


def test_an_epoch_over_files_has_every_row_once(tmp_path: Path) -> None:
    rows = [([number] * (1 + number % 5), [number]) for number in range(60)]
    write_rows(tmp_path / "rows", [Part("a", 37, 37), Part("b", 23, 23)], rows, 100)
    stored = StoredRows(tmp_path / "rows")
    sets = [StoredSet.of(stored, part) for part in range(2)]
    assert [len(own) for own in sets] == [37, 23]
    joined = StoredSet.joined(sets)
    for grouped in (1, 3):
        drawn = [epoch_batch(joined, 5, step, 6, grouped) for step in range(10)]
        assert Counter(pair[1][0] for batch in drawn for pair in batch) == Counter(range(60))
        assert all(list(ids) == [target[0]] * (1 + target[0] % 5) for batch in drawn for ids, target in batch)
    again = [epoch_batch(joined, 5, step, 6) for step in range(10, 20)]
    assert Counter(pair[1][0] for batch in again for pair in batch) == Counter(range(60))
    assert again != [epoch_batch(joined, 5, step, 6) for step in range(10)]


def test_multi_task_learning_goes_through_files_in_epochs(job: PrimingJob, tmp_path: Path) -> None:
    settings = Mtl(batch=4, mixing="examples", tokens="mapped", budget=Budget(steps=3), learning_rates=RATES)
    one = replace(job, priming=Priming.parse("mtl[plm]"), settings=settings, tokens=tmp_path / "t")
    prime(one, tmp_path / "out")
    assert load_file(tmp_path / "out" / "plm.safetensors")
    assert result(tmp_path / "out")["steps"] == 3
