"""amazon_polarity, 11,000 rows cut out of a shuffled split: drawn again with numpy's global generator and lists."""

import numpy
import pytest

from priming.tasks.crossfit import draw as drawing
from priming.tasks.crossfit.lines import content, files
from priming.tasks.crossfit.registry import SAMPLES, entry
from priming.tasks.reading.rows import Row

ROWS = [{"title": f"t {i}\n", "content": f"c\t{i}", "label": int(i % 3 == 0)} for i in range(12_000)]


def as_crossfit() -> dict[str, str]:
    """The text of each file, by the rules of CrossFit's sampler."""
    lines = [
        (f"title: {row['title']} [SEP] content: {row['content']}", ["negative", "positive"][row["label"]])
        for row in ROWS
    ]  # type: ignore[call-overload]
    numpy.random.seed(42)
    numpy.random.shuffle(lines)
    pool, test = lines[:10_000], lines[10_000:11_000]
    made = {}
    for sample in SAMPLES:
        mixed = list(pool)
        numpy.random.seed(sample)
        numpy.random.shuffle(mixed)
        classes = list(dict.fromkeys(target for _, target in mixed))
        groups = [[line for line in mixed if line[1] == target] for target in classes]
        parts = {
            "train": [x for g in groups for x in g[:16]],
            "dev": [x for g in groups for x in g[16:32]],
            "test": test,
        }
        made |= {
            f"amazon_polarity_16_{sample}_{part}.tsv": "".join(f"{a}\t{b}\n" for a, b in rows)
            for part, rows in parts.items()
        }
    return made


@pytest.mark.parametrize("held", [drawing.HELD, 50])
def test_files_are_those_of_a_plain_sampler(monkeypatch: pytest.MonkeyPatch, held: int) -> None:
    monkeypatch.setattr(drawing, "HELD", held)
    task = entry("amazon_polarity")
    asked: list[str] = []

    def rows(split: str) -> list[Row]:
        asked.append(split)
        return [Row("", row) for row in ROWS]

    drawn = drawing.draw(task, rows, SAMPLES, 16)
    assert {name: content(examples).decode() for name, examples in files(task, drawn)} == as_crossfit()
    assert asked == ["train"] * (1 if held > 50 else 2)
    assert (drawn.pool, drawn.read) == (10_000, {"train": 12_000})
