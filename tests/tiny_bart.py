"""A tiny random BART with a trained tokenizer, and examples for it."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import BartConfig, BartForConditionalGeneration

from priming.backbones.attachment import attach
from priming.backbones.encoding import TokenizedDataset
from priming.backbones.loading import LoadedPlm, load_plm
from priming.backbones.text_model import TextModel
from priming.backbones.tokenizer import SPECIAL, train_tokenizer
from priming.elements.adapter import Adapter
from priming.elements.prefix import Prefix
from priming.elements.prompt import Prompt
from priming.elements.sections import Elements

WORDS = ["red", "blue", "green", "one", "two", "three", "cat", "dog", "bird", "runs", "sleeps", "sings", "good", "bad"]
SIZES = Elements(adapter=Adapter(bottleneck=4), prompt=Prompt(length=3), prefix=Prefix(length=2))


@pytest.fixture(scope="session")
def plm_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random BART of width 16 as a user's local folder holds it."""
    folder = tmp_path_factory.mktemp("plm")
    random = torch.Generator().manual_seed(0)
    texts = [" ".join(WORDS[i] for i in torch.randint(len(WORDS), (6,), generator=random)) for _ in range(200)]
    tokenizer = train_tokenizer(texts, 300)
    torch.manual_seed(0)
    config = BartConfig(
        vocab_size=len(tokenizer), d_model=16, encoder_layers=2, decoder_layers=2, encoder_ffn_dim=24,
        decoder_ffn_dim=24, encoder_attention_heads=2, decoder_attention_heads=2, max_position_embeddings=40,
        dropout=0.1, attention_dropout=0.1, init_std=0.2, pad_token_id=SPECIAL.index("<pad>"), bos_token_id=0,
        eos_token_id=2, decoder_start_token_id=2, forced_eos_token_id=None,
    )  # fmt: skip
    BartForConditionalGeneration(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def spaceless(plm_folder: Path, tmp_path: Path) -> Path:
    """The PLM with its tokenizer as BART's own is: it puts no space before a text."""
    folder = Path(shutil.copytree(plm_folder, tmp_path / "spaceless"))
    for file in ("tokenizer.json", "tokenizer_config.json"):
        (folder / file).write_text(
            (folder / file).read_text().replace('"add_prefix_space": true', '"add_prefix_space": false')
        )
    return folder


@pytest.fixture
def build(plm_folder: Path) -> Callable[..., TextModel]:
    """Makes a frozen model with elements, in a precision, with dropout."""

    def built(
        elements: tuple[str, ...], dtype: torch.dtype = torch.float32, dropout: float = 0.0, seed: int = 0
    ) -> TextModel:
        loaded = load_plm(plm_folder, dropout=dropout)
        model = attach(LoadedPlm(loaded.model, loaded.tokenizer), elements, SIZES, seed).to(dtype)
        model.requires_grad_(False)
        return model.train(dropout > 0)

    return built


def examples(number: int, seed: int, longest: int = 7, target: int = 2) -> TokenizedDataset:
    """Random token ids, targets of equal length ending in the end token."""
    random = torch.Generator().manual_seed(seed)
    lengths = torch.randint(3, longest + 1, (number,), generator=random).tolist()
    inputs = tuple(tuple(torch.randint(5, 250, (n,), generator=random).tolist()) for n in lengths)
    targets = tuple(((*torch.randint(5, 250, (target - 1,), generator=random).tolist(), 2),) for _ in range(number))
    return TokenizedDataset(inputs, targets)
