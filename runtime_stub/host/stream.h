//===- stream.h - inputs that come while the program runs -----------------===//
// SPDX-License-Identifier: Apache-2.0
//
// An input may be a stream: standard input or a FIFO, with arrays of .npy one
// behind the other, each of one inference or of several. What is there is read when the program has
// room for it, so who writes waits for the program; or, where inputs may be dropped, all the time,
// by a thread. Uses malloc.

#ifndef DISCO_HOST_STREAM_H
#define DISCO_HOST_STREAM_H

#include "npy.h"

// Of one input: the inference that is coming.
struct disco_source {
  const disco_tensor_info *tensor;
  uint32_t index;   // of the tensor
  const char *path; // the caller's; "-": standard input
  int fd;
  uint8_t *head; // of the array
  uint32_t head_have;
  uint64_t left; // inferences of the array whose header has been read
  uint8_t *data; // of one inference
  uint64_t have;
  bool ended;
};

enum disco_feed_state : uint8_t {
  DISCO_FEED_WAITING, // nothing whole has come
  DISCO_FEED_READY,   // an inference is there
  DISCO_FEED_ENDED,   // there are no more
  DISCO_FEED_BROKEN   // `error` says why
};

enum disco_drop : uint8_t { DISCO_DROP_NONE, DISCO_DROP_OLDEST, DISCO_DROP_NEWEST };

struct disco_feed_thread;

// All streams of a node: an inference takes one array of each.
struct disco_feed {
  disco_source *streams;
  uint32_t count; // 0: the node has none
  uint64_t dropped;
  disco_feed_thread *thread; // where inputs may be dropped
  char error[512];
};

// Whether a path names a stream: standard input ("-"), or a FIFO.
bool disco_is_stream(const char *path);

// Opens the streams of the `count` tensors whose entry of `paths` is not null, [tensor]. False:
// `error` says why. disco_feed_close in any case.
bool disco_feed_open(disco_feed *f, const disco_tensor_info *tensors, const char *const *paths,
                     uint32_t count, disco_drop drop);

// What has come, after at most so many milliseconds of waiting for it.
disco_feed_state disco_feed_next(disco_feed *f, int wait_ms);

// The inference that is ready: copies that of each stream to to[its tensor], and goes on to the
// next one.
void disco_feed_take(disco_feed *f, void *const *to);

// Ends the thread. The counts stay.
void disco_feed_close(disco_feed *f);

#endif // DISCO_HOST_STREAM_H
