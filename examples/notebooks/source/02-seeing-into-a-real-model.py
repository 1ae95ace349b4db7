# %% [markdown]
# # Seeing into a real model
#
# What do the heads of a transformer look at? A fused attention never has its weights in memory, and one that has them all needs
# tokens × tokens numbers for each head. fovea computes the attention, and says what you ask for of its weights, in O(tokens).
#
# This notebook runs a Hugging Face model under fovea: SmolLM2 with 135 million parameters, where `fovea model get smollm2` has put
# it; without it a small model with random weights, whose heads have nothing to tell, so that all cells still run.

# %%
import os
import pathlib
import tempfile
import warnings

os.environ["TQDM_DISABLE"] = "1"  # no progress bars
warnings.filterwarnings("ignore", message="IProgress not found")

import torch
import transformers

import fovea

transformers.logging.set_verbosity_error()
fovea.hf.register()

data = pathlib.Path(os.environ.get("XDG_DATA_HOME") or pathlib.Path.home() / ".local/share")
file = data / "fovea/models/smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
text = "Your journey starts with one step. When the road bends, your journey starts again with one step."

if file.exists():
    tokenizer = transformers.AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name)
    model = transformers.AutoModelForCausalLM.from_pretrained(
        file.parent, gguf_file=file.name, dtype=torch.float32, attn_implementation="fovea"
    )
else:
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = Tokenizer(models.WordLevel({word: n for n, word in enumerate(["?", *sorted(set(text.split()))])}, unk_token="?"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=words, unk_token="?")
    sizes = dict(hidden_size=64, intermediate_size=128, num_attention_heads=4, num_key_value_heads=2, vocab_size=32)
    model = transformers.LlamaForCausalLM(transformers.LlamaConfig(num_hidden_layers=18, **sizes))
    model.set_attn_implementation("fovea")
model = model.eval()

inputs = tokenizer(text, return_tensors="pt")
tokens = [tokenizer.decode([token]) for token in inputs.input_ids[0]]
print(len(tokens), "tokens:", " ".join(token.strip() for token in tokens))

# %% [markdown]
# ## A Lens a layer
#
# `output_attentions=True` gives a Lens in the place of each layer's tensor of weights. Nothing is computed until it is asked for.

# %%
with torch.no_grad():
    attentions = model(**inputs, output_attentions=True).attentions
print(len(attentions), "layers;", attentions[0])

# %% [markdown]
# Where does each token look in one head? The three largest weights of each row, with their keys. In SmolLM2, layer 16's head 0 looks
# at the token before.

# %%
def show_head(layer, head, k=3):
    weights, keys = attentions[layer].top(k)
    print(f"layer {layer}, head {head}")
    for i, token in enumerate(tokens):
        looks = [(w, j) for w, j in zip(weights[0, head, i].tolist(), keys[0, head, i].tolist()) if w >= 0.005]
        print(f"{token.strip():>10} -> " + "   ".join(f"{tokens[j].strip()} {w:.2f}" for w, j in looks))


show_head(16, 0)

# %% [markdown]
# An **induction head** has learned to copy: at the second "starts" it looks at what came after the first one.

# %%
show_head(17, min(5, attentions[0].shape[1] - 1))

# %% [markdown]
# ## What kind of head is it?
#
# Portraits measure it, over all heads, without a weight matrix: mean weights on the previous token, on itself, on the first, on
# tokens that followed an earlier copy.

# %%
from collections import defaultdict

kinds = defaultdict(list)
for layer, lens in enumerate(attentions):
    for portrait in lens.portraits(inputs.input_ids):
        for kind, number in portrait.labels:
            kinds[kind].append((number, f"{layer}.{portrait.head}"))
for kind, heads in sorted(kinds.items(), key=lambda item: -len(item[1])):
    best = ", ".join(f"{name} {number:.2f}" for number, name in sorted(heads, reverse=True)[:4])
    print(f"{kind:<16} {len(heads):>4}   {best}")

# %% [markdown]
# ## Who is looked at?
#
# `received` is the weight that a key gets from all rows. Over most heads it rests on the first token, which says nothing: an
# attention sink.

# %%
received = torch.stack([lens.received[0].mean(0) for lens in attentions]).mean(0)
seen_by = torch.arange(len(tokens), 0, -1)
for token, share in zip(tokens, (received / seen_by).tolist()):
    print(f"{token.strip():>10} {share:.3f} " + "█" * round(40 * share))

# %% [markdown]
# ## A long text
#
# What is wanted beforehand is observed in the same pass: `keep=False` lets go of each layer's vectors. All weights of this text would
# take as much as the last line says.

# %%
long = inputs.input_ids.repeat(1, 2048 // len(tokens) + 1)[:, :2048]
with torch.no_grad(), fovea.hf.observe(top_weights=8, entropy=True, received=True, keep=False):
    seen = model(long, output_attentions=True, use_cache=False).attentions

entropy = torch.stack([lens.entropy[0].mean(-1) for lens in seen])
layer, head = divmod(int(entropy.argmin()), entropy.shape[1])
print(f"sharpest head: {layer}.{head}, as if at {entropy.min().exp():.1f} tokens")
layer, head = divmod(int(entropy.argmax()), entropy.shape[1])
print(f"broadest head: {layer}.{head}, as if at {entropy.max().exp():.0f} tokens")
kept = sum(lens.top(8)[0].numel() * 8 + lens.entropy.numel() * 4 + lens.received.numel() * 4 for lens in seen)
print(f"kept: {kept / 2**20:.0f} MiB; all weights: {len(seen) * seen[0].shape[1] * 2048**2 * 4 / 2**20:.0f} MiB")

# %% [markdown]
# ## The page
#
# `fovea.explain` gathers all of it in one file that opens without a network: maps, heads by kind, and the arithmetic of any cell
# that you click. In a live notebook a last line of `page` shows it here.

# %%
page = fovea.explain(model, tokenizer, text)
print(page)
print("comes next:", ", ".join(f"{guess['text']!r} {guess['probability']:.2f}" for guess in page.data["guesses"]))
print("saved:", page.save(pathlib.Path(tempfile.mkdtemp()) / "page.html"))
