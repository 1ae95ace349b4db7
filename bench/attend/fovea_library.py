"""libfovea through ctypes: the structs of include/fovea.h, and a prepared call over torch tensors."""

import ctypes
import math

FOVEA_OK = 0
BOTTOM_RIGHT = 0
TYPES = {"torch.float32": 1, "torch.float64": 2, "torch.float16": 3, "torch.bfloat16": 4, "torch.bool": 5,
         "torch.int32": 6, "torch.int64": 7}
UNBOUNDED = 2**63 - 1


class Array(ctypes.Structure):
    """fovea_tensor and fovea_target, which are laid out alike."""

    _fields_ = [("type", ctypes.c_int32), ("rank", ctypes.c_int32), ("data", ctypes.c_void_p),
                ("sizes", ctypes.POINTER(ctypes.c_int64)), ("strides", ctypes.POINTER(ctypes.c_int64))]


class Attention(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_uint64), ("query", Array), ("key", Array), ("value", Array), ("bias", Array),
                ("keep", Array), ("alibi_slopes", Array), ("sinks", Array), ("key_lengths", Array),
                ("scale", ctypes.c_double), ("softcap", ctypes.c_double), ("window_left", ctypes.c_int64),
                ("window_right", ctypes.c_int64), ("diagonal_offset", ctypes.c_int64), ("has_scale", ctypes.c_int32),
                ("has_window", ctypes.c_int32), ("causal", ctypes.c_int32), ("diagonal", ctypes.c_int32)]


class Execution(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_uint64), ("implementation", ctypes.c_char_p), ("threads", ctypes.c_int32),
                ("output_type", ctypes.c_int32)]


class Answer(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_uint64), ("output", Array), ("log_sum_exp", Array), ("row_max", Array),
                ("row_sum", Array), ("empty_rows", ctypes.c_int64)]


class Error(ctypes.Structure):
    _fields_ = [("text", ctypes.c_char * 512)]


class Text(ctypes.Structure):
    _fields_ = [("data", ctypes.c_char_p), ("capacity", ctypes.c_size_t), ("length", ctypes.c_size_t)]


def array_of(tensor):
    """An Array that looks at a torch tensor, which must outlive it; nothing for None."""
    if tensor is None:
        return Array()
    numbers = ctypes.c_int64 * tensor.dim()
    strides = [stride * tensor.element_size() for stride in tensor.stride()]
    return Array(TYPES[str(tensor.dtype)], tensor.dim(), tensor.data_ptr(), numbers(*tensor.shape), numbers(*strides))


class Library:
    def __init__(self, path):
        self._library = ctypes.CDLL(path)
        self._library.fovea_version.restype = ctypes.c_char_p

    def version(self):
        return self._library.fovea_version().decode()

    def prepare(self, inputs, output, threads, implementation=""):
        """Returns a Call of fovea_attend with the rules of `inputs` (inputs.py)."""
        return Call(self._library, inputs, output, threads, implementation)


class Call:
    """One question, ready to be asked again and again; holds all that the structs point at."""

    def __init__(self, library, inputs, output, threads, implementation):
        self._library = library
        self._held = (inputs, output)
        self._attention = Attention(
            struct_size=ctypes.sizeof(Attention), query=array_of(inputs.query), key=array_of(inputs.key),
            value=array_of(inputs.value), bias=array_of(inputs.bias), keep=array_of(inputs.keep),
            alibi_slopes=array_of(inputs.alibi_slopes), sinks=array_of(inputs.sinks), softcap=inputs.softcap,
            causal=int(inputs.causal), diagonal=BOTTOM_RIGHT)
        if inputs.window is not None:
            left, right = (UNBOUNDED if math.isinf(bound) else int(bound) for bound in inputs.window)
            self._attention.has_window, self._attention.window_left, self._attention.window_right = 1, left, right
        self._execution = Execution(struct_size=ctypes.sizeof(Execution), threads=threads,
                                    implementation=implementation.encode())
        self._answer = Answer(struct_size=ctypes.sizeof(Answer), output=array_of(output))
        self._error = Error()
        self._question = (ctypes.byref(self._attention), ctypes.byref(self._execution))
        self._arguments = (*self._question, ctypes.byref(self._answer), ctypes.byref(self._error))

    def __call__(self):
        if self._library.fovea_attend(*self._arguments) != FOVEA_OK:
            raise RuntimeError(self._error.text.decode())

    def explain(self):
        """What runs and why, as fovea_explain says."""
        buffer = ctypes.create_string_buffer(4096)
        text = Text(ctypes.cast(buffer, ctypes.c_char_p), len(buffer), 0)
        if self._library.fovea_explain(*self._question, ctypes.byref(text), ctypes.byref(self._error)) != FOVEA_OK:
            raise RuntimeError(self._error.text.decode())
        return buffer.value.decode()
