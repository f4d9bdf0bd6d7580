"""Small models of transformers, as a user of the library would build and load them."""

from typing import Any

import torch
from transformers import (
    BartConfig,
    BartForConditionalGeneration,
    BertConfig,
    BertForSequenceClassification,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    T5Config,
    T5ForConditionalGeneration,
)

WORDS, CLASSES = 60, 3
EAGER: dict[str, Any] = {"attn_implementation": "eager", "pad_token_id": 1}
BART = {"d_model": 16, "encoder_layers": 1, "decoder_layers": 1, "encoder_ffn_dim": 32, "decoder_ffn_dim": 32}
HEADS = {"encoder_attention_heads": 2, "decoder_attention_heads": 2}
KINDS: dict[str, Any] = {
    "bart": lambda: BartForConditionalGeneration(BartConfig(vocab_size=WORDS, **BART, **HEADS, **EAGER)),
    "t5": lambda: T5ForConditionalGeneration(
        T5Config(
            vocab_size=WORDS, d_model=16, d_kv=8, num_layers=1, num_heads=2, d_ff=32, decoder_start_token_id=1, **EAGER
        )
    ),
    "gpt2": lambda: GPT2LMHeadModel(GPT2Config(vocab_size=WORDS, n_embd=16, n_layer=2, n_head=2, **EAGER)),
    "llama": lambda: LlamaForCausalLM(
        LlamaConfig(
            vocab_size=WORDS, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32, **EAGER
        )
    ),
    "bert": lambda: BertForSequenceClassification(
        BertConfig(
            vocab_size=WORDS, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32,
            num_labels=CLASSES, **EAGER,
        )
    ),
}  # fmt: skip


def model_of(kind: str) -> Any:
    """A model of random weights, with the dropout of its class."""
    torch.manual_seed(7)
    return KINDS[kind]()


def rows_of(kind: str, number: int, seed: int) -> list[dict[str, Any]]:
    """Examples of several lengths, whose label follows from their first token."""
    random = torch.Generator().manual_seed(seed)
    rows = []
    for _ in range(number):
        length = int(torch.randint(3, 8, (), generator=random))
        ids = torch.randint(5, WORDS, (length,), generator=random).tolist()
        labels: Any = ids[0] % CLASSES if kind == "bert" else ids if kind in ("gpt2", "llama") else [ids[0], 2]
        rows.append({"input_ids": ids, "labels": labels})
    return rows
