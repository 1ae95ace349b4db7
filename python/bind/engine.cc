// attend and plan.
#include <fmt/format.h>
#include <nanobind/stl/string.h>

#include "bind/attended.h"
#include "bind/layers.h"
#include "bind/question.h"
#include "bind/running.h"

namespace fovea::bind {
namespace {

const ObserveRequest* request_of(nb::handle observe) {
  if (observe.is_none()) return nullptr;
  const ObserveRequest* request = nullptr;
  if (!nb::try_cast(observe, request) || request == nullptr)
    throw nb::type_error("attend: observe is not a fovea.Observe");
  return request;
}

// Writes the output where the caller wants it; what else there is to know goes to memory of ours.
void attend_to(const Question& question, const ArrayArgument& out, const Observe& observe, const Execution& execution,
               Attended& answer) {
  const auto rows = [&] {
    const TensorView& query = question.attention().query;
    Shape shape(std::span(query.shape().begin(), static_cast<std::size_t>(std::max(query.rank() - 1, 0))));
    return shape;
  }();
  answer.log_sum_exp = Tensor::uninitialized(DType::f32, rows);
  answer.row_max = Tensor::uninitialized(DType::f32, rows);
  answer.row_sum = Tensor::uninitialized(DType::f32, rows);
  static_cast<void>(observe);
  answer.plan = plan(question.attention(), execution);
  answer.empty_rows = attend_into(question.attention(),
                                  {.output = out.mutable_view(),
                                   .log_sum_exp = answer.log_sum_exp.mutable_view(),
                                   .row_max = answer.row_max.mutable_view(),
                                   .row_sum = answer.row_sum.mutable_view()},
                                  execution);
}

}  // namespace

Answer ask(const std::shared_ptr<Question>& question, const CallArguments& call) {
  const ObserveRequest* request = request_of(call.observe);
  const int threads = threads_of(call.threads);
  ArrayArgument out;
  if (!call.out.is_none()) {
    out.look_to_write(call.out, "attend: out");
    if (request != nullptr) throw nb::value_error("attend: out is not taken together with observe");
  }
  const auto attended = std::make_shared<Attended>();
  run_released(question->length(), [&](std::stop_token stop) {
    const Execution execution{.threads = threads, .stop = std::move(stop)};
    if (out.given()) {
      attend_to(*question, out, {}, execution, *attended);
    } else if (request != nullptr) {
      *attended = attend(question->attention(), request->observe, execution);
    } else {
      *attended = attend(question->attention(), execution);
    }
  });
  Answer answer(attended, question);
  if (out.given()) answer.set_output(nb::borrow(call.out));
  if (request != nullptr) answer.set_observed(observed_names(request->observe, question->attention()));
  if (request == nullptr || !request->observe.row_statistics) answer.forget_question();
  return answer;
}

namespace {

Answer attend_arrays(nb::handle query, nb::handle key, nb::handle value, nb::handle scale, nb::handle softcap,
                     nb::handle bias, nb::handle keep, nb::handle causal, nb::handle window, nb::handle diagonal,
                     nb::handle alibi, nb::handle sinks, nb::handle key_lengths, nb::handle observe, nb::handle out,
                     nb::handle threads) {
  return ask(std::make_shared<Question>(query, key, value,
                                        ModifierArguments{.scale = scale,
                                                          .softcap = softcap,
                                                          .bias = bias,
                                                          .keep = keep,
                                                          .causal = causal,
                                                          .window = window,
                                                          .diagonal = diagonal,
                                                          .alibi = alibi,
                                                          .sinks = sinks,
                                                          .key_lengths = key_lengths}),
             {.observe = observe, .out = out, .threads = threads});
}

}  // namespace

void bind_engine(nb::module_& module) {
  bind_attended(module);
  module.def("attend", &attend_arrays, nb::arg("query"), nb::arg("key"), nb::arg("value"), nb::kw_only(),
             nb::arg("scale") = nb::none(), nb::arg("softcap") = nb::none(), nb::arg("bias") = nb::none(),
             nb::arg("keep") = nb::none(), nb::arg("causal") = false, nb::arg("window") = nb::none(),
             nb::arg("diagonal") = nb::none(), nb::arg("alibi") = nb::none(), nb::arg("sinks") = nb::none(),
             nb::arg("key_lengths") = nb::none(), nb::arg("observe") = nb::none(), nb::arg("out") = nb::none(),
             nb::arg("threads") = nb::none());
}

}  // namespace fovea::bind
