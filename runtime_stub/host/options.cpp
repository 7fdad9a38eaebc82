//===- options.cpp - command line of host programs ------------------------===//
// SPDX-License-Identifier: Apache-2.0

#include "session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#ifdef DISCO_SLOW
// Of trace.cpp, which programs without notes do not have: its header would bring it along.
inline namespace DISCO_RUNTIME {
extern uint32_t disco_slow;
}
#endif

namespace {

enum option_kind : uint8_t { flag, text, list, number };

// An option and the field that it fills.
struct option_row {
  const char *name, *value;
  option_kind kind;
  uint8_t where; // 1: host_main, 2: inproc_main, 3: both
  uint64_t least, most;
  const char *help;
};

constexpr uint64_t ms_most = 1000000000000ull;

constexpr option_row rows[] = {
    {"--listen", "HOST:PORT", text, 1, 0, 0,
     "where higher ranks connect to; without HOST: 127.0.0.1 (env DISCO_LISTEN)"},
    {"--listen-fd", "FD", number, 1, 0, 1 << 20,
     "an inherited socket that listens already, instead of --listen"},
    {"--share-fd", "FD", number, 1, 0, 1 << 20,
     "an inherited Unix socket on which higher ranks offer to share memory"},
    {"--peer", "RANK=HOST:PORT", list, 1, 0, 0, "address of a lower rank; repeatable"},
    {"--peers", "FILE", text, 1, 0, 0,
     "lines 'RANK HOST:PORT'; the own line is the default of --listen (env DISCO_PEERS: a file, or "
     "'RANK=HOST:PORT,...')"},
    {"--wire", "PORT=ADDRESS", list, 1, 0, 0,
     "where a port of this node leads: unix:PATH, tcp:HOST:PORT, /dev/ttyX[@BAUD], or "
     "unix-listen:PATH, tcp-listen:HOST:PORT; repeatable, only on nodes with wires"},
    {"--exact", "", flag, 2, 0, 0, "links buffer nothing, as the proof of the schedule assumes"},
    {"--capacity", "BYTES", number, 2, 1, 1 << 30, "what a link buffers (default 65536)"},
    {"--input", "NAME=FILE.npy", list, 3, 0, 0,
     "value of an input; a leading dimension B times the model's runs B inferences; '-': standard "
     "input, and a FIFO too: arrays one behind the other, each computed when it has come"},
    {"--input-dir", "DIR", text, 3, 0, 0,
     "where the inputs lie that no --input names, as NAME.npy (written as --output-dir does)"},
    {"--output-dir", "DIR", text, 3, 0, 0,
     "write each output there as NAME.npy (characters outside A-Za-z0-9._- become _); '-': each to "
     "standard output as it is done, as an array of its own"},
    {"--drop", "WHICH", text, 3, 0, 0,
     "oldest or newest: of inputs that come while others are computed one waits, and this one of "
     "two that would is dropped and counted; else who writes them waits"},
    {"--repeat", "R", number, 3, 1, 1ull << 32,
     "run everything R times (outputs are those of the last)"},
    {"--count", "B", number, 3, 1, 1ull << 32,
     "inferences a repeat on a node without inputs; neither given: until the others leave"},
    {"--reset-every", "N", number, 3, 1, 1ull << 32,
     "states begin with zeros at every Nth inference; the same on every node"},
    {"--deadline-ms", "MS", number, 3, 1, ms_most,
     "longest silence of an awaited peer (default 10000)"},
    {"--start-deadline-ms", "MS", number, 3, 1, ms_most,
     "how long peers may take to start (default 60000)"},
    {"--idle-ms", "MS", number, 3, 1, ms_most,
     "longest pause between inferences (default: the deadline)"},
    {"--grace-ms", "MS", number, 3, 1, ms_most,
     "how long a failing node goes on to tell the others (default 2000)"},
    {"--inference-ms", "MS", number, 3, 1, ms_most,
     "longest an inference may take once it has begun (default: no limit)"},
    {"--floor", "BYTES", number, 3, 1, 1u << 31,
     "least bytes a second of an awaited message, averaged over the deadline (default 10000, less "
     "over wires)"},
    {"--epoch", "N", number, 3, 0, 0xffffffffu,
     "start count of the cluster; the same on every node (default 0)"},
    {"--spin-us", "US", number, 3, 0, 1u << 30,
     "how long a wait looks at the links before it sleeps (default 50; 0 on a machine with one "
     "processor, or with more nodes in one process than processors)"},
    {"--transport", "NAME", text, 1, 0, 0,
     "tcp: as usual, but no shared memory; udp: datagrams, for networks that lose packets; the "
     "same "
     "on every node"},
    {"--no-shared-memory", "", flag, 1, 0, 0, "data goes over TCP to processes of this host too"},
    {"--mpi", "", flag, 1, 0, 0,
     "MPI has started the programs, in the order of their ranks, and carries all that they "
     "exchange"},
    {"--low-latency", "", flag, 3, 0, 0,
     "waits of up to a second do not sleep, and look at the network card where they may: for "
     "processors that nobody else needs"},
    {"--no-weight-check", "", flag, 3, 0, 0,
     "start without reading all weights to see whether they are those that were compiled"},
#ifdef DISCO_SLOW
    {"--slow", "F", number, 3, 1, 1000000,
     "of traced test builds: every kernel takes F times as long, most of it asleep"},
#endif
    {"--quiet", "", flag, 1, 0, 0,
     "do not say on standard error who is awaited and what was done; errors are said"},
    {"--json", "", flag, 3, 0, 0, "report as one line of JSON on standard output"},
    {"--help", "", flag, 3, 0, 0, "this text"},
};

const option_row *find(const char *arg, size_t size, bool network) {
  for (const option_row &r : rows)
    if ((r.where & (network ? 1 : 2)) && strlen(r.name) == size && memcmp(r.name, arg, size) == 0)
      return &r;
  return nullptr;
}

bool is(const option_row &r, const char *name) { return strcmp(r.name, name) == 0; }

void set_number(disco_options *o, const option_row &r, uint64_t v) {
  if (is(r, "--repeat"))
    o->repeat = v;
  else if (is(r, "--count"))
    o->count = v;
  else if (is(r, "--reset-every"))
    o->reset = v;
  else if (is(r, "--deadline-ms"))
    o->deadline_ms = v;
  else if (is(r, "--start-deadline-ms"))
    o->start_ms = v;
  else if (is(r, "--idle-ms"))
    o->idle_ms = v;
  else if (is(r, "--grace-ms"))
    o->grace_ms = v;
  else if (is(r, "--inference-ms"))
    o->inference_ms = v;
  else if (is(r, "--floor"))
    o->floor = v;
  else if (is(r, "--epoch"))
    o->epoch = static_cast<uint32_t>(v);
  else if (is(r, "--spin-us"))
    o->spin_us = static_cast<int64_t>(v);
#ifdef DISCO_SLOW
  else if (is(r, "--slow"))
    disco_slow = static_cast<uint32_t>(v);
#endif
  else if (is(r, "--share-fd"))
    o->share_fd = static_cast<int>(v);
  else if (is(r, "--capacity"))
    o->capacity = static_cast<uint32_t>(v);
  else
    o->listen_fd = static_cast<int>(v);
}

void set_text(disco_options *o, const option_row &r, const char *v) {
  if (is(r, "--listen"))
    o->listen = v;
  else if (is(r, "--peers"))
    o->peers_file = v;
  else if (is(r, "--input-dir"))
    o->input_dir = v;
  else if (is(r, "--output-dir"))
    o->output_dir = v;
}

bool set_drop(disco_options *o, const char *which) {
  o->drop = strcmp(which, "newest") == 0 ? DISCO_DROP_NEWEST : DISCO_DROP_OLDEST;
  return o->drop == DISCO_DROP_NEWEST || strcmp(which, "oldest") == 0;
}

bool set_transport(disco_options *o, const char *name) {
  o->udp = strcmp(name, "udp") == 0;
  o->no_shared_memory |= !o->udp;
  return o->udp || strcmp(name, "tcp") == 0;
}

void set_flag(disco_options *o, const option_row &r) {
  if (is(r, "--exact"))
    o->exact = true;
  else if (is(r, "--no-weight-check"))
    o->no_weight_check = true;
  else if (is(r, "--no-shared-memory"))
    o->no_shared_memory = true;
  else if (is(r, "--mpi"))
    o->mpi = true;
  else if (is(r, "--low-latency"))
    o->low_latency = true;
  else if (is(r, "--quiet"))
    o->quiet = true;
  else if (is(r, "--json"))
    o->json = true;
  else
    o->help = true;
}

bool read_number(const option_row &r, const char *v, uint64_t *to) {
  char *end = nullptr;
  errno = 0;
  *to = strtoull(v, &end, 10);
  return *v >= '0' && *v <= '9' && *end == 0 && errno == 0 && *to >= r.least && *to <= r.most;
}

} // namespace

bool disco_options_parse(disco_options *o, int argc, char **argv, bool network, char *error,
                         size_t error_size) {
  memset(o, 0, sizeof *o);
  o->listen_fd = -1;
  o->share_fd = -1;
  o->spin_us = -1;
  o->capacity = 65536;
  const char **inputs = static_cast<const char **>(
                 calloc(3 * static_cast<size_t>(argc) + 3, sizeof(char *))),
             **peers = inputs + argc + 1, **wires = peers + argc + 1;
  o->inputs = inputs;
  o->peers = peers;
  o->wires = wires;
  for (int i = 1; inputs && i < argc; ++i) {
    // --name value and --name=value
    const char *arg = argv[i], *equals = strchr(arg, '=');
    const option_row *r =
        find(arg, equals ? static_cast<size_t>(equals - arg) : strlen(arg), network);
    if (!r) {
      snprintf(error, error_size, "unknown argument '%s'; see --help", arg);
      return false;
    }
    if (r->kind == flag) {
      set_flag(o, *r);
      continue;
    }
    const char *value = equals ? equals + 1 : i + 1 < argc ? argv[++i] : nullptr;
    uint64_t v = 0;
    if (!value || !*value) {
      snprintf(error, error_size, "%s needs a value: %s", r->name, r->value);
      return false;
    }
    if (r->kind == number && !read_number(*r, value, &v)) {
      snprintf(error, error_size, "%s: '%s' is no number from %llu to %llu", r->name, value,
               static_cast<unsigned long long>(r->least), static_cast<unsigned long long>(r->most));
      return false;
    }
    if (r->kind == number)
      set_number(o, *r, v);
    else if (is(*r, "--transport") && !set_transport(o, value)) {
      snprintf(error, error_size, "--transport: '%s' is neither tcp nor udp", value);
      return false;
    } else if (is(*r, "--drop") && !set_drop(o, value)) {
      snprintf(error, error_size, "--drop: '%s' is neither oldest nor newest", value);
      return false;
    } else if (r->kind == text)
      set_text(o, *r, value);
    else if (is(*r, "--input"))
      inputs[o->input_count++] = value;
    else if (is(*r, "--wire"))
      wires[o->wire_count++] = value;
    else
      peers[o->peer_count++] = value;
  }
  if (!inputs) {
    snprintf(error, error_size, "out of memory");
    return false;
  }
  const bool both = o->json && o->output_dir && strcmp(o->output_dir, "-") == 0;
  if (both)
    snprintf(error, error_size, "--json and --output-dir - both want standard output");
  return !both;
}

void disco_options_free(disco_options *o) {
  free(static_cast<void *>(const_cast<const char **>(o->inputs)));
}

void disco_options_help(FILE *to, const char *program, bool network) {
  fprintf(to, "usage: %s [options]\n\n%s\n\n", program,
          network ? "Runs one shard of a compiled model; start one such program for every rank, in "
                    "any order."
                  : "Runs all shards of a compiled model in this process, one thread each.");
  for (const option_row &r : rows) {
    if (!(r.where & (network ? 1 : 2)))
      continue;
    char head[64];
    snprintf(head, sizeof head, "%s %s", r.name, r.value);
    fprintf(to, "  %-26s %s\n", head, r.help);
  }
  fprintf(to, "\nexit codes: 0 done; 1 an inference failed, here or elsewhere; 2 wrong command "
              "line; 3 a file cannot be read, written or used\n");
}
