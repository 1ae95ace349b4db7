// Tokenizers as models' files hold them.
#pragma once

#include <memory>
#include <string>

#include "fovea/formats/checkpoint.h"
#include "fovea/tokenize/tokenizer.h"

namespace fovea::models {

/// Reads the tokenizer of a .gguf, a tokenizer.json, a vocab.txt (WordPiece), a vocab.bpe or
/// merges.txt (with encoder.json or vocab.json beside it), or of a folder that holds one of these.
/// Throws as InputFile; Error{format} with the file, the place, what was found and what is wanted;
/// Error{unsupported} for a kind of tokenizer that fovea does not know.
std::unique_ptr<tokenize::Tokenizer> load_tokenizer(const std::string& path);

/// The tokenizer in a GGUF's metadata: tokenizer.ggml.*. Null when it holds none.
std::unique_ptr<tokenize::Tokenizer> tokenizer_of(const formats::Checkpoint& gguf);

}  // namespace fovea::models
