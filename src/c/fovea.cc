// The functions of fovea.h: each catches all that the library throws and says it in the caller's
// error text.
#include "fovea.h"

#include <algorithm>
#include <exception>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include "c/plain.h"
#include "fovea/core/error.h"

namespace {

/// The longest start of a UTF-8 text that fits in `room` bytes without cutting a character.
std::string_view start_of(std::string_view text, std::size_t room) {
  if (text.size() <= room) return text;
  while (room > 0 && (static_cast<unsigned char>(text[room]) & 0xC0U) == 0x80U) --room;
  return text.substr(0, room);
}

/// Copies what fits of `text`, with a NUL at its end.
void copy_text(std::string_view text, char* data, std::size_t capacity) noexcept {
  if (data == nullptr || capacity == 0) return;
  const std::string_view part = start_of(text, capacity - 1);
  *std::copy(part.begin(), part.end(), data) = '\0';
}

fovea_status status_of(fovea::ErrorKind kind) noexcept {
  switch (kind) {
    case fovea::ErrorKind::invalid_argument:
      return FOVEA_INVALID_ARGUMENT;
    case fovea::ErrorKind::unsupported:
      return FOVEA_UNSUPPORTED;
    case fovea::ErrorKind::out_of_memory:
      return FOVEA_OUT_OF_MEMORY;
    case fovea::ErrorKind::cancelled:
      return FOVEA_CANCELLED;
    case fovea::ErrorKind::io:
    case fovea::ErrorKind::format:
      break;  // nothing here reads files
  }
  return FOVEA_INTERNAL_ERROR;
}

/// Runs `call` and returns what came of it.
template <typename Call>
std::int32_t guarded(fovea_error* error, Call&& call) noexcept {
  const auto finish = [error](fovea_status status, const char* text) noexcept {
    if (error != nullptr) copy_text(text, error->text, sizeof error->text);
    return static_cast<std::int32_t>(status);
  };
  try {
    call();
    return finish(FOVEA_OK, "");
  } catch (const fovea::Error& fault) {
    return finish(status_of(fault.kind()), fault.what());
  } catch (const std::bad_alloc&) {
    return finish(FOVEA_OUT_OF_MEMORY, "fovea: out of memory");
  } catch (const std::exception& fault) {
    return finish(FOVEA_INTERNAL_ERROR, fault.what());
  } catch (...) {
    return finish(FOVEA_INTERNAL_ERROR, "fovea: an exception of unknown type");
  }
}

void hand_out(std::string_view text, fovea_text* to) noexcept {
  copy_text(text, to->data, to->capacity);
  to->length = text.size();
}

/// Names and summaries, a line each.
template <typename Info>
std::string lines_of(const std::vector<Info>& list) {
  std::string lines;
  for (const Info& info : list) {
    lines += info.name;
    lines += '\t';
    lines += info.summary;
    lines += '\n';
  }
  return lines;
}

void check_pointer(const void* pointer, const char* name) {
  if (pointer == nullptr)
    throw fovea::Error(fovea::ErrorKind::invalid_argument,
                       std::string("fovea: ") + name + " is a null pointer");
}

}  // namespace

extern "C" {

std::int32_t fovea_attend(const fovea_attention* attention, const fovea_execution* execution,
                          fovea_answer* answer, fovea_error* error) {
  return guarded(error, [&] {
    const fovea::Attention question = fovea::c::attention_of(attention);
    const fovea::Execution how = fovea::c::execution_of(execution);
    answer->empty_rows = fovea::attend_into(question, fovea::c::targets_of(answer), how);
  });
}

std::int32_t fovea_attend_observing(const fovea_attention* attention,
                                    const fovea_execution* execution, const fovea_observe* observe,
                                    fovea_answer* answer, fovea_observed* observed,
                                    fovea_error* error) {
  return guarded(error, [&] {
    const fovea::Attention question = fovea::c::attention_of(attention);
    const fovea::Execution how = fovea::c::execution_of(execution);
    const fovea::Observe what = fovea::c::observe_of(observe);
    const fovea::AttendInto into = fovea::c::targets_of(answer);
    const fovea::ObservedRows rows =
        fovea::attend_into(question, into, what, fovea::c::observe_targets_of(observed), how);
    answer->empty_rows = rows.empty_rows;
    observed->nan_rows = rows.nan_rows;
  });
}

std::int32_t fovea_pool_cells(const fovea_attention* attention, const fovea_observe* observe,
                              std::int64_t* queries, std::int64_t* keys, fovea_error* error) {
  return guarded(error, [&] {
    check_pointer(queries, "queries");
    check_pointer(keys, "keys");
    const fovea::Attention question = fovea::c::attention_of(attention);
    const fovea::PoolCells cells =
        fovea::pool_cells(question, fovea::c::observe_of(observe).pool_cells);
    *queries = cells.queries;
    *keys = cells.keys;
  });
}

std::int32_t fovea_explain(const fovea_attention* attention, const fovea_execution* execution,
                           fovea_text* text, fovea_error* error) {
  return guarded(error, [&] {
    check_pointer(text, "text");
    const fovea::Attention question = fovea::c::attention_of(attention);
    hand_out(fovea::plan(question, fovea::c::execution_of(execution)).explain(), text);
  });
}

std::int32_t fovea_workspace_size(const fovea_attention* attention,
                                  const fovea_execution* execution, std::int64_t* bytes,
                                  fovea_error* error) {
  return guarded(error, [&] {
    check_pointer(bytes, "bytes");
    const fovea::Attention question = fovea::c::attention_of(attention);
    *bytes = fovea::plan(question, fovea::c::execution_of(execution)).scratch_bytes;
  });
}

std::int32_t fovea_kv_cache_create(const fovea_kv_cache_options* options, fovea_kv_cache** cache,
                                   fovea_error* error) {
  return guarded(error, [&] {
    check_pointer(cache, "cache");
    *cache = nullptr;
    *cache = new fovea_kv_cache{fovea::c::cache_of(options)};
  });
}

std::int32_t fovea_kv_cache_append(fovea_kv_cache* cache, const fovea_tensor* key,
                                   const fovea_tensor* value, fovea_error* error) {
  return guarded(error, [&] {
    check_pointer(cache, "cache");
    const fovea::TensorView keys = fovea::c::tensor_of(key, "key");
    cache->cache.append(keys, fovea::c::tensor_of(value, "value"));
  });
}

std::int32_t fovea_kv_cache_truncate(fovea_kv_cache* cache, std::int64_t tokens,
                                     fovea_error* error) {
  return guarded(error, [&] {
    check_pointer(cache, "cache");
    cache->cache.truncate(tokens);
  });
}

std::int64_t fovea_kv_cache_tokens(const fovea_kv_cache* cache) {
  return cache == nullptr ? 0 : cache->cache.tokens();
}

void fovea_kv_cache_free(fovea_kv_cache* cache) {
  delete cache;
}

fovea_stop* fovea_stop_create() {
  try {
    return new fovea_stop;
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

void fovea_stop_request(fovea_stop* stop) {
  if (stop != nullptr) stop->source.request_stop();
}

void fovea_stop_free(fovea_stop* stop) {
  delete stop;
}

std::int32_t fovea_implementations(fovea_text* text, fovea_error* error) {
  return guarded(error, [&] {
    check_pointer(text, "text");
    hand_out(lines_of(fovea::list_implementations()), text);
  });
}

std::int32_t fovea_observers(fovea_text* text, fovea_error* error) {
  return guarded(error, [&] {
    check_pointer(text, "text");
    hand_out(lines_of(fovea::list_observers()), text);
  });
}

const char* fovea_version(void) {
  return FOVEA_VERSION;
}

}  // extern "C"
