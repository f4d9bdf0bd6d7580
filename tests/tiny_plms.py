"""A tiny random model of every supported class, each with its own kind of tokenizer, in folders as users have them."""

from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    BartConfig,
    BartForConditionalGeneration,
    MT5Config,
    MT5ForConditionalGeneration,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    T5Config,
    T5ForConditionalGeneration,
    T5TokenizerFast,
)

from priming.backbones.pretraining import fresh_plm
from priming.backbones.sections import Architecture, Generated, Pretraining
from priming.backbones.tokenizer import train_tokenizer
from tests.tiny_bart import WORDS

CLASSES = ("bart", "t5-tied", "t5-gated", "mt5")
"""BART; T5 1.0, whose output layer is the embedding; T5 1.1, with gates and an output layer of its own; mT5."""
SENTINELS = 3
FILLING = 7
"""Rows of mT5's embedding beyond its vocabulary."""


def random_texts(number: int = 200) -> list[str]:
    random = torch.Generator().manual_seed(0)
    return [" ".join(WORDS[i] for i in torch.randint(len(WORDS), (6,), generator=random)) for _ in range(number)]


def unigram_tokenizer(sentinels_as_text: bool) -> T5TokenizerFast:
    """As T5's: `<pad>`, `</s>` and `<unk>` first, sentinels last; those of mT5 are entries like any other."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Nmt()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=90, special_tokens=["<pad>", "</s>", "<unk>"], unk_token="<unk>", show_progress=False
    )
    tokenizer.train_from_iterator(random_texts(), trainer)
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    sentinels = [f"<extra_id_{i}>" for i in reversed(range(SENTINELS))]
    if sentinels_as_text:
        tokenizer.add_tokens([f"▁{token}" for token in sentinels])
        return T5TokenizerFast(tokenizer_object=tokenizer, extra_ids=0)
    return T5TokenizerFast(tokenizer_object=tokenizer, extra_ids=SENTINELS)


def random_model(name: str, vocabulary: int) -> PreTrainedModel:
    """Random weights, large enough for its outputs to differ; T5's heads together are not as wide as the model."""
    torch.manual_seed(0)
    if name == "bart":
        bart = BartConfig(
            vocab_size=vocabulary, d_model=16, encoder_layers=2, decoder_layers=3, encoder_ffn_dim=24,
            decoder_ffn_dim=20, init_std=0.3, encoder_attention_heads=2, decoder_attention_heads=2,
            max_position_embeddings=40, dropout=0.1, attention_dropout=0.1, pad_token_id=1, bos_token_id=0,
            eos_token_id=2, decoder_start_token_id=2, forced_eos_token_id=None,
        )  # fmt: skip
        return BartForConditionalGeneration(bart)
    sizes = {
        "vocab_size": vocabulary, "d_model": 16, "d_kv": 6, "d_ff": 24, "num_layers": 2, "num_decoder_layers": 3,
        "num_heads": 3, "dropout_rate": 0.1, "initializer_factor": 2.0, "decoder_start_token_id": 0, "pad_token_id": 0,
        "eos_token_id": 1,
    }  # fmt: skip
    if name == "mt5":
        return MT5ForConditionalGeneration(MT5Config(**sizes))
    gated = {"feed_forward_proj": "gated-gelu", "tie_word_embeddings": False}
    return T5ForConditionalGeneration(T5Config(**sizes, **(gated if name == "t5-gated" else {})))


def save_random_plm(name: str, folder: Path) -> Path:
    tokenizer: PreTrainedTokenizerBase = (
        train_tokenizer(random_texts(), 300) if name == "bart" else unigram_tokenizer(name == "mt5")
    )
    model = random_model(name, len(tokenizer) + (FILLING if name == "mt5" else 0))
    if name != "bart":
        with (
            torch.no_grad()
        ):  # T5 begins with norms of 1 and biases of positions near 0, with which every output looks alike
            for parameter in model.parameters():
                parameter.mul_(0.5).add_(0.5 * torch.randn(parameter.shape))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def plm_folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A folder for each class, by its name in CLASSES."""
    return {name: save_random_plm(name, tmp_path_factory.mktemp(name)) for name in CLASSES}


def save_generated_plm(family: str, folder: Path, **shape: int) -> Path:
    """A small model of random weights of a family, as the project makes it before pretraining, knowing WORDS."""
    sizes = {"d_model": 16, "layers": 1, "ffn": 16, "heads": 2, "positions": 64, "vocabulary": 300} | shape
    made = Architecture(family=family, initial_deviation=0.3, **sizes)
    loaded = fresh_plm(Generated(architecture=made, pretraining=Pretraining()), [" ".join(WORDS)] * 30)
    loaded.model.save_pretrained(folder)
    loaded.tokenizer.save_pretrained(folder)
    return folder
