// ONNX Runtime gives its functions as one table of pointers, to which versions only add: the place
// of a function in it never changes. The places are those of `struct OrtApi` in the public header
// onnxruntime_c_api.h; only the functions used here are declared.
#include "onnx_runtime.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  API_VERSION = 1,
  LOG_ERRORS = 3,
  OPTIMIZE_ALL = 99,
  ARENA_ALLOCATOR = 1,
  MEMORY_DEFAULT = 0,
  TYPE_FLOAT = 1,
  TYPE_INT32 = 6,
};

enum {
  GET_ERROR_MESSAGE = 2,
  CREATE_ENV = 3,
  CREATE_SESSION = 7,
  RUN = 9,
  CREATE_SESSION_OPTIONS = 10,
  SET_OPTIMIZATION = 23,
  SET_THREADS = 24,
  CREATE_TENSOR = 49,
  GET_DATA = 51,
  GET_TYPE = 60,
  GET_AXES = 61,
  GET_SHAPE = 62,
  GET_COUNT = 64,
  GET_TYPE_AND_SHAPE = 65,
  CREATE_CPU_MEMORY = 69,
  RELEASE_ENV = 92,
  RELEASE_STATUS = 93,
  RELEASE_MEMORY = 94,
  RELEASE_SESSION = 95,
  RELEASE_VALUE = 96,
  RELEASE_TYPE_AND_SHAPE = 99,
  RELEASE_SESSION_OPTIONS = 100,
};

typedef void *status;  // NULL is success
typedef void *const *api_table;

typedef struct {
  api_table (*get_api)(uint32_t version);
  const char *(*version)(void);
} api_base;

struct onnx_session {
  api_table api;
  void *env, *session, *memory;
};

// A function of the table as a pointer of its type.
#define CALL(api, place, result, ...) ((result(*)(__VA_ARGS__))(api)[place])

static char *copied(const char *text) {
  char *copy = malloc(strlen(text) + 1);
  return copy ? strcpy(copy, text) : NULL;
}

static void release(api_table api, int place, void *object) {
  if (object) CALL(api, place, void, void *)(object);
}

// The message of a status, which is released; NULL for success.
static char *message(api_table api, status failed) {
  if (!failed) return NULL;
  char *text = copied(CALL(api, GET_ERROR_MESSAGE, const char *, status)(failed));
  release(api, RELEASE_STATUS, failed);
  return text;
}

static char *load_api(const char *library, api_table *api) {
  void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
  if (!handle) return copied(dlerror());
  const api_base *(*get_base)(void) = (const api_base *(*)(void))dlsym(handle, "OrtGetApiBase");
  if (!get_base) return copied("the library is not ONNX Runtime");
  *api = get_base()->get_api(API_VERSION);
  return *api ? NULL : copied("the library does not have version 1 of its functions");
}

static char *open_graph(onnx_session *opened, const char *graph, int threads) {
  api_table api = opened->api;
  void *options = NULL;
  char *failed = message(
      api, CALL(api, CREATE_ENV, status, int, const char *, void **)(LOG_ERRORS, "textmodels",
                                                                    &opened->env));
  if (!failed)
    failed = message(api, CALL(api, CREATE_SESSION_OPTIONS, status, void **)(&options));
  if (!failed)
    failed = message(api, CALL(api, SET_OPTIMIZATION, status, void *, int)(options, OPTIMIZE_ALL));
  if (!failed)
    failed = message(api, CALL(api, SET_THREADS, status, void *, int)(options, threads));
  if (!failed)
    failed = message(api, CALL(api, CREATE_SESSION, status, const void *, const char *,
                               const void *, void **)(opened->env, graph, options,
                                                      &opened->session));
  if (!failed)
    failed = message(api, CALL(api, CREATE_CPU_MEMORY, status, int, int, void **)(
                              ARENA_ALLOCATOR, MEMORY_DEFAULT, &opened->memory));
  release(api, RELEASE_SESSION_OPTIONS, options);
  return failed;
}

char *onnx_open(const char *library, const char *graph, int threads, onnx_session **session) {
  onnx_session *opened = calloc(1, sizeof *opened);
  if (!opened) return copied("no memory");
  char *failed = load_api(library, &opened->api);
  if (!failed) failed = open_graph(opened, graph, threads);
  if (failed) {
    onnx_close(opened);
    return failed;
  }
  *session = opened;
  return NULL;
}

void onnx_close(onnx_session *session) {
  if (!session) return;
  if (session->api) {
    release(session->api, RELEASE_MEMORY, session->memory);
    release(session->api, RELEASE_SESSION, session->session);
    release(session->api, RELEASE_ENV, session->env);
  }
  free(session);
}

static char *read_output(api_table api, void *value, onnx_output *output) {
  void *info = NULL;
  int type = 0;
  float *data = NULL;
  char *failed =
      message(api, CALL(api, GET_TYPE_AND_SHAPE, status, const void *, void **)(value, &info));
  if (!failed) failed = message(api, CALL(api, GET_TYPE, status, const void *, int *)(info, &type));
  if (!failed)
    failed = message(api, CALL(api, GET_AXES, status, const void *, size_t *)(info, &output->axes));
  if (!failed)
    failed =
        message(api, CALL(api, GET_COUNT, status, const void *, size_t *)(info, &output->count));
  if (!failed && (type != TYPE_FLOAT || output->axes > 4))
    failed = copied("an output is not of float32 with at most 4 axes");
  if (!failed)
    failed = message(api, CALL(api, GET_SHAPE, status, const void *, int64_t *, size_t)(
                              info, output->shape, output->axes));
  if (!failed)
    failed = message(api, CALL(api, GET_DATA, status, void *, void **)(value, (void **)&data));
  if (!failed) {
    output->values = malloc(output->count * sizeof(float) + 1);
    if (output->values)
      memcpy(output->values, data, output->count * sizeof(float));
    else
      failed = copied("no memory");
  }
  release(api, RELEASE_TYPE_AND_SHAPE, info);
  return failed;
}

char *onnx_run(const onnx_session *session, const char *const *input_names,
               const int32_t *const *inputs, size_t input_count, size_t length,
               const char *const *output_names, onnx_output *outputs, size_t output_count) {
  api_table api = session->api;
  const int64_t shape[2] = {1, (int64_t)length};
  void **values = calloc(input_count + output_count + 1, sizeof *values);
  if (!values) return copied("no memory");
  void **results = values + input_count;
  char *failed = NULL;
  memset(outputs, 0, output_count * sizeof *outputs);
  for (size_t i = 0; i < input_count && !failed; i++)
    failed = message(api, CALL(api, CREATE_TENSOR, status, const void *, void *, size_t,
                               const int64_t *, size_t, int, void **)(
                              session->memory, (void *)inputs[i], length * sizeof(int32_t), shape,
                              2, TYPE_INT32, &values[i]));
  if (!failed)
    failed = message(api, CALL(api, RUN, status, void *, const void *, const char *const *,
                               const void *const *, size_t, const char *const *, size_t, void **)(
                              session->session, NULL, input_names, (const void *const *)values,
                              input_count, output_names, output_count, results));
  for (size_t i = 0; i < output_count && !failed; i++)
    failed = read_output(api, results[i], &outputs[i]);
  for (size_t i = 0; i < input_count + output_count; i++) release(api, RELEASE_VALUE, values[i]);
  free(values);
  if (failed) onnx_release(outputs, output_count);
  return failed;
}

void onnx_release(onnx_output *outputs, size_t count) {
  for (size_t i = 0; i < count; i++) {
    free(outputs[i].values);
    outputs[i].values = NULL;
  }
}
