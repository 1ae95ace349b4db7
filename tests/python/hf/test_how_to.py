"""The guide's programs run, one after the other, on a tiny model."""

import pathlib
import re
import sys
import types

import torch
from models import make_model
from words import TEXT, make_tokenizer

GUIDE = pathlib.Path(__file__).parents[3] / "docs" / "how-to" / "hugging-face.md"


def test_the_guides_programs_run(tmp_path, monkeypatch):
    make_model("llama").save_pretrained(tmp_path / "model")
    make_tokenizer().save_pretrained(tmp_path / "model")
    bertviz = types.ModuleType("bertviz")
    shown = []
    bertviz.head_view = lambda attentions, tokens: shown.append([tensor.shape for tensor in attentions])
    monkeypatch.setitem(sys.modules, "bertviz", bertviz)
    monkeypatch.chdir(tmp_path)
    # The guide has the layers and heads of a larger model in mind.
    programs = [block.replace("[3, 4]", "[0, 1]").replace("[0, 7]", "[0, 3]") for block in re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.S)]
    assert len(programs) == 4
    names = {"name": str(tmp_path / "model"), "text": TEXT, "tokens": TEXT.split()}
    for number, program in enumerate(programs):
        if number == 1:
            names["inputs"] = names["tokenizer"](TEXT, return_tensors="pt")
        exec(compile(program, f"{GUIDE.name}, program {number}", "exec"), names)
        if number == 1:
            names["observed"], names["attentions"] = names["attentions"], names["model"](**names["inputs"], output_attentions=True).attentions
    assert names["observed"][1].entropy.shape == (1, 4, 20)
    assert shown == [[torch.Size([1, 2, 20, 20])] * 2]
    assert (tmp_path / "page.html").exists()
