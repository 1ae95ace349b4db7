// The list of model families. A new one: its file src/models/NAME.cc, its declaration and its line here.
#pragma once

#include <array>
#include <memory>
#include <string_view>

#include "fovea/models/model.h"
#include "models/model_files.h"

namespace fovea::models {

std::unique_ptr<Model> load_llama(const ModelFiles& files);
std::unique_ptr<Model> load_gpt2(const ModelFiles& files);
std::unique_ptr<Model> load_bert(const ModelFiles& files);

struct Family {
  std::string_view name;  ///< the architecture as the files state it
  std::string_view summary;
  std::unique_ptr<Model> (*load)(const ModelFiles& files);
};

inline constexpr std::array kFamilies{
    Family{"llama", "decoder: RoPE, RMSNorm, SwiGLU, shared key heads; .gguf and .safetensors",
           load_llama},
    Family{"gpt2", "decoder: learned positions, LayerNorm, GELU; .safetensors", load_gpt2},
    Family{"bert", "encoder: learned positions and segments, norm after each layer; .safetensors",
           load_bert},
};

}  // namespace fovea::models
