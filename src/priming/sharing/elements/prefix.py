"""A prefix as `adapters` has it, where that is equal with the usual attention; else as plain tensors."""

from collections.abc import Iterator

from torch import Tensor

from priming.sharing.formats import by_adapters, plain
from priming.sharing.interface import Attached, Format, Shared

_OF_LIBRARY = "control_trans"
_BY_INTERFACE = """
from transformers import AttentionInterface
from transformers.models.{kind}.modeling_{kind} import eager_attention_forward
prefix, encoder, decoder = load_file(FILE), model.get_encoder().layers, model.get_decoder().layers
attentions = {"encoder_prefix": [layer.self_attn for layer in encoder]}
attentions["self_prefix"] = [layer.self_attn for layer in decoder]
attentions["cross_prefix"] = [layer.encoder_attn for layer in decoder]
for name, modules in attentions.items():
    vectors = prefix[name].view({length}, len(modules), 2, modules[0].num_heads, -1).permute(1, 2, 3, 0, 4)
    for module, own in zip(modules, vectors):
        module.prefix = own
def with_prefix(module, query, key, value, mask, **options):
    keys, values = (own.expand(len(query), -1, -1, -1) for own in module.prefix)
    key, value = torch.cat([keys, key], dim=2), torch.cat([values, value], dim=2)
    return eager_attention_forward(module, query, key, value, torch.nn.functional.pad(mask, ({length}, 0)), **options)
AttentionInterface.register("prefix", with_prefix)
model.set_attn_implementation("prefix")
"""
_T5 = """
prefix, encoder, decoder = load_file(FILE), model.encoder.block, model.decoder.block
attentions = {"encoder_prefix": [block.layer[0].SelfAttention for block in encoder]}
attentions["self_prefix"] = [block.layer[0].SelfAttention for block in decoder]
attentions["cross_prefix"] = [block.layer[1].EncDecAttention for block in decoder]
def with_bias(attention, args, inputs):
    if inputs.get("position_bias") is None:
        length = args[0].shape[1]
        bias = attention.compute_bias(length, length) if attention.has_relative_attention_bias else 0
        inputs["position_bias"] = torch.nn.functional.pad(inputs["mask"] + bias, ({length}, 0))
    return args, inputs
def put(linear, front):
    linear.register_forward_hook(lambda _, __, out: torch.cat([front.expand(len(out), -1, -1), out], dim=1))
for name, modules in attentions.items():
    for attention, vectors in zip(modules, prefix[name].view({length}, len(modules), 2, -1).unbind(1)):
        attention.register_forward_pre_hook(with_bias, with_kwargs=True)
        put(attention.k, vectors[:, 0])
        put(attention.v, vectors[:, 1])
model.config.use_cache = model.generation_config.use_cache = False
"""


class SharedPrefix(Shared):
    """Keys and values before those of every attention."""

    name = "prefix"

    def formats(self, element: Attached) -> Iterator[Format]:
        """T5's is this project's own. In the decoder of a BART, the library's is masked by fused attention."""
        if all(name.endswith(_OF_LIBRARY) for name in element.tensors):
            yield by_adapters(element)
            code = _BY_INTERFACE.replace("{kind}", element.model.plm.config.model_type)
        else:
            code = _T5
        yield plain(element, lambda: _tables(element), code.replace("{length}", str(element.options.length)))


def _tables(element: Attached) -> dict[str, Tensor]:
    """The vectors of each kind of attention, by the kind."""
    return {name.removesuffix(f".{_OF_LIBRARY}").rpartition(".")[2]: value for name, value in element.tensors.items()}


SHARED = SharedPrefix()
