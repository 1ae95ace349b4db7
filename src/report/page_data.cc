// What stands in the page: the form is web/src/data.ts's.
#include "report/page_data.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <utility>

#include "report/explanation_parts.h"
#include "report/html_text.h"
#include "report/kept_numbers.h"
#include "report/page_maps.h"

namespace fovea::report {
namespace {

using Json = nlohmann::ordered_json;

// As a float32 reads back; of guesses after every token fewer, which are shown in percent.
constexpr int kDigits = 9;
constexpr int kGuessDigits = 4;

// Numbers of means and maxima, which are shown with four digits, as short as that allows.
constexpr int kMeanDigits = 7;

void round_numbers(Json& json, int digits) {
  if (json.is_number_float()) {
    json = std::strtod(fmt::format("{:.{}g}", json.get<double>(), digits).c_str(), nullptr);
  } else if (json.is_structured()) {
    for (Json& part : json) round_numbers(part, digits);
  }
}

Json rounded(Json json, int digits) {
  round_numbers(json, digits);
  return json;
}

Json guess_list(const std::vector<Guess>& guesses, int digits) {
  Json list = Json::array();
  for (const Guess& guess : guesses)
    list.push_back({{"text", guess.text}, {"probability", guess.probability}});
  return rounded(std::move(list), digits);
}

// The `most` likeliest after each token.
Json row_guess_list(const std::vector<std::vector<Guess>>& rows, std::ptrdiff_t most) {
  Json list = Json::array();
  for (const std::vector<Guess>& guesses : rows) {
    const auto count = std::min(most, std::ssize(guesses));
    list.push_back(guess_list({guesses.begin(), guesses.begin() + count}, kGuessDigits));
  }
  return list;
}

Json of_vectors(const SteppedVectors& vectors, PageNumbers& numbers) {
  return {{"values", numbers.add(vectors.values)}, {"steps", numbers.add(vectors.steps)}};
}

Json of_bound(std::int64_t bound) {
  return bound == Window::kUnbounded ? Json(nullptr) : Json(bound);
}

Json of_window(const Window& window) {
  if (window.left == Window::kUnbounded && window.right == Window::kUnbounded) return nullptr;
  return {{"left", of_bound(window.left)}, {"right", of_bound(window.right)}};
}

// The RoPEs of the heads, each once: one, unless layers turn differently.
std::vector<models::RopeFacts> ropes_of(const KeptNumbers& kept) {
  std::vector<models::RopeFacts> ropes;
  for (const KeptHead& head : kept.heads) {
    if (head.rope && std::ranges::find(ropes, *head.rope) == ropes.end())
      ropes.push_back(*head.rope);
  }
  return ropes;
}

Json rope_list(const std::vector<models::RopeFacts>& ropes) {
  Json list = Json::array();
  for (const models::RopeFacts& rope : ropes)
    list.push_back({{"layout", name_of(rope.layout)}, {"angles", rope.angles}});
  return list;
}

Json place_among(const std::vector<models::RopeFacts>& ropes, const KeptHead& head) {
  return head.rope ? Json(std::ranges::find(ropes, *head.rope) - ropes.begin()) : Json(nullptr);
}

Json of_head(const KeptHead& head, PageNumbers& numbers) {
  const ScoreRules& rules = head.rules;
  Json json{{"layer", head.layer},       {"head", head.head},
            {"key_head", head.key_head}, {"scale", rules.scale},
            {"causal", rules.is_causal}, {"window", of_window(rules.window)},
            {"softcap", rules.softcap},  {"sink", rules.sink ? Json(*rules.sink) : Json(nullptr)},
            {"rope", nullptr},           {"projected", head.is_projected}};
  json["query"] = of_vectors(head.query, numbers);
  json["row_max"] = numbers.add(head.row_max);
  json["row_sum"] = numbers.add(head.row_sum);
  json["entropy"] = numbers.add(head.entropy);
  json["top_keys"] = numbers.add(head.top_keys);
  json["top_weights"] = numbers.add(head.top_weights);
  json["deviation"] =
      head.deviation.element_count() == 0 ? Json(nullptr) : numbers.add(head.deviation);
  return json;
}

Json of_keys(const KeptKeys& keys, PageNumbers& numbers) {
  return {{"layer", keys.layer},
          {"key_head", keys.key_head},
          {"key", of_vectors(keys.key, numbers)},
          {"value", of_vectors(keys.value, numbers)}};
}

Json of_input(const KeptInput& input, PageNumbers& numbers) {
  return {{"layer", input.layer}, {"input", of_vectors(input.input, numbers)}};
}

Json of_projection(const KeptProjection& made, PageNumbers& numbers) {
  return {{"layer", made.layer},
          {"head", made.head},
          {"query_weight", of_vectors(made.query_weight, numbers)},
          {"key_weight", of_vectors(made.key_weight, numbers)},
          {"query_bias", rounded(made.query_bias, kDigits)},
          {"key_bias", rounded(made.key_bias, kDigits)}};
}

template <typename T, typename F>
Json list_of(const std::vector<T>& all, const std::vector<std::size_t>& indices, const F& of_one,
             PageNumbers& numbers) {
  Json list = Json::array();
  for (const std::size_t index : indices) list.push_back(of_one(all[index], numbers));
  return list;
}

void add_kept(const KeptNumbers& kept, const KeptParts& parts, PageNumbers& numbers, Json& json) {
  json["kept"] = list_of(kept.heads, parts.heads, of_head, numbers);
  const std::vector<models::RopeFacts> ropes = ropes_of(kept);
  for (std::size_t i = 0; i < parts.heads.size(); ++i)
    json["kept"][i]["rope"] = place_among(ropes, kept.heads[parts.heads[i]]);
  json["kept_keys"] = list_of(kept.keys, parts.keys, of_keys, numbers);
  json["kept_inputs"] = list_of(kept.inputs, parts.inputs, of_input, numbers);
  json["kept_projections"] = list_of(kept.projections, parts.projections, of_projection, numbers);
}

// Maps and received attention of all heads.
void add_maps(const Explanation& explanation, const PageMaps& maps, PageNumbers& numbers,
              Json& json) {
  const bool is_causal = explanation.model.is_causal;
  const auto heads = std::ssize(explanation.heads);
  std::vector<std::uint8_t> map_bytes;
  std::vector<std::uint8_t> received_bytes;
  for (std::size_t i = 0; i < explanation.heads.size(); ++i) {
    const ByteNumbers map = as_bytes_of_squares(stored_cells(maps.heads[i], maps.cells, is_causal));
    const ByteNumbers received = as_bytes_of_squares(explanation.heads[i].received);
    map_bytes.insert(map_bytes.end(), map.bytes.begin(), map.bytes.end());
    received_bytes.insert(received_bytes.end(), received.bytes.begin(), received.bytes.end());
    json["heads"][i]["map_max"] = map.largest;
    json["heads"][i]["received_max"] = received.largest;
  }
  const Shape shape = is_causal ? Shape{heads, maps.cells * (maps.cells + 1) / 2}
                                : Shape{heads, maps.cells, maps.cells};
  json["map_cell"] = maps.cell;
  json["map_cells"] = maps.cells;
  json["maps"] = numbers.add(map_bytes, shape);
  json["received"] = numbers.add(received_bytes, {heads, std::ssize(explanation.tokens)});
  round_numbers(json["heads"], kMeanDigits);
}

// A token may be a part of a character, and JSON holds whole ones only.
void name_bytes(Json& json) {
  if (json.is_string()) {
    auto& text = json.get_ref<std::string&>();
    text = with_named_bytes(text);
  } else if (json.is_structured()) {
    for (Json& inner : json) name_bytes(inner);
  }
}

// Bytes of numbers that have room beside the JSON: base64 makes four of three.
std::int64_t numbers_within(std::int64_t bytes, const Json& json) {
  return std::max<std::int64_t>(0, (bytes - std::ssize(script_json(json))) / 4 * 3);
}

// Adds as many guesses after each token as leave room for all heads that fit without them: a head is worth more. Returns
// what is kept beside them.
KeptParts add_row_guesses(const Explanation& explanation, std::int64_t budget, Json& json) {
  const KeptParts without = parts_within(explanation.kept, budget);
  if (explanation.row_guesses.empty()) return without;
  for (const std::ptrdiff_t count : {3, 1}) {
    Json list = row_guess_list(explanation.row_guesses, count);
    KeptParts parts = parts_within(explanation.kept, numbers_within(budget / 3 * 4, list));
    if (parts.heads.size() < without.heads.size()) continue;
    json["row_guesses"] = std::move(list);
    return parts;
  }
  return without;
}

}  // namespace

Json text_data(const Explanation& explanation, std::int64_t most_bytes, PageNumbers& numbers,
               Page& page) {
  Json json{{"model", model_json(explanation.model)},
            {"text", explanation.text},
            {"tokens", rounded(tokens_json(explanation.tokens), kMeanDigits)},
            {"ropes", rope_list(ropes_of(explanation.kept))},
            {"heads", Json::array()},
            {"telling", telling_json(explanation)},
            {"guesses", guess_list(explanation.guesses, kMeanDigits)},
            {"row_guesses", nullptr}};
  for (const ExplainedHead& head : explanation.heads) json["heads"].push_back(head_json(head));
  // Maps take an eighth of the page: finer ones would cost the numbers of heads.
  const PageMaps maps = page_maps(explanation, most_bytes * 3 / 4 / 8);
  const std::int64_t before = numbers.bytes();
  add_maps(explanation, maps, numbers, json);
  // Not so large that four thirds of it would be no number.
  std::int64_t budget = std::numeric_limits<std::int64_t>::max() / 4;
  if (most_bytes > 0)
    budget = numbers_within(most_bytes - base64_size(numbers.bytes() - before), json);
  const KeptParts parts = add_row_guesses(explanation, budget, json);
  add_kept(explanation.kept, parts, numbers, json);
  page.kept_heads += std::ssize(parts.heads);
  page.all_heads += std::ssize(explanation.heads);
  page.map_cells = maps.cells;
  if (page.passed_over.empty()) page.passed_over = explanation.kept.passed_over;
  return json;
}

std::string script_json(const Json& json) {
  Json shown = json;
  name_bytes(shown);
  return json_in_script(shown.dump());
}

}  // namespace fovea::report
