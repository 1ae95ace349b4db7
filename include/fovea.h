// fovea from C: attention over plain structs, for C, ctypes, Rust, Julia and whatever else can call C. C11 and C++.
//
//   float query[2 * 4], key[3 * 4], value[3 * 4], output[2 * 4];
//   const int64_t two_by_four[] = {2, 4}, three_by_four[] = {3, 4};
//   fovea_attention attention = {.struct_size = sizeof attention,
//                                .query = {FOVEA_F32, 2, query, two_by_four, NULL},
//                                .key = {FOVEA_F32, 2, key, three_by_four, NULL},
//                                .value = {FOVEA_F32, 2, value, three_by_four, NULL},
//                                .causal = 1};
//   fovea_answer answer = {.struct_size = sizeof answer, .output = {FOVEA_F32, 2, output, two_by_four, NULL}};
//   fovea_error error;
//   if (fovea_attend(&attention, NULL, &answer, &error) != FOVEA_OK) fprintf(stderr, "%s\n", error.text);
//
// What the fields mean is said in fovea/attention/attention.h; here stands only what differs in C.
//
// Every field that is 0 or NULL has its default, so a struct of zeros with its struct_size set is a good start.
// struct_size is sizeof the struct as the caller was compiled. Later versions only add fields, at the end: a library
// takes the struct of an older header, and that of a newer one as long as what it does not know is 0
// (FOVEA_UNSUPPORTED otherwise).
//
// Functions return a fovea_status. No exception leaves them, they never abort and never print. They are thread-safe: any
// number of calls may run at once, each with its own answer and error. Memory is the caller's throughout; nothing is kept
// after the call.
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// What came of a call. On anything but FOVEA_OK and FOVEA_CANCELLED no output was written.
enum fovea_status {
  FOVEA_OK = 0,
  FOVEA_INVALID_ARGUMENT = 1,  ///< the arguments contradict each other or this header
  FOVEA_UNSUPPORTED = 2,       ///< a valid question that this library or the named implementation cannot answer
  FOVEA_OUT_OF_MEMORY = 3,     ///< an allocation failed
  FOVEA_INTERNAL_ERROR = 4,    ///< a fault of the library: please report the text
  FOVEA_CANCELLED = 5          ///< stopped by its fovea_stop; what was written so far has no meaning
};

/// Why a call failed, in one line of UTF-8 that ends in NUL (cut to fit); "" after FOVEA_OK.
typedef struct fovea_error {
  char text[512];
} fovea_error;

/// Element types. FOVEA_NOT_GIVEN, which is 0, says that there is no tensor.
enum fovea_type {
  FOVEA_NOT_GIVEN = 0,
  FOVEA_F32 = 1,
  FOVEA_F64 = 2,
  FOVEA_F16 = 3,   ///< IEEE binary16, as uint16_t
  FOVEA_BF16 = 4,  ///< upper half of a binary32, as uint16_t
  FOVEA_BOOL = 5,  ///< one byte, 0 or 1
  FOVEA_I32 = 6,
  FOVEA_I64 = 7
};

/// An array to read. Element [i, j, ...] is at data + i · strides[0] + j · strides[1] + ... BYTES (as in numpy and
/// Py_buffer). Strides are multiples of the element's size; 0 repeats an element, negative ones go backwards. The data
/// must be aligned to the element's size, no more.
typedef struct fovea_tensor {
  int32_t type;            ///< a fovea_type
  int32_t rank;            ///< number of axes: entries in sizes and strides
  const void* data;        ///< element [0, 0, ...]; may be NULL when a size is 0
  const int64_t* sizes;    ///< may be NULL when rank is 0
  const int64_t* strides;  ///< in bytes; NULL = row-major without gaps
} fovea_tensor;

/// An array to write: a fovea_tensor whose elements all have an address of their own.
typedef struct fovea_target {
  int32_t type;
  int32_t rank;
  void* data;
  const int64_t* sizes;
  const int64_t* strides;
} fovea_target;

/// Where query i stands among the keys.
enum fovea_diagonal {
  FOVEA_BOTTOM_RIGHT = 0,  ///< the last query at the last (valid) key
  FOVEA_TOP_LEFT = 1,      ///< the first query at the first key
  FOVEA_AT_OFFSET = 2      ///< query i at key i + diagonal_offset
};

/// Keys and values of a sequence that grows: see fovea_kv_cache_create.
typedef struct fovea_kv_cache fovea_kv_cache;

/// The question. Shapes are [batch, heads, tokens, size], or their last 3 or 2 axes.
typedef struct fovea_attention {
  uint64_t struct_size;    ///< sizeof(fovea_attention)
  fovea_tensor query;
  fovea_tensor key;
  fovea_tensor value;
  fovea_tensor bias;
  fovea_tensor keep;       ///< FOVEA_BOOL, 1 = may attend
  fovea_tensor alibi_slopes;
  fovea_tensor sinks;
  fovea_tensor key_lengths;
  double scale;            ///< used when has_scale is 1; else 1/sqrt(head_size)
  double softcap;          ///< 0 = off
  int64_t window_left;     ///< used, with window_right, when has_window is 1; INT64_MAX = no bound
  int64_t window_right;
  int64_t diagonal_offset; ///< for FOVEA_AT_OFFSET; else 0
  int32_t has_scale;       ///< 0 or 1, as has_window and causal
  int32_t has_window;
  int32_t causal;
  int32_t diagonal;        ///< a fovea_diagonal
  const fovea_kv_cache* cache;  ///< in the place of key and value; the query then has 4 axes
  fovea_tensor query_offsets;   ///< of a ragged batch: [sequences + 1], FOVEA_I32 or FOVEA_I64
  fovea_tensor key_offsets;
} fovea_attention;

/// A way to stop a call from another thread: see fovea_stop_create.
typedef struct fovea_stop fovea_stop;

/// How to compute it. A NULL pointer in its place means all defaults.
typedef struct fovea_execution {
  uint64_t struct_size;        ///< sizeof(fovea_execution)
  const char* implementation;  ///< by its name in fovea_implementations; NULL or "" = the best that can
  int32_t threads;             ///< at most; 0 = FOVEA_THREADS from the environment, else one a core
  int32_t output_type;         ///< a fovea_type; FOVEA_NOT_GIVEN = the query's
  const fovea_stop* stop;      ///< NULL = the call runs to its end
} fovea_execution;

/// The answer. `output` or the state is a must; what is FOVEA_NOT_GIVEN is not written. The state and the workspace are
/// explained at AttendInto in fovea/engine/attend.h.
typedef struct fovea_answer {
  uint64_t struct_size;      ///< sizeof(fovea_answer)
  fovea_target output;       ///< [batch, query_heads, queries, value_size], of the output type; rank as the query's
  fovea_target log_sum_exp;  ///< [batch, query_heads, queries], FOVEA_F32, natural logarithm
  fovea_target row_max;      ///< likewise: the largest score of each row
  fovea_target row_sum;      ///< likewise: sum of exp(score - row_max)
  int64_t empty_rows;        ///< set by the call: rows to which no key of this call is visible
  fovea_target state_output;    ///< [batch, query_heads, queries, value_size], FOVEA_F32: not yet divided by state_sum
  fovea_target state_log2_max;  ///< [batch, query_heads, queries], FOVEA_F32: the largest score times log2(e)
  fovea_target state_sum;       ///< likewise: sum of exp2(score · log2(e) - state_log2_max)
  void* workspace;           ///< scratch, aligned to 64 bytes; NULL = the call allocates its own
  int64_t workspace_size;    ///< its bytes: at least what fovea_workspace_size says
  int32_t resume;            ///< 0 or 1: the state holds what earlier keys left
  int32_t unused;            ///< 0
} fovea_answer;

/// Text for the caller: as much of it as fits goes to `data`, always with a NUL; `length` becomes the whole text's length
/// in bytes without the NUL, so it was cut when length >= capacity. {NULL, 0, 0} asks for the length alone.
typedef struct fovea_text {
  char* data;
  size_t capacity;
  size_t length;
} fovea_text;

/// What to see of the weights in the call that computes the output. The fields are those of Observe in
/// fovea/attention/observe.h; what is 0 or FOVEA_NOT_GIVEN is not asked for and costs nothing.
typedef struct fovea_observe {
  uint64_t struct_size;   ///< sizeof(fovea_observe)
  const int64_t* heads;   ///< query heads to observe, rising; a head_count of 0 = all, and heads may be NULL
  int64_t head_count;
  const int64_t* rows;    ///< queries whose weights are wanted in full; may be NULL when row_count is 0
  int64_t row_count;
  const int64_t* columns; ///< keys whose weights are wanted in full; likewise
  int64_t column_count;
  int64_t top_weights;    ///< the k largest weights of each row, 1 to 64
  int64_t pool_queries;   ///< tokens to a cell of the pooled map; 0 = what fovea_pool_cells says, as pool_keys
  int64_t pool_keys;
  int64_t mass_first;     ///< weight on the first n keys
  fovea_tensor query_labels;  ///< FOVEA_I32, [batch, queries] or [queries]: weight on the keys of a row's own label
  fovea_tensor key_labels;    ///< likewise for the keys; both are given or none
  int32_t entropy;        ///< 0 or 1, as those that follow
  int32_t received;
  int32_t pooled_map;
  int32_t distance;
  int32_t mass_self;
  int32_t mass_previous;
  int32_t row_statistics;
  int32_t unused;         ///< 0
} fovea_observe;

/// What was observed: shapes and meaning as those of Observed in fovea/attention/observe.h, `heads` being the heads
/// observed. A target is given for what fovea_observe asks for and for nothing else; that of mass_sink may be left out.
typedef struct fovea_observed {
  uint64_t struct_size;       ///< sizeof(fovea_observed)
  fovea_target top_weights;   ///< [batch, heads, queries, k], FOVEA_F32 as all but top_indices; rank as the query's
  fovea_target top_indices;   ///< likewise, FOVEA_I32
  fovea_target entropy;       ///< [batch, heads, queries]
  fovea_target received;      ///< [batch, heads, keys]
  fovea_target pooled_map;    ///< [batch, heads, cells of queries, cells of keys]
  fovea_target distance;      ///< [batch, heads, FOVEA_DISTANCE_BUCKETS]
  fovea_target rows;          ///< [batch, heads, row_count, keys]
  fovea_target columns;       ///< [batch, heads, column_count, queries]
  fovea_target mass_first;    ///< [batch, heads, queries], as those that follow
  fovea_target mass_self;
  fovea_target mass_previous;
  fovea_target mass_match;    ///< asked for by the labels
  fovea_target mass_sink;     ///< asked for by any mass or the labels when the question has sinks
  fovea_target log2_max;      ///< asked for by row_statistics, as row_sum
  fovea_target row_sum;
  int64_t nan_rows;           ///< set by the call: rows left out of totals because they are NaN
} fovea_observed;

/// Length of fovea_observed.distance.
enum { FOVEA_DISTANCE_BUCKETS = 177 };

/// Computes attention into `answer`. `execution` and `error` may be NULL. No target may overlap an input or another.
int32_t fovea_attend(const fovea_attention* attention, const fovea_execution* execution, fovea_answer* answer,
                     fovea_error* error);

/// The same, and what `observe` asks about the weights into `observed`, in the same pass: the weights of all pairs are
/// never held, and no bit of the answer changes. The answer has no state and no workspace: the call allocates its own.
/// `execution` and `error` may be NULL.
int32_t fovea_attend_observing(const fovea_attention* attention, const fovea_execution* execution,
                               const fovea_observe* observe, fovea_answer* answer, fovea_observed* observed,
                               fovea_error* error);

/// Says how many queries and keys a cell of the pooled map has for this question: those that `observe` gives, its zeros
/// filled in. A map of n tokens in cells of c has n / c of them, rounded up.
int32_t fovea_pool_cells(const fovea_attention* attention, const fovea_observe* observe, int64_t* queries,
                         int64_t* keys, fovea_error* error);

/// Says what fovea_attend would do with the same question and why, a line each, without doing it.
int32_t fovea_explain(const fovea_attention* attention, const fovea_execution* execution, fovea_text* text,
                      fovea_error* error);

/// Says how large a workspace fovea_attend wants for the same question and execution, in bytes; 0 = none.
int32_t fovea_workspace_size(const fovea_attention* attention, const fovea_execution* execution, int64_t* bytes,
                             fovea_error* error);

/// Returns a new fovea_stop, to be released with fovea_stop_free; NULL when out of memory. Any number of calls may share
/// it, and each keeps what it needs of it: it may be freed while they run.
fovea_stop* fovea_stop_create(void);

/// Asks all calls that were given this stop to start no further work and return FOVEA_CANCELLED; later ones return it at
/// once. A call that has begun its last piece of work returns FOVEA_OK. From any thread, but not from a signal handler.
void fovea_stop_request(fovea_stop* stop);

/// Releases it. NULL is allowed.
void fovea_stop_free(fovea_stop* stop);

/// Sizes of a fovea_kv_cache. A batch or key_heads of 0 means 1.
typedef struct fovea_kv_cache_options {
  uint64_t struct_size;  ///< sizeof(fovea_kv_cache_options)
  int64_t batch;
  int64_t key_heads;
  int64_t head_size;
  int64_t value_size;
  int64_t capacity;      ///< tokens to make room for at once; it grows as needed
  int32_t type;          ///< FOVEA_F32, which FOVEA_NOT_GIVEN means too, FOVEA_BF16 or FOVEA_F16
  int32_t unused;        ///< 0
} fovea_kv_cache_options;

/// Makes an empty cache in `*cache`, to be released with fovea_kv_cache_free. fovea_attend over it gives the bits of
/// fovea_attend over the same keys and values at once. Calls may read a cache at the same time, but not while it changes.
int32_t fovea_kv_cache_create(const fovea_kv_cache_options* options, fovea_kv_cache** cache, fovea_error* error);

/// Appends key [batch, key_heads, n, head_size] and value [batch, key_heads, n, value_size], of the cache's type; leading
/// axes of size 1 may be left out. After an error the cache is as it was.
int32_t fovea_kv_cache_append(fovea_kv_cache* cache, const fovea_tensor* key, const fovea_tensor* value,
                              fovea_error* error);

/// Forgets all but the first `tokens`.
int32_t fovea_kv_cache_truncate(fovea_kv_cache* cache, int64_t tokens, fovea_error* error);

/// Returns how many tokens it holds; 0 for NULL.
int64_t fovea_kv_cache_tokens(const fovea_kv_cache* cache);

/// Releases it. NULL is allowed.
void fovea_kv_cache_free(fovea_kv_cache* cache);

/// Lists the implementations, best first, a line each: name, tab, summary.
int32_t fovea_implementations(fovea_text* text, fovea_error* error);

/// Lists the observers, a line each: name, tab, summary.
int32_t fovea_observers(fovea_text* text, fovea_error* error);

/// The library's version, as "0.1.0". Lives as long as the program.
const char* fovea_version(void);

#ifdef __cplusplus
}
#endif
