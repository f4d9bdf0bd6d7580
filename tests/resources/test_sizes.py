"""Sizes told without loading, against the parameters of real models."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import (
    BartConfig,
    BartForConditionalGeneration,
    BertConfig,
    BertModel,
    MT5Config,
    MT5ForConditionalGeneration,
    T5Config,
    T5ForConditionalGeneration,
)

from priming.backbones.sections import Architecture, Generated
from priming.backbones.table import BACKBONES
from priming.backbones.text_model import TextModel
from priming.resources.sizes import GUESSED, KNOWN, element_parameters, plm_size
from priming.study.plm import Plm
from tests.tiny_bart import SIZES


def t5(**settings: Any) -> T5ForConditionalGeneration:
    return T5ForConditionalGeneration(T5Config(**settings))


def mt5(**settings: Any) -> MT5ForConditionalGeneration:
    return MT5ForConditionalGeneration(MT5Config(vocab_size=250112, **settings))


GATED = {"feed_forward_proj": "gated-gelu", "tie_word_embeddings": False}
REAL = {
    "bart-base": lambda: BartForConditionalGeneration(
        BartConfig(
            vocab_size=50265, d_model=768, encoder_layers=6, decoder_layers=6, encoder_ffn_dim=3072,
            decoder_ffn_dim=3072, encoder_attention_heads=12, decoder_attention_heads=12,
        )
    ),
    "bart-large": lambda: BartForConditionalGeneration(BartConfig()),
    "t5-small": lambda: t5(d_model=512, d_ff=2048, num_layers=6, num_heads=8),
    "t5-base": lambda: t5(d_model=768, d_ff=3072, num_layers=12, num_heads=12),
    "t5-large": lambda: t5(d_model=1024, d_ff=4096, num_layers=24, num_heads=16),
    "t5-v1_1-small": lambda: t5(d_model=512, d_ff=1024, num_layers=8, num_heads=6, **GATED),
    "t5-v1_1-base": lambda: t5(d_model=768, d_ff=2048, num_layers=12, num_heads=12, **GATED),
    "t5-v1_1-large": lambda: t5(d_model=1024, d_ff=2816, num_layers=24, num_heads=16, **GATED),
    "t5-v1_1-xl": lambda: t5(d_model=2048, d_ff=5120, num_layers=24, num_heads=32, **GATED),
    "mt5-small": mt5,
    "mt5-base": lambda: mt5(d_model=768, d_ff=2048, num_layers=12, num_heads=12),
    "mt5-large": lambda: mt5(d_model=1024, d_ff=2816, num_layers=24, num_heads=16),
    "mt5-xl": lambda: mt5(d_model=2048, d_ff=5120, num_layers=24, num_heads=32),
    "bert-base-multilingual-cased": lambda: BertModel(BertConfig(vocab_size=119547)),
}  # fmt: skip


def parameters(model: torch.nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize("name", KNOWN)
def test_known_sizes_are_those_of_the_models(name: str) -> None:
    with torch.device("meta"):
        model = REAL[name]()
    size, config = KNOWN[name], model.config
    assert size.parameters == pytest.approx(parameters(model), rel=1e-3)
    layers = [getattr(config, key, 0) or 0 for key in ("encoder_layers", "decoder_layers")]
    assert size.layers == (
        sum(layers) or 2 * config.num_layers
        if name.startswith(("t5", "mt5"))
        else sum(layers) or config.num_hidden_layers
    )
    assert (size.width, size.vocabulary) == (config.hidden_size, config.vocab_size)


@pytest.mark.parametrize("hub", ["facebook/bart-base", "somebody/BART-base"])
def test_whose_repository_it_is_does_not_matter(hub: str) -> None:
    assert plm_size(Plm(hub=hub, revision="abc"), Path()) == KNOWN["bart-base"]


@pytest.mark.parametrize(
    ("hub", "size"),
    [
        ("google/t5-xl-lm-adapt", KNOWN["t5-v1_1-xl"]),
        ("some/flan-t5-base", GUESSED["base"]),
        ("some/model-xxl", GUESSED["xxl"]),
        ("some/model", GUESSED["large"]),
    ],
)
def test_others_are_told_by_their_names(hub: str, size: object) -> None:
    assert plm_size(Plm(hub=hub, revision="abc"), Path()) == size


@pytest.mark.parametrize(
    "shape", [Architecture(), Architecture(d_model=32, layers=3, ffn=128, heads=4, positions=40, vocabulary=500)]
)
def test_a_generated_plm(shape: Architecture) -> None:
    layers, ffn, heads = shape.layers, shape.ffn, shape.heads
    with torch.device("meta"):
        config = BartConfig(
            vocab_size=shape.vocabulary, d_model=shape.d_model, encoder_layers=layers, decoder_layers=layers,
            encoder_ffn_dim=ffn, decoder_ffn_dim=ffn, encoder_attention_heads=heads, decoder_attention_heads=heads,
            max_position_embeddings=shape.positions,
        )  # fmt: skip
        model = BartForConditionalGeneration(config)
    assert plm_size(Plm(generate=Generated(architecture=shape)), Path()).parameters == pytest.approx(
        parameters(model), rel=0.05
    )


@pytest.mark.parametrize("family", ["bart", "t5", "mt5"])
def test_a_generated_plm_of_each_class(family: str) -> None:
    """The size that is told, and the class, are those of the model that pretraining starts from."""
    shape = Architecture(family=family, d_model=64, layers=3, ffn=96, heads=4, positions=40, vocabulary=500)
    model = BACKBONES[shape.family].random_model(shape, shape.vocabulary)
    assert model.config.model_type == family
    assert plm_size(Plm(generate=Generated(architecture=shape)), Path()).parameters == pytest.approx(
        parameters(model), rel=0.05
    )
    assert (family == "bart") is (model.get_output_embeddings().weight is model.get_input_embeddings().weight)


def test_a_local_folder(plm_folder: Path) -> None:
    size = plm_size(Plm(path=plm_folder.name), plm_folder.parent)
    model = BartForConditionalGeneration.from_pretrained(plm_folder)
    assert size.parameters == pytest.approx(parameters(model), rel=0.25)  # so small a file is a quarter header
    assert (size.width, size.layers, size.vocabulary) == (16, 4, model.config.vocab_size)


def test_a_local_folder_of_halves(plm_folder: Path, tmp_path: Path) -> None:
    model = BartForConditionalGeneration.from_pretrained(plm_folder)
    model.to(torch.bfloat16).save_pretrained(tmp_path / "halves")
    whole, halves = (plm_size(Plm(path=folder.name), folder.parent) for folder in (plm_folder, tmp_path / "halves"))
    assert halves.parameters == pytest.approx(whole.parameters, rel=0.3)


@pytest.mark.parametrize("element", ["adapter", "prompt", "prefix"])
def test_elements(element: str, build: Callable[..., TextModel], plm_folder: Path) -> None:
    size = plm_size(Plm(path=plm_folder.name), plm_folder.parent)
    own = sum(p.numel() for _, p in build(("plm", element)).owned_by((element,)))
    told = element_parameters(element, SIZES, size)
    assert 0.8 * own <= told <= 1.5 * own
