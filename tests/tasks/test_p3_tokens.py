"""Examples and tokens of P3's training configurations, against counts row by row."""

import random
from collections.abc import Callable
from pathlib import Path

import pandas
import pytest
from typer.testing import CliRunner

from priming.cli.app import app
from priming.study.tasks import Tasks
from priming.tasks.p3.registry import configs
from priming.tasks.p3.tokens import described

SHORT, LONG = "glue_mrpc_equivalent", "rotten_tomatoes_Movie_Expressed_Sentiment"
LENGTHS = {
    SHORT: [(10 + n % 7, 3) for n in range(300)],
    LONG: [(769, 4) if n < 2 else (100, 193) if n < 5 else (768, 192) if n < 8 else (200, 5) for n in range(400)],
}
"""Tokens of each row's input and target, without end tokens."""


def cells(text: str) -> dict[str, list[str]]:
    """The rows of a table by their names."""
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("| ")]
    return {name: rest for name, *rest in rows}


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """`write(names)` fills a mirror, which PRIMING_HUB names; one configuration has two files and a second split."""

    def of(*names: str) -> Path:
        folder = tmp_path / "hub/bigscience/P3"
        head = ["---", "configs:"]
        for name in names:
            (folder / name).mkdir(parents=True)
            rows = [{"inputs": [5] * source, "targets": [6] * target + [1]} for source, target in LENGTHS[name]]
            pandas.DataFrame(rows[:150]).to_parquet(folder / name / "train-00000.parquet")
            pandas.DataFrame(rows[150:]).to_parquet(folder / name / "train-00001.parquet")
            pandas.DataFrame(rows[:9]).to_parquet(folder / name / "validation-00000.parquet")
            head += [f"- config_name: {name}", "  data_files:"]
            for split in ("train", "validation"):
                head += [f"  - split: {split}", f"    path: {name}/{split}-*"]
        (folder / "README.md").write_text("\n".join([*head, "---", ""]), encoding="utf-8")
        monkeypatch.setenv("PRIMING_HUB", str(tmp_path / "hub"))
        return tmp_path / "hub"

    return of


def by_hand(name: str, cap: int) -> list[int]:
    """Examples after the cap, tokens of inputs and targets, of inputs cut at 192, and the number of cut examples."""
    order = list(range(len(LENGTHS[name])))
    if len(order) > cap:
        random.Random(3).shuffle(order)
    kept = [LENGTHS[name][place] for place in order[:cap]]
    return [
        len(kept), sum(min(source, 768) for source, _ in kept), sum(min(target, 192) for _, target in kept),
        sum(min(source, 192) for source, _ in kept), sum(source > 768 or target > 192 for source, target in kept),
    ]  # fmt: skip


def expected(*counts: list[int]) -> list[str]:
    examples, source, target, inputs, cut = (sum(column) for column in zip(*counts, strict=True))
    return [f"{source:,}", f"{target:,}", f"{inputs:,}", f"{cut / examples:.2%}"]


def test_tokens_are_those_of_the_rows_counted_one_by_one(write: Callable[..., Path], tmp_path: Path) -> None:
    write(SHORT, LONG)
    found = cells(described(None, tmp_path))
    assert found[SHORT] == ["3,668", "3,668", *expected(by_hand(SHORT, 500_000))]
    assert found[LONG] == ["8,530", "8,530", *expected(by_hand(LONG, 500_000))]
    assert found[LONG][-1] == "1.25%"
    *tokens, cut = expected(by_hand(SHORT, 500_000), by_hand(LONG, 500_000))
    assert found["counted (2)"] == ["-", "700", *tokens, f"{cut} (1 of 2)"]
    assert found["in all (313)"] == ["90,897,624", "31,558,816", "-", "-", "-", "-"]
    assert found["Wu et al. (2022), appendix A"] == ["-", "31,558,816", "5.7e9", "3.5e9", "-", "2 % (24 of 313)"]
    assert len(found) == 1 + 313 + 3  # with the header


def test_a_study_says_which_and_how_many(write: Callable[..., Path], tmp_path: Path) -> None:
    write(SHORT, LONG)
    tasks = Tasks.model_construct(source=[LONG, SHORT], source_limit=250)
    text = described(tasks, tmp_path)
    found = cells(text)
    assert found[LONG] == ["8,530", "250", *expected(by_hand(LONG, 250))]
    *tokens, cut = expected(by_hand(SHORT, 250), by_hand(LONG, 250))
    much = int(by_hand(LONG, 250)[-1] > 2.5)
    assert found["in all (2)"] == [f"{3668 + 8530:,}", "500", *tokens, f"{cut} ({much} of 2)"]
    assert not any(name.startswith("counted") for name in found)
    assert "Missing" not in text


def test_what_is_missing_is_said_and_not_guessed(write: Callable[..., Path], tmp_path: Path) -> None:
    root = write(SHORT)
    text = described(None, tmp_path)
    first = next(iter(configs()))
    assert "Missing: the rows of 312 of 313 configurations; their tokens are not counted." in text
    assert f"Of the first, {first}: {root}/bigscience/P3/README.md: no configuration {first!r} (tasks.source)" in text
    assert cells(text)[LONG][2:] == ["-"] * 4


def test_without_a_mirror_examples_alone_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PRIMING_HUB", raising=False)
    done = CliRunner().invoke(app, ["tasks", "show", "p3"])
    assert done.exit_code == 0
    assert cells(done.output)["gigaword_TLDR"] == ["3,803,957", "500,000", "-", "-", "-", "-"]
    assert "Missing: the rows of 313 of 313 configurations" in done.output
    assert "no mirror is set; set PRIMING_HUB to a folder that 'priming tasks mirror' filled" in done.output
