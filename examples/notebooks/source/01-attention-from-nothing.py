# %% [markdown]
# # Attention from nothing
#
# Six words, each a vector of three numbers. By the end of this notebook they have become context vectors, through one
# head and through several, and every weight on the way has been seen. The numbers are those of the notebooks that teach
# attention with PyTorch, to the printed digit; here they come from [fovea](../../README.md), on plain numpy arrays.

# %%
import numpy as np

import fovea

np.set_printoptions(precision=4, suppress=True)

words = ["Your", "journey", "starts", "with", "one", "step"]
x = np.array(
    [[0.43, 0.15, 0.89], [0.55, 0.87, 0.66], [0.57, 0.85, 0.64], [0.22, 0.58, 0.33], [0.77, 0.25, 0.10],
     [0.05, 0.80, 0.55]],
    dtype=np.float32,
)

# %% [markdown]
# ## One word asks
#
# "journey" asks all words: how well do you match me? The match is a dot product, softmax makes weights of the matches, and
# the answer is the weighted mean of the vectors.

# %%
scores = x @ x[1]
weights = fovea.nn.softmax(scores)
print("scores ", scores)
print("weights", weights, "sum", weights.sum())
print("context", weights @ x)

# %% [markdown]
# `fovea.attend` is these three lines in one call, and it can say what it looked at while it computes. `scale=1` because the
# dot products above were not scaled.

# %%
answer = fovea.attend(x[1:2], x, x, scale=1, observe=fovea.Observe(rows=[0], entropy=True))
print("context", answer.output[0])
print("weights", answer.observed.rows[0])
print("perplexity: as broad as", np.exp(answer.observed.entropy)[0].round(2), "words alike")

# %% [markdown]
# The same lesson with each number followed back to where it comes from (in a terminal: `fovea walk`):

# %%
fovea.walk("one-query")

# %% [markdown]
# ## All words ask at once

# %%
answer = fovea.attend(x, x, x, scale=1, observe=fovea.Observe(row_statistics=True))
print(answer.output)
print()
print(fovea.Lens(answer).dense()[0])

# %% [markdown]
# ## Query, key and value
#
# What a word looks for, what it offers and what it carries need not be one vector. Three linear layers make three views of
# each word; fovea draws their weights as torch does from the same seed.

# %%
fovea.random.manual_seed(789)
attention = fovea.nn.TinySelfAttentionQKVLinear(3, 2)
print(attention(x))

# %% [markdown]
# `steps` keeps all that leads there. Scores are divided by √2 before softmax, for the vectors have two numbers now.

# %%
steps = attention.steps(x)
print("queries", *steps["query"], sep="\n")
print("weights", *steps["weights"], sep="\n")
by_hand = fovea.attend(steps["query"], steps["key"], steps["value"])
print("attend gives the same:", np.allclose(by_hand.output, attention(x)))

# %% [markdown]
# ## No looking ahead
#
# A model that writes must not see the words that it has yet to write: each word sees itself and those before it.

# %%
causal = fovea.attend(
    steps["query"], steps["key"], steps["value"], causal=True, observe=fovea.Observe(row_statistics=True, received=True)
)
lens = fovea.Lens(causal)
print(lens.dense()[0])
print("what 'with' looks at:", [(words[key], round(weight, 4)) for key, weight in lens.top(0, 3, 2)])
print("attention received:  ", ", ".join(f"{word} {sum_:.2f}" for word, sum_ in zip(words, causal.observed.received)))

# %% [markdown]
# ## Several heads
#
# Two heads of size 1 look in two ways; an output projection mixes what they found. A batch of two copies of the sentence, as
# in the notebooks:

# %%
fovea.random.manual_seed(123)
heads = fovea.nn.MultiHeadAttention(d_in=3, d_out=2, context_length=6, dropout=0.0, num_heads=2)
batch = np.stack([x, x])
print(heads(batch))

# %% [markdown]
# And what each head looks at:

# %%
for number, head in enumerate(heads.steps(batch)["weights"][0]):
    print(f"head {number}", *head, sep="\n")

# %% [markdown]
# Next: [a long context](03-long-context.ipynb), where the whole matrix of weights would not fit. The other lessons:

# %%
for name, title in fovea.list_lessons().items():
    print(f"fovea.walk({name!r})".ljust(28), title)
