"""A byte-level BPE tokenizer trained on the study's own texts."""

from collections.abc import Sequence

from tokenizers import ByteLevelBPETokenizer
from tokenizers.processors import TemplateProcessing
from transformers import PreTrainedTokenizerFast

SPECIAL = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")


def train_tokenizer(texts: Sequence[str], vocabulary: int, template: str = "$A </s>") -> PreTrainedTokenizerFast:
    """A tokenizer of at most `vocabulary` entries that puts a space before the first word of a text.

    `template` says which special tokens stand around each text, `$A`.
    """
    trained = ByteLevelBPETokenizer(add_prefix_space=True)
    trained.train_from_iterator(
        list(texts), vocab_size=vocabulary, min_frequency=2, special_tokens=list(SPECIAL), show_progress=False
    )
    around = [(token, SPECIAL.index(token)) for token in template.split() if token in SPECIAL]
    trained._tokenizer.post_processor = TemplateProcessing(single=template, special_tokens=around)
    return PreTrainedTokenizerFast(
        tokenizer_object=trained._tokenizer,
        add_prefix_space=True,
        bos_token="<s>",
        pad_token="<pad>",
        eos_token="</s>",
        unk_token="<unk>",
        mask_token="<mask>",
    )
