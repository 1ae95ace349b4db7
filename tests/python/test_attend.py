"""attend against the textbook in float64, and against torch's own arithmetic in the arrays' type."""

import dense
import numpy as np
import problems
import pytest

import fovea

PROBLEMS = 150


def rounding(value, dtype) -> float:
    """The largest rounding of an output of this size: half an ulp, whatever else was exact."""
    digits = {"float32": 24, "float16": 11, "bfloat16": 8}[str(dtype)]
    return float(np.abs(value).max(initial=0)) * 2.0**-digits


def error(found, truth) -> float:
    return float(np.abs(np.asarray(found, np.float64) - truth).max(initial=0))


def spread_of_error(found, truth) -> float:
    """Root mean square: the largest error of a few thousand numbers is chance."""
    return float(np.sqrt(np.mean((np.asarray(found, np.float64) - truth) ** 2))) if truth.size else 0.0


class Errors:
    """Errors of ours and of a peer over many problems, each in roundings of its output.

    Together ours are at most twice the peer's. Of a single problem of a few rows, whose largest weight decides, that is chance:
    there it is four times.
    """

    def __init__(self) -> None:
        self.ours: list[float] = []
        self.theirs: list[float] = []

    def add(self, ours: float, theirs: float, step: float, what: object) -> None:
        assert ours <= 4 * theirs + step, what
        if step > 0:
            self.ours.append(ours / step)
            self.theirs.append(theirs / step)

    def check(self) -> None:
        ours, theirs = (float(np.sqrt(np.mean(np.square(each)))) for each in (self.ours, self.theirs))
        assert ours <= 2 * theirs, (ours, theirs)


def in_float32(query, key, value, modifiers):
    """The same arithmetic in float32, as torch's math backend orders it."""
    return dense.attention(query, key, value, modifiers, np.float32)[0]


def test_random_problems_are_as_exact_as_float32_allows(seed):
    rng = np.random.default_rng(seed)
    errors = Errors()
    for number in range(PROBLEMS):
        query, key, value, modifiers = problems.random_problem(rng)
        truth, _ = dense.attention(query, key, value, modifiers)
        answer = fovea.attend(query, key, value, **modifiers)
        assert isinstance(answer.output, np.ndarray) and answer.output.dtype == np.float32
        theirs = in_float32(query, key, value, modifiers)
        ours, spread = spread_of_error(answer.output, truth), spread_of_error(theirs, truth)
        errors.add(ours, spread, rounding(value, "float32"), (number, query.shape, key.shape, modifiers))
    errors.check()


@pytest.mark.parametrize("name", ["float32", "bfloat16", "float16"])
def test_random_problems_err_at_most_twice_as_much_as_torch(seed, name):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(seed)
    dtype = getattr(torch, name)
    errors = Errors()
    for number in range(PROBLEMS // 3):
        arrays = problems.random_problem(rng)
        modifiers = arrays[3]
        query, key, value = (torch.from_numpy(np.array(array, order="C")).to(dtype) for array in arrays[:3])
        exact = [tensor.double().numpy() for tensor in (query, key, value)]
        truth, _ = dense.attention(*exact, modifiers)
        given = {n: torch.from_numpy(m) if isinstance(m, np.ndarray) else m for n, m in modifiers.items()}
        answer = fovea.attend(query, key, value, **given)
        assert answer.output.dtype == dtype
        theirs = torch_math(query, key, value, modifiers)
        ours, spread = spread_of_error(answer.output.double().numpy(), truth), spread_of_error(theirs, truth)
        errors.add(ours, spread, rounding(exact[2], name), (number, tuple(query.shape), modifiers))
    errors.check()


def torch_math(query, key, value, modifiers) -> np.ndarray:
    """The steps of torch's math backend in the tensors' own type, with each modifier between them."""
    import torch

    group = query.shape[1] // key.shape[1]
    key, value = (tensor.repeat_interleave(group, dim=1) for tensor in (key, value))
    scale = modifiers.get("scale", query.shape[-1] ** -0.5)
    s = (query @ key.transpose(-1, -2)) * scale
    plain = dict(modifiers, scale=0.0, softcap=0.0, sinks=None)
    if modifiers.get("softcap"):
        s = modifiers["softcap"] * torch.tanh(s / modifiers["softcap"])
    zeros = [np.zeros(tensor.shape) for tensor in (query, key)]
    zeros[1] = zeros[1][:, :: max(group, 1)]
    s = s + torch.from_numpy(dense.scores(*zeros, plain)).to(s.dtype)
    if modifiers.get("sinks") is not None:
        sink = torch.from_numpy(modifiers["sinks"]).to(s.dtype)[:, None].expand(*s.shape[:-1])[..., None]
        s = torch.cat([s, sink], dim=-1)
    weights = torch.softmax(s, dim=-1).nan_to_num(0)[..., : key.shape[2]]
    return (weights @ value).double().numpy()


def test_every_layout_gives_the_same_bits(seed):
    rng = np.random.default_rng(seed)
    arrays = [rng.standard_normal((2, 4, 33, 16)).astype(np.float32) for _ in range(3)]
    plain = fovea.attend(*arrays, causal=True).output
    for _ in range(20):
        moved = [problems.strided(array, rng) for array in arrays]
        assert np.array_equal(fovea.attend(*moved, causal=True).output, plain)


def test_answers_are_of_the_querys_kind_without_a_copy():
    torch = pytest.importorskip("torch")
    query = torch.rand(2, 5, 8)
    answer = fovea.attend(query, query, query, observe=fovea.Observe(entropy=True))
    for array in (answer.output, answer.log_sum_exp, answer.row_max, answer.row_sum, answer.observed.entropy):
        assert isinstance(array, torch.Tensor)
    numbers = query.numpy()
    mixed = fovea.attend(numbers, query, query)
    assert isinstance(mixed.output, np.ndarray)
    assert np.array_equal(mixed.output, answer.output.numpy())
    assert answer.output is answer.output


def test_arrays_outlive_the_answer():
    query = np.ones((3, 4), np.float32)
    output, row_max = (lambda answer: (answer.output, answer.row_max))(fovea.attend(query, query, query))
    assert output.sum() == 12 and row_max.tolist() == [2, 2, 2]


def test_bfloat16_of_numpy_is_ml_dtypes():
    ml_dtypes = pytest.importorskip("ml_dtypes")
    query = np.random.default_rng(1).standard_normal((2, 3, 4)).astype(ml_dtypes.bfloat16)
    output = fovea.attend(query, query, query).output
    assert output.dtype == ml_dtypes.bfloat16
    wide = fovea.attend(*[query.astype(np.float32)] * 3).output
    assert np.array_equal(output.astype(np.float32), wide.astype(ml_dtypes.bfloat16).astype(np.float32))


class Producer:
    """An array of a library that has DLPack alone."""

    def __init__(self, array, library):
        self.array, self.library, self.shape = array, library, array.shape

    def __dlpack__(self, **options):
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()

    def __array_namespace__(self):
        return self

    def from_dlpack(self, array):
        return Producer(self.library.from_dlpack(array), self.library)


def test_other_arrays_come_by_dlpack_and_go_back_so():
    query = np.random.default_rng(2).standard_normal((5, 8)).astype(np.float32)
    output = fovea.attend(*[Producer(query, np)] * 3).output
    assert isinstance(output, Producer)
    assert np.array_equal(output.array, fovea.attend(query, query, query).output)


def test_other_arrays_keep_their_bfloat16():
    torch = pytest.importorskip("torch")
    query = torch.randn(5, 8).bfloat16()
    output = fovea.attend(*[Producer(query, torch)] * 3).output
    assert output.array.dtype == torch.bfloat16
    assert torch.equal(output.array, fovea.attend(query, query, query).output)


def test_float64_is_computed_in_double(seed):
    query = np.random.default_rng(seed).standard_normal((1, 2, 9, 5))
    truth, _ = dense.attention(query, query, query, {"causal": True})
    answer = fovea.attend(query, query, query, causal=True)
    assert answer.output.dtype == np.float64
    assert error(answer.output, truth) < 1e-14
    assert answer.plan.implementation == "reference"


def test_statistics_say_what_softmax_was_made_of(seed):
    rng = np.random.default_rng(seed)
    query = rng.standard_normal((1, 2, 7, 8)).astype(np.float32)
    answer = fovea.attend(query, query, query, causal=True)
    s = dense.scores(query, query, {"causal": True})
    np.testing.assert_allclose(answer.row_max, s.max(-1), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(answer.row_sum, np.exp(s - s.max(-1, keepdims=True)).sum(-1), rtol=1e-5)
    np.testing.assert_allclose(answer.log_sum_exp, np.log(np.exp(s).sum(-1)), rtol=1e-5, atol=1e-6)
    assert answer.empty_rows == 0
    assert fovea.attend(query, query[:, :, :0], query[:, :, :0]).empty_rows == 14


def test_output_goes_where_out_says():
    query = np.random.default_rng(3).standard_normal((2, 6, 8)).astype(np.float32)
    plain = fovea.attend(query, query, query)
    room = np.zeros((2, 6, 16), np.float32)
    answer = fovea.attend(query, query, query, out=room[..., ::2])
    assert np.array_equal(room[..., ::2], plain.output) and not room[..., 1::2].any()
    assert np.shares_memory(answer.output, room)
    assert np.array_equal(answer.log_sum_exp, plain.log_sum_exp)


def test_output_goes_where_out_says_and_is_observed():
    query = np.random.default_rng(3).standard_normal((2, 60, 8)).astype(np.float32)
    observe = fovea.Observe(entropy=True, row_statistics=True)
    plain = fovea.attend(query, query, query, observe=observe)
    room = np.zeros((60, 2, 8), np.float32)
    answer = fovea.attend(query, query, query, observe=observe, out=room.transpose(1, 0, 2))
    assert np.array_equal(room.transpose(1, 0, 2), plain.output)
    assert np.array_equal(answer.observed.entropy, plain.observed.entropy)
    assert np.array_equal(fovea.Lens(answer).row(1, 17), fovea.Lens(plain).row(1, 17))
    with pytest.raises(ValueError, match=r"output is \[2, 60, 4\]; \[2, 60, 8\] is wanted"):
        fovea.attend(query, query, query, observe=observe, out=room.transpose(1, 0, 2)[..., :4])


def test_plan_tells_what_attend_will_do():
    query = np.zeros((1, 8, 512, 64), np.float32)
    planned = fovea.plan(query, query, query, causal=True, threads=2)
    assert planned.implementation == "prefill" and planned.threads <= 2
    ran = fovea.attend(query, query, query, causal=True, threads=2).plan
    assert ran.explain() == planned.explain() == str(planned)
    assert "prefill" in fovea.list_implementations()
    assert "entropy" in fovea.list_observers()


def test_an_answer_says_what_it_is():
    query = np.zeros((2, 3, 4), np.float32)
    assert repr(fovea.attend(query, query, query)) == "fovea.Attended(rows [2, 3], by small)"
    answer = fovea.attend(query, query, query, observe=fovea.Observe(row_statistics=True))
    assert repr(fovea.Lens(answer)) == "fovea.Lens(batch 1, heads 2, queries 3, keys 3)"


def test_a_cache_says_what_it_holds():
    cache = fovea.KvCache(head_size=4, value_size=2, dtype=np.float16)
    cache.append(np.zeros((3, 4), np.float16), np.zeros((3, 2), np.float16))
    assert repr(cache) == (
        "fovea.KvCache(batch=1, key_heads=1, head_size=4, value_size=2, dtype=float16; 3 of 128 tokens)"
    )
    for dtype in (np.dtype("float32"), "float32"):
        assert "dtype=float32" in repr(fovea.KvCache(head_size=4, dtype=dtype))


def test_an_observe_says_what_it_asks_for():
    assert repr(fovea.Observe()) == "fovea.Observe()"
    asked = fovea.Observe(heads=[1, 3], top_weights=8, pooled_map=(4, 8), mass_self=True)
    assert repr(asked) == "fovea.Observe(heads=[1, 3], top_weights=8, pooled_map=(4, 8), mass_self=True)"
    assert repr(fovea.Observe(pooled_map=True, rows=[2])) == "fovea.Observe(pooled_map=True, rows=[2])"
