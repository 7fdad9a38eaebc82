//===- session.cpp - inputs, runs and reports of host programs ------------===//
// SPDX-License-Identifier: Apache-2.0

#include "session.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#ifdef __linux__
#include <sched.h>
#endif
#include <time.h>
#include <unistd.h>

namespace {

using ull = unsigned long long;

constexpr uint64_t time_space = 65536; // inferences whose times are kept, the latest
constexpr size_t alignment = 64, path_most = 4096;

uint64_t clock_us() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<uint64_t>(t.tv_sec) * 1000000u + static_cast<uint64_t>(t.tv_nsec) / 1000u;
}

// On a machine of 32 bits, what cannot be addressed cannot be allocated either.
bool addressable(uint64_t bytes) { return static_cast<size_t>(bytes) == bytes; }

void *aligned(uint64_t bytes) {
  void *p = nullptr;
  return addressable(bytes) &&
                 posix_memalign(&p, alignment, bytes ? static_cast<size_t>(bytes) : 1) == 0
             ? p
             : nullptr;
}

bool fail(disco_session *s, int exit_code) {
  s->exit_code = exit_code;
  return false;
}

bool no_memory(disco_session *s) {
  snprintf(s->message, sizeof s->message, "out of memory");
  return fail(s, DISCO_EXIT_FILE);
}

const char *shape_text(uint32_t rank, const uint64_t *dims, char *to, size_t size) {
  size_t at = 0;
  snprintf(to, size, "a scalar");
  for (uint32_t i = 0; i < rank && at < size; ++i)
    at += static_cast<size_t>(
        snprintf(to + at, size - at, i ? "x%llu" : "%llu", static_cast<ull>(dims[i])));
  return to;
}

// The file of tensor `index` in a folder of all, without ".npy".
void file_name(const disco_tensor_info *all, uint32_t index, char *to, size_t size) {
  auto plain = [](const char *name, char *out, size_t room) {
    size_t n = 0;
    for (; name[n] && n + 1 < room; ++n)
      out[n] = strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-", name[n])
                   ? name[n]
                   : '_';
    out[n] = 0;
  };
  plain(all[index].name, to, size);
  // Names that become the same file are told apart by a number.
  uint32_t same = 0;
  char other[256];
  for (uint32_t i = 0; i < index; ++i) {
    plain(all[i].name, other, sizeof other);
    same += strcmp(to, other) == 0;
  }
  size_t n = strlen(to);
  if (same > 0)
    snprintf(to + n, size - n, "_%u", same + 1);
}

// The path of that file. False: the message says that it is too long.
bool file_path(disco_session *s, const char *folder, const disco_tensor_info *all, uint32_t index,
               char *to) {
  char name[256];
  file_name(all, index, name, sizeof name - 16);
  int size = snprintf(to, path_most, "%s/%s.npy", folder, name);
  if (size >= 0 && static_cast<size_t>(size) < path_most)
    return true;
  snprintf(s->message, sizeof s->message, "the path of '%.100s' is too long", all[index].name);
  return fail(s, DISCO_EXIT_FILE);
}

//===----------------------------------------------------------------------===//
// Inputs
//===----------------------------------------------------------------------===//

bool load(disco_session *s, uint32_t index, const char *path) {
  const disco_tensor_info &t = s->program->inputs[index];
  disco_npy *a = &s->inputs[index];
  if (!disco_npy_read(path, a, s->message, sizeof s->message))
    return fail(s, DISCO_EXIT_FILE);
  if (a->type != t.type) {
    snprintf(s->message, sizeof s->message, "input '%s' is %s, but %.300s holds %s", t.name,
             disco_type_name(t.type), path, disco_type_name(a->type));
    return fail(s, DISCO_EXIT_FILE);
  }
  uint64_t n = disco_npy_inferences(&t, a);
  if (n == 0) {
    char wants[200], has[200];
    snprintf(s->message, sizeof s->message,
             "input '%s' is %s (or a multiple in the first dimension), but %.300s holds %s", t.name,
             shape_text(t.rank, t.dims, wants, sizeof wants), path,
             shape_text(a->rank, a->dims, has, sizeof has));
    return fail(s, DISCO_EXIT_FILE);
  }
  if (s->batch != 0 && n != s->batch) {
    snprintf(s->message, sizeof s->message,
             "input '%s': %.300s holds %llu inferences, another file %llu", t.name, path,
             static_cast<ull>(n), static_cast<ull>(s->batch));
    return fail(s, DISCO_EXIT_FILE);
  }
  s->batch = n;
  return true;
}

// The file that the options name for an input, or null.
const char *file_of(const disco_options *o, const char *name) {
  size_t n = strlen(name);
  for (uint32_t i = 0; i < o->input_count; ++i)
    if (strncmp(o->inputs[i], name, n) == 0 && o->inputs[i][n] == '=')
      return o->inputs[i] + n + 1;
  return nullptr;
}

// The file of an input, as the options name it; null: the message says why there is none.
const char *path_of(disco_session *s, uint32_t index, char *in_folder) {
  const disco_program *p = s->program;
  const char *path = file_of(s->options, p->inputs[index].name), *folder = s->options->input_dir;
  if (path)
    return path;
  if (folder)
    return file_path(s, folder, p->inputs, index, in_folder) ? in_folder : nullptr;
  snprintf(s->message, sizeof s->message, "input '%s' is missing: --input %s=FILE.npy",
           p->inputs[index].name, p->inputs[index].name);
  s->exit_code = DISCO_EXIT_USAGE;
  return nullptr;
}

// What goes with streams and what does not. `streams`: how many inputs are some; `standard`: are
// standard input.
bool check_streams(disco_session *s, uint32_t streams, uint32_t standard) {
  const char *why = standard > 1 ? "only one input can be standard input"
                    : streams == 0 && s->options->drop
                        ? "--drop goes with an input that is a stream"
                    : streams > 0 && s->options->repeat > 1
                        ? "--repeat does not go with an input that is a stream"
                    : streams > 0 && s->batch > 1
                        ? "beside an input that is a stream a file holds one inference, which goes "
                          "with each of the stream"
                        : nullptr;
  if (!why)
    return true;
  snprintf(s->message, sizeof s->message, "%s", why);
  return fail(s, DISCO_EXIT_USAGE);
}

bool load_inputs(disco_session *s) {
  const disco_program *p = s->program;
  uint32_t streams = 0, standard = 0;
  for (uint32_t i = 0; i < p->input_count; ++i) {
    char *in_folder = s->paths + path_most * p->output_count; // behind those of the outputs
    const char *path = path_of(s, i, in_folder);
    if (!path)
      return false;
    if (disco_is_stream(path) && path != in_folder) {
      s->streams[i] = path;
      standard += strcmp(path, "-") == 0;
      ++streams;
    } else if (!load(s, i, path))
      return false;
  }
  s->fed = streams > 0;
  if (p->input_count > 0 && !check_streams(s, streams, standard))
    return false;
  if (disco_feed_open(&s->feed, p->inputs, s->streams, p->input_count, s->options->drop))
    return true;
  snprintf(s->message, sizeof s->message, "%s", s->feed.error);
  return fail(s, DISCO_EXIT_FILE);
}

// Weights are a file of their own: another build's, or a damaged one, fits as well.
bool check_weights(disco_session *s) {
  if (s->options->no_weight_check || disco_weights_match(s->program))
    return true;
  snprintf(s->message, sizeof s->message,
           "rank %u of model '%s' has other weights than those it was compiled with (their CRC-32C "
           "is not %08x): its weights file was changed or exchanged; compile and build the model "
           "again",
           s->program->rank, s->program->model, s->program->weights_crc);
  return fail(s, DISCO_EXIT_FILE);
}

// A node without inputs runs until the others leave, unless it is told how often, or nothing that
// comes could tell it that they left.
bool set_counts(disco_session *s) {
  const disco_options *o = s->options;
  bool hears = false;
  if (s->fed) {
    s->batch = 0;
    s->total = o->count;
    return true;
  }
  for (uint32_t i = 0; i < s->program->message_count; ++i)
    hears |= s->program->messages[i].incoming != 0;
  if (s->program->input_count > 0 && o->count && o->count != s->batch) {
    snprintf(s->message, sizeof s->message, "--count %llu, but the inputs hold %llu inferences",
             static_cast<ull>(o->count), static_cast<ull>(s->batch));
    return fail(s, DISCO_EXIT_USAGE);
  }
  if (s->program->input_count == 0)
    s->batch = o->count || hears ? o->count : 1;
  s->total = s->batch * (o->repeat ? o->repeat : 1);
  return true;
}

bool allocate(disco_session *s) {
  const disco_program *p = s->program;
  auto array = [](uint64_t n, size_t size) { return calloc(n ? static_cast<size_t>(n) : 1, size); };
  s->config.peers = static_cast<disco_peer *>(array(p->nodes, sizeof(disco_peer)));
  s->config.slots =
      static_cast<disco_slot *>(array(1ull * p->message_count * p->in_flight, sizeof(disco_slot)));
  s->inputs = static_cast<disco_npy *>(array(p->input_count, sizeof(disco_npy)));
  s->streams = static_cast<const char **>(array(p->input_count, sizeof(char *)));
  const uint32_t staged = p->input_count * p->in_flight;
  s->staged_inputs = static_cast<void **>(array(staged, sizeof(void *)));
  s->staged_outputs = static_cast<void **>(array(p->output_count, sizeof(void *)));
  s->files = static_cast<disco_npy_stack *>(array(p->output_count, sizeof(disco_npy_stack)));
  s->paths = static_cast<char *>(array(p->output_count + 1ull, path_most));
  s->times_us = static_cast<uint64_t *>(array(time_space, sizeof(uint64_t)));
  s->began_us = static_cast<uint64_t *>(array(p->in_flight, sizeof(uint64_t)));
  bool ok = s->config.peers && s->config.slots && s->inputs && s->streams && s->staged_inputs &&
            s->staged_outputs && s->files && s->paths && s->times_us && s->began_us;
  for (uint32_t i = 0; s->files && i < p->output_count; ++i)
    s->files[i].fd = -1;
  for (uint32_t i = 0; ok && i < staged; ++i)
    ok = (s->staged_inputs[i] = aligned(p->inputs[i % p->input_count].bytes)) != nullptr;
  for (uint32_t i = 0; ok && i < p->output_count; ++i)
    ok = (s->staged_outputs[i] = aligned(p->outputs[i].bytes)) != nullptr;
  return ok || no_memory(s);
}

//===----------------------------------------------------------------------===//
// Outputs
//===----------------------------------------------------------------------===//

// Standard output takes no more for now, or an input is awaited: the links go on meanwhile. How
// long this may take is the deadline of the others.
constexpr int look_ms = 100;

bool write_standard(disco_session *s, const void *data, uint64_t bytes) {
  const uint8_t *from = static_cast<const uint8_t *>(data);
  const int fd = STDOUT_FILENO;
  constexpr uint64_t most = PIPE_BUF; // what a pipe that takes anything takes without waiting
  while (bytes > 0) {
    pollfd p = {fd, POLLOUT, 0};
    if (poll(&p, 1, look_ms) <= 0) {
      if (disco_pump(&s->node) != DISCO_OK)
        return false;
      continue;
    }
    const ssize_t n = write(fd, from, static_cast<size_t>(bytes < most ? bytes : most));
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
      continue;
    if (n <= 0) {
      snprintf(s->message, sizeof s->message, "standard output: cannot be written: %s",
               strerror(errno));
      return fail(s, DISCO_EXIT_FILE);
    }
    from += n;
    bytes -= static_cast<uint64_t>(n);
  }
  return true;
}

bool to_standard(const disco_session *s) {
  return s->writes && strcmp(s->options->output_dir, "-") == 0;
}

// The outputs of the inference that is done.
bool write_outputs(disco_session *s) {
  char head[disco_npy_own_header_most];
  for (uint32_t i = 0; to_standard(s) && i < s->program->output_count; ++i) {
    const disco_tensor_info *t = &s->program->outputs[i];
    if (!write_standard(s, head, disco_npy_header(t, head)) ||
        !write_standard(s, s->staged_outputs[i], t->bytes))
      return false;
  }
  if (to_standard(s))
    return true;
  uint64_t place = s->batch ? s->done % s->batch : s->done;
  for (uint32_t i = 0; s->writes && i < s->program->output_count; ++i)
    if (!disco_npy_stack_put(&s->files[i], place, s->staged_outputs[i], s->message,
                             sizeof s->message))
      return fail(s, DISCO_EXIT_FILE);
  return true;
}

// A node that ran until the others left knows only now how much a repeat was: the last one stays.
bool close_outputs(disco_session *s) {
  char ignored[8], *to = s->message;
  size_t size = sizeof s->message;
  uint64_t repeats = s->options->repeat ? s->options->repeat : 1, n = s->done / repeats;
  bool ok = true;
  for (uint32_t i = 0; s->writes && s->files && i < s->program->output_count; ++i) {
    disco_npy_stack *f = &s->files[i];
    if (s->exit_code || !ok) { // the first failure is the one to tell
      to = ignored;
      size = sizeof ignored;
    }
    if (f->fd >= 0 && s->ran && s->batch == 0 && s->done > 0) {
      f->scalar = n == 1;
      ok = disco_npy_stack_keep(f, s->done - n, n, to, size) && ok;
    }
    ok = disco_npy_stack_close(f, ok ? to : ignored, ok ? size : sizeof ignored) && ok;
  }
  return ok || s->exit_code || fail(s, DISCO_EXIT_FILE);
}

//===----------------------------------------------------------------------===//
// Running
//===----------------------------------------------------------------------===//

int submit(disco_session *s) {
  const disco_program *p = s->program;
  uint64_t place = s->batch ? s->given % s->batch : 0;
  void **staged = s->staged_inputs + s->given % p->in_flight * p->input_count;
  if (s->fed)
    disco_feed_take(&s->feed, staged);
  for (uint32_t i = 0; i < p->input_count; ++i)
    if (p->inputs[i].bytes && !s->streams[i])
      memcpy(staged[i],
             static_cast<const uint8_t *>(s->inputs[i].data) + place * p->inputs[i].bytes,
             static_cast<size_t>(p->inputs[i].bytes));
  s->began_us[s->given % p->in_flight] = clock_us();
  if (s->given == 0)
    s->first_us = s->began_us[0];
  // A program with several in flight has no states.
  if (s->options->reset && s->given % s->options->reset == 0 && p->in_flight == 1)
    disco_reset(&s->node);
  int code = disco_submit(&s->node, staged);
  s->given += code == DISCO_OK;
  return code;
}

// Whoever started the program asked to be told, by DISCO_PROGRESS, now and then.
void say_progress(disco_session *s) {
  constexpr uint64_t every_us = 200000;
  if (s->progress_us == 0)
    return;
  const uint64_t now = clock_us();
  if (now < s->progress_us)
    return;
  s->progress_us = now + every_us;
  printf("progress %llu\n", static_cast<unsigned long long>(s->done));
  fflush(stdout);
}

int collect(disco_session *s) {
  int code = disco_collect(&s->node, s->staged_outputs);
  if (code != DISCO_OK)
    return code;
  s->ended_us = clock_us();
  s->times_us[s->done % time_space] = s->ended_us - s->began_us[s->done % s->program->in_flight];
  if (!write_outputs(s))
    return DISCO_ERR_ABORTED;
  ++s->done;
  say_progress(s);
  return DISCO_OK;
}

// Of streams: the next input is submitted if it is there, else what is in flight is collected; an
// input is waited for when nothing is. A stream that breaks ends behind what came before.
int step_fed(disco_session *s) {
  const bool idle = s->given == s->done;
  if (s->ended || s->given - s->done == s->program->in_flight)
    return collect(s);
  switch (disco_feed_next(&s->feed, idle ? look_ms : 0)) {
  case DISCO_FEED_READY: {
    const int code = submit(s);
    s->ended = s->given == s->total;
    return code;
  }
  case DISCO_FEED_WAITING: return idle ? disco_pump(&s->node) : collect(s);
  case DISCO_FEED_BROKEN:
    snprintf(s->message, sizeof s->message, "%s", s->feed.error);
    s->exit_code = DISCO_EXIT_FILE;
    break;
  case DISCO_FEED_ENDED: break;
  }
  s->ended = true;
  return DISCO_OK;
}

bool has_more(const disco_session *s) {
  return s->fed ? !s->ended || s->done < s->given : s->total == 0 || s->done < s->total;
}

// As many in flight as may be: the next one is submitted, or the oldest collected.
int step(disco_session *s) {
  if (s->fed)
    return step_fed(s);
  bool more = s->total == 0 || s->given < s->total;
  return more && s->given - s->done < s->program->in_flight ? submit(s) : collect(s);
}

// "message 7 from rank 0 to rank 1", as far as this node knows the message.
void name_message(const disco_program *p, uint32_t id, char *to, size_t size) {
  const disco_message *m = nullptr;
  for (uint32_t i = 0; i < p->message_count; ++i)
    m = p->messages[i].id == id ? &p->messages[i] : m;
  if (m)
    snprintf(to, size, " (message %u from rank %u to rank %u)", id, m->incoming ? m->peer : p->rank,
             m->incoming ? p->rank : m->peer);
  else
    snprintf(to, size, " (message %u)", id);
}

void describe_failure(disco_session *s) {
  const disco_error *e = disco_last_error(&s->node);
  char message[80] = "", who[48] = "";
  if (e->message != DISCO_NONE)
    name_message(s->program, e->message, message, sizeof message);
  if (e->reporter != s->program->rank && e->reporter != DISCO_NONE)
    snprintf(who, sizeof who, ", found by rank %u", e->reporter);
  else if (e->code == DISCO_ERR_VERSION) // the header that was refused is still there
    snprintf(who, sizeof who, ": it speaks %u, this node %u", s->config.peers[e->rank].rx_head[2],
             DISCO_PROTOCOL_VERSION);
  if (!s->message[0])
    snprintf(s->message, sizeof s->message, "rank %u: %s%s%s", e->rank, disco_error_text(e->code),
             message, who);
  s->exit_code = s->exit_code ? s->exit_code : static_cast<int>(DISCO_EXIT_FAILED);
}

} // namespace

void disco_session_open(disco_session *s, const disco_program *program,
                        const disco_options *options) {
  memset(s, 0, sizeof *s);
  s->program = program;
  s->options = options;
  s->node.error.rank = s->node.error.message = s->node.error.reporter = DISCO_NONE;
  s->writes = options->output_dir != nullptr;
  const char *asked = getenv("DISCO_PROGRESS");
  s->progress_us = asked && *asked && options->json ? clock_us() : 0;
  disco_host_nonce(s->config.nonce, sizeof s->config.nonce);
  if (check_weights(s) && allocate(s) && load_inputs(s))
    set_counts(s);
}

void disco_session_count(disco_session *s, uint64_t batch) {
  s->batch = batch;
  s->total = batch * (s->options->repeat ? s->options->repeat : 1);
}

bool disco_session_open_outputs(disco_session *s) {
  const disco_program *p = s->program;
  const char *folder = s->options->output_dir;
  if (!s->writes || p->output_count == 0)
    return true;
  signal(SIGPIPE, SIG_IGN); // who reads the outputs may end before
  if (to_standard(s))
    return true;
  if (mkdir(folder, 0777) != 0 && errno != EEXIST) {
    snprintf(s->message, sizeof s->message, "%s: cannot be made: %s", folder, strerror(errno));
    return fail(s, DISCO_EXIT_FILE);
  }
  if (access(folder, W_OK | X_OK) != 0) { // before the work
    snprintf(s->message, sizeof s->message, "%s: cannot be written: %s", folder, strerror(errno));
    return fail(s, DISCO_EXIT_FILE);
  }
  for (uint32_t i = 0; i < p->output_count; ++i) {
    const disco_tensor_info &t = p->outputs[i];
    char *path = s->paths + path_most * i;
    if (!file_path(s, folder, p->outputs, i, path))
      return false;
    if (!disco_npy_stack_open(&s->files[i], path, t.type, t.rank, t.dims, t.bytes, s->message,
                              sizeof s->message))
      return fail(s, DISCO_EXIT_FILE);
    s->files[i].scalar = s->batch == 1;
  }
  return true;
}

void disco_host_nonce(void *to, size_t size) {
  FILE *f = fopen("/dev/urandom", "rb");
  size_t got = f ? fread(to, 1, size, f) : 0;
  if (f)
    fclose(f);
  // Where there is no such file, clocks and the process tell starts apart.
  timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  uint64_t x = static_cast<uint64_t>(t.tv_sec) * 1000000000u + static_cast<uint64_t>(t.tv_nsec) +
               (static_cast<uint64_t>(getpid()) << 40);
  for (uint8_t *p = static_cast<uint8_t *>(to); got < size; ++got, x = x >> 8 | x << 56)
    p[got] = static_cast<uint8_t>(x);
}

uint32_t disco_session_floor(const disco_options *o, uint64_t rate) {
  constexpr uint64_t most = 1u << 31;
  uint64_t ms = o->deadline_ms ? o->deadline_ms : 10000,
           bytes = ms < most ? rate * ms / 1000 : most;
  return static_cast<uint32_t>(bytes == 0 ? 1 : bytes < most ? bytes : most);
}

// Processors that this process may run on.
static uint32_t processors() {
#ifdef __linux__
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) == 0)
    return static_cast<uint32_t>(CPU_COUNT(&set));
#endif
  long count = sysconf(_SC_NPROCESSORS_ONLN);
  return count > 0 ? static_cast<uint32_t>(count) : 1;
}

uint32_t disco_session_spin(const disco_options *o, uint32_t threads) {
  constexpr uint32_t usual_us = 50, low_latency_us = 1000000;
  if (o->spin_us >= 0)
    return static_cast<uint32_t>(o->spin_us);
  if (o->low_latency)
    return low_latency_us;
  // A process that is kept to one processor mostly has it for itself.
  return sysconf(_SC_NPROCESSORS_ONLN) > 1 && threads <= processors() ? usual_us : 0;
}

void disco_session_run(disco_session *s, disco_transport transport) {
  const disco_options *o = s->options;
  s->config.transport = transport;
  s->config.epoch = o->epoch;
  s->config.start_us = o->start_ms * 1000;
  s->config.deadline_us = o->deadline_ms * 1000;
  s->config.idle_us = o->idle_ms * 1000;
  s->config.grace_us = o->grace_ms * 1000;
  s->config.inference_us = o->inference_ms * 1000;
  if (o->floor)
    s->config.floor = disco_session_floor(o, o->floor);
#if DISCO_SPIN
  s->config.spin_us = s->spin_us;
  s->config.spin_as_predicted = o->spin_us < 0 && !o->low_latency;
#endif
  int code = disco_init(&s->node, s->program, &s->config);
  if (code == DISCO_OK)
    code = disco_start(&s->node);
  if (code == DISCO_OK && s->started)
    s->started(s->started_context);
  while (code == DISCO_OK && has_more(s))
    code = step(s);
  s->ran = code == DISCO_OK || (code == DISCO_ERR_END && s->total == 0);
  if (code == DISCO_ERR_END && !s->ran) // more were asked for than the peers run
    code = disco_abort(&s->node, DISCO_ERR_END);
  if (!s->ran && disco_last_error(&s->node)->code == DISCO_OK)
    disco_abort(&s->node, code); // infer() itself failed
  if (disco_stop(&s->node) != DISCO_OK)
    describe_failure(s);
  close_outputs(s);
  disco_feed_close(&s->feed);
}

//===----------------------------------------------------------------------===//
// Reports
//===----------------------------------------------------------------------===//

static void json_number(const char *name, uint32_t value, FILE *to) {
  if (value == DISCO_NONE)
    fprintf(to, ",\"%s\":null", name);
  else
    fprintf(to, ",\"%s\":%u", name, value);
}

static int compare_times(const void *a, const void *b) {
  uint64_t x = *static_cast<const uint64_t *>(a), y = *static_cast<const uint64_t *>(b);
  return x < y ? -1 : x > y;
}

void disco_session_json(const disco_session *s, FILE *to) {
  const disco_program *p = s->program;
  const disco_error *e = disco_last_error(&s->node);
  fprintf(to, "{\"model\":");
  disco_print_json(to, p->model);
  fprintf(to, ",\"rank\":%u,\"nodes\":%u,\"ok\":%s,\"exit\":%d,\"code\":%d,\"error\":", p->rank,
          p->nodes, s->exit_code ? "false" : "true", s->exit_code, e->code);
  disco_print_json(to, s->message);
  json_number("failed_rank", e->rank, to);
  json_number("message", e->message, to);
  json_number("reporter", e->reporter, to);
  uint64_t n = s->done < time_space ? s->done : time_space;
  fprintf(to, ",\"inferences\":%llu,\"completed\":%s", static_cast<ull>(s->done),
          s->ran ? "true" : "false");
  if (s->fed)
    fprintf(to, ",\"dropped\":%llu", static_cast<ull>(s->feed.dropped));
  fprintf(to, ",\"time_us\":");
  if (n > 0) {
    qsort(s->times_us, static_cast<size_t>(n), sizeof *s->times_us, compare_times);
    fprintf(to,
            "{\"min\":%llu,\"median\":%llu,\"p99\":%llu,\"max\":%llu},\"span_us\":%llu,\"in_"
            "flight\":%u",
            static_cast<ull>(s->times_us[0]), static_cast<ull>(s->times_us[n / 2]),
            static_cast<ull>(s->times_us[(n * 99 + 99) / 100 - 1]),
            static_cast<ull>(s->times_us[n - 1]), static_cast<ull>(s->ended_us - s->first_us),
            p->in_flight);
  } else {
    fprintf(to, "null");
  }
  fprintf(to, ",\"arena_bytes\":%llu,\"weight_bytes\":%llu,\"peers\":[",
          static_cast<ull>(p->arena_bytes), static_cast<ull>(p->weight_bytes));
  bool first = true;
  for (uint32_t peer = 0; peer < p->nodes && s->node.program; ++peer) {
    const disco_stats *t = disco_peer_stats(&s->node, peer);
    if (!t)
      continue;
    fprintf(to,
            "%s{\"rank\":%u,\"tx_payload\":%llu,\"tx_messages\":%llu,\"tx_wire\":%llu,\"rx_"
            "payload\":%llu,\"rx_messages\":%llu,\"rx_wire\":%llu,\"shared_memory\":%s}",
            first ? "" : ",", peer, static_cast<ull>(t->tx_payload),
            static_cast<ull>(t->tx_messages), static_cast<ull>(t->tx_wire),
            static_cast<ull>(t->rx_payload), static_cast<ull>(t->rx_messages),
            static_cast<ull>(t->rx_wire),
            disco_by_mailbox(&s->node, peer) && !s->options->mpi ? "true" : "false");
    first = false;
  }
  fprintf(to, "]");
  if (s->describe)
    s->describe(s->describe_context, to);
  fprintf(to, "}");
}

void disco_session_close(disco_session *s) {
  close_outputs(s); // of a node that was not run
  disco_feed_close(&s->feed);
  for (uint32_t i = 0; s->inputs && i < s->program->input_count; ++i)
    disco_npy_free(&s->inputs[i]);
  for (uint32_t i = 0; s->staged_inputs && i < s->program->input_count * s->program->in_flight; ++i)
    free(s->staged_inputs[i]);
  for (uint32_t i = 0; i < s->program->output_count; ++i) {
    if (s->staged_outputs)
      free(s->staged_outputs[i]);
  }
  free(s->config.peers);
  free(s->config.slots);
  free(s->inputs);
  free(static_cast<void *>(s->streams));
  free(static_cast<void *>(s->staged_inputs));
  free(static_cast<void *>(s->staged_outputs));
  free(s->files);
  free(s->paths);
  free(s->times_us);
  free(s->began_us);
}

int disco_finish_stdout(int exit_code) {
  errno = 0;
  if (fflush(stdout) == 0 && !ferror(stdout))
    return exit_code;
  fprintf(stderr, "error: standard output: %s\n", errno ? strerror(errno) : "it was not written");
  return exit_code == DISCO_EXIT_OK ? static_cast<int>(DISCO_EXIT_FILE) : exit_code;
}
