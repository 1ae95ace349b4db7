// fovea attend: attention over .npy files, for scripts and for checking against other systems.
#include <fmt/format.h>

#include <memory>
#include <string>
#include <vector>

#include "cli/attend_answer.h"
#include "cli/attend_flags.h"
#include "cli/attend_question.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/standard_streams.h"
#include "fovea/core/parallel.h"
#include "fovea/engine/plan.h"

namespace fovea::cli {
namespace {

std::vector<std::string> implementation_names() {
  std::vector<std::string> names;
  for (const ImplementationInfo& info : list_implementations()) names.push_back(info.name);
  return names;
}

Execution execution_of(const AttendFlags& flags) {
  Execution execution;
  execution.threads = static_cast<int>(flags.threads.value_or(0));
  if (flags.implementation) execution.implementation = *flags.implementation;
  if (flags.output_type == "f32") execution.output_type = DType::f32;
  return execution;
}

void run(const AttendFlags& flags) {
  AttendAnswer::check_flags(flags);
  if (!AttendAnswer::is_wanted(flags) && !flags.explain) {
    throw UsageError(
        "attend: nothing to do: give --output FILE, --lse, --weights, --scores, a file of what the "
        "weights say (--entropy and others) or --explain");
  }
  const AttendQuestion question(flags);
  const Execution execution = execution_of(flags);
  const Plan chosen = plan(question.attention(), execution);
  const bool observes = !observer_files(flags.observe).empty();
  if (flags.explain && !observes) print_to_error(chosen.explain());
  if (!AttendAnswer::is_wanted(flags)) return;

  AttendAnswer answer(flags, question.attention());
  const AttendAnswer::Written written = answer.write(question.attention(), execution);
  if (!flags.explain) return;
  if (written.observing) print_to_error(written.observing->explain());
  if (written.empty_rows > 0) {
    print_to_error(fmt::format("{} row{} without a visible key: output 0, log-sum-exp -inf\n",
                               written.empty_rows, written.empty_rows == 1 ? "" : "s"));
  }
}

FlagGroup input_flags(AttendFlags& f) {
  return {.title = "Arrays",
          .flags = {
              {"--query", "FILE",
               "[tokens, size], [heads, tokens, size] or [batch, heads, tokens, size]; float16, "
               "float32 or float64",
               Text{&f.query}, true},
              {"--key", "FILE", "the same axes; its heads divide the query's (grouped heads)",
               Text{&f.key}, true},
              {"--value", "FILE", "the key's tokens, each of any size", Text{&f.value}, true},
              {"--bf16", "",
               "uint16 files hold bfloat16; output of the query's type is then uint16 too",
               Switch{&f.bf16}},
          }};
}

FlagGroup output_flags(AttendFlags& f) {
  return {.title = "Results",
          .flags = {
              {"--output", "FILE", "softmax(scores) · value, of the query's type", Text{&f.output}},
              {"--output-type", "TYPE", "query (the default) or f32",
               Choice{&f.output_type, {"query", "f32"}}},
              {"--lse", "FILE",
               "each row's log-sum-exp: natural logarithm, float32 (float64 for a float64 query)",
               Text{&f.lse}},
              {"--weights", "FILE",
               "all weights, [..., queries, keys], computed in double by the reference; rows are "
               "written as they come, none is kept in memory",
               Text{&f.weights}},
              {"--scores", "STAGE=FILE",
               "all scores after a stage: scaled, capped or biased (hidden keys at -inf); may be "
               "given for each stage",
               Texts{&f.scores}},
          }};
}

FlagGroup rule_flags(AttendFlags& f) {
  return {
      .title = "Rules, in the order in which they apply",
      .flags = {
          {"--scale", "X", "factor of query · key; 1/sqrt(size) unless given", Real{&f.scale}},
          {"--softcap", "X", "s becomes X · tanh(s / X); 0 is off", Real{&f.softcap, 0}},
          {"--bias", "FILE",
           "floats added to the scores, broadcast to [batch, heads, queries, keys]; -inf hides",
           Text{&f.bias}},
          {"--alibi", "FILE", "a slope for each query head: adds -slope · |diagonal - key|",
           Text{&f.alibi}},
          {"--keep", "FILE", "bool, or integers 0 and 1, broadcast likewise; true = may attend",
           Text{&f.keep}},
          {"--causal", "", "hides the keys after the diagonal", Switch{&f.causal}},
          {"--window", "LEFT,RIGHT",
           "shows keys from diagonal - LEFT to diagonal + RIGHT; inf is no bound", Text{&f.window}},
          {"--diagonal", "WHERE",
           "the key where query 0 stands: bottom-right (the default: keys - queries), top-left (0: "
           "PyTorch's is_causal) or an integer",
           Text{&f.diagonal}},
          {"--key-lengths", "FILE", "integers: the valid keys of each batch entry",
           Text{&f.key_lengths}},
          {"--sinks", "FILE",
           "a logit for each query head that takes its share of the softmax and gives no value",
           Text{&f.sinks}},
      }};
}

FlagGroup execution_flags(AttendFlags& f) {
  // More than the machine can use is capped by the engine.
  constexpr std::int64_t kMostThreads = 1'000'000;
  return {
      .title = "Computation (changes no bit of the answer, unless the reference is named)",
      .flags = {
          {"--threads", "N", "at most N threads; 0 is the default: FOVEA_THREADS, else one a core",
           Integer{&f.threads, 0, kMostThreads}},
          {"--implementation", "NAME", "one of fovea list implementations",
           Choice{&f.implementation, implementation_names()}},
          {"--explain", "",
           "says on standard error what runs and why nothing better does; without a result to "
           "write, only that",
           Switch{&f.explain}},
      }};
}

}  // namespace

Command attend_command() {
  auto flags = std::make_shared<AttendFlags>();
  return {
      .name = "attend",
      .summary = "attention over .npy files, with every mask and modifier",
      .usage = "--query FILE --key FILE --value FILE [--output FILE] [FLAG...]",
      .about =
          "Computes softmax(scale · query · keyᵀ, with the rules applied) · value from numpy's "
          ".npy "
          "files, and writes what is asked for: all files when all went well, else none. A file "
          "named - is standard input, and where a result is written standard output.",
      .groups = {input_flags(*flags), output_flags(*flags), observe_flags(flags->observe),
                 rule_flags(*flags), execution_flags(*flags)},
      .examples = {{"fovea attend --query q.npy --key k.npy --value v.npy --output o.npy --causal",
                    "causal attention from three files into a fourth"},
                   {"fovea attend --query q.npy --key k.npy --value v.npy --weights w.npy",
                    "every weight: rows that add up to 1"},
                   {"fovea attend --query q.npy --key k.npy --value v.npy --row 0=r.npy",
                    "the weights of query 0, in the pass that makes the output"},
                   {"fovea attend --query q.npy --key k.npy --value v.npy --window 128,0 --explain",
                    "what would run, without running it"}},
      .run = [flags] { run(*flags); },
  };
}

}  // namespace fovea::cli
