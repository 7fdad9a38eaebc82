//===- stream.cpp - inputs that come while the program runs ---------------===//
// SPDX-License-Identifier: Apache-2.0

#include "stream.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

// Reads all streams while the node computes, and keeps one inference that waits. `streams` of the
// feed are what the node takes from; these are what the thread reads into.
struct disco_feed_thread {
  pthread_t thread;
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  disco_drop drop;
  bool running, full, stop;
  disco_feed reader;
  disco_feed_state end; // READY: not yet
};

namespace {

constexpr int slice_ms = 100; // how long the thread does not look whether it has to stop

disco_feed_state broken(disco_feed *f, const disco_source *s, const char *why) {
  snprintf(f->error, sizeof f->error, "input '%s': %s: %s", s->tensor->name,
           strcmp(s->path, "-") == 0 ? "standard input" : s->path, why);
  return DISCO_FEED_BROKEN;
}

// What of the stream may be read into, and how much.
uint8_t *wanted(disco_source *s, uint64_t *bytes) {
  if (s->left == 0) {
    *bytes = disco_npy_header_size(s->head, s->head_have) - s->head_have;
    return s->head + s->head_have;
  }
  *bytes = s->tensor->bytes - s->have;
  return s->data + s->have;
}

// The header is whole. Null: it fits.
const char *take_header(disco_source *s) {
  disco_npy a = {};
  if (const char *why = disco_npy_parse(s->head, s->head_have, &a))
    return why;
  if (a.type != s->tensor->type)
    return "the array has another element type than the input";
  s->left = disco_npy_inferences(s->tensor, &a);
  s->head_have = 0;
  return s->left ? nullptr
                 : "the array has another shape than the input, or a multiple in the first "
                   "dimension";
}

// Whether an inference of the stream is there.
bool is_whole(const disco_source *s) { return s->left > 0 && s->have == s->tensor->bytes; }

// Reads once. The file may have less than is wanted.
disco_feed_state read_once(disco_feed *f, disco_source *s) {
  uint64_t bytes = 0;
  uint8_t *to = wanted(s, &bytes);
  constexpr uint64_t most = 1u << 30;
  const ssize_t n = read(s->fd, to, static_cast<size_t>(bytes < most ? bytes : most));
  if (n < 0)
    return errno == EINTR || errno == EAGAIN ? DISCO_FEED_WAITING : broken(f, s, strerror(errno));
  if (n == 0) {
    if (s->left > 0 || s->head_have > 0)
      return broken(f, s, "it ends within an array");
    s->ended = true;
    return DISCO_FEED_ENDED;
  }
  if (s->left > 0) {
    s->have += static_cast<uint64_t>(n);
    if (!is_whole(s) || s->tensor->type != DISCO_BOOL)
      return DISCO_FEED_WAITING;
    for (uint64_t i = 0; i < s->have; ++i)
      if (s->data[i] > 1)
        return broken(f, s, "a bool is neither 0 nor 1");
    return DISCO_FEED_WAITING;
  }
  s->head_have += static_cast<uint32_t>(n);
  const uint32_t whole = disco_npy_header_size(s->head, s->head_have);
  if (whole == 0)
    return broken(f, s, "not a .npy array");
  const char *why = s->head_have == whole ? take_header(s) : nullptr;
  return why ? broken(f, s, why) : DISCO_FEED_WAITING;
}

// Reads what has come of one stream, after at most `wait_ms`.
disco_feed_state read_stream(disco_feed *f, disco_source *s, int wait_ms) {
  while (!is_whole(s)) {
    if (s->ended)
      return DISCO_FEED_ENDED;
    pollfd p = {s->fd, POLLIN, 0};
    if (poll(&p, 1, wait_ms) <= 0)
      return DISCO_FEED_WAITING;
    if (disco_feed_state state = read_once(f, s))
      return state;
  }
  return DISCO_FEED_READY;
}

// One array of each stream, without a thread.
disco_feed_state read_all(disco_feed *f, int wait_ms) {
  const disco_source *ended = nullptr, *other = nullptr;
  disco_feed_state all = DISCO_FEED_READY;
  for (uint32_t i = 0; i < f->count; ++i) {
    disco_source *s = &f->streams[i];
    const disco_feed_state state = read_stream(f, s, wait_ms);
    if (state == DISCO_FEED_BROKEN)
      return state;
    (state == DISCO_FEED_ENDED ? ended : other) = s;
    if (state == DISCO_FEED_WAITING)
      all = DISCO_FEED_WAITING;
  }
  if (!ended || all == DISCO_FEED_WAITING)
    return all;
  return other ? broken(f, ended, "it ends before another input does") : DISCO_FEED_ENDED;
}

// Makes the arrays that were read those that wait, unless one waits that is to stay.
void hand_over(disco_feed *f) {
  disco_feed_thread *t = f->thread;
  const bool keeps = t->full && t->drop == DISCO_DROP_NEWEST;
  f->dropped += t->full;
  for (uint32_t i = 0; i < f->count; ++i) {
    disco_source *from = &t->reader.streams[i];
    uint8_t *const free_data = f->streams[i].data;
    if (!keeps) {
      f->streams[i].data = from->data;
      from->data = free_data;
    }
    from->have = 0;
    --from->left;
  }
  t->full = true;
}

void *run_thread(void *context) {
  disco_feed *f = static_cast<disco_feed *>(context);
  disco_feed_thread *t = f->thread;
  pthread_mutex_lock(&t->mutex);
  while (!t->stop && t->end == DISCO_FEED_READY) {
    pthread_mutex_unlock(&t->mutex);
    const disco_feed_state state = read_all(&t->reader, slice_ms);
    pthread_mutex_lock(&t->mutex);
    if (state == DISCO_FEED_READY)
      hand_over(f);
    else if (state != DISCO_FEED_WAITING)
      t->end = state;
    pthread_cond_signal(&t->changed);
  }
  pthread_mutex_unlock(&t->mutex);
  return nullptr;
}

timespec in_ms(int ms) {
  timespec at;
  clock_gettime(CLOCK_REALTIME, &at);
  at.tv_nsec += ms * 1000000L;
  at.tv_sec += at.tv_nsec / 1000000000L;
  at.tv_nsec %= 1000000000L;
  return at;
}

bool open_stream(disco_feed *f, disco_source *s, const disco_tensor_info *tensors, uint32_t index,
                 const char *path) {
  const disco_tensor_info *tensor = s->tensor = &tensors[index];
  s->index = index;
  s->path = path;
  s->fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
  s->head = static_cast<uint8_t *>(malloc(disco_npy_header_most));
  const size_t bytes = static_cast<size_t>(tensor->bytes ? tensor->bytes : 1);
  s->data = bytes >= tensor->bytes ? static_cast<uint8_t *>(malloc(bytes)) : nullptr;
  if (s->fd < 0)
    return broken(f, s, strerror(errno)) != DISCO_FEED_BROKEN;
  return (s->head && s->data) || broken(f, s, "out of memory") != DISCO_FEED_BROKEN;
}

void free_streams(disco_source *streams, uint32_t count) {
  for (uint32_t i = 0; streams && i < count; ++i) {
    if (streams[i].fd >= 0)
      close(streams[i].fd);
    free(streams[i].head);
    free(streams[i].data);
  }
  free(streams);
}

// The thread's streams are those of the feed, which has the places of what waits left.
bool start_thread(disco_feed *f, disco_drop drop) {
  disco_feed_thread *t = f->thread =
      static_cast<disco_feed_thread *>(calloc(1, sizeof(disco_feed_thread)));
  disco_source *own = static_cast<disco_source *>(calloc(f->count, sizeof(disco_source)));
  bool ok = t && own;
  for (uint32_t i = 0; ok && i < f->count; ++i) {
    own[i].fd = -1;
    own[i].data = static_cast<uint8_t *>(malloc(static_cast<size_t>(f->streams[i].tensor->bytes)));
    ok = own[i].data || f->streams[i].tensor->bytes == 0;
  }
  if (!ok) {
    free_streams(own, own ? f->count : 0);
    snprintf(f->error, sizeof f->error, "out of memory");
    return false;
  }
  for (uint32_t i = 0; i < f->count; ++i) {
    own[i].tensor = f->streams[i].tensor;
    own[i].index = f->streams[i].index;
  }
  t->reader.streams = f->streams;
  t->reader.count = f->count;
  f->streams = own;
  t->drop = drop;
  t->end = DISCO_FEED_READY;
  pthread_mutex_init(&t->mutex, nullptr);
  pthread_cond_init(&t->changed, nullptr);
  t->running = pthread_create(&t->thread, nullptr, run_thread, f) == 0;
  if (!t->running)
    snprintf(f->error, sizeof f->error, "no thread can be started to read the inputs");
  return t->running;
}

} // namespace

bool disco_is_stream(const char *path) {
  struct stat s;
  return strcmp(path, "-") == 0 || (stat(path, &s) == 0 && S_ISFIFO(s.st_mode));
}

bool disco_feed_open(disco_feed *f, const disco_tensor_info *tensors, const char *const *paths,
                     uint32_t count, disco_drop drop) {
  memset(f, 0, sizeof *f);
  uint32_t streams = 0;
  for (uint32_t i = 0; i < count; ++i)
    streams += paths[i] != nullptr;
  if (streams == 0)
    return true;
  f->streams = static_cast<disco_source *>(calloc(streams, sizeof(disco_source)));
  if (!f->streams) {
    snprintf(f->error, sizeof f->error, "out of memory");
    return false;
  }
  for (uint32_t i = 0; i < streams; ++i)
    f->streams[i].fd = -1;
  f->count = streams;
  for (uint32_t i = 0, at = 0; i < count; ++i)
    if (paths[i] && !open_stream(f, &f->streams[at++], tensors, i, paths[i]))
      return false;
  return drop == DISCO_DROP_NONE || start_thread(f, drop);
}

disco_feed_state disco_feed_next(disco_feed *f, int wait_ms) {
  disco_feed_thread *t = f->thread;
  if (!t)
    return read_all(f, wait_ms);
  pthread_mutex_lock(&t->mutex);
  const timespec at = in_ms(wait_ms);
  while (wait_ms > 0 && !t->full && t->end == DISCO_FEED_READY &&
         pthread_cond_timedwait(&t->changed, &t->mutex, &at) != ETIMEDOUT)
    ;
  const disco_feed_state state = t->full                      ? DISCO_FEED_READY
                                 : t->end == DISCO_FEED_READY ? DISCO_FEED_WAITING
                                                              : t->end;
  pthread_mutex_unlock(&t->mutex);
  if (state == DISCO_FEED_BROKEN)
    memcpy(f->error, t->reader.error, sizeof f->error);
  return state;
}

void disco_feed_take(disco_feed *f, void *const *to) {
  disco_feed_thread *t = f->thread;
  if (t)
    pthread_mutex_lock(&t->mutex);
  for (uint32_t i = 0; i < f->count; ++i) {
    disco_source *s = &f->streams[i];
    if (s->tensor->bytes)
      memcpy(to[s->index], s->data, static_cast<size_t>(s->tensor->bytes));
    s->have = 0;
    s->left -= t ? 0 : 1;
  }
  if (t) {
    t->full = false;
    pthread_mutex_unlock(&t->mutex);
  }
}

void disco_feed_close(disco_feed *f) {
  if (disco_feed_thread *t = f->thread) {
    if (t->running) {
      pthread_mutex_lock(&t->mutex);
      t->stop = true;
      pthread_mutex_unlock(&t->mutex);
      pthread_join(t->thread, nullptr);
    }
    if (t->reader.streams) {
      pthread_cond_destroy(&t->changed);
      pthread_mutex_destroy(&t->mutex);
      free_streams(t->reader.streams, t->reader.count);
    }
    free(t);
  }
  free_streams(f->streams, f->count);
  f->streams = nullptr;
  f->thread = nullptr;
}
