// The page: the built template with a title and the data put in.
#include "fovea/report/page.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "fovea/core/printable.h"
#include "report/html_text.h"
#include "report/page_data.h"
#include "report/page_numbers.h"
#include "report/page_template.h"

namespace fovea::report {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kTitleMark = "<!--fovea:title-->";
constexpr std::string_view kDataMark = "<!--fovea:data-->";
constexpr std::int64_t kFormVersion = 1;
// What stands around the data: tags, and the JSON outside of the texts.
constexpr std::int64_t kAround = 1000;

// A title that a browser's tab can show.
std::string title_of(std::string_view text) {
  constexpr std::size_t kMost = 60;
  const std::string shown = printable(text);
  if (shown.size() <= kMost) return shown;
  std::size_t end = kMost;
  while (end > 0 && (static_cast<unsigned char>(shown[end]) & 0xC0) == 0x80) --end;
  return shown.substr(0, end) + "…";
}

// The marks are looked for in the template alone: a text may hold them too.
std::string filled_template(const std::string& title, const std::string& json,
                            const std::string& numbers) {
  const std::string_view page = page_template();
  const std::size_t title_at = page.find(kTitleMark);
  const std::size_t data_at = page.find(kDataMark);
  assert(title_at < data_at && data_at != std::string_view::npos);
  std::string html;
  html.reserve(page.size() + json.size() + numbers.size() + static_cast<std::size_t>(kAround));
  html += page.substr(0, title_at);
  html += html_text(title);
  const std::size_t after_title = title_at + kTitleMark.size();
  html += page.substr(after_title, data_at - after_title);
  html += R"(<script type="application/json" id="fovea-data">)";
  html += json;
  html += "</script>\n<script type=\"text/plain\" id=\"fovea-numbers\">";
  html += numbers;
  html += "</script>";
  html += page.substr(data_at + kDataMark.size());
  return html;
}

Page page_of(const std::string& title, const Json& comparison,
             std::span<const Explanation> explanations, const PageOptions& options) {
  Page page;
  PageNumbers numbers;
  Json texts = Json::array();
  std::int64_t left = 0;
  if (options.most_bytes > 0) {
    const auto taken = std::ssize(page_template()) + std::ssize(script_json(comparison)) + kAround;
    left = std::max<std::int64_t>(1, options.most_bytes - taken);
  }
  const auto count = std::ssize(explanations);
  for (const Explanation& explanation : explanations)
    texts.push_back(text_data(explanation, left / count, numbers, page));
  const Json data{{"version", kFormVersion},
                  {"program", "fovea " FOVEA_VERSION},
                  {"texts", std::move(texts)},
                  {"comparison", comparison}};
  page.html = filled_template(title, script_json(data), numbers.finish());
  return page;
}

}  // namespace

std::int64_t most_page_bytes(std::int64_t tokens) {
  constexpr std::int64_t kUsual = 4'000'000;
  constexpr std::int64_t kTokens = 2048;
  return tokens <= kTokens ? kUsual : tokens * (kUsual / kTokens);
}

KeepOptions keep_for(const PageOptions& options) {
  // Base64 makes four bytes of three.
  return {.budget_bytes = options.most_bytes / 4 * 3, .all_heads = options.most_bytes == 0};
}

Page explanation_page(const Explanation& explanation, const PageOptions& options) {
  return page_of(title_of(explanation.text) + " · fovea", nullptr, std::span(&explanation, 1),
                 options);
}

Page comparison_page(const Comparison& comparison, std::span<const Explanation> explanations,
                     const PageOptions& options) {
  // As --json has it; NaN has become null.
  const Json json = Json::parse(comparison_json(comparison));
  return page_of(title_of(comparison.word) + " in several texts · fovea", json, explanations,
                 options);
}

std::string describe(const Page& page, std::string_view for_all) {
  std::string line =
      fmt::format("{:.1f} MB; {} of {} heads can be opened row by row",
                  static_cast<double>(page.html.size()) / 1e6, page.kept_heads, page.all_heads);
  if (!page.passed_over.empty()) return line + fmt::format(" ({})", page.passed_over);
  if (page.kept_heads < page.all_heads) line += fmt::format(" ({} keeps all)", for_all);
  return line;
}

}  // namespace fovea::report
