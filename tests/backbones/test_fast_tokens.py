"""Ids that are taken from the library under a fast tokenizer are those of the tokenizer's own call."""

from collections.abc import Callable

import pytest
from transformers import PreTrainedTokenizerBase

from priming.backbones.encoding import TextTokenizer
from priming.backbones.tokenizer import train_tokenizer
from tests.tiny_plms import random_texts, unigram_tokenizer

TEXTS = [*random_texts(40), "", " ", "a  b\tc", "</s> <pad> inside", "naïve café 你好", "word " * 60]
TOKENIZERS: dict[str, Callable[[], PreTrainedTokenizerBase]] = {
    "bart": lambda: train_tokenizer(TEXTS, 300, "<s> $A </s>"),
    "t5": lambda: train_tokenizer(TEXTS, 300),
    "unigram": lambda: unigram_tokenizer(False),
    "unigram, sentinels as text": lambda: unigram_tokenizer(True),
}


@pytest.mark.parametrize("longest", [4, 32, 500])
@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("name", TOKENIZERS)
def test_ids_are_those_of_the_tokenizer(name: str, side: str, longest: int) -> None:
    tokenizer = TOKENIZERS[name]()
    assert tokenizer.is_fast
    tokenizer.truncation_side = side
    encoder = TextTokenizer(tokenizer, longest, longest)
    encoder.targets(["settings of an earlier call do not last " * 3])
    assert encoder.inputs(TEXTS) == tokenizer(TEXTS, truncation=True, max_length=longest)["input_ids"]
    assert encoder.whole(TEXTS) == tokenizer(TEXTS)["input_ids"]
    assert encoder.targets(TEXTS[:3]) == [
        tokenizer(t, truncation=True, max_length=longest)["input_ids"] for t in TEXTS[:3]
    ]
