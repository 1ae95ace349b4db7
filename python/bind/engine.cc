// attend and plan.
#include <fmt/format.h>
#include <nanobind/stl/string.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bind/attended.h"
#include "bind/keywords.h"
#include "bind/layers.h"
#include "bind/question.h"
#include "bind/running.h"
#include "bind/scalars.h"

namespace fovea::bind {
namespace {

const ObserveRequest* request_of(nb::handle observe) {
  if (observe.is_none()) return nullptr;
  const ObserveRequest* request = nullptr;
  if (!nb::try_cast(observe, request) || request == nullptr)
    throw nb::type_error(
        fmt::format("attend: observe is {}; wanted a fovea.Observe", shown(observe)).c_str());
  return request;
}

// What a call observes. Callbacks have an observer for each call, so that calls do not wait for each other.
class Observing {
 public:
  explicit Observing(const ObserveRequest* request) {
    static const Observe nothing;
    observe_ = request == nullptr ? &nothing : &request->observe;
    if (request == nullptr || !request->callbacks.given()) return;
    own_ = *observe_;
    own_.own = &shower_.emplace(request->callbacks);
    observe_ = &own_;
  }
  Observing(const Observing&) = delete;
  Observing& operator=(const Observing&) = delete;
  const Observe& observe() const noexcept { return *observe_; }

 private:
  std::optional<CallbackObserver> shower_;
  Observe own_;
  const Observe* observe_;
};

}  // namespace

Answer ask(const std::shared_ptr<Question>& question, const CallArguments& call) {
  const ObserveRequest* request = request_of(call.observe);
  const int threads = threads_of(call.threads);
  ArrayArgument out;
  if (!call.out.is_none()) out.look_to_write(call.out, "attend: out");
  const Observing observing(request);
  std::shared_ptr<Attended> attended;
  // Callbacks need the GIL, so that the call may not keep it; and they are slow.
  const bool has_callbacks = request != nullptr && request->callbacks.given();
  run_released(has_callbacks ? Length::long_ : question->length(), [&](std::stop_token stop) {
    const Execution execution{.threads = threads, .stop = std::move(stop)};
    const Observe& observe = observing.observe();
    // Made where it stays: to move an answer takes longer than a small one's attention.
    attended.reset(new Attended(
        out.given()
            ? attend_output_into(question->attention(), out.mutable_view(), observe, execution)
            : attend(question->attention(), observe, execution)));
  });
  Answer answer(attended, question);
  if (out.given()) answer.set_output(nb::borrow(call.out));
  if (request != nullptr)
    answer.set_observed(observed_names(request->observe, question->attention()));
  if (request == nullptr || !request->observe.row_statistics) answer.forget_question();
  return answer;
}

namespace {

std::shared_ptr<Question> question_of(nb::handle query, nb::handle key, nb::handle value,
                                      const ModifierArguments& modifiers) {
  return std::make_shared<Question>(query, key, value, modifiers);
}

// nanobind wants a parameter an argument: it fills them without a dict of keywords, which a small call would feel.
Answer attend_arrays(nb::handle query, nb::handle key, nb::handle value, nb::handle scale,
                     nb::handle softcap, nb::handle bias, nb::handle keep, nb::handle causal,
                     nb::handle window, nb::handle diagonal, nb::handle alibi, nb::handle sinks,
                     nb::handle key_lengths, nb::handle observe, nb::handle out,
                     nb::handle threads) {
  return ask(question_of(
                 query, key, value,
                 {scale, softcap, bias, keep, causal, window, diagonal, alibi, sinks, key_lengths}),
             {.observe = observe, .out = out, .threads = threads});
}

Plan plan_arrays(nb::handle query, nb::handle key, nb::handle value, nb::handle scale,
                 nb::handle softcap, nb::handle bias, nb::handle keep, nb::handle causal,
                 nb::handle window, nb::handle diagonal, nb::handle alibi, nb::handle sinks,
                 nb::handle key_lengths, nb::handle observe, nb::handle threads) {
  const Question question(
      query, key, value,
      {scale, softcap, bias, keep, causal, window, diagonal, alibi, sinks, key_lengths});
  const ObserveRequest* request = request_of(observe);
  const Execution execution{.threads = threads_of(threads)};
  return plan(question.attention(), Observing(request).observe(), execution);
}

template <typename Info>
nb::dict summaries(const std::vector<Info>& infos) {
  nb::dict out;
  for (const Info& each : infos) out[nb::str(each.name.c_str())] = each.summary;
  return out;
}

constexpr const char* kAttendText =
    R"(Returns softmax(modified scores) · value, and what was observed of it.

Shapes: query [batch, query_heads, queries, head_size], key [batch, key_heads, keys, head_size], value [batch, key_heads,
keys, value_size]; or all three without batch, or without batch and heads. key_heads divides query_heads. numpy, torch
(CPU) or any DLPack arrays of float32, bfloat16, float16 or float64 (the last by the textbook, slowly), of any strides:
nothing is copied. The answer's arrays are of the query's kind.

s = scale · q · k;  s = softcap · tanh(s / softcap);  s += bias - alibi · |diagonal - j|;  then keys are hidden.

  scale        1/sqrt(head_size) unless given
  softcap      bound on the scores' size; None or 0 = off
  bias         floating array, broadcast to [batch, query_heads, queries, keys]; -inf hides
  keep         bool array, broadcast likewise: True = may attend
  causal       hides keys after the diagonal
  window       (left, right): keys from diagonal - left to diagonal + right; None = no bound
  diagonal     where query i stands among the keys: "bottom_right" (the default: the last query at the last key),
               "top_left" (PyTorch's is_causal), or an int: at key i + int
  alibi        [query_heads]: slopes
  sinks        [query_heads]: one more logit in each row's softmax, without a value
  key_lengths  [batch] int: valid keys of each batch entry
  observe      a fovea.Observe
  out          array to write the output to: what .output then is
  threads      at most so many; FOVEA_THREADS or one a core unless given

The GIL is released. Ctrl-C stops a long call. Raises TypeError for what is no such array, ValueError for arguments that
contradict each other (and a torch tensor that needs a gradient), OverflowError for numbers beyond 64 bits, NotImplementedError for what fovea cannot answer,
MemoryError.)";

}  // namespace

void bind_engine(nb::module_& module) {
  bind_attended(module);
  static const std::string attend_signature = fmt::format(
      "def attend(query: typing.Any, key: typing.Any, value: typing.Any, *, {}, out: typing.Any = "
      "None, threads: int | None = None) -> Attended",
      kQuestionTypes);
  static const std::string plan_signature = fmt::format(
      "def plan(query: typing.Any, key: typing.Any, value: typing.Any, *, {}, threads: int | None "
      "= None) -> Plan",
      kQuestionTypes);
  const auto define = [&](const auto&... keywords) {
    module.def("attend", &attend_arrays, nb::arg("query").none(), nb::arg("key").none(),
               nb::arg("value").none(), keywords..., nb::arg("out") = nb::none(),
               nb::arg("threads") = nb::none(), nb::sig(attend_signature.c_str()), kAttendText);
    module.def("plan", &plan_arrays, nb::arg("query").none(), nb::arg("key").none(),
               nb::arg("value").none(), keywords..., nb::arg("threads") = nb::none(),
               nb::sig(plan_signature.c_str()),
               "Returns what attend would do with the same arguments, without doing it: "
               "`print(fovea.plan(q, k, v))`. Raises as attend does.");
  };
  std::apply(define, question_keywords());
  module.def(
      "list_implementations", [] { return summaries(list_implementations()); },
      nb::sig("def list_implementations() -> dict[str, str]"),
      "Names and one-line descriptions, best first.");
  module.def(
      "list_observers", [] { return summaries(list_observers()); },
      nb::sig("def list_observers() -> dict[str, str]"),
      "Names and one-line descriptions of what can be observed.");
}

}  // namespace fovea::bind
