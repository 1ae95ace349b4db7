# %% [markdown]
# # A long context
#
# 16,384 tokens. The weights of one head alone would be 16,384 × 16,384 numbers: 1 GiB. `fovea.attend` never makes them, and
# still says what people ask them for: which keys each row looks at most, how broad it looks, what each key receives, a map.

# %%
import resource
import time

import numpy as np

import fovea

tokens, heads, size = 16384, 4, 64
rng = np.random.default_rng(0)
query, key, value = (rng.standard_normal((heads, tokens, size), dtype=np.float32) for _ in range(3))

# %% [markdown]
# Something to find: in head 0 all words look for what stands at token 5,000. Head 1 prefers what is near (ALiBi's slope), head 2
# rests on the first token, and head 3 looks anywhere.

# %%
needle = 5000
query[0] = 2 * key[0, needle] + 0.5 * query[0]
query[2] = 2 * key[2, 0] + 0.5 * query[2]
slopes = np.array([0, 0.5, 0, 0], dtype=np.float32)

# %%
observe = fovea.Observe(
    top_weights=3, entropy=True, received=True, pooled_map=(1024, 1024), mass_first=1, row_statistics=True
)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
begin = time.perf_counter()
answer = fovea.attend(query, key, value, causal=True, alibi=slopes, observe=observe)
seconds = time.perf_counter() - begin
grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
print(f"{seconds:.1f} s; {grown:.0f} MiB of memory, where the weights alone would be {4 * heads * tokens**2 >> 20} MiB")
print(answer.plan.explain().splitlines()[0])

# %% [markdown]
# What the last token looks at, in each head:

# %%
seen = answer.observed
for head in range(heads):
    best = zip(seen.top_indices[head, -1], seen.top_weights[head, -1])
    print(f"head {head}:", ", ".join(f"token {index} {weight:.3f}" for index, weight in best))

# %% [markdown]
# How broad each head looks (the number of keys that it could look at alike), what it gives the first token, and which token
# receives most:

# %%
for head in range(heads):
    breadth = np.exp(seen.entropy[head].mean())
    most = int(seen.received[head].argmax())
    print(
        f"head {head}: as broad as {breadth:7.1f} keys; first token gets {seen.mass_first[head].mean():.2f};"
        f" token {most} receives {seen.received[head, most]:.0f}"
    )

# %% [markdown]
# A map of head 0 and head 1, a cell for 1,024 × 1,024 weights: a row of it adds to 1.

# %%
shades = " ░▒▓█"
for head in (0, 1):
    print(f"head {head}")
    for row in seen.pooled_map[head]:
        print("  " + "".join(shades[min(4, int(np.ceil(4 * cell - 0.02)))] * 2 for cell in row))

# %% [markdown]
# Any part of the weights can still be asked for, from two numbers a row, with the bits that the observers saw:

# %%
lens = fovea.Lens(answer)
print("head 0, token 16,000:", [(index, round(weight, 3)) for index, weight in lens.top(0, 16000, 3)])
print("head 1, its last row, the last six keys:", lens.row(1, tokens - 1)[-6:].round(4))
print("head 0, who looks at the needle:", int((lens.column(0, needle) > 0.5).sum()), "tokens with more than half")
