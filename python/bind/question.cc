// The arguments of attend, as the question that the engine is asked.
#include "bind/question.h"

#include <fmt/format.h>
#include <nanobind/stl/string.h>

#include <string>

#include "bind/scalars.h"
#include "fovea/core/printable.h"

namespace fovea::bind {
namespace {

std::int64_t bound_of(nb::handle object) {
  return object.is_none() ? Window::kUnbounded : integer_of(object, "attend: window");
}

Window window_of(nb::handle object) {
  if (nb::isinstance<nb::tuple>(object) || nb::isinstance<nb::list>(object)) {
    if (nb::len(object) != 2)
      throw nb::value_error(
          fmt::format("attend: window is {}; wanted (left, right)", shown(object)).c_str());
    return {.left = bound_of(object[0]), .right = bound_of(object[1])};
  }
  throw nb::type_error(
      fmt::format("attend: window is {}; wanted (left, right), None being no bound", shown(object))
          .c_str());
}

Diagonal diagonal_of(nb::handle object) {
  if (!nb::isinstance<nb::str>(object)) return Diagonal::at(integer_of(object, "attend: diagonal"));
  const auto name = nb::cast<std::string>(object);
  if (name == "bottom_right") return Diagonal::bottom_right();
  if (name == "top_left") return Diagonal::top_left();
  throw nb::value_error(
      fmt::format("attend: diagonal is {}; wanted \"bottom_right\", \"top_left\" or a whole number",
                  in_quotes(name))
          .c_str());
}

}  // namespace

Question::Question(nb::handle query, nb::handle key, nb::handle value,
                   const ModifierArguments& modifiers)
    : Question(query, modifiers) {
  key_.look(key, "attend: key");
  check_floating(key_, "attend: key");
  value_.look(value, "attend: value");
  check_floating(value_, "attend: value");
  attention_.key = key_.view();
  attention_.value = value_.view();
}

Question::Question(nb::handle query, const ModifierArguments& modifiers) {
  query_.look(query, "attend: query");
  check_floating(query_, "attend: query");
  attention_.query = query_.view();
  read_modifiers(modifiers);
}

void Question::read_modifiers(const ModifierArguments& given) {
  if (!given.scale.is_none()) attention_.scale = number_of(given.scale, "attend: scale");
  if (!given.softcap.is_none()) attention_.softcap = number_of(given.softcap, "attend: softcap");
  attention_.causal = truth_of(given.causal, "attend: causal");
  if (!given.window.is_none()) attention_.window = window_of(given.window);
  if (!given.diagonal.is_none()) attention_.diagonal = diagonal_of(given.diagonal);
  const auto look = [](ArrayArgument& argument, nb::handle object, const char* name,
                       TensorView& view) {
    if (object.is_none()) return;
    argument.look(object, name);
    view = argument.view();
  };
  look(bias_, given.bias, "attend: bias", attention_.bias);
  look(keep_, given.keep, "attend: keep", attention_.keep);
  look(alibi_, given.alibi, "attend: alibi", attention_.alibi_slopes);
  look(sinks_, given.sinks, "attend: sinks", attention_.sinks);
  look(key_lengths_, given.key_lengths, "attend: key_lengths", attention_.key_lengths);
  check_floating(bias_, "attend: bias");
  check_floating(alibi_, "attend: alibi");
  check_floating(sinks_, "attend: sinks");
  check_type(keep_, "attend: keep", {DType::boolean});
  check_type(key_lengths_, "attend: key_lengths", {DType::i32, DType::i64});
}

std::shared_lock<std::shared_mutex> Question::lock_cache() const {
  if (cache_ == nullptr) return {};
  std::shared_lock lock(cache_->mutex, std::defer_lock);
  {
    const nb::gil_scoped_release released;
    lock.lock();
  }
  if (cache_->version != cache_version_) {
    throw nb::value_error("lens: the cache was appended to or truncated since; ask it again");
  }
  return lock;
}

Length Question::length() const noexcept {
  const TensorView& query = attention_.query;
  const TensorView& value = attention_.value;
  if (query.rank() < 2 || value.rank() < 2) return Length::instant;  // it will be refused
  double products = 1;
  for (const std::int64_t size : query.shape()) products *= static_cast<double>(size);
  products *= static_cast<double>(value.size(value.rank() - 2));
  // The reference computes a number in the time in which the kernels compute a hundred.
  return length_of(2 * products * (query.dtype() == DType::f64 ? 100 : 1));
}

int threads_of(nb::handle threads) {
  if (threads.is_none()) return 0;
  const std::int64_t number = integer_of(threads, "attend: threads");
  if (number < 1 || number > std::numeric_limits<int>::max()) {
    throw nb::value_error(
        fmt::format("attend: threads is {}; wanted 1 or more, or None", number).c_str());
  }
  return static_cast<int>(number);
}

}  // namespace fovea::bind
