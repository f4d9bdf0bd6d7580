"""Which texts of a PLM end with the end token, and which PLMs may go without."""

from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer

from priming.backbones.table import BACKBONES
from priming.errors import StudyError
from priming.jobs.params import limits, plm_params
from priming.study import Study
from priming.study.plm import Member, Plm
from priming.training.tokenization import text_tokenizer
from tests.tiny_study import with_value

STUDY = {
    "name": "ends",
    "plms": {"tiny": {"generate": {}}},
    "tasks": {"source": ["film_verdict"], "target": ["dinner_review"], "samples": [13], "shots": 4},
    "strategies": ["none -> plm"],
}
BERT = {"generate": {"architecture": {"family": "bert"}}}


def plm(**keys: Any) -> Plm:
    return Plm.model_validate({"path": "x", "max_input": 4, "max_output": 3} | keys)


def test_end_tokens_are_where_the_study_says(plm_folders: dict[str, Path]) -> None:
    tokenizer = AutoTokenizer.from_pretrained(plm_folders["t5-gated"])
    long = tokenizer("red cat sings one two birds", add_special_tokens=False)["input_ids"]
    short, end = tokenizer("one", add_special_tokens=False)["input_ids"], tokenizer.eos_token_id
    assert len(short) < 6
    assert len(long) > 7
    texts = ["red cat sings one two birds", "one"]
    for ended, inputs, outputs in (
        ("both", [[*long[:6], end], [*short, end]], [[*long[:5], end], [*short, end]]),
        ("outputs", [long[:7], short], [[*long[:5], end], [*short, end]]),
        ("none", [long[:7], short], [long[:6], short]),
    ):
        found = text_tokenizer(tokenizer, plm(end_tokens=ended, max_input=7, max_output=6), BACKBONES["t5"], "t0")
        assert found.inputs(texts) == inputs
        assert found.targets(texts) == outputs
        assert found.cut(texts) == 1


def test_only_encoder_decoders_go_without_end_tokens(plm_folders: dict[str, Path]) -> None:
    tokenizer = AutoTokenizer.from_pretrained(plm_folders["t5-gated"])
    for family in ("bert", "gpt2"):
        assert text_tokenizer(tokenizer, plm(), BACKBONES[family], "t0").ended == "both"
        with pytest.raises(StudyError, match=r"^plms\.t0\.end_tokens: 'none' is for .*allowed: 'both'$"):
            text_tokenizer(tokenizer, plm(end_tokens="none"), BACKBONES[family], "t0")


def test_a_study_whose_plm_has_none_is_refused() -> None:
    with pytest.raises(ValueError, match="'outputs' is for encoder-decoders, and this PLM is none"):
        Study.model_validate(with_value(STUDY, "plms/tiny", {**BERT, "end_tokens": "outputs"}))


def test_they_are_in_the_recipes_of_primings_and_tunings_and_not_of_the_plm() -> None:
    assert limits(plm()) == limits(plm(end_tokens="both")) == {"max_input": 4, "max_output": 3}
    assert limits(plm(end_tokens="outputs")) == {"max_input": 4, "max_output": 3, "end_tokens": "outputs"}
    usual, changed = (
        Study.model_validate(with_value(STUDY, "plms/tiny/end_tokens", ends)) for ends in ("both", "none")
    )
    assert plm_params(usual, Member("tiny")) == plm_params(changed, Member("tiny"))
