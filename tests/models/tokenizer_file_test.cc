// Tokenizer files of every kind: what loads, and what is said of those that are wrong.
#include "fovea/models/tokenizer_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "core/error_text.h"
#include "models/tokenizer_files.h"

namespace fovea::models {
namespace {

using formats::TemporaryFolder;
using formats::write_file;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using tokenize::ids_of;
using tokenize::Token;
using tokenize::Tokenizer;

constexpr std::string_view kSentence = "Your journey starts with one step";

class TokenizerFile : public testing::Test {
 protected:
  std::string put(const std::string& name, std::string_view content) const {
    write_file(folder_.path(name), content);
    return folder_.path(name);
  }
  // What loading a file of this name and content says.
  std::string refusal(const std::string& name, std::string_view content,
                      ErrorKind kind = ErrorKind::format) const {
    const std::string path = put(name, content);
    const std::string text = error_text(kind, [&] { load_tokenizer(path); });
    EXPECT_THAT(text, HasSubstr(folder_.root().string()));
    EXPECT_EQ(text.find('\n'), text.npos);
    return text;
  }
  std::string unsupported(const json& tokenizer) const {
    return refusal("tokenizer.json", tokenizer.dump(), ErrorKind::unsupported);
  }
  std::string malformed(const json& tokenizer) const {
    return refusal("tokenizer.json", tokenizer.dump());
  }
  std::string refused_gguf(const SmallGguf& gguf, ErrorKind kind = ErrorKind::format) const {
    return refusal("a.gguf", gguf.bytes(), kind);
  }
  std::vector<Token> tokens(const std::string& name, std::string_view text) const {
    return load_tokenizer(folder_.path(name))->encode(text);
  }
  TemporaryFolder folder_;
};

TEST_F(TokenizerFile, OfGpt2LoadsInWellUnderASecond) {
  const tokenize::ByteBpeData data = tokenize::gpt2_data();
  put("encoder.json", ids_of_pieces(data.pieces).dump());
  std::string merges;
  for (const std::string& line : golden_lines("gpt2_merges.txt")) merges += line + "\n";
  put("vocab.bpe", merges);
  const auto start = std::chrono::steady_clock::now();
  const auto tokenizer = load_tokenizer(folder_.root());
  // 0.12 s here; sanitizers take ten times that.
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
  EXPECT_THAT(ids_of(tokenizer->encode(kSentence)), ElementsAre(7120, 7002, 4940, 351, 530, 2239));
  EXPECT_TRUE(tokenizer->is_special(50256));
  EXPECT_EQ(tokenizer->size(), 50257);
}

TEST_F(TokenizerFile, OfMergesMayHaveCrlfBlankLinesAndAComment) {
  put("vocab.json", ids_of_pieces(small_pieces()).dump());
  put("merges.txt", "#version: 0.2\r\na b\r\n\r\nab c\r\n\r\n");
  EXPECT_THAT(tokens("merges.txt", "abc"), ElementsAre(Token{257, 0, 3}));
  EXPECT_THAT(tokens("vocab.json", "abc"), ElementsAre(Token{257, 0, 3}));
}

TEST_F(TokenizerFile, OfMergesIsRefusedWithItsLine) {
  put("vocab.json", ids_of_pieces(small_pieces()).dump());
  EXPECT_THAT(refusal("merges.txt", "a b\nabc\n"), HasSubstr("line 2: 'abc': two pieces"));
  EXPECT_THAT(refusal("merges.txt", "a b c\n"), HasSubstr("line 1"));
  EXPECT_THAT(refusal("merges.txt", "a  b\n"), HasSubstr("line 1"));
  EXPECT_THAT(refusal("merges.txt", " b\n"), HasSubstr("line 1"));
  EXPECT_THAT(refusal("merges.txt", "a b\na b\n"), HasSubstr("are there twice"));
  EXPECT_THAT(refusal("merges.txt", "a b\nab d\n"), HasSubstr("'abd' is no token"));
  EXPECT_THAT(refusal("merges.txt", "a \xff\n"), HasSubstr("byte 2: the text is not UTF-8"));
  EXPECT_THAT(refusal("merges.txt", "<!DOCTYPE html><p>404"), HasSubstr("an HTML page"));
  EXPECT_THAT(refusal("merges.txt", std::string("PK\x03\x04") + "aaaa"),
              HasSubstr("a zip archive"));
}

TEST_F(TokenizerFile, OfMergesNeedsIdsThatArePlain) {
  put("merges.txt", "a b\n");
  const auto says = [&](const json& ids, std::string_view what) {
    put("vocab.json", ids.dump());
    const std::string text =
        error_text(ErrorKind::format, [&] { load_tokenizer(folder_.path("merges.txt")); });
    EXPECT_THAT(text, HasSubstr(std::string(what)));
  };
  json ids = ids_of_pieces(small_pieces());
  ids["abc"] = 256;
  says(ids, "'ab' and 'abc' both have id 256");
  ids["abc"] = 258;
  says(ids, "'abc': id 258; 258 pieces have ids from 0 to 257");
  ids["abc"] = -1;
  says(ids, "'abc': id -1");
  ids["abc"] = 1.5;
  says(ids, "'abc': a whole number is wanted, not a number with a fraction");
  ids["abc"] = "257";
  says(ids, "not a string");
  ids.erase("abc");
  ids.erase("ab");
  says(ids, "'ab' is no token");
  ids.erase("e");
  says(ids, "ids from 0 to 254");
  says(json::array(), "an object is wanted, not an array");
  put("vocab.json", R"({"a": 0, "\u0061": 1})");
  EXPECT_THAT(error_text(ErrorKind::format, [&] { load_tokenizer(folder_.root()); }),
              HasSubstr("'a' is given twice"));
  put("vocab.json", R"({"a": 0)");
  EXPECT_THAT(error_text(ErrorKind::format, [&] { load_tokenizer(folder_.root()); }),
              HasSubstr("vocab.json: byte 7"));
}

TEST_F(TokenizerFile, OfAVocabularyWithoutTheByteAlphabetIsRefused) {
  put("vocab.json", ids_of_pieces({"a", "b", "ab"}).dump());
  EXPECT_THAT(refusal("merges.txt", "a b\n"), HasSubstr("no token stands for byte 0x20"));
}

TEST_F(TokenizerFile, OfMergesWithoutIdsSaysWhatIsMissing) {
  EXPECT_THAT(refusal("vocab.bpe", "a b\n"), HasSubstr("encoder.json or vocab.json is wanted"));
  const TemporaryFolder alone;
  write_file(alone.path("encoder.json"), "{}");
  EXPECT_THAT(error_text(ErrorKind::format, [&] { load_tokenizer(alone.path("encoder.json")); }),
              HasSubstr("vocab.bpe or merges.txt is wanted"));
}

TEST_F(TokenizerFile, OfBertsLinesLoads) {
  put("vocab.txt", "[PAD]\r\n[UNK]\r\n[CLS]\r\n[SEP]\r\nstep\r\n##s\r\nE\r\n\r\n");
  EXPECT_THAT(tokens("vocab.txt", "Steps"),
              ElementsAre(Token{2, 0, 0}, Token{4, 0, 4}, Token{5, 4, 1}, Token{3, 5, 0}));
  put("tokenizer_config.json", R"({"do_lower_case": false})");
  EXPECT_THAT(ids_of(tokens("vocab.txt", "Step E")), ElementsAre(2, 1, 6, 3));
  put("tokenizer_config.json", R"({"do_lower_case": 1})");
  EXPECT_THAT(error_text(ErrorKind::format, [&] { load_tokenizer(folder_.root()); }),
              HasSubstr("do_lower_case: true or false is wanted, not a whole number"));
}

TEST_F(TokenizerFile, OfMinilmLoads) {
  std::string lines;
  for (const std::string& line : golden_lines("minilm_vocab.txt")) lines += line + "\n";
  put("vocab.txt", lines);
  EXPECT_THAT(ids_of(tokens("vocab.txt", kSentence)),
              ElementsAre(101, 2115, 4990, 4627, 2007, 2028, 3357, 102));
}

TEST_F(TokenizerFile, OfBertsLinesIsRefusedWithItsLine) {
  const std::string begin = "[UNK]\n[CLS]\n[SEP]\n";
  EXPECT_THAT(refusal("vocab.txt", begin + "a\n\nb\n"), HasSubstr("line 5 is empty"));
  EXPECT_THAT(refusal("vocab.txt", begin + "a\nb\na\n"), HasSubstr("token 5: 'a' is there twice"));
  EXPECT_THAT(refusal("vocab.txt", "a\nb\n"), HasSubstr("'[UNK]' is not among the 2 tokens"));
  EXPECT_THAT(refusal("vocab.txt", ""), HasSubstr("this looks like nothing"));
  EXPECT_THAT(refusal("vocab.txt", begin + "\xc0\xaf\n"),
              HasSubstr("byte 18: the text is not UTF-8"));
  EXPECT_THAT(refusal("vocab.txt", "version https://git-lfs.github.com/spec/v1\noid sha256:0\n"),
              HasSubstr("a git-lfs pointer"));
  EXPECT_THAT(refusal("vocab.txt", std::string(5 << 20, 'a')),
              HasSubstr("5242880 bytes are too many"));
  std::string many;
  for (int i = 0; i < (1 << 18) + 1; ++i) many += "a\n";
  EXPECT_THAT(refusal("vocab.txt", many), HasSubstr("more than 262144 lines"));
}

TEST_F(TokenizerFile, OfJsonWithByteBpeLoads) {
  json tokenizer = small_bpe_json();
  put("tokenizer.json", tokenizer.dump());
  EXPECT_THAT(tokens("tokenizer.json", "abc 12"),
              ElementsAre(Token{257, 0, 3}, testing::_, testing::_, testing::_));
  tokenizer["model"].erase("type");  // as files of 2020
  tokenizer["model"]["merges"] = json::parse(R"([["a", "b"], ["ab", "c"]])");
  tokenizer["pre_tokenizer"] = {
      {"type", "Sequence"},
      {"pretokenizers",
       {{{"type", "Digits"}, {"individual_digits", true}}, tokenizer["pre_tokenizer"]}}};
  tokenizer["post_processor"] = {{"type", "TemplateProcessing"},
                                 {"single",
                                  {{{"SpecialToken", {{"id", "<end>"}, {"type_id", 0}}}},
                                   {{"Sequence", {{"id", "A"}, {"type_id", 0}}}}}}};
  put("tokenizer.json", tokenizer.dump());
  EXPECT_THAT(tokens("tokenizer.json", "abc"), ElementsAre(Token{258, 0, 0}, Token{257, 0, 3}));
}

TEST_F(TokenizerFile, OfJsonWithWordPieceLoads) {
  put("tokenizer.json", small_wordpiece_json().dump());
  const std::vector<Token> wanted = {{1, 0, 0}, {3, 0, 4}, {4, 4, 1}, {2, 5, 0}};
  EXPECT_EQ(tokens("tokenizer.json", "Steps"), wanted);
  json other = small_wordpiece_json();
  other["post_processor"] = {
      {"type", "BertProcessing"}, {"sep", {"[SEP]", 2}}, {"cls", {"[CLS]", 1}}};
  put("tokenizer.json", other.dump());
  EXPECT_EQ(tokens("tokenizer.json", "Steps"), wanted);
}

TEST_F(TokenizerFile, OfJsonOfAnotherKindIsRefusedByItsName) {
  json tokenizer = small_bpe_json();
  tokenizer["model"]["type"] = "Unigram";
  EXPECT_THAT(unsupported(tokenizer), HasSubstr("model: the type 'Unigram' is not known"));
  tokenizer = small_bpe_json();
  tokenizer["normalizer"] = {{"type", "NFC"}};
  EXPECT_THAT(unsupported(tokenizer), HasSubstr("normalizer: the type 'NFC'"));
  tokenizer = small_bpe_json();
  tokenizer["pre_tokenizer"] = {{"type", "Metaspace"}};
  EXPECT_THAT(unsupported(tokenizer), HasSubstr("pre_tokenizer: the type 'Metaspace'"));
  tokenizer["pre_tokenizer"] = nullptr;
  EXPECT_THAT(unsupported(tokenizer), HasSubstr("BPE without ByteLevel"));
  tokenizer["pre_tokenizer"] = {{"type", "ByteLevel"}, {"add_prefix_space", true}};
  EXPECT_THAT(unsupported(tokenizer), HasSubstr("\"add_prefix_space\" is not known"));
  tokenizer = small_bpe_json();
  tokenizer["post_processor"] = {{"type", "RobertaProcessing"}};
  EXPECT_THAT(unsupported(tokenizer), HasSubstr("post_processor: the type 'RobertaProcessing'"));
  for (const char* key : {"byte_fallback", "ignore_merges"}) {
    tokenizer = small_bpe_json();
    tokenizer["model"][key] = true;
    EXPECT_THAT(unsupported(tokenizer), AllOf(HasSubstr("model:"), HasSubstr(key)));
  }
  tokenizer = small_bpe_json();
  tokenizer["added_tokens"][0]["special"] = false;
  EXPECT_THAT(unsupported(tokenizer), HasSubstr("'<end>' is added but not special"));
  tokenizer = small_wordpiece_json();
  tokenizer["normalizer"]["strip_accents"] = false;
  EXPECT_THAT(unsupported(tokenizer), HasSubstr("\"strip_accents\" other than \"lowercase\""));
  tokenizer = small_wordpiece_json();
  tokenizer["post_processor"] = nullptr;
  EXPECT_THAT(unsupported(tokenizer), HasSubstr("post_processor"));
}

TEST_F(TokenizerFile, OfJsonThatIsMalformedIsRefusedWithThePlace) {
  EXPECT_THAT(malformed(json::array()), HasSubstr("tokenizer.json: an object is wanted"));
  EXPECT_THAT(malformed(json::object()), HasSubstr("\"model\" is missing"));
  json tokenizer = small_bpe_json();
  tokenizer["model"]["vocab"] = nullptr;
  EXPECT_THAT(malformed(tokenizer), HasSubstr("model.vocab: an object is wanted, not null"));
  tokenizer = small_bpe_json();
  tokenizer["model"]["merges"][1] = "abc";
  EXPECT_THAT(malformed(tokenizer), HasSubstr("model.merges: merge 1"));
  tokenizer["model"]["merges"][1] = 7;
  EXPECT_THAT(malformed(tokenizer), HasSubstr("model.merges: merge 1"));
  tokenizer = small_bpe_json();
  tokenizer["model"]["merges"] = "a b";
  EXPECT_THAT(malformed(tokenizer), HasSubstr("model.merges: an array is wanted, not a string"));
  tokenizer = small_bpe_json();
  tokenizer["added_tokens"][0]["id"] = 300;
  EXPECT_THAT(malformed(tokenizer), HasSubstr("added_tokens.0.id: '<end>': id 300"));
  tokenizer["added_tokens"][0]["id"] = 5;
  EXPECT_THAT(malformed(tokenizer), HasSubstr("'<end>' has id 5, which the vocabulary gives to"));
  tokenizer["added_tokens"][0]["id"] = 18446744073709551615U;
  EXPECT_THAT(malformed(tokenizer), HasSubstr("too large a number"));
  tokenizer = small_wordpiece_json();
  tokenizer["model"]["max_input_chars_per_word"] = 0;
  EXPECT_THAT(malformed(tokenizer), HasSubstr("max_input_chars_per_word: at least 1"));
  tokenizer = small_wordpiece_json();
  tokenizer["post_processor"]["single"] = json::array();
  EXPECT_THAT(malformed(tokenizer), HasSubstr("no place for the text"));
  EXPECT_THAT(refusal("tokenizer.json", std::string(100'000, '[')), HasSubstr("nested"));
  EXPECT_THAT(refusal("tokenizer.json", "{\"model\": NaN}"), HasSubstr("byte"));
}

TEST_F(TokenizerFile, OfGgufLoads) {
  SmallGguf gguf;
  put("a.gguf", gguf.bytes());
  EXPECT_THAT(tokens("a.gguf", "abc"), ElementsAre(Token{257, 0, 3}));
  EXPECT_TRUE(load_tokenizer(folder_.root())->is_special(258));
  gguf.text("pre", "smollm");
  gguf.flag("add_bos_token", true);
  put("a.gguf", gguf.bytes());
  EXPECT_THAT(tokens("a.gguf", "abc"), ElementsAre(Token{258, 0, 0}, Token{257, 0, 3}));
  gguf.leave_out("token_type");
  gguf.leave_out("bos_token_id");
  gguf.flag("add_bos_token", false);
  put("a.gguf", gguf.bytes());
  // Without types all pieces are normal ones.
  EXPECT_FALSE(load_tokenizer(folder_.path("a.gguf"))->is_special(258));
}

TEST_F(TokenizerFile, OfGgufThatIsWrongIsRefusedWithTheKey) {
  const auto says = [&](auto change, std::string_view what, ErrorKind kind = ErrorKind::format) {
    SmallGguf gguf;
    change(gguf);
    EXPECT_THAT(refused_gguf(gguf, kind), HasSubstr("tokenizer.ggml." + std::string(what)));
  };
  using G = SmallGguf;
  constexpr auto kUnsupported = ErrorKind::unsupported;
  says([](G& g) { g.leave_out("model"); }, "model: missing");
  says([](G& g) { g.text("model", "llama"); }, "model: 'llama'; fovea knows gpt2", kUnsupported);
  says([](G& g) { g.number("model", 1); }, "model: not a string");
  says([](G& g) { g.leave_out("pre"); }, "pre: the name");
  says([](G& g) { g.text("pre", "llama-bpe"); }, "pre: 'llama-bpe'", kUnsupported);
  says([](G& g) { g.leave_out("tokens"); }, "tokens: an array of strings is wanted");
  says([](G& g) { g.numbers("tokens", {1}); }, "tokens: an array of strings is wanted");
  says([](G& g) { g.leave_out("merges"); }, "merges: an array of strings is wanted");
  says([](G& g) { g.texts("merges", {"ab"}); }, "merges: merge 0: 'ab'");
  says([](G& g) { g.texts("merges", {"a b c"}); }, "merges: merge 0");
  says([](G& g) { g.numbers("token_type", {1, 1}); }, "token_type: 2 types of 259 tokens");
  says([](G& g) { g.text("token_type", "1"); }, "token_type: an array of int32");
  const auto type = [](std::int32_t last) {
    return [last](G& g) {
      std::vector<std::int32_t> types(259, 1);
      types.back() = last;
      g.numbers("token_type", types);
    };
  };
  says(type(4), "token_type: token 258, '<end>', is user-defined", kUnsupported);
  says(type(0), "token_type: token 258 has type 0");
  says(type(-7), "token_type: token 258 has type -7");
  says([](G& g) { g.number("bos_token_id", 259); },
       "bos_token_id: token 259; there are 259 tokens");
  says([](G& g) { g.text("eos_token_id", "2"); }, "eos_token_id: a token's id is wanted");
  says([](G& g) { g.flag("add_eos_token", true); }, "eos_token_id: a token's id is wanted");
  says([](G& g) { g.number("add_bos_token", 1); }, "add_bos_token: a boolean is wanted");
}

TEST_F(TokenizerFile, OfGgufWithOddPiecesIsRefused) {
  SmallGguf gguf;
  gguf.texts("merges", {"a b", "a b"});
  EXPECT_THAT(refused_gguf(gguf), HasSubstr("are there twice"));
  gguf = {};
  gguf.texts("tokens", {"a", "a"});
  gguf.numbers("token_type", {1, 1});
  gguf.number("bos_token_id", 0);
  EXPECT_THAT(refused_gguf(gguf), HasSubstr("token 1: 'a' is there twice"));
}

TEST_F(TokenizerFile, OfWhatIsNoTokenizerSaysWhatItLooksLike) {
  EXPECT_THAT(refusal("a.bin", "\x93NUMPY.."), HasSubstr("it looks like a .npy array"));
  EXPECT_THAT(refusal("a.gguf", "<html>"), HasSubstr("an HTML page"));
  EXPECT_THAT(refusal("tokenizer.json", "GGUF"), HasSubstr("tokenizer.json"));
  const TemporaryFolder empty;
  EXPECT_THAT(error_text(ErrorKind::format, [&] { load_tokenizer(empty.root()); }),
              HasSubstr("no tokenizer in this folder"));
  EXPECT_THAT(error_text(ErrorKind::io, [&] { load_tokenizer(empty.path("absent.json")); }),
              HasSubstr("No such file"));
}

}  // namespace
}  // namespace fovea::models
