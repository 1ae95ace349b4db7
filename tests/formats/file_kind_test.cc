// What people download, save or rename by mistake is called by its name.
#include "fovea/formats/file_kind.h"

#include <gtest/gtest.h>

#include <string>

namespace fovea::formats {
namespace {

std::string_view kind_of(std::string_view text) {
  return kind_of_content(std::as_bytes(std::span(text)));
}

TEST(KindOfContent, KnowsModels) {
  EXPECT_EQ(kind_of("GGUF\3"), kGgufKind);
  for (const char second : {'"', '}', ' ', '\n'}) {
    EXPECT_EQ(kind_of(std::string("\x02\0\0\0\0\0\0\0{", 9) + second), kSafetensorsKind);
  }
  EXPECT_EQ(kind_of("tjgg"), "a GGML model (ggjt), the format before GGUF");
  EXPECT_EQ(kind_of(std::string("\x1c\0\0\0TFL3", 8)), "a TensorFlow Lite model");
}

TEST(KindOfContent, TakesALengthThatLooksLikeAMagicForALength) {
  EXPECT_EQ(kind_of(std::string("\x80\x02\0\0\0\0\0\0{\"", 10)), kSafetensorsKind);
  EXPECT_EQ(kind_of(std::string("\x1f\x8b\0\0\0\0\0\0{\"", 10)), kSafetensorsKind);
  EXPECT_EQ(kind_of("\x80\x02}q"), "a Python pickle");
}

TEST(KindOfContent, KnowsPagesOfServersThatHaveNoSuchFile) {
  for (const std::string_view text : {"<!DOCTYPE html>", "<html>", " \r\n<HTML lang=en>",
                                      "\xEF\xBB\xBF<!doctype HTML>", "<head>", "<!-- saved -->"}) {
    EXPECT_EQ(kind_of(text), "an HTML page") << text;
  }
  EXPECT_EQ(kind_of("<?xml version='1.0'?><Error>"), "an XML document");
  EXPECT_EQ(kind_of("{\"error\":\"x\"}"), "JSON text");
  EXPECT_EQ(kind_of("Entry not found"), "text");
  EXPECT_EQ(kind_of("version https://git-lfs.github.com/spec/v1\n"),
            "a git-lfs pointer: the file itself was not downloaded (git lfs pull)");
}

TEST(KindOfContent, KnowsArchives) {
  EXPECT_EQ(kind_of("PK\3\4"), "a zip archive (.npz and PyTorch checkpoints are such)");
  EXPECT_EQ(kind_of("BZh9"), "bzip2-compressed data");
  EXPECT_EQ(kind_of(std::string(257, 'x') + "ustar"), "a tar archive");
}

TEST(KindOfContent, SaysSoWhenItKnowsNothing) {
  EXPECT_EQ(kind_of(""), "nothing");
  EXPECT_EQ(kind_of(std::string(100, '\0')), "all zeros");
  EXPECT_EQ(kind_of("\x01\x02\x03\x04"), "unknown bytes");
}

}  // namespace
}  // namespace fovea::formats
