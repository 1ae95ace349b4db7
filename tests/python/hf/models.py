"""Tiny random models of the families that the tests look at closely, each for what it alone has."""

import torch
import transformers
from hf_families.tiny import tiny_model

_SIZES = {"num_hidden_layers": 2, "num_attention_heads": 4, "vocab_size": 96}
_LLAMA = {**_SIZES, "hidden_size": 32, "intermediate_size": 48, "num_key_value_heads": 2, "head_dim": 8}

CONFIGS = {
    # grouped heads
    "llama": (transformers.LlamaForCausalLM, transformers.LlamaConfig, _LLAMA),
    # query, key and value cut out of one projection
    "gpt2": (transformers.GPT2LMHeadModel, transformers.GPT2Config, dict(n_layer=2, n_head=4, n_embd=32, vocab_size=96)),
    # without causality
    "bert": (transformers.BertForMaskedLM, transformers.BertConfig, {**_SIZES, "hidden_size": 32, "intermediate_size": 48}),
    # a sliding window in every other layer, and a soft cap
    "gemma2": (
        transformers.Gemma2ForCausalLM,
        transformers.Gemma2Config,
        {**_LLAMA, "sliding_window": 4, "attn_logit_softcapping": 2.0, "query_pre_attn_scalar": 8},
    ),
    # sinks
    "gpt_oss": (
        transformers.GptOssForCausalLM,
        transformers.GptOssConfig,
        {**_LLAMA, "sliding_window": 4, "num_local_experts": 4, "num_experts_per_tok": 2},
    ),
    # position biases and attention across
    "t5": (
        transformers.T5ForConditionalGeneration,
        transformers.T5Config,
        dict(vocab_size=96, d_model=32, d_kv=8, d_ff=48, num_layers=2, num_heads=4, decoder_start_token_id=0),
    ),
}
DECODERS = ("llama", "gpt2", "gemma2", "gpt_oss")
# Logits of "eager", of about 1 in size; float32's rounding over two layers is 2e-7.
TOLERANCE = 1e-5


def make_model(family):
    cls, config_class, sizes = CONFIGS[family]
    config = config_class(**sizes, attn_implementation="eager")
    return tiny_model(cls, config)


def token_ids(batch, tokens, seed=3):
    return torch.randint(5, 96, (batch, tokens), generator=torch.Generator().manual_seed(seed))


def under(model, implementation, *arguments, **named):
    """The model's answer under an implementation."""
    model.set_attn_implementation(implementation)
    return model(*arguments, **named)


def inputs_of(family, ids):
    return {"input_ids": ids, "decoder_input_ids": ids[:, :5]} if family == "t5" else {"input_ids": ids}
