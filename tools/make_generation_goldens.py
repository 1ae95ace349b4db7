#!/usr/bin/env python3
"""Writes tests/golden/generation.json: how transformers goes on with a few prompts, greedily, in float32.

Needs the model of `fovea model get smollm2` and, in a Python environment: pip install torch transformers gguf
    tools/make_generation_goldens.py ~/.local/share/fovea/models/smollm2
"""
import json
import pathlib
import sys

import torch
import transformers

FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
TOKENS = 64
PROMPTS = [
    "Your journey starts with one step",
    "The capital of France is",
    "Once upon a time there was a bat who",
    "def fibonacci(n):",
    "Die Hauptstadt von Österreich heißt",
]


def continuation(model, tokenizer, prompt):
    ids = tokenizer(prompt, return_tensors="pt", add_special_tokens=False).input_ids
    with torch.no_grad():
        out = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=TOKENS, do_sample=False)
    new = out[0, ids.shape[1]:].tolist()
    if new and new[-1] == model.generation_config.eos_token_id:
        new.pop()
    return {"prompt": prompt, "prompt_ids": ids[0].tolist(), "ids": new, "text": tokenizer.decode(new)}


def smallest_margin(model, entry):
    """How far the second choice was behind, in logits, where it was nearest."""
    ids = torch.tensor([entry["prompt_ids"] + entry["ids"]])
    with torch.no_grad():
        logits = model(ids).logits[0, len(entry["prompt_ids"]) - 1:-1]
    best = logits.topk(2, dim=-1).values
    return float((best[:, 0] - best[:, 1]).min())


def main():
    folder = sys.argv[1]
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, gguf_file=FILE)
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, gguf_file=FILE, dtype=torch.float32).eval()
    entries = [continuation(model, tokenizer, prompt) for prompt in PROMPTS]
    for entry in entries:
        entry["smallest_margin"] = smallest_margin(model, entry)
    versions = {"torch": torch.__version__, "transformers": transformers.__version__}
    golden = {"model": FILE, "made_with": versions, "tokens": TOKENS, "prompts": entries}
    target = pathlib.Path(__file__).parent.parent / "tests" / "golden" / "generation.json"
    target.write_text(json.dumps(golden, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
