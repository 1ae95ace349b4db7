/* A C program of somebody else's, built against an installed fovea. */
#include <fovea.h>
#include <stdio.h>

int main(void) {
  const float query[] = {0, 0}, keys[] = {1, 0, 0, 1};
  const int64_t one_by_two[] = {1, 2}, two_by_two[] = {2, 2};
  float output[2];
  fovea_attention attention = {.struct_size = sizeof attention,
                               .query = {FOVEA_F32, 2, query, one_by_two, NULL},
                               .key = {FOVEA_F32, 2, keys, two_by_two, NULL},
                               .value = {FOVEA_F32, 2, keys, two_by_two, NULL}};
  fovea_answer answer = {.struct_size = sizeof answer,
                         .output = {FOVEA_F32, 2, output, one_by_two, NULL}};
  if (fovea_attend(&attention, NULL, &answer, NULL) != FOVEA_OK) return 1;
  printf("%g %g\n", output[0], output[1]);
  return 0;
}
