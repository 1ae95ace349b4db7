// Any merges, any text: byte-level BPE gives the text back.
#include <fuzzer/FuzzedDataProvider.h>

#include <set>

#include "fovea/tokenize/byte_bpe.h"
#include "fuzz/check_tokens.h"

namespace fovea {
namespace {

// GPT-2's alphabet: bytes that print stand for themselves, the others for U+0100 and following.
std::vector<std::string> byte_alphabet() {
  std::vector<std::string> letters;
  unsigned next = 0x100;
  for (unsigned byte = 0; byte < 256; ++byte) {
    const bool prints = (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte != 0xAD);
    const unsigned code = prints ? byte : next++;
    std::string letter;
    if (code < 0x80) {
      letter += static_cast<char>(code);
    } else {
      letter += static_cast<char>(0xC0 | code >> 6);
      letter += static_cast<char>(0x80 | (code & 0x3F));
    }
    letters.push_back(letter);
  }
  return letters;
}

// Merges of pieces that are there already, each of which makes a new one.
tokenize::ByteBpeData drawn_data(FuzzedDataProvider& provider) {
  tokenize::ByteBpeData data;
  data.pieces = byte_alphabet();
  data.name = "vocabulary";
  data.split = provider.ConsumeBool() ? tokenize::WordSplit::gpt2 : tokenize::WordSplit::smollm;
  std::set<std::string> known(data.pieces.begin(), data.pieces.end());
  const auto wanted = provider.ConsumeIntegralInRange<int>(0, 64);
  for (int i = 0; i < wanted; ++i) {
    const auto draw = [&] {
      return data.pieces[provider.ConsumeIntegralInRange<std::size_t>(0, data.pieces.size() - 1)];
    };
    const std::string left = draw();
    const std::string right = draw();
    if (left.size() + right.size() > 64 || !known.insert(left + right).second) continue;
    data.pieces.push_back(left + right);
    data.merges.emplace_back(left, right);
  }
  if (provider.ConsumeBool()) {
    data.special = {static_cast<std::int32_t>(data.pieces.size())};
    data.pieces.push_back("<|end|>");
  }
  return data;
}

}  // namespace
}  // namespace fovea

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace fovea;
  FuzzedDataProvider provider(data, size);
  tokenize::ByteBpeData vocabulary = drawn_data(provider);
  const bool are_recognised = provider.ConsumeBool();
  const std::string text = provider.ConsumeRemainingBytesAsString();
  fuzz::expect_success_or_error([&] {
    const auto tokenizer = tokenize::make_byte_bpe(std::move(vocabulary));
    const auto tokens = fuzz::checked_tokens(*tokenizer, text, {.are_recognised = are_recognised});
    if (formats::is_utf8(text)) fuzz::require(fuzz::decoded(*tokenizer, tokens) == text);
  });
  return 0;
}
