"""fovea_attend_observing through ctypes: a question with observers, ready to be asked again and again."""

import ctypes

from fovea_library import FOVEA_OK, Answer, Array, Attention, Error, Execution, array_of

TARGETS = ("top_weights", "top_indices", "entropy", "received", "pooled_map", "distance", "rows", "columns", "mass_first",
           "mass_self", "mass_previous", "mass_match", "mass_sink", "log2_max", "row_sum")
FLAGS = ("entropy", "received", "pooled_map", "distance", "mass_self", "mass_previous", "row_statistics", "unused")
NUMBERS = ctypes.POINTER(ctypes.c_int64)


class Observe(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_uint64), ("heads", NUMBERS), ("head_count", ctypes.c_int64), ("rows", NUMBERS),
                ("row_count", ctypes.c_int64), ("columns", NUMBERS), ("column_count", ctypes.c_int64),
                ("top_weights", ctypes.c_int64), ("pool_queries", ctypes.c_int64), ("pool_keys", ctypes.c_int64),
                ("mass_first", ctypes.c_int64), ("query_labels", Array), ("key_labels", Array),
                *((flag, ctypes.c_int32) for flag in FLAGS)]


class Observed(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_uint64), *((name, Array) for name in TARGETS), ("nan_rows", ctypes.c_int64)]


def results(torch, inputs, asked):
    """Memory for what `asked`, a dictionary of Observe's fields, gives: a tensor for each target."""
    batch, heads, queries, _ = inputs.query.shape
    keys = inputs.key.shape[2]
    cells = lambda tokens: -(-tokens // max(1, 1 << max(0, (tokens - 1).bit_length() - 6)))
    shapes = {"entropy": (queries,), "received": (keys,), "pooled_map": (cells(queries), cells(keys)), "distance": (177,),
              "mass_self": (queries,), "mass_previous": (queries,), "mass_first": (queries,)}
    made = {name: torch.empty(batch, heads, *shape) for name, shape in shapes.items() if asked.get(name)}
    if asked.get("top_weights"):
        shape = (batch, heads, queries, asked["top_weights"])
        made |= {"top_weights": torch.empty(shape), "top_indices": torch.empty(shape, dtype=torch.int32)}
    if asked.get("row_statistics"):
        made |= {name: torch.empty(batch, heads, queries) for name in ("log2_max", "row_sum")}
    return made


class ObservingCall:
    """Holds all that the structs point at."""

    def __init__(self, library, inputs, output, results, asked, threads):
        self._function = library.fovea_attend_observing
        self.results = results
        self._held = (inputs, output)
        self._attention = Attention(struct_size=ctypes.sizeof(Attention), query=array_of(inputs.query),
                                    key=array_of(inputs.key), value=array_of(inputs.value), causal=int(inputs.causal))
        self._execution = Execution(struct_size=ctypes.sizeof(Execution), threads=threads)
        self._observe = Observe(struct_size=ctypes.sizeof(Observe), **{name: int(n) for name, n in asked.items()})
        self._answer = Answer(struct_size=ctypes.sizeof(Answer), output=array_of(output))
        self._observed = Observed(struct_size=ctypes.sizeof(Observed),
                                  **{name: array_of(tensor) for name, tensor in results.items()})
        self._error = Error()

    def __call__(self):
        structs = (self._attention, self._execution, self._observe, self._answer, self._observed, self._error)
        if self._function(*(ctypes.byref(struct) for struct in structs)) != FOVEA_OK:
            raise RuntimeError(self._error.text.decode())
