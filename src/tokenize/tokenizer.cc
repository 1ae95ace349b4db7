// The interface's own symbols, in one place.
#include "fovea/tokenize/tokenizer.h"

namespace fovea::tokenize {

Tokenizer::~Tokenizer() = default;

}  // namespace fovea::tokenize
