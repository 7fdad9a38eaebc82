//===- inproc_main.cpp - main program of all shards in one process --------===//
// SPDX-License-Identifier: Apache-2.0

#include "inproc_main.h"

#include "../transport/inproc.h"
#include "session.h"
#include "text.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

namespace {

struct cluster {
  uint32_t nodes;
  disco_inproc *links;
  disco_session *sessions;
};

struct job {
  disco_session *session;
  disco_transport transport;
  pthread_t thread;
  bool running;
};

void *run_node(void *context) {
  job *j = static_cast<job *>(context);
  disco_session_run(j->session, j->transport);
  return nullptr;
}

// The largest frames of emitted code are small, but threads of musl have 128 KB only; 8 MB is what
// a main thread has.
constexpr size_t stack_size = 8u << 20;

void run_all(cluster *c, job *jobs) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, stack_size);
  for (uint32_t i = 0; i < c->nodes; ++i) {
    disco_transport none = {};
    jobs[i].session = &c->sessions[i];
    jobs[i].session->spin_us = disco_session_spin(jobs[i].session->options, c->nodes);
    jobs[i].transport = c->nodes > 1 ? disco_inproc_transport(c->links, i) : none;
    jobs[i].running =
        i > 0 && pthread_create(&jobs[i].thread, &attributes, run_node, &jobs[i]) == 0;
    if (i > 0 && !jobs[i].running)
      disco_inproc_kill(c->links, i); // the others find it lost
  }
  run_node(&jobs[0]);
  for (uint32_t i = 1; i < c->nodes; ++i)
    if (jobs[i].running)
      pthread_join(jobs[i].thread, nullptr);
  pthread_attr_destroy(&attributes);
}

// Every --input must be an input of some shard.
bool inputs_known(const disco_program *const *programs, uint32_t nodes, const disco_options *o) {
  for (uint32_t i = 0; i < o->input_count; ++i) {
    bool known = false;
    for (uint32_t rank = 0; rank < nodes; ++rank)
      for (uint32_t k = 0; k < programs[rank]->input_count; ++k) {
        const char *name = programs[rank]->inputs[k].name;
        size_t n = strlen(name);
        known |= strncmp(o->inputs[i], name, n) == 0 && o->inputs[i][n] == '=';
      }
    if (!known) {
      char text[1024];
      snprintf(text, sizeof text, "--input %s: the model has no such input", o->inputs[i]);
      disco_print_error(text);
      return false;
    }
  }
  return true;
}

bool has_output(const disco_program *p, const char *name) {
  for (uint32_t i = 0; i < p->output_count; ++i)
    if (strcmp(p->outputs[i].name, name) == 0)
      return true;
  return false;
}

// Where several nodes return the same outputs, one copy is written.
void choose_writers(cluster *c) {
  for (uint32_t i = 1; i < c->nodes; ++i) {
    const disco_program *p = c->sessions[i].program;
    bool written = p->output_count > 0;
    for (uint32_t k = 0; k < p->output_count && written; ++k) {
      bool earlier = false;
      for (uint32_t j = 0; j < i; ++j)
        earlier |= has_output(c->sessions[j].program, p->outputs[k].name);
      written = earlier;
    }
    if (written)
      c->sessions[i].writes = false;
  }
}

int report(const cluster *c, const disco_options *o) {
  int code = DISCO_EXIT_OK;
  // The nodes mostly say the same; each is worth a line.
  for (uint32_t i = 0; i < c->nodes; ++i) {
    if (c->sessions[i].exit_code) {
      char text[sizeof c->sessions[i].message + 32];
      snprintf(text, sizeof text, "node %u: %s", i, c->sessions[i].message);
      disco_print_error(text);
    }
    code = code ? code : c->sessions[i].exit_code;
  }
  if (!o->json)
    return disco_finish_stdout(code);
  printf("{\"ok\":%s,\"exit\":%d,\"nodes\":[", code ? "false" : "true", code);
  for (uint32_t i = 0; i < c->nodes; ++i) {
    if (i > 0)
      putchar(',');
    disco_session_json(&c->sessions[i], stdout);
  }
  printf("]}\n");
  return disco_finish_stdout(code);
}

int run_cluster(cluster *c, const disco_program *const *programs, const disco_options *o) {
  bool ready = true;
  for (uint32_t i = 0; i < c->nodes; ++i) {
    disco_session_open(&c->sessions[i], programs[i], o);
    ready = ready && c->sessions[i].exit_code == DISCO_EXIT_OK;
  }
  uint64_t batch = 0;
  for (uint32_t i = 0; i < c->nodes; ++i)
    batch = programs[i]->input_count > 0 ? c->sessions[i].batch : batch;
  for (uint32_t i = 0; batch && i < c->nodes; ++i)
    if (programs[i]->input_count == 0)
      disco_session_count(&c->sessions[i], batch);
  job *jobs = static_cast<job *>(calloc(c->nodes, sizeof(job)));
  c->links = c->nodes > 1
                 ? disco_inproc_create(c->nodes, o->exact ? DISCO_INPROC_EXACT : o->capacity)
                 : nullptr;
  int code = DISCO_EXIT_FILE;
  if (!jobs || (c->nodes > 1 && !c->links)) {
    disco_print_error("out of memory");
  } else {
    choose_writers(c);
    for (uint32_t i = 0; i < c->nodes && ready; ++i)
      ready = disco_session_open_outputs(&c->sessions[i]);
    if (ready)
      run_all(c, jobs);
    code = report(c, o);
  }
  free(jobs);
  for (uint32_t i = 0; i < c->nodes; ++i)
    disco_session_close(&c->sessions[i]);
  disco_inproc_destroy(c->links);
  return code;
}

} // namespace

int disco_inproc_main(int argc, char **argv, const disco_program *const *programs, uint32_t nodes) {
  disco_options o;
  char error[256];
  int code = DISCO_EXIT_USAGE;
  if (!disco_options_parse(&o, argc, argv, false, error, sizeof error)) {
    disco_print_error(error);
  } else if (o.help) {
    disco_options_help(stdout, argc > 0 ? argv[0] : "cluster", false);
    code = disco_finish_stdout(DISCO_EXIT_OK);
  } else if (inputs_known(programs, nodes, &o)) {
    cluster c = {nodes, nullptr,
                 static_cast<disco_session *>(calloc(nodes, sizeof(disco_session)))};
    if (c.sessions) {
      code = run_cluster(&c, programs, &o);
    } else {
      disco_print_error("out of memory");
      code = DISCO_EXIT_FILE;
    }
    free(c.sessions);
  }
  disco_options_free(&o);
  return code;
}
