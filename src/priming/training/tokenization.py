"""The tokenizer of a PLM as the study wants it: lengths, and which texts end with the end token."""

from transformers import PreTrainedTokenizerBase

from priming.backbones.encoding import TextTokenizer
from priming.backbones.interface import Backbone
from priming.errors import StudyError
from priming.study.plm import Plm


def text_tokenizer(tokenizer: PreTrainedTokenizerBase, plm: Plm, backbone: Backbone, name: str) -> TextTokenizer:
    """The tokenizer of a PLM that the study calls `name`; raises StudyError if its family has no such end tokens."""
    if why := backbone.unfit_ends(plm.end_tokens):
        raise StudyError(f"plms.{name}.end_tokens: {why}")
    return TextTokenizer(tokenizer, plm.max_input, plm.max_output, backbone.ends_inputs, plm.end_tokens)
