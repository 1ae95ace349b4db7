"""What is measured: one Case a row, in groups, with the goals that each has."""

import dataclasses
import math


@dataclasses.dataclass(frozen=True)
class Goal:
    """The key of a result that must be at least `required`; `stretch` is what we would like."""

    key: str
    required: float
    stretch: float | None = None


@dataclasses.dataclass(frozen=True)
class Case:
    """One question and how it is asked. `shape` is (batch, query heads, key heads, queries, keys, head size)."""

    shape: tuple[int, int, int, int, int, int]
    group: str = "shape"
    causal: bool = False
    window: tuple[float, float] | None = None  # (left, right), math.inf = no bound
    dtype: str = "f32"
    threads: int = 2
    softcap: float = 0
    bias: bool = False  # dense, float, [queries, keys]
    keep: bool = False  # random, bool, nine keys of ten, [queries, keys]
    alibi: bool = False
    sinks: bool = False
    layout: str = "heads"  # [batch, heads, tokens, size]; "tokens" = views of [batch, tokens, heads, size]
    logits: float = 1  # factor of the query
    lowest_row: bool = False  # a row whose bias is -1e9 throughout
    against: "Case | None" = None  # fovea on this, as one more rival: ratio_own says how much of its speed is kept
    goals: tuple[Goal, ...] = ()

    def name(self):
        """Short, for a table."""
        batch, query_heads, key_heads, queries, keys, size = self.shape
        heads = f"H{query_heads}" if query_heads == key_heads else f"H{query_heads}/{key_heads}"
        tokens = f"N{queries}" if queries == keys else f"N{queries}x{keys}"
        words = [f"B{batch} {heads} {tokens} D{size}", self.dtype]
        words += [word for word in ("causal", "bias", "keep", "alibi", "sinks") if getattr(self, word)]
        if self.window is not None:
            words.append(f"window {self.window[0]:g},{self.window[1]:g}")
        if self.softcap:
            words.append(f"softcap {self.softcap:g}")
        if self.layout == "tokens":
            words.append("BTHD")
        if self.logits != 1:
            words.append(f"logits x{self.logits:g}")
        if self.lowest_row:
            words.append("row at -1e9")
        return " ".join([*words, f"T{self.threads}"])

    def visible_pairs(self):
        """Pairs of a query and a key of one head that position leaves visible (a keep mask's are all counted)."""
        _, _, _, queries, keys, _ = self.shape
        left, right = self.window or (math.inf, math.inf)
        if self.causal:
            right = min(right, 0)
        pairs = 0
        for row in range(queries):
            diagonal = row + keys - queries
            first = max(0, diagonal - left)
            last = min(keys - 1, diagonal + right)
            pairs += max(0, int(last) - int(first) + 1)
        return pairs

    def flops(self):
        """A product and a sum for each pair and number of the head, in QK and in PV."""
        batch, query_heads, *_, size = self.shape
        return 4 * batch * query_heads * self.visible_pairs() * size

    def is_decode(self):
        """Few queries: bound by reading keys and values."""
        return self.shape[3] <= 64 < self.shape[4]


def _plain(case):
    """The same sizes without rules, the calls that modifiers and layouts are compared with."""
    return Case(case.shape, causal=case.causal, dtype=case.dtype, threads=case.threads)


def _against_plain(case, share, **others):
    return dataclasses.replace(case, against=_plain(case), goals=(Goal("ratio_own", share),), **others)


def _prefill():
    for size, required, stretch in ((64, 86, 88), (128, 89, 91)):
        for tokens in (512, 1024, 2048, 4096, 8192, 16384):
            heads = 12 if tokens <= 4096 else 4
            yield Case((1, heads, heads, tokens, tokens, size), goals=(Goal("percent_of_peak", required, stretch),))


def _causal():
    for size, required, stretch in ((64, 84, 86), (128, 86, 88)):
        for tokens in (512, 1024, 2048, 4096, 8192, 16384):
            heads = 12 if tokens <= 4096 else 4
            goal = Goal("percent_of_peak", 80 if tokens == 512 else required, stretch)
            yield Case((1, heads, heads, tokens, tokens, size), causal=True, goals=(goal,))


def _batch():
    yield Case((8, 12, 12, 128, 128, 64), goals=(Goal("percent_of_peak", 78, 80),))
    yield Case((8, 12, 12, 128, 128, 64), causal=True, goals=(Goal("percent_of_peak", 59, 62),))


def _sizes():
    for size in (32, 80, 96, 112, 256):
        yield Case((1, 8, 8, 2048, 2048, size), goals=(Goal("percent_of_peak", 80, 85),))


def _geomean():
    shapes = [(1, 12, 12, tokens, tokens, 64) for tokens in (512, 1024, 2048, 4096)]
    shapes += [(1, 8, 8, 4096, 4096, 128), (1, 32, 8, 2048, 2048, 128), (8, 12, 12, 128, 128, 64)]
    for threads in (2, 1):
        for shape in shapes:
            for causal in (False, True):
                yield Case(shape, causal=causal, threads=threads, goals=(Goal("ratio_torch_sdpa", 1.12),))


def _views():
    for size in (64, 128):
        yield _against_plain(Case((1, 12, 12, 2048, 2048, size), layout="tokens"), 0.97)


def _types():
    for dtype in ("bf16", "f16"):
        for shape in ((1, 12, 12, 2048, 2048, 64), (1, 8, 8, 4096, 4096, 128)):
            yield Case(shape, dtype=dtype, against=Case(shape),
                       goals=(Goal("ratio_own", 0.95), Goal("ratio_torch_sdpa", 2)))


def _modifiers():
    case = Case((1, 12, 12, 2048, 2048, 64))
    for share, change in ((0.90, {"bias": True}), (0.90, {"keep": True}), (0.95, {"alibi": True}),
                          (0.95, {"sinks": True}), (0.80, {"softcap": 30})):
        yield _against_plain(case, share, **change)


def _numbers():
    case = Case((1, 12, 12, 2048, 2048, 64))
    for change in ({"logits": 20}, {"logits": 40}):
        yield _against_plain(case, 0.97, **change)
    far = Case((1, 4, 4, 16384, 16384, 64))
    near = dataclasses.replace(far, alibi=True, shape=(1, 4, 4, 1024, 16384, 64))
    yield _against_plain(near, 0.95)  # 3 % for the numbers, which ALiBi's own 5 % hold
    yield dataclasses.replace(case, bias=True, lowest_row=True, against=dataclasses.replace(case, bias=True),
                              goals=(Goal("ratio_own", 0.97),))


def _window():
    yield Case((1, 4, 4, 16384, 16384, 64), window=(128, 0), causal=True,
               goals=(Goal("ratio_torch_sdpa", 40), Goal("percent_of_peak", 0, 50)))


def _decode():
    for size, share in ((64, 80), (128, 78)):
        for keys in (4096, 32768):
            goals = (Goal("percent_of_bandwidth", share), Goal("ratio_torch_sdpa", 3), Goal("ratio_torch_packed", 1.15))
            yield Case((1, 32, 8, 1, keys, size), goals=goals)
    for dtype in ("bf16", "f16"):
        for keys in (4096, 32768):
            yield Case((1, 32, 8, 1, keys, 128), dtype=dtype, goals=(Goal("percent_of_bandwidth", 60, 75),))


def _few():
    for queries in (1, 2, 4, 8, 16, 17, 31, 33, 64):
        yield Case((1, 32, 8, queries, 4096, 64), goals=(Goal("ratio_torch_sdpa", 1.1),))


def _avx2():
    for size in (64, 128):
        yield Case((1, 12, 12, 2048, 2048, size), goals=(Goal("percent_of_peak", 78, 85),))


def _threads():
    for tokens in (512, 2048):
        for causal in (False, True):
            case = Case((1, 12, 12, tokens, tokens, 64), causal=causal)
            yield dataclasses.replace(case, against=dataclasses.replace(case, threads=1),
                                      goals=(Goal("ratio_own", 1.9),))


GROUPS = {
    "prefill": _prefill, "causal": _causal, "batch": _batch, "sizes": _sizes, "geomean": _geomean, "views": _views,
    "types": _types, "modifiers": _modifiers, "numbers": _numbers, "window": _window, "decode": _decode, "few": _few,
    "avx2": _avx2, "threads": _threads,
}


def cases_of(group):
    return [dataclasses.replace(case, group=group) for case in GROUPS[group]()]
