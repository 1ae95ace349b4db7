// Every observer is a line in a list: its flag, its sentence, and what it asks and gives.
#include "cli/attend_observe.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <span>
#include <string_view>
#include <utility>

#include "cli/number.h"
#include "cli/output.h"
#include "fovea/core/printable.h"
#include "fovea/formats/npy.h"

namespace fovea::cli {
namespace {

constexpr std::int64_t kMostTop = 64;
constexpr std::int64_t kUsualTop = 8;
// The engine's bound on keys; queries, cells and heads beyond it name nothing either.
constexpr std::int64_t kMostTokens = std::numeric_limits<std::int32_t>::max();
// A range is written out: 0-999999 is a list of a million.
constexpr std::int64_t kLastHead = 999'999;

// An observer whose file holds one tensor of Observed as it is.
struct TensorFile {
  const char* flag;
  const char* help;
  std::optional<std::string> ObserveFlags::*path;
  void (*ask)(Observe& observe, const ObserveFlags& flags);
  Tensor Observed::*said;
};

void ask_top(Observe& observe, const ObserveFlags& flags) {
  observe.top_weights = flags.top_k.value_or(kUsualTop);
}

const std::array<TensorFile, 6>& tensor_files() {
  static const std::array<TensorFile, 6> all{{
      {"--entropy", "of each row's weights, in nats: [..., queries]", &ObserveFlags::entropy,
       [](Observe& observe, const ObserveFlags&) { observe.entropy = true; }, &Observed::entropy},
      {"--top-weights", "each row's K largest weights, the largest first: [..., queries, K]",
       &ObserveFlags::top_weights, ask_top, &Observed::top_weights},
      {"--top-indices",
       "their keys, int32: [..., queries, K]; -1, with weight 0, where a row sees fewer",
       &ObserveFlags::top_indices, ask_top, &Observed::top_indices},
      {"--received", "the weight that each key gets from all rows together: [..., keys]",
       &ObserveFlags::received,
       [](Observe& observe, const ObserveFlags&) { observe.received = true; }, &Observed::received},
      {"--pooled",
       "a picture of the weights: the sum over a cell's keys, the mean over its rows: [..., cells "
       "of queries, cells of keys]",
       &ObserveFlags::pooled,
       [](Observe& observe, const ObserveFlags&) { observe.pooled_map = true; },
       &Observed::pooled_map},
      {"--distance",
       "the weight at each distance behind the diagonal, mean over the rows: [..., 177]; distances "
       "0 to 63, [64, 128), [128, 256) ..., then likewise after the diagonal",
       &ObserveFlags::distance,
       [](Observe& observe, const ObserveFlags&) { observe.distance = true; }, &Observed::distance},
  }};
  static_assert(kDistanceBuckets == 177, "the help says so");
  return all;
}

// Digits only: a '-' begins no number here, and '+', spaces and exponents never do.
std::optional<std::int64_t> parse_index(std::string_view text, std::int64_t most) {
  const std::optional<std::int64_t> index = parse_integer(text);
  if (!index || *index < 0 || *index > most || text.front() == '-') return std::nullopt;
  return index;
}

struct IndexFile {
  std::int64_t index;
  std::string path;
};

// "I=FILE" of --row, "J=FILE" of --column.
std::vector<IndexFile> parse_index_files(const char* flag, const char* letter,
                                         const std::vector<std::string>& texts) {
  std::vector<IndexFile> files;
  for (const std::string& text : texts) {
    const std::size_t equals = std::min(text.find('='), text.size());
    const auto index = parse_index(std::string_view(text).substr(0, equals), kMostTokens - 1);
    if (!index || equals + 1 >= text.size()) {
      throw UsageError(fmt::format("attend: {}: {} is not {}=FILE with {} an integer from 0 to {}",
                                   flag, in_quotes(text), letter, letter, kMostTokens - 1));
    }
    if (std::ranges::any_of(files, [&](const IndexFile& f) { return f.index == *index; }))
      throw UsageError(fmt::format("attend: {} {} is given twice; give it once", flag, *index));
    files.push_back({*index, text.substr(equals + 1)});
  }
  return files;
}

std::vector<IndexFile> row_files(const ObserveFlags& flags) {
  return parse_index_files("--row", "I", flags.rows);
}

std::vector<IndexFile> column_files(const ObserveFlags& flags) {
  return parse_index_files("--column", "J", flags.columns);
}

std::vector<std::int64_t> indices_of(const std::vector<IndexFile>& files) {
  std::vector<std::int64_t> indices;
  for (const IndexFile& file : files) indices.push_back(file.index);
  return indices;
}

PoolCells parse_pool_cells(const std::string& text) {
  const std::size_t comma = std::min(text.find(','), text.size());
  const std::string_view all = text;
  const auto queries = parse_index(all.substr(0, comma), kMostTokens);
  const auto keys = parse_index(all.substr(std::min(comma + 1, all.size())), kMostTokens);
  if (!queries || !keys) {
    throw UsageError(
        fmt::format("attend: --pool-cells: {} is not R,C; each is an integer from 0 to {}",
                    in_quotes(text), kMostTokens));
  }
  return {.queries = *queries, .keys = *keys};
}

// "0,3,5-7" to 0 3 5 6 7.
std::vector<std::int64_t> parse_heads(const std::string& text) {
  std::vector<std::int64_t> heads;
  for (std::string_view rest = text;;) {
    const std::string_view part = rest.substr(0, rest.find(','));
    const std::size_t dash = part.find('-');
    const auto first = parse_index(part.substr(0, dash), kLastHead);
    const auto last = dash == part.npos ? first : parse_index(part.substr(dash + 1), kLastHead);
    const std::int64_t least = heads.empty() ? 0 : heads.back() + 1;
    if (!first || !last || *first < least || *last < *first) {
      throw UsageError(fmt::format(
          "attend: --only-heads: {} is not a rising list such as 0,3,5-7 of integers from 0 to {}",
          in_quotes(text), kLastHead));
    }
    for (std::int64_t head = *first; head <= *last; ++head) heads.push_back(head);
    if (part.size() == rest.size()) return heads;
    rest.remove_prefix(part.size() + 1);
  }
}

// Entry `at` of the axis before the last, without that axis.
TensorView entry(const TensorView& all, std::int64_t at) {
  const int axis = all.rank() - 2;
  const TensorView one = all.sliced(axis, at, 1);
  Shape sizes(std::span(one.shape().begin(), one.shape().end() - 1));
  Shape strides(std::span(one.strides().begin(), one.strides().end() - 1));
  sizes[axis] = one.size(axis + 1);
  strides[axis] = one.stride(axis + 1);
  return {one.data(), one.dtype(), sizes, strides};
}

// [..., queries, 4]: first, self, previous, sink. Without sinks their share is 0.
Tensor joined_masses(const Observed& observed) {
  const std::array<const Tensor*, 4> masses{&observed.mass_first, &observed.mass_self,
                                            &observed.mass_previous, &observed.mass_sink};
  const Shape& rows = observed.mass_first.shape();
  Shape sizes = rows.with_leading(1, 0);
  std::copy(rows.begin(), rows.end(), &sizes[0]);
  sizes[rows.rank()] = static_cast<std::int64_t>(masses.size());
  Tensor joined(DType::f32, sizes);
  const std::span<float> to = joined.values<float>();
  const std::span<const float> first = observed.mass_first.values<float>();
  for (std::size_t kind = 0; kind < masses.size(); ++kind) {
    const bool is_said = masses[kind]->element_count() > 0;
    const std::span<const float> from = is_said ? masses[kind]->values<float>() : first;
    for (std::size_t row = 0; row < from.size(); ++row) {
      // A row that is NaN has a share of NaN, sinks or not.
      to[row * masses.size() + kind] = is_said ? from[row] : 0 * from[row];
    }
  }
  return joined;
}

void require(bool file_is_given, const char* flag, const char* files) {
  if (file_is_given) return;
  throw UsageError(fmt::format("attend: {} changes nothing without {}", flag, files));
}

}  // namespace

FlagGroup observe_flags(ObserveFlags& f) {
  FlagGroup group{.title = "What the weights say, float32, found in the same pass", .flags = {}};
  for (const TensorFile& file : tensor_files()) {
    group.flags.push_back({file.flag, "FILE", file.help, Text{&(f.*file.path)}});
    if (file.path == &ObserveFlags::top_indices) {
      group.flags.push_back({"--top-k", "K", "how many of them, 1 to 64; 8 unless given",
                             Integer{&f.top_k, 1, kMostTop}});
    }
    if (file.path == &ObserveFlags::pooled) {
      group.flags.push_back({"--pool-cells", "R,C",
                             "queries and keys of a cell; 0, the default, is the smallest power of "
                             "two that gives at most 64 cells",
                             Text{&f.pool_cells}});
    }
  }
  const std::vector<Flag> others = {
      {"--row", "I=FILE",
       "all weights of query I, from 0: [..., keys]; may be given for any number of queries",
       Texts{&f.rows}},
      {"--column", "J=FILE",
       "all weights on key J, from 0: [..., queries]; may be given for any number of keys",
       Texts{&f.columns}},
      {"--masses", "FILE",
       "each row's weight on the first key, on its own, on the one before its own and on the sink: "
       "[..., queries, 4]",
       Text{&f.masses}},
      {"--only-heads", "LIST",
       "query heads to observe, rising, such as 0,3,5-7: the heads axis of these files has those "
       "alone",
       Text{&f.only_heads}},
  };
  group.flags.insert(group.flags.end(), others.begin(), others.end());
  return group;
}

std::vector<NamedPath> observer_files(const ObserveFlags& flags) {
  std::vector<NamedPath> list;
  for (const TensorFile& file : tensor_files()) {
    if (flags.*file.path) list.push_back({file.flag, *(flags.*file.path)});
  }
  for (const IndexFile& file : row_files(flags))
    list.push_back({fmt::format("--row {}", file.index), file.path});
  for (const IndexFile& file : column_files(flags))
    list.push_back({fmt::format("--column {}", file.index), file.path});
  if (flags.masses) list.push_back({"--masses", *flags.masses});
  return list;
}

Observe observe_of(const ObserveFlags& flags) {
  Observe observe;
  for (const TensorFile& file : tensor_files()) {
    if (flags.*file.path) file.ask(observe, flags);
  }
  observe.rows = indices_of(row_files(flags));
  observe.columns = indices_of(column_files(flags));
  if (flags.masses) {
    observe.mass_first = 1;
    observe.mass_self = observe.mass_previous = true;
  }
  if (flags.top_k)
    require(observe.top_weights > 0, "--top-k", "--top-weights FILE or --top-indices FILE");
  if (flags.pool_cells) {
    observe.pool_cells = parse_pool_cells(*flags.pool_cells);
    require(observe.pooled_map, "--pool-cells", "--pooled FILE");
  }
  if (flags.only_heads) {
    observe.heads = parse_heads(*flags.only_heads);
    require(!observer_files(flags).empty(), "--only-heads", "a file such as --entropy FILE");
  }
  return observe;
}

ObserverFiles::ObserverFiles(const ObserveFlags& flags) : observe_(observe_of(flags)) {
  for (const TensorFile& wanted : tensor_files()) {
    if (!(flags.*wanted.path)) continue;
    add(*(flags.*wanted.path),
        [said = wanted.said](formats::OutputFile& file, const Observed& observed) {
          formats::write_npy(file, observed.*said);
        });
  }
  const auto add_entries = [this](const std::vector<IndexFile>& wanted, Tensor Observed::*said) {
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      add(wanted[i].path, [i, said](formats::OutputFile& file, const Observed& observed) {
        formats::write_npy(file, entry(observed.*said, static_cast<std::int64_t>(i)));
      });
    }
  };
  add_entries(row_files(flags), &Observed::rows);
  add_entries(column_files(flags), &Observed::columns);
  if (flags.masses) {
    add(*flags.masses, [](formats::OutputFile& file, const Observed& observed) {
      const Tensor joined = joined_masses(observed);
      formats::write_npy(file, joined);
    });
  }
}

void ObserverFiles::add(const std::string& path, Write write) {
  files_.push_back({open_output(path), std::move(write)});
}

void ObserverFiles::write(const Observed& observed) {
  for (File& file : files_) file.write(file.file, observed);
}

std::vector<formats::OutputFile*> ObserverFiles::files() {
  std::vector<formats::OutputFile*> files;
  for (File& file : files_) files.push_back(&file.file);
  return files;
}

}  // namespace fovea::cli
