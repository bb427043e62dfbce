// Runs an ONNX graph with ONNX Runtime's C library, which is opened when it is needed.
#ifndef TEXTMODELS_ONNX_RUNTIME_H
#define TEXTMODELS_ONNX_RUNTIME_H

#include <stddef.h>
#include <stdint.h>

typedef struct onnx_session onnx_session;

/// An output in float32, row-major; `values` is released by `onnx_release`.
typedef struct {
  int64_t shape[4];
  size_t axes;
  size_t count;
  float *values;
} onnx_output;

/// Opens a library and a graph. Returns NULL, or a message that the caller frees.
char *onnx_open(const char *library, const char *graph, int threads, onnx_session **session);

/// Runs inputs of int32 and shape (1, length). Returns NULL, or a message that the caller frees; then
/// no output holds anything. May be called from several threads at once.
char *onnx_run(const onnx_session *session, const char *const *input_names,
               const int32_t *const *inputs, size_t input_count, size_t length,
               const char *const *output_names, onnx_output *outputs, size_t output_count);

void onnx_release(onnx_output *outputs, size_t count);
void onnx_close(onnx_session *session);

#endif
