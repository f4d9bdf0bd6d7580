"""The example of docs/banks.md, run as it is printed."""

import re
from pathlib import Path
from typing import Any

import pytest
from transformers import BertConfig, BertForSequenceClassification

from priming.backbones.tokenizer import train_tokenizer

TEXTS = [("good red cat", 1), ("bad red dog", 0), ("good blue dog", 1), ("bad blue cat", 0)] * 4


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tokenizer = train_tokenizer([text for text, _ in TEXTS], 300)
    tokenizer.save_pretrained(tmp_path)
    config = BertConfig(
        vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64
    )
    BertForSequenceClassification(config).save_pretrained(tmp_path)
    return tmp_path


def test_the_example_of_the_page(folder: Path, project: Path) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (project / "docs/banks.md").read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, Any] = {"folder": folder, "train": TEXTS, "dev": TEXTS[:7]}
    exec(compile(code, "docs/banks.md", "exec"), names)
    assert len(names["found"]) == 10
    assert names["best"].score == max(run.score for run in names["found"])
    changed = {name for name, value in names["model"].state_dict().items() if name in names["best"].state}
    assert changed == set(names["best"].state)
