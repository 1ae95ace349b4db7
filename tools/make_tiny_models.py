#!/usr/bin/env python3
"""Writes tests/golden/models/tiny_*: tiny random models as transformers saves them, and what it computes with them.

Needs `pip install torch==2.13.0 transformers==5.24.0`, CPU only. Run from anywhere: tools/make_tiny_models.py

Each folder holds config.json, model.safetensors and golden.json: token ids and, for them, hidden states before any
final norm (hidden[0] the embeddings), all attention weights, and a decoder's logits.
"""

import json
import pathlib
import shutil

import torch
import transformers

from make_model_goldens import Run, numbers

FOLDER = pathlib.Path(__file__).parent.parent / "tests" / "golden" / "models"
VOCABULARY = 60


def scatter(model):
    """Draws all parameters anew, norms and biases too: transformers leaves those at 1 and 0, which hides mistakes."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.normal_(std=0.3)
            if "norm" in name.lower() or ".ln_" in name:
                parameter.add_(1.0 if name.endswith("weight") else 0.0)


def write(name, model, layers):
    scatter(model)
    model.eval()
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(VOCABULARY, (17,), generator=generator).tolist()
    run = Run(model, ids, layers(model))
    golden = {"torch": torch.__version__, "transformers": transformers.__version__, "ids": ids,
              "hidden": [numbers(state) for state in run.hidden],
              "attention": [numbers(weights) for weights in run.attention]}
    if "logits" in run.answer:
        golden["logits"] = numbers(run.answer.logits[0])
    folder = FOLDER / name
    shutil.rmtree(folder, ignore_errors=True)
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    (folder / "golden.json").write_text(json.dumps(golden, separators=(",", ":")).replace("],", "],\n") + "\n")


def gpt2():
    config = transformers.GPT2Config(vocab_size=VOCABULARY, n_positions=24, n_embd=32, n_layer=2, n_head=2,
                                     bos_token_id=0, eos_token_id=0, attn_implementation="eager")
    model = transformers.GPT2LMHeadModel(config)
    write("tiny_gpt2", model, lambda model: model.transformer.h)
    # The same without the head, as AutoModel saves it: names without "transformer.", head tied.
    bare = transformers.GPT2Model(config)
    bare.load_state_dict(model.transformer.state_dict())
    bare.save_pretrained(FOLDER / "tiny_gpt2_bare")


def llama(name, **changes):
    sizes = dict(vocab_size=VOCABULARY, hidden_size=32, intermediate_size=48, num_hidden_layers=2,
                 num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=24, rms_norm_eps=1e-5,
                 attn_implementation="eager")
    config = transformers.LlamaConfig(**{**sizes, **changes})
    write(name, transformers.LlamaForCausalLM(config), lambda model: model.model.layers)


def bert():
    config = transformers.BertConfig(vocab_size=VOCABULARY, hidden_size=32, intermediate_size=48, num_hidden_layers=2,
                                     num_attention_heads=2, max_position_embeddings=24, layer_norm_eps=1e-12,
                                     attn_implementation="eager")
    write("tiny_bert", transformers.BertModel(config), lambda model: model.encoder.layer)
    # With a head, as BertForMaskedLM saves it: names with "bert.".
    masked = transformers.BertForMaskedLM(config)
    masked.bert.load_state_dict(transformers.BertModel.from_pretrained(FOLDER / "tiny_bert").state_dict(), strict=False)
    masked.save_pretrained(FOLDER / "tiny_bert_masked")


def main():
    torch.manual_seed(6)
    gpt2()
    llama("tiny_llama_tied", tie_word_embeddings=True)
    llama("tiny_llama", tie_word_embeddings=False, rope_theta=500.0, head_dim=16)
    bert()
    for folder in FOLDER.glob("tiny_*"):
        (folder / "generation_config.json").unlink(missing_ok=True)


if __name__ == "__main__":
    main()
