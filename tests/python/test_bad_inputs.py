"""Every kind of bad input: a right result or a Python exception, never a misread and never a crash."""

import html.parser
import os
import subprocess
import sys
import tempfile
import textwrap

import dense
import numpy as np
import pytest

import fovea

LIMITS_MEMORY = pytest.mark.skipif("FOVEA_SANITIZED" in os.environ, reason="the sanitizer takes terabytes of addresses")


def numbers(*shape: int) -> np.ndarray:
    return np.random.default_rng(7).standard_normal(shape).astype(np.float32)


def run(program: str, **options) -> subprocess.CompletedProcess:
    """Run Python code in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, timeout=60, **options
    )


def test_p01_layouts_are_never_misread():
    wide = numbers(2, 12, 16)
    tokens = numbers(4, 6, 8)
    for query in (
        wide.transpose(0, 2, 1)[:, :8, :8].transpose(0, 2, 1),
        wide[:, ::2, ::2],
        wide[:, ::-2, ::-2],
        np.broadcast_to(numbers(1, 1, 8), (2, 6, 8)),
        np.broadcast_to(numbers(8), (2, 6, 8)),
        tokens.transpose(1, 0, 2)[:2],
    ):
        plain = np.array(query, order="C")
        assert np.array_equal(fovea.attend(query, query, query).output, fovea.attend(plain, plain, plain).output)


def test_p01_packed_fields_of_a_record_are_copied():
    records = np.zeros(5, dtype=[("flag", "u1"), ("vector", "f4", (4,))])
    records["vector"] = numbers(5, 4)
    query = records["vector"]
    assert query.strides[0] % 4 != 0
    plain = query.copy()
    assert np.array_equal(fovea.attend(query, query, query).output, fovea.attend(plain, plain, plain).output)


def test_p02_read_only_arrays_are_read_and_not_written():
    query = numbers(3, 4)
    query.flags.writeable = False
    plain = fovea.attend(query, query, query).output
    room = np.zeros((3, 4), np.float32)
    room.flags.writeable = False
    with pytest.raises(ValueError, match="attend: out is read-only"):
        fovea.attend(query, query, query, out=room)
    assert not room.any() and plain.any()


@pytest.mark.parametrize("dtype", ["i4", "c8", ">f4", "?", "O", "f4,f4", "U1", "M8[s]", "f16"])
def test_p03_other_types_are_refused_by_name(dtype):
    query = np.zeros((3, 4), dtype)
    with pytest.raises(TypeError, match=r"attend: query is .*wanted float32, bfloat16, float16 or float64"):
        fovea.attend(query, query, query)
    with pytest.raises(TypeError, match="attend: value is "):
        fovea.attend(numbers(3, 4), numbers(3, 4), query)


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
def test_p03_floats_are_taken_as_they_are(dtype):
    query = numbers(1, 1, 3, 4).astype(dtype)
    truth, _ = dense.attention(query, query, query, {})
    output = fovea.attend(query, query, query).output
    assert output.dtype == np.dtype(dtype)
    np.testing.assert_allclose(output, truth, rtol={"f2": 2e-3, "f4": 1e-5, "f8": 1e-13}[dtype])


def test_p03_what_is_no_array_is_refused():
    query = numbers(3, 4)
    for bad in ([[1.0]], "text", 3, {1: 2}, object()):
        with pytest.raises(TypeError, match="attend: key is of type .*; wanted an array"):
            fovea.attend(query, bad, query)
    with pytest.raises(TypeError, match="attend: keep"):
        fovea.attend(query, query, query, keep=[True])


def test_p04_errors_about_shapes_name_both():
    with pytest.raises(ValueError, match=r"query \[3, 4\], key \[1, 3, 4\] and value \[3, 4\]"):
        fovea.attend(numbers(3, 4), numbers(1, 3, 4), numbers(3, 4))
    with pytest.raises(ValueError, match=r"(?s)4.*5|5.*4"):
        fovea.attend(numbers(3, 4), numbers(3, 5), numbers(3, 5))
    with pytest.raises(ValueError, match=r"\[3, 4\].*\[2, 4\]|\[2, 4\].*\[3, 4\]"):
        fovea.attend(numbers(3, 4), numbers(3, 4), numbers(3, 4), out=numbers(2, 4))
    for rank in (0, 1, 5, 33):
        with pytest.raises(ValueError):
            fovea.attend(*[np.zeros((1,) * rank, np.float32)] * 3)


def test_p05_out_must_not_overlap_an_input():
    query = numbers(6, 4)
    before = query.copy()
    with pytest.raises(ValueError, match="overlap"):
        fovea.attend(query, query, query, out=query)
    with pytest.raises(ValueError, match="overlap"):
        fovea.attend(query[:4], query[1:5], numbers(4, 4), out=query[2:])
    assert np.array_equal(query, before)


def test_p06_memory_that_is_not_aligned_is_copied():
    memory = bytearray(4 * 12 + 1)
    query = np.frombuffer(memory, np.float32, offset=1).reshape(3, 4)
    query[:] = numbers(3, 4)
    plain = query.copy()
    assert np.array_equal(fovea.attend(query, query, query).output, fovea.attend(plain, plain, plain).output)
    with pytest.raises(ValueError, match="attend: out is not aligned"):
        fovea.attend(plain, plain, plain, out=query)


def test_p06_torch_memory_that_is_not_aligned_is_copied():
    torch = pytest.importorskip("torch")
    memory = bytearray(4 * 12 + 1)
    query = torch.frombuffer(memory, dtype=torch.float32, offset=1).reshape(3, 4)
    query.copy_(torch.from_numpy(numbers(3, 4)))
    assert query.data_ptr() % 4 != 0
    assert torch.equal(fovea.attend(query, query, query).output, fovea.attend(*[query.clone()] * 3).output)


def test_p07_dlpack_capsules_are_taken_once():
    class Once:
        """Gives the same capsule again and again, as no producer should."""

        def __init__(self):
            self.capsule = numbers(3, 4).__dlpack__(max_version=(1, 0))
            self.shape = (3, 4)

        def __dlpack__(self, **options):
            return self.capsule

        def __dlpack_device__(self):
            return (1, 0)

    array = Once()
    plain = numbers(3, 4)
    assert fovea.attend(array, plain, plain).output.shape == (3, 4)
    with pytest.raises(TypeError, match="gave no DLPack capsule"):
        fovea.attend(array, plain, plain)


def test_p07_read_only_is_honoured_and_other_devices_are_refused():
    class Producer:
        def __init__(self, array, device):
            self.array, self.device = array, device

        def __dlpack__(self, **options):
            return self.array.__dlpack__(**options)

        def __dlpack_device__(self):
            return self.device

    plain = numbers(3, 4)
    fixed = np.zeros((3, 4), np.float32)
    fixed.flags.writeable = False
    with pytest.raises(ValueError, match="attend: out is read-only"):
        fovea.attend(plain, plain, plain, out=Producer(fixed, (1, 0)))
    with pytest.raises(TypeError, match=r"attend: key is on device \(2, 0\); wanted the CPU"):
        fovea.attend(plain, Producer(plain, (2, 0)), plain)


def test_p07_torch_tensors_that_are_not_plain_memory():
    torch = pytest.importorskip("torch")
    plain = torch.from_numpy(numbers(3, 4))
    with pytest.raises(ValueError, match="attend: value needs a gradient"):
        fovea.attend(plain, plain, plain.clone().requires_grad_())
    with torch.no_grad():
        assert fovea.attend(plain, plain, plain.clone().requires_grad_()).output.shape == (3, 4)
    for odd in (torch.empty(3, 4, device="meta"), plain.to_sparse()):
        with pytest.raises(TypeError, match="attend: key is "):
            fovea.attend(plain, odd, plain)
    negated = torch.conj(torch.complex(plain, plain)).imag
    assert negated.is_neg()
    assert torch.equal(fovea.attend(negated, plain, plain).output, fovea.attend(-plain, plain, plain).output)


def test_p08_views_of_what_is_gone_stay_valid():
    cache = fovea.KvCache(head_size=4)
    cache.append(numbers(3, 4), numbers(3, 4))
    answer = cache.attend(numbers(2, 4)[None, None], observe=fovea.Observe(row_statistics=True))
    lens = fovea.Lens(answer)
    row = lens.row(0, 1)
    del cache
    assert np.array_equal(lens.row(0, 1), row)
    statistics = answer.observed.row_sum
    expected = statistics.copy()
    del lens, answer
    assert np.array_equal(statistics, expected)


def test_p08_a_lens_says_that_its_cache_has_changed():
    cache = fovea.KvCache(head_size=4)
    cache.append(numbers(3, 4), numbers(3, 4))
    lens = fovea.Lens(cache.attend(numbers(1, 1, 2, 4), observe=fovea.Observe(row_statistics=True)))
    cache.append(numbers(300, 4), numbers(300, 4))
    for ask in (lambda: lens.row(0, 0), lambda: lens.cell(0, 0, 0), lambda: lens.top(0, 0, 1), lens.dense):
        with pytest.raises(ValueError, match="the cache was appended to"):
            ask()


def test_p12_the_usual_exceptions():
    query = numbers(3, 4)
    for text in ({"lesson": "\ud800"}, {"tokens": "\ud800"}, {"tokens": ["\ud800"]}, {"query": "\ud800"}):
        with pytest.raises(ValueError):
            fovea.walk(**text)
    for text in ({"tokens": [b"bytes"]}, {"tokens": b"bytes"}, {"lesson": b"heads"}, {"lesson": None}):
        with pytest.raises(TypeError):
            fovea.walk(**text)
    with pytest.raises(OverflowError):
        fovea.attend(query, query, query, diagonal=2**70)
    with pytest.raises(OverflowError):
        fovea.random.manual_seed(2**70)
    with pytest.raises(TypeError):
        fovea.attend(query, query, query, diagonal=float("nan"))
    with pytest.raises(TypeError):
        fovea.attend(query, query, query, threads=1.5)
    with pytest.raises(TypeError):
        fovea.attend(query, None, query)
    with pytest.raises(TypeError):
        fovea.attend(query, query, query, scale="large")
    with pytest.raises(ValueError, match="diagonal is 'up'"):
        fovea.attend(query, query, query, diagonal="up")
    with pytest.raises(ValueError, match="scale"):
        fovea.attend(query, query, query, scale=float("nan"))
    with pytest.raises(TypeError):
        fovea.attend(query, query, query, dropout=0.5)
    with pytest.raises(TypeError):
        fovea.Observe(top_weights=2**70)
    with pytest.raises(TypeError, match="observe"):
        fovea.attend(query, query, query, observe="entropy")


ARGUMENTS = [
    ({"scale": "x"}, TypeError, "attend: scale is .*; wanted a number"),
    ({"softcap": []}, TypeError, "attend: softcap is .*; wanted a number"),
    ({"window": (1.5, 0)}, TypeError, "attend: window is 1.5; wanted a whole number"),
    ({"window": (2**70, 0)}, OverflowError, "attend: window is .*; wanted a number of 64 bits"),
    ({"window": (1, 2, 3)}, ValueError, r"attend: window is .*; wanted \(left, right\)"),
    ({"diagonal": 1.5}, TypeError, "attend: diagonal is 1.5; wanted a whole number"),
    ({"threads": "2"}, TypeError, "attend: threads is .*; wanted a whole number"),
    ({"threads": 0}, ValueError, "attend: threads is 0; wanted 1 or more, or None"),
    ({"observe": True}, TypeError, "attend: observe is True; wanted a fovea.Observe"),
    ({"keep": np.ones((3, 3), np.float32)}, TypeError, "attend: keep is float32; wanted bool"),
    ({"bias": np.ones((3, 3), bool)}, TypeError, "attend: bias is bool; wanted float32, bfloat16, float16 or float64"),
    ({"key_lengths": np.ones(1, np.float32)}, TypeError, "attend: key_lengths is float32; wanted int32 or int64"),
    ({"causal": None}, TypeError, "attend: causal is None; wanted True or False"),
    ({"bias": np.ones((1,) * 9, np.float32)}, ValueError, "attend: bias has 9 axes; wanted 4 at most"),
    ({"out": 3}, TypeError, "attend: out is of type int; wanted an array"),
]


@pytest.mark.parametrize("arguments,kind,text", ARGUMENTS, ids=[str(next(iter(one))) + "-" + kind.__name__ for one, kind, _ in ARGUMENTS])
def test_an_error_names_the_argument_and_what_is_wanted(arguments, kind, text):
    query = numbers(3, 4)
    with pytest.raises(kind, match=text):
        fovea.attend(query, query, query, **arguments)


def test_errors_of_other_calls_name_the_argument_too():
    query = numbers(3, 4)
    with pytest.raises(TypeError, match="attend: query is of type NoneType; wanted an array"):
        fovea.attend(None, query, query)
    with pytest.raises(TypeError, match="attend: query is int64; wanted float32"):
        fovea.attend(query.astype(np.int64), query, query)
    with pytest.raises(TypeError, match="observe: pooled_map is 'x'; wanted True or False"):
        fovea.Observe(pooled_map="x")
    with pytest.raises(TypeError, match="observe: pooled_map is .*; wanted a whole number"):
        fovea.Observe(pooled_map=(1.5, 2))
    with pytest.raises(ValueError, match="KvCache: dtype is .*int8.*; wanted float32, bfloat16 or float16"):
        fovea.KvCache(head_size=4, dtype=np.int8)
    with pytest.raises(TypeError, match="random: a size is .*; wanted a whole number"):
        fovea.random.randn("a")

    class Loud:
        def __index__(self):
            raise ZeroDivisionError("its own")

    with pytest.raises(ZeroDivisionError, match="its own"):
        fovea.attend(query, query, query, diagonal=Loud())


def test_p13_sizes_of_0_and_above_2_31():
    for shape in ((0, 2, 3, 4), (2, 0, 3, 4), (2, 2, 0, 4)):
        empty = np.zeros(shape, np.float32)
        assert fovea.attend(empty, empty, empty).output.shape == shape
    query = np.broadcast_to(numbers(1, 4), (1, 4))
    keys = 2**31 + 1  # one vector, seen again and again
    wide = np.broadcast_to(numbers(1, 1), (keys, 1))
    narrow = np.zeros((1, 1), np.float32)
    assert query.shape == (1, 4)
    answer = fovea.attend(narrow, wide, wide, key_lengths=None, window=(3, 0))
    np.testing.assert_allclose(answer.output, wide[:1])
    assert answer.row_sum.tolist() == [4]


@LIMITS_MEMORY
def test_p14_no_memory_is_a_memory_error():
    done = run(
        """
        import resource
        import numpy as np, fovea
        small = np.ones((4, 4), np.float32)
        fovea.attend(small, small, small)
        query = np.broadcast_to(np.ones((1, 4), np.float32), (1 << 30, 4))
        resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
        try:
            fovea.attend(query, small, small)
        except MemoryError as error:
            print("MemoryError:", error)
        print(fovea.attend(small, small, small).output.sum())
        """
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("MemoryError: ") and done.stdout.endswith("16.0\n")


def test_p16_subclasses_are_plain_arrays_and_masked_ones_are_refused():
    plain = numbers(3, 4)
    expected = fovea.attend(plain, plain, plain).output
    with pytest.raises(TypeError, match="attend: key is a masked array"):
        fovea.attend(plain, np.ma.masked_array(plain, plain > 0), plain)

    class Own(np.ndarray):
        pass

    for array in (plain.view(Own), np.asmatrix(plain)):
        output = fovea.attend(array, array, array).output
        assert type(output) is np.ndarray and np.array_equal(output, expected)
    with tempfile.NamedTemporaryFile() as file:
        mapped = np.memmap(file.name, np.float32, "w+", shape=(3, 4))
        mapped[:] = plain
    assert np.array_equal(fovea.attend(mapped, mapped, mapped).output, expected)


def test_t08_text_from_outside_is_escaped_in_html():
    class Tags(html.parser.HTMLParser):
        def __init__(self):
            super().__init__()
            self.seen = set()

        def handle_starttag(self, tag, attributes):
            self.seen.add(tag)
            assert {name for name, _ in attributes} <= {"style"}

    words = ["<script>alert(1)</script>", "&amp;", "'\"><img src=x>", "]]>", "<!--", "javascript:x"]
    for lesson in fovea.list_lessons():
        page = fovea.walk(lesson, tokens=words)._repr_html_()
        tags = Tags()
        tags.feed(page)
        assert tags.seen <= {"div", "h3", "h4", "p", "table", "tr", "td", "b", "br"}
        assert "&lt;script&gt;" in page and "&amp;amp;" in page


def test_t09_what_turns_text_round_is_shown():
    lesson = fovea.walk(tokens=["a\u202eb", "c\u200bd"])
    for shown in (lesson._repr_html_(), str(lesson)):
        assert "\u202e" not in shown and "\u200b" not in shown
        assert "a\\u{202e}b" in shown and "c\\u{200b}d" in shown


@pytest.mark.parametrize("causal", ["False", 2, 1.0])
def test_what_is_no_bool_is_not_taken_for_causal(causal):
    query = numbers(4, 4)
    with pytest.raises(TypeError, match="causal is"):
        fovea.attend(query, query, query, causal=causal)
    assert fovea.attend(query, query, query, causal=np.True_).output.shape == (4, 4)


def test_a_lens_names_what_is_no_range():
    query = numbers(1, 4, 4)
    lens = fovea.Lens(fovea.attend(query, query, query, observe=fovea.Observe(row_statistics=True)))
    for queries in (slice(0, 2), 2, (0, 2)):
        with pytest.raises(TypeError, match="wanted a range"):
            lens.block(0, queries, range(0, 2))
