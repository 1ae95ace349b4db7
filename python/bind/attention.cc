// KvCache: keys and values of a sequence that grows.
#include <fmt/format.h>
#include <nanobind/stl/string.h>

#include <mutex>
#include <shared_mutex>
#include <string>

#include "bind/cache.h"
#include "bind/callbacks.h"
#include "bind/keywords.h"
#include "bind/layers.h"
#include "bind/scalars.h"

namespace fovea::bind {
namespace {

// A name, or what has one: "float32", numpy.float32, numpy.dtype("float32"), torch.float32.
DType type_named(nb::handle dtype) {
  const nb::object object = nb::getattr(dtype, "__name__", nb::str(dtype));
  std::string name = nb::cast<std::string>(nb::str(object));
  if (name.starts_with("torch.")) name.erase(0, 6);
  for (const DType type : {DType::f32, DType::bf16, DType::f16})
    if (name == python_name(type)) return type;
  throw nb::value_error(
      fmt::format("KvCache: dtype is {}; wanted float32, bfloat16 or float16", shown(dtype))
          .c_str());
}

void make(SharedCache* self, std::int64_t key_heads, std::int64_t head_size,
          std::int64_t value_size, std::int64_t batch, nb::handle dtype, std::int64_t capacity) {
  new (self) SharedCache{
      std::make_shared<CacheState>(KvCache({.batch = batch,
                                            .key_heads = key_heads,
                                            .head_size = head_size,
                                            .value_size = value_size < 0 ? head_size : value_size},
                                           type_named(dtype), capacity))};
}

// Another thread may be asking without the GIL: to wait for it with the GIL would be to wait for ever. So would waiting in
// a callback be, for the call that shows it a tile.
template <typename F>
void change(const SharedCache& self, const F& body) {
  std::unique_lock lock(self.state->mutex, std::defer_lock);
  if (is_in_callback() && !lock.try_lock()) {
    throw nb::value_error(
        "KvCache: a function that is shown tiles cannot change a cache that is being asked");
  }
  const nb::gil_scoped_release released;
  if (!lock.owns_lock()) lock.lock();
  body(self.state->cache);
  ++self.state->version;
}

struct CacheSize {
  std::int64_t tokens;
  std::int64_t capacity;
};

CacheSize read(const SharedCache& self) {
  const nb::gil_scoped_release released;
  const std::shared_lock lock(self.state->mutex);
  return {.tokens = self.state->cache.tokens(), .capacity = self.state->cache.capacity()};
}

std::string representation(const SharedCache& self) {
  const KvCacheSizes& sizes = self.state->cache.sizes();  // these never change
  const CacheSize now = read(self);
  return fmt::format(
      "fovea.KvCache(batch={}, key_heads={}, head_size={}, value_size={}, dtype={}; {} of {} "
      "tokens)",
      sizes.batch, sizes.key_heads, sizes.head_size, sizes.value_size,
      python_name(self.state->cache.dtype()), now.tokens, now.capacity);
}

void append(const SharedCache& self, nb::handle key, nb::handle value) {
  ArrayArgument keys;
  ArrayArgument values;
  keys.look(key, "KvCache.append: key");
  values.look(value, "KvCache.append: value");
  change(self, [&](KvCache& cache) { cache.append(keys.view(), values.view()); });
}

void truncate(const SharedCache& self, std::int64_t tokens) {
  change(self, [&](KvCache& cache) { cache.truncate(tokens); });
}

Answer attend_cache(const SharedCache& self, nb::handle query, nb::handle scale, nb::handle softcap,
                    nb::handle bias, nb::handle keep, nb::handle causal, nb::handle window,
                    nb::handle diagonal, nb::handle alibi, nb::handle sinks, nb::handle key_lengths,
                    nb::handle observe, nb::handle out, nb::handle threads) {
  const auto question = std::make_shared<Question>(
      query, ModifierArguments{scale, softcap, bias, keep, causal, window, diagonal, alibi, sinks,
                               key_lengths});
  std::shared_lock lock(self.state->mutex, std::defer_lock);
  {
    const nb::gil_scoped_release released;
    lock.lock();
  }
  question->attention().packed_key = self.state->cache.packed_key();
  question->attention().value = self.state->cache.value();
  question->look_at_cache(self.state);
  return ask(question, {.observe = observe, .out = out, .threads = threads});
}

}  // namespace

void bind_attention(nb::module_& module) {
  static const std::string signature = fmt::format(
      "def attend(self, query: typing.Any, *, {}, out: typing.Any = None, threads: int | None = "
      "None) -> Attended",
      kQuestionTypes);
  nb::class_<SharedCache> cache(
      module, "KvCache",
      "Keys and values of all tokens so far, in the form that decoding reads "
      "fastest. Asking it gives the bits of fovea.attend over the same keys "
      "and values. Memory doubles when it is full. Threads may use one at "
      "once; append waits for those that ask.");
  cache
      .def("__init__", &make, nb::kw_only(), nb::arg("key_heads") = 1, nb::arg("head_size"),
           nb::arg("value_size") = -1, nb::arg("batch") = 1, nb::arg("dtype") = "float32",
           nb::arg("capacity") = 0,
           nb::sig("def __init__(self, *, key_heads: int = 1, head_size: int, value_size: int = "
                   "..., batch: int = 1, dtype: typing.Any = 'float32', "
                   "capacity: int = 0) -> None"),
           "An empty cache with room for `capacity` tokens; value_size is head_size unless given; "
           "dtype is float32, bfloat16 or float16, by name or as numpy and torch have it. "
           "Raises ValueError, MemoryError.")
      .def("append", &append, nb::arg("key").none(), nb::arg("value").none(),
           nb::sig("def append(self, key: typing.Any, value: typing.Any) -> None"),
           "Appends key [batch, key_heads, n, head_size] and value [batch, key_heads, n, "
           "value_size] of the cache's type; leading axes of size 1 may be left out. Raises "
           "ValueError, TypeError, MemoryError; the cache is then as it was.")
      .def("truncate", &truncate, nb::arg("tokens"),
           "Forgets all but the first `tokens`. Raises ValueError.")
      .def_prop_ro("tokens", [](const SharedCache& self) { return read(self).tokens; })
      .def_prop_ro(
          "capacity", [](const SharedCache& self) { return read(self).capacity; },
          "Tokens that fit before memory must grow.")
      .def("__repr__", &representation)
      .def("__len__", [](const SharedCache& self) { return read(self).tokens; });
  const auto define_attend = [&](const auto&... keywords) {
    cache.def("attend", &attend_cache, nb::arg("query").none(), keywords...,
              nb::arg("out") = nb::none(), nb::arg("threads") = nb::none(),
              nb::sig(signature.c_str()),
              "fovea.attend with the cache's keys and values; query [batch, query_heads, "
              "queries, head_size].");
  };
  std::apply(define_attend, question_keywords());
}

}  // namespace fovea::bind
