//===- timer.cpp - times one node's infer() beside ONNX Runtime's Run -----===//
// SPDX-License-Identifier: Apache-2.0
//
// Compiled into a shared library together with the sources of one emitted node, with MODEL_HEADER
// and PROGRAM defined. With NO_LINKS the calls of the runtime do nothing, so that a shard's
// arithmetic runs alone.

#include MODEL_HEADER

#include <stdlib.h>
#include <string.h>
#include <time.h>

#ifdef NO_LINKS
int disco_begin(disco_node *) { return 0; }
int disco_post(disco_node *, uint32_t, void *) { return 0; }
int disco_send(disco_node *, uint32_t, const void *) { return 0; }
int disco_flush(disco_node *, uint32_t) { return 0; }
void *disco_place(disco_node *, uint32_t) { return nullptr; }
int disco_wait(disco_node *, uint32_t) { return 0; }
int disco_pump(disco_node *) { return 0; }
int disco_end(disco_node *) { return 0; }
#endif

namespace {

double seconds(clockid_t clock) {
  timespec t;
  clock_gettime(clock, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

disco_node node;
disco_config config;

} // namespace

extern "C" int bench_start() {
#ifndef NO_LINKS
  if (int code = disco_init(&node, &PROGRAM, &config))
    return code;
  return disco_start(&node);
#else
  return 0;
#endif
}

// Processor and wall seconds of `count` inferences.
extern "C" int bench_infer(const void *const *inputs, void *const *outputs, int count, double *cpu,
                           double *wall) {
  double c = seconds(CLOCK_THREAD_CPUTIME_ID), w = seconds(CLOCK_MONOTONIC);
  for (int i = 0; i < count; ++i)
    if (int code = PROGRAM.infer(&node, inputs, outputs))
      return code;
  *cpu = seconds(CLOCK_THREAD_CPUTIME_ID) - c;
  *wall = seconds(CLOCK_MONOTONIC) - w;
  return 0;
}

// The same for OrtApi::Run with everything prepared: no Python between the calls.
using ort_run = void *(*)(void *, void *, const char *const *, const void *const *, size_t,
                          const char *const *, size_t, void **);
extern "C" void *bench_ort(ort_run run, void *session, const char *const *in_names,
                           const void *const *ins, size_t in_count, const char *const *out_names,
                           void **outs, size_t out_count, int count, double *cpu, double *wall) {
  double c = seconds(CLOCK_THREAD_CPUTIME_ID), w = seconds(CLOCK_MONOTONIC);
  for (int i = 0; i < count; ++i)
    if (void *status = run(session, nullptr, in_names, ins, in_count, out_names, out_count, outs))
      return status;
  *cpu = seconds(CLOCK_THREAD_CPUTIME_ID) - c;
  *wall = seconds(CLOCK_MONOTONIC) - w;
  return nullptr;
}
