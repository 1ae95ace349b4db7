// The plain steps between layers.
#include "models/residual.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <utility>
#include <vector>

#include "fovea/core/error.h"
#include "fovea/core/printable.h"

namespace fovea::models {

void add_to(Tensor& hidden, const Tensor& change, int threads) {
  const std::span<const float> more = change.values<float>();
  for_each_row(hidden, threads, [&](std::int64_t row, std::span<float> numbers) noexcept {
    const float* const from = more.data() + static_cast<std::size_t>(row) * numbers.size();
    for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] += from[i];
  });
}

Tensor look_up(const WeightMatrix& table, std::span<const std::int32_t> ids) {
  const std::int64_t size = table.in_features();
  Tensor rows = Tensor::uninitialized(DType::f32, {static_cast<std::int64_t>(ids.size()), size});
  for (std::size_t i = 0; i < ids.size(); ++i) {
    table.row(ids[i], rows.values<float>().subspan(i * static_cast<std::size_t>(size),
                                                   static_cast<std::size_t>(size)));
  }
  return rows;
}

Tensor write_heads(const WeightMatrix& projection, const TensorView& output) {
  const std::int64_t size = output.size(1);
  Tensor writes = Tensor::uninitialized(DType::f32, {output.size(0), projection.out_features()});
  const Tensor heads = Tensor::copy_of(output);
  for (std::int64_t head = 0; head < output.size(0); ++head) {
    const auto first = static_cast<std::size_t>(head * size);
    const Tensor write = projection.multiply_part(
        heads.values<float>().subspan(first, static_cast<std::size_t>(size)), head * size);
    std::ranges::copy(write.values<float>(),
                      writes.values<float>().begin() + head * projection.out_features());
  }
  return writes;
}

void require_going_on(const std::stop_token& stop) {
  if (stop.stop_requested()) throw Error(ErrorKind::cancelled, "forward: stopped as asked");
}

std::string model_name(const ModelFiles& files) {
  if (const auto* name = files.weights->value<std::string>("general.name")) return *name;
  const auto named =
      files.config.is_object() ? files.config.find("_name_or_path") : files.config.end();
  if (files.config.is_object() && named != files.config.end() && named->is_string() &&
      !named->get<std::string>().empty()) {
    return named->get<std::string>();
  }
  const std::filesystem::path path(files.path);
  return (path.has_filename() ? path : path.parent_path()).stem().string();
}

std::int64_t parameter_count(const ModelFiles& files) {
  std::int64_t count = 0;
  for (const formats::StoredTensor& tensor : files.weights->tensors()) {
    count += tensor.shape.element_count();
  }
  return count;
}

std::string stored_types(const ModelFiles& files) {
  std::map<formats::StoredType, std::size_t> bytes;
  for (const formats::StoredTensor& tensor : files.weights->tensors()) {
    if (formats::is_weight_type(tensor.type)) bytes[tensor.type] += tensor.bytes.size();
  }
  std::vector<std::pair<formats::StoredType, std::size_t>> types(bytes.begin(), bytes.end());
  std::ranges::stable_sort(types, std::ranges::greater{},
                           [](const auto& one) { return one.second; });
  std::string names;
  for (const auto& [type, size] : types)
    names += (names.empty() ? "" : ", ") + std::string(formats::name_of(type));
  return names;
}

std::int64_t embedding_rows(const ModelFiles& files, std::string_view name) {
  const formats::StoredTensor* table = files.weights->find(name);
  if (table == nullptr || table->shape.rank() != 2 || table->shape[0] < 1 ||
      table->shape[0] > kMostVocabulary) {
    throw Error(ErrorKind::format,
                fmt::format("{}: tensor {} is {}; [vocabulary, hidden size] is wanted",
                            files.weights->name(), printable(name),
                            table == nullptr ? "missing" : to_string(table->shape)));
  }
  const std::int64_t rows = table->shape[0];
  const std::int64_t stated =
      files.integer_or("vocab_size", "vocab_size", rows, 1, kMostVocabulary);
  if (stated == rows) return rows;
  throw Error(
      ErrorKind::format,
      fmt::format("{}: tensor {} is {}; vocab_size, {}, asks for [{}, {}]", files.weights->name(),
                  printable(name), to_string(table->shape), stated, stated, table->shape[1]));
}

}  // namespace fovea::models
