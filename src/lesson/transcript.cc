// The notebooks' printed output, computed anew: labels are text, every figure is an operation of
// nn, printed by core.
#include "fovea/lesson/transcript.h"

#include <fmt/format.h>

#include <array>

#include "fovea/core/error.h"
#include "fovea/core/format_tensor.h"
#include "fovea/lesson/lesson.h"
#include "fovea/nn/self_attention.h"
#include "fovea/nn/steps.h"
#include "lesson/mistakes.h"

namespace fovea::lesson {
namespace {

constexpr PrintOptions kTrained = {.grad_fn = "MmBackward0"};
constexpr std::string_view kRule = "--------------------------------------------------\n";

// What a cell prints: text as it is, tensors as torch prints them.
class Output {
 public:
  Output& line(std::string_view label, const TensorView& tensor, const PrintOptions& options = {}) {
    text_ += fmt::format("{}{}\n", label, format_tensor(tensor, options));
    return *this;
  }
  Output& line(const TensorView& tensor, const PrintOptions& options = {}) {
    return line("", tensor, options);
  }
  Output& text(std::string_view text) {
    text_ += text;
    return *this;
  }
  /// "Sum: tensor(1.)", of weights.
  Output& sum(std::string_view label, const TensorView& values) {
    const float total = nn::sum(values);
    return line(label, TensorView(&total, Shape{}));
  }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

// One word's attention, as most of the notebooks begin.
struct OneWord {
  explicit OneWord(const LessonInputs& inputs)
      : query(Tensor::copy_of(TensorView(inputs.vectors).sliced(0, inputs.query, 1))),
        row(query.values<float>().data(), Shape{inputs.vectors.size(1)}),
        scores(nn::matmul(inputs.vectors, row)),
        by_sum(nn::normalise_by_sum(scores)),
        naive(nn::naive_softmax(scores)),
        softmax(nn::softmax(scores)),
        context(nn::context_vector(softmax, inputs.vectors)) {}

  Tensor query;
  TensorView row;
  Tensor scores;
  Tensor by_sum;
  Tensor naive;
  Tensor softmax;
  Tensor context;
};

struct AllWords {
  explicit AllWords(const Tensor& x)
      : by_loops(DType::f32, {x.size(0), x.size(0)}),
        scores(nn::matmul(x, nn::transpose(x).view())),
        weights(nn::softmax(scores)),
        context(nn::matmul(weights, x)) {
    const std::int64_t size = x.size(1);
    const float* rows = x.values<float>().data();
    auto next = by_loops.values<float>().begin();
    for (std::int64_t i = 0; i < x.size(0); ++i) {
      for (std::int64_t j = 0; j < x.size(0); ++j) {
        *next++ = nn::dot({rows + i * size, Shape{size}}, {rows + j * size, Shape{size}});
      }
    }
  }

  Tensor by_loops;
  Tensor scores;
  Tensor weights;
  Tensor context;
};

std::string notebook_000() {
  const OneWord one(journey_inputs());
  Output out;
  for (const Tensor* weights : {&one.by_sum, &one.naive, &one.softmax}) {
    out.line("Attention weights: ", *weights).sum("Sum: ", *weights);
  }
  return out.line(one.context).take();
}

std::string notebook_001() {
  const LessonInputs inputs = journey_inputs();
  const OneWord one(inputs);
  const AllWords all(inputs.vectors);
  return Output()
      .line(one.scores)
      .line("Attention weights: ", one.softmax)
      .sum("Sum: ", one.softmax)
      .line(one.context)
      .line(all.by_loops)
      .line(all.scores)
      .line(all.weights)
      .line(all.context)
      .take();
}

// The weight that the notebook prints without a seed of its own: its cell was run for the fifth
// time, so the layer is the fifth drawn after the module's three.
nn::Linear fifth_layer(Generator& generator) {
  for (int earlier = 0; earlier < 4; ++earlier) nn::Linear(3, 2, nn::Bias::no, generator);
  return {3, 2, nn::Bias::no, generator};
}

std::string notebook_002() {
  const LessonInputs inputs = journey_inputs();
  const OneWord one(inputs);
  const AllWords all(inputs.vectors);
  Generator generator(123);
  const nn::TinySelfAttentionQKV plain(3, 2, generator);
  generator.manual_seed(789);
  const nn::TinySelfAttentionQKVLinear linear(3, 2, generator);
  const nn::Linear layer = fifth_layer(generator);
  const Tensor plain_context = plain.forward(inputs.vectors);
  const Tensor linear_context = linear.forward(inputs.vectors);
  Output out;
  out.line("Raw attention scores: ", one.scores).text(kRule);
  out.line("Attention weights (normalized by sum): ", one.by_sum);
  out.sum("Sum of weights: ", one.by_sum).text(kRule);
  out.line("Attention weights (naive softmax): ", one.naive);
  out.sum("Sum of weights: ", one.naive).text(kRule);
  out.line("Attention weights (PyTorch softmax): ", one.softmax);
  out.sum("Sum of weights: ", one.softmax).text(kRule);
  out.line("Context vector (output of attention): ", one.context).text(kRule);
  out.line("Raw attention scores (manual):\n", all.by_loops).text(kRule);
  out.line("Raw attention scores (matrix multiplication):\n", all.scores).text(kRule);
  out.line("Attention weights (softmax):\n", all.weights).text(kRule);
  out.line("Context vectors (output of self-attention):\n", all.context).text(kRule);
  out.text(layer.repr() + "\n").line(layer.weight(), {.parameter = true}).text(kRule);
  out.line("Context vectors after self-attention:\n", plain_context, kTrained);
  return out.line(linear_context, kTrained).take();
}

std::string notebook_003() {
  const LessonInputs inputs = cat_inputs();
  const OneWord one(inputs);
  return Output()
      .line("Input vectors: ", inputs.vectors)
      .line("Attention Scores: ", one.scores)
      .line("Normalized Attention Weights: ", one.softmax)
      .text(fmt::format("Sum of weights: {}\n",
                        format_scalar(static_cast<double>(nn::sum(one.softmax)))))
      .line("Context Vector for 'ran': ", one.context)
      .take();
}

std::string notebook_004() {
  const LessonInputs inputs = journey_inputs();
  const OneWord one(inputs);
  const Tensor wrong = context_by_the_wrong_loop(one.softmax, one.row);
  return Output()
      .text(fmt::format("{}\n", inputs.vectors.size(0)))
      .line(one.scores)
      .line("Refined Attention Weights: ", one.softmax)
      .line(wrong)
      .take();
}

struct Notebook {
  std::string_view name;
  std::string (*print)();
};

constexpr std::array<Notebook, 5> kNotebooks = {{{"000", notebook_000},
                                                 {"001", notebook_001},
                                                 {"002", notebook_002},
                                                 {"003", notebook_003},
                                                 {"004", notebook_004}}};

constexpr auto kNames = [] {
  std::array<std::string_view, kNotebooks.size()> names{};
  for (std::size_t i = 0; i < names.size(); ++i) names[i] = kNotebooks[i].name;
  return names;
}();

}  // namespace

std::span<const std::string_view> list_transcripts() {
  return kNames;
}

std::string transcript(std::string_view notebook) {
  for (const Notebook& known : kNotebooks) {
    if (known.name == notebook) return known.print();
  }
  throw Error(ErrorKind::invalid_argument,
              fmt::format("transcript: there is no notebook '{}'; there are 000 to {}", notebook,
                          kNames.back()));
}

}  // namespace fovea::lesson
