"""Tiny random models of any family in transformers, by one general rule: its config's fields, made small."""

from __future__ import annotations

import dataclasses
from typing import Any

import torch
import transformers
from transformers import PreTrainedConfig, PreTrainedModel
from transformers.models.auto import modeling_auto
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

# What fields are set to, where a config has them.
HIDDEN, HEADS, KEY_HEADS, LAYERS, VOCABULARY, IMAGE = 64, 4, 2, 2, 128, 32
_SIZES: dict[str, Any] = {
    **dict.fromkeys(("hidden_size", "d_model", "n_embd", "embed_dim", "dim", "n_embed", "emb_dim", "hidden_dim"), HIDDEN),
    **dict.fromkeys(
        "num_attention_heads n_head n_heads num_heads encoder_attention_heads decoder_attention_heads num_mask_heads".split(),
        HEADS,
    ),
    **dict.fromkeys(("num_key_value_heads", "num_kv_heads", "n_kv_heads", "num_query_groups"), KEY_HEADS),
    **dict.fromkeys(
        "num_hidden_layers n_layer n_layers num_layers encoder_layers decoder_layers num_decoder_layers depth "
        "num_encoder_layers".split(),
        LAYERS,
    ),
    **dict.fromkeys(
        "intermediate_size ffn_dim encoder_ffn_dim decoder_ffn_dim d_ff n_inner moe_intermediate_size ffn_hidden_size "
        "shared_expert_intermediate_size intermediate_size_mlp ffn_embed_dim mlp_dim d_inner".split(),
        2 * HIDDEN,
    ),
    **dict.fromkeys(("vocab_size", "vocab_size_per_layer_input"), VOCABULARY),
    **dict.fromkeys("num_experts num_local_experts n_routed_experts moe_num_experts".split(), 4),
    **dict.fromkeys(("num_experts_per_tok", "num_experts_per_token", "moe_k"), 2),
    **dict.fromkeys(("head_dim", "d_kv", "attention_head_dim", "v_head_dim", "qk_nope_head_dim", "kv_channels"), 16),
    **dict.fromkeys("max_position_embeddings n_positions max_source_positions max_target_positions n_ctx max_seq_len".split(), 64),
    **dict.fromkeys(("image_size",), IMAGE),
    **dict.fromkeys(("patch_size",), 8),
    **dict.fromkeys(("q_lora_rank", "kv_lora_rank"), 32),
    **dict.fromkeys(("qk_rope_head_dim", "rotary_dim"), 8),
    **dict.fromkeys(("sliding_window", "attention_chunk_size", "local_attention"), 8),
    "qk_head_dim": 24,
    "embedding_size": HIDDEN,
    "first_k_dense_replace": 1,
    "n_group": 1,
    "topk_group": 1,
    "num_mel_bins": 16,
    "num_global_layers": 1,
    "attention_dropout": 0.0,
    "use_sliding_window": True,
    "hidden_size_per_layer_input": 16,
    "mlp_ratio": 2,
    "index_topk": 4,
    "type_vocab_size": 2,
}
_TOKENS = ("pad_token_id", "bos_token_id", "eos_token_id", "decoder_start_token_id", "sep_token_id", "cls_token_id")
# A class of each kind of model; the first that a family has is tried.
_KINDS = (
    "SEQ_TO_SEQ_CAUSAL_LM SPEECH_SEQ_2_SEQ MASKED_LM CAUSAL_LM IMAGE_TEXT_TO_TEXT CTC IMAGE_CLASSIFICATION "
    "AUDIO_CLASSIFICATION ZERO_SHOT_IMAGE_CLASSIFICATION"
).split()


def families() -> list[str]:
    """The names of all model types that transformers knows."""
    return sorted(CONFIG_MAPPING.keys())


def model_class(family: str) -> type[PreTrainedModel] | None:
    """The class to try of a family, or None where transformers names none."""
    for kind in (*(f"MODEL_FOR_{kind}_MAPPING_NAMES" for kind in _KINDS), "MODEL_MAPPING_NAMES"):
        name = getattr(modeling_auto, kind).get(family)
        if name is None:
            continue
        found = getattr(transformers, name[0] if isinstance(name, (tuple, list)) else name, None)
        if found is not None:
            return found
    return None


# What families that the rule does not fit may need: layers of all their kinds, as many key heads as heads, their own
# number of tokens or heads a layer.
VARIANTS: tuple[dict[str, Any], ...] = (
    {},
    {"num_key_value_heads": HEADS},
    {"num_hidden_layers": 4},
    {"num_hidden_layers": 4, "num_key_value_heads": HEADS},
    {"num_hidden_layers": 2, "layer_types": ["linear_attention", "full_attention"]},
    {"num_hidden_layers": 2, "layer_types": ["mamba", "attention"]},
    {"attn_layer_indices": [1]},
    {"attention_types": [[["global", "local"], 1]]},
    {"image_size": 64, "hidden_size": 96},
    {"pad_token_id": 1, "mask_token_id": 4},
    {"input_feat_per_channel": 16, "conv_channels": 32},
)


def tiny_config(config_class: type[PreTrainedConfig], variant: dict[str, Any]) -> PreTrainedConfig:
    """A config of the class with all sizes that are known by name made small, and those of the configs within it."""
    fields = {field.name: field for field in dataclasses.fields(config_class)}
    given: dict[str, Any] = {}
    given.update({name: value for name, value in variant.items() if name in fields and name not in _SIZES})
    for name, size in {**_SIZES, **variant}.items():
        if name in fields and name not in given and not isinstance(_default(fields[name]), (list, tuple, dict)):
            if isinstance(_default(fields[name]), float):
                size = float(size)
            if name in ("sliding_window", "use_sliding_window", "q_lora_rank") and _default(fields[name]) in (None, False):
                continue  # off by default, and another way to compute when on
            given[name] = size
    for name in _TOKENS:
        if name not in given and isinstance(_default(fields[name]) if name in fields else None, int):
            given[name] = _TOKENS.index(name) % 3
    for name, inner in (config_class.sub_configs or {}).items():
        if inner is not transformers.AutoConfig:
            given[name] = tiny_config(inner, variant).to_dict()
        elif (default := getattr(config_class(), name, None)) is not None:
            given[name] = tiny_config(type(default), variant).to_dict()
    config = config_class(**given)
    rope = getattr(config, "rope_parameters", None)
    if isinstance(rope, dict) and "mrope_section" in getattr(config_class, "ignore_keys_at_rope_validation", ()):
        # Shares of half a head's size, which a field has and no size of this rule says.
        rope["mrope_section"] = [2, 3, 3]
    return config


def _default(field: dataclasses.Field[Any]) -> Any:
    return field.default_factory() if field.default_factory is not dataclasses.MISSING else field.default


def tiny_model(cls: type[PreTrainedModel], config: PreTrainedConfig, limit: int = 30_000_000) -> PreTrainedModel:
    """A model with random weights of a size at which heads differ (the usual 0.02 makes all weights nearly alike), in eval.

    Raises ValueError where the rule left it larger than `limit` parameters.
    """
    with torch.device("meta"):
        size = sum(parameter.numel() for parameter in cls(config).parameters())
    if size > limit:
        raise ValueError(f"{size / 1e6:.0f} million parameters are left")
    torch.manual_seed(0)
    model = cls(config).eval()
    for parameter in model.parameters():
        if parameter.dim() >= 2:
            torch.nn.init.normal_(parameter, std=parameter[0].numel() ** -0.5)
        elif parameter.numel() and bool((parameter == 0).all()):
            torch.nn.init.normal_(parameter, std=0.1)
    return model
