"""Texts of exactly so many tokens, made of the project's own documents."""

import json
import subprocess

MOST_STARTS = 50


def documents(root):
    """All of docs/, in the order of the paths: the same text wherever it is read."""
    return "\n".join(path.read_text() for path in sorted((root / "docs").rglob("*.md")))


class Texts:
    def __init__(self, fovea, model, root):
        self._fovea, self._model = fovea, model
        self._words = documents(root).split(" ")

    def tokens(self, text):
        command = [self._fovea, "tokenize", "-", "--model", self._model, "--json"]
        done = subprocess.run(command, input=text.encode(), stdout=subprocess.PIPE, check=True)
        return json.loads(done.stdout)["tokens"]

    def of(self, count):
        """A text and its token ids. Cutting a word may change how its rest is divided: then a text that begins a word
        later is tried."""
        for start in range(MOST_STARTS):
            words = self._words[start:]
            while len(words) < 2 * count:  # more than a token a word, nearly always
                words = words + self._words
            text = " ".join(words[:2 * count])
            tokens = self.tokens(text)
            last = tokens[count - 1]
            cut = text.encode()[:last["first_byte"] + last["byte_count"]].decode(errors="ignore")
            ids = [token["id"] for token in self.tokens(cut)]
            if len(ids) == count:
                return cut, ids
        raise SystemExit(f"explain: found no text of {count} tokens")
