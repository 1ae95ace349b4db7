"""Families that docs/hf-families.md calls the same, tried again: some here, all with FOVEA_ALL_FAMILIES=1."""

import os
import pathlib

import pytest
import torch
from hf_families.compare import try_family
from hf_families.tiny import families

TABLE = (pathlib.Path(__file__).parents[3] / "docs" / "hf-families.md").read_text(encoding="utf-8")
SECTIONS = {part.split("\n", 1)[0]: part for part in TABLE.split("\n## ")[1:]}


def rows(section):
    lines = [line for line in SECTIONS[section].splitlines() if line.startswith("| ")]
    return [line[2:].split(" | ")[0] for line in lines[2:]]


# One of each: windows, chunks, shared keys, latent keys, biases, sinks, images, sound, a decoder with an encoder.
SOME = (
    "bart clip cohere2 deepseek_v3 distilbert exaone4 gemma3_text gpt_neox gpt_oss granite llama4_text mistral modernbert mt5 "
    "olmo2 opt phi3 qwen2 qwen3 roberta siglip starcoder2 t5gemma vit wav2vec2 whisper"
).split()
SAME = rows("The same")


@pytest.mark.parametrize("family", SAME if os.environ.get("FOVEA_ALL_FAMILIES") else [name for name in SOME if name in families()])
def test_is_still_the_same(family):
    torch.manual_seed(0)
    assert family in SAME
    verdict = try_family(family)
    assert verdict.result == "same", verdict


def test_the_table_names_every_family():
    named = [*SAME, *rows("Refused"), *rows("Failing"), *rows("Not tried")]
    for section in ("Not on the interface", "Parts"):
        named += SECTIONS[section].split("\n\n")[1].strip().rstrip(".").split(", ")
    assert sorted(named) == families()


@pytest.mark.parametrize("family", rows("Refused"))
def test_is_still_refused_by_name(family):
    verdict = try_family(family)
    assert verdict.result == "refused" and "fovea" in verdict.reason, verdict
