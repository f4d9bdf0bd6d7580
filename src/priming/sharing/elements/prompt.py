"""A soft prompt as PEFT has it, else as plain tensors; `adapters` has none for encoder-decoders."""

from collections.abc import Iterator

from priming.sharing.formats import by_peft, plain
from priming.sharing.interface import Attached, Format, Shared

_BEFORE_INPUTS = """
prompt = load_file(FILE)["prompt"]
def with_prompt(module, args, inputs):
    embeddings, mask = model.get_input_embeddings()(inputs.pop("input_ids")), inputs["attention_mask"]
    inputs["inputs_embeds"] = torch.cat([prompt.expand(len(mask), -1, -1), embeddings], dim=1)
    inputs["attention_mask"] = torch.cat([mask.new_ones(len(mask), len(prompt)), mask], dim=1)
    inputs.pop("token_type_ids", None)
    return args, inputs
model.register_forward_pre_hook(with_prompt, with_kwargs=True)
"""


class SharedPrompt(Shared):
    """Vectors before the embeddings of the inputs."""

    name = "prompt"

    def formats(self, element: Attached) -> Iterator[Format]:
        """PEFT puts them before the encoder's inputs alone, if it is told of one stack."""
        (prompt,) = element.tensors.values()
        config = element.model.plm.config
        about = {
            "peft_type": "PROMPT_TUNING",
            "num_virtual_tokens": len(prompt),
            "token_dim": prompt.shape[1],
            "num_transformer_submodules": 1,
            "num_attention_heads": config.num_attention_heads,
            "num_layers": config.num_hidden_layers,
            "prompt_tuning_init": "RANDOM",
        }
        yield by_peft(element, about, lambda: {"prompt_embeddings": prompt})
        yield plain(element, lambda: {"prompt": prompt}, _BEFORE_INPUTS)


SHARED = SharedPrompt()
