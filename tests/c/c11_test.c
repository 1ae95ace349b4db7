/* fovea.h from C11: a causal attention whose numbers are known, its statistics, what its weights
   say, an error, the plan.
   The same file is compiled as C++ too, and linked with the shared library as users do. */
#include <fovea.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static int failures = 0;

static void expect(int holds, const char* what) {
  if (holds) return;
  fprintf(stderr, "failed: %s\n", what);
  ++failures;
}

static void expect_near(float got, double wanted, const char* what) {
  if (fabs((double)got - wanted) <= 1e-6) return;
  fprintf(stderr, "failed: %s is %.9g, wanted %.9g\n", what, (double)got, wanted);
  ++failures;
}

/* The weights of the call in main are (1, 0) and (1/4, 3/4). */
static void expect_observers(const fovea_attention* attention, fovea_answer* answer) {
  const int64_t tokens_by_keys[] = {2, 2};
  const int64_t queries[] = {0, 1};
  float rows[4];
  fovea_observe observe;
  fovea_observed observed;
  fovea_error error;
  memset(&observe, 0, sizeof observe);
  memset(&observed, 0, sizeof observed);
  observe.struct_size = sizeof observe;
  observe.rows = queries;
  observe.row_count = 2;
  observed.struct_size = sizeof observed;
  const fovea_target target = {FOVEA_F32, 2, rows, tokens_by_keys, NULL};
  observed.rows = target;
  expect(fovea_attend_observing(attention, NULL, &observe, answer, &observed, &error) == FOVEA_OK,
         "weights are observed");
  expect_near(rows[0], 1, "rows[0]");
  expect_near(rows[1], 0, "rows[1]");
  expect_near(rows[2], 0.25, "rows[2]");
  expect_near(rows[3], 0.75, "rows[3]");
  expect(observed.nan_rows == 0, "no row is NaN");

  observe.entropy = 1;
  expect(fovea_attend_observing(attention, NULL, &observe, answer, &observed, &error) ==
             FOVEA_INVALID_ARGUMENT,
         "entropy without a target is refused");
  expect(strstr(error.text, "entropy") != NULL, "the text names the entropy");
}

int main(void) {
  /* Scores of the two queries: (ln 3, -) and (0, ln 3); so their weights are (1, 0) and (1/4, 3/4).
   */
  const float query[] = {1, 0, 0, 1};
  const float key[] = {1.09861228866810969f, 0, 0, 1.09861228866810969f};
  const float value[] = {4, 8, 0, 4};
  float output[4], log_sum_exp[2];
  const int64_t tokens_by_size[] = {2, 2};
  const int64_t tokens[] = {2};

  fovea_attention attention;
  fovea_answer answer;
  fovea_error error;
  memset(&attention, 0, sizeof attention);
  memset(&answer, 0, sizeof answer);
  attention.struct_size = sizeof attention;
  answer.struct_size = sizeof answer;

  const fovea_tensor q = {FOVEA_F32, 2, query, tokens_by_size, NULL};
  const fovea_tensor k = {FOVEA_F32, 2, key, tokens_by_size, NULL};
  const fovea_tensor v = {FOVEA_F32, 2, value, tokens_by_size, NULL};
  const fovea_target out = {FOVEA_F32, 2, output, tokens_by_size, NULL};
  const fovea_target lse = {FOVEA_F32, 1, log_sum_exp, tokens, NULL};
  attention.query = q;
  attention.key = k;
  attention.value = v;
  attention.has_scale = 1;
  attention.scale = 1;
  attention.causal = 1;
  answer.output = out;
  answer.log_sum_exp = lse;

  expect(fovea_attend(&attention, NULL, &answer, &error) == FOVEA_OK, "a good call succeeds");
  expect(error.text[0] == '\0', "success has an empty text");
  expect(answer.empty_rows == 0, "no row is empty");
  expect_near(output[0], 4, "output[0]");
  expect_near(output[1], 8, "output[1]");
  expect_near(output[2], 1, "output[2]");
  expect_near(output[3], 5, "output[3]");
  expect_near(log_sum_exp[0], 1.09861228866810969, "log_sum_exp[0]");
  expect_near(log_sum_exp[1], 1.38629436111989062, "log_sum_exp[1]");

  expect_observers(&attention, &answer);

  attention.scale = NAN;
  output[0] = 7;
  expect(fovea_attend(&attention, NULL, &answer, &error) == FOVEA_INVALID_ARGUMENT,
         "a scale of NaN is refused");
  expect(strstr(error.text, "scale") != NULL, "the text names the scale");
  expect(output[0] == 7, "nothing is written on an error");
  attention.scale = 1;

  char line[256];
  fovea_text text = {line, sizeof line, 0};
  expect(fovea_explain(&attention, NULL, &text, &error) == FOVEA_OK, "the plan is told");
  expect(text.length > 0 && strstr(line, " runs on ") != NULL, "the plan names what runs");
  expect(strchr(fovea_version(), '.') != NULL, "the version has a dot");
  return failures == 0 ? 0 : 1;
}
