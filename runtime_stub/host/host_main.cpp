//===- host_main.cpp - main program of one shard on a POSIX host ----------===//
// SPDX-License-Identifier: Apache-2.0

#include "host_main.h"

#include "../transport/mpi.h"
#include "../transport/shm.h"
#include "../transport/tcp.h"
#include "../transport/udp.h"
#include "packet_report.h"
#include "session.h"
#include "talk.h"
#include "text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

namespace {

constexpr uint32_t busy_poll_us = 50; // under --low-latency

// Addresses by rank: of the peers, and of the own rank to listen on.
struct addresses {
  uint32_t nodes;
  char **at;
};

void free_addresses(addresses *a) {
  for (uint32_t i = 0; a->at && i < a->nodes; ++i)
    free(a->at[i]);
  free(static_cast<void *>(a->at));
}

// Notes the address of a rank unless one is known: what is read first counts. False: no such rank.
bool note(addresses *a, const char *rank, const char *address, size_t size) {
  char *end = nullptr;
  unsigned long r = strtoul(rank, &end, 10);
  if (*rank < '0' || *rank > '9' || (*end != '=' && *end != ' ' && *end != '\t') || r >= a->nodes)
    return false;
  if (!a->at[r])
    a->at[r] = strndup(address, size);
  return a->at[r] != nullptr;
}

// RANK=HOST:PORT, ended by a comma or the text's end.
bool note_pair(addresses *a, const char *text, char *error, size_t error_size) {
  const char *equals = strchr(text, '=');
  if (equals && note(a, text, equals + 1, strcspn(equals + 1, ",")))
    return true;
  snprintf(error, error_size, "'%s' is not RANK=HOST:PORT with a rank below %u", text, a->nodes);
  return false;
}

bool read_file(addresses *a, const char *path, char *error, size_t error_size) {
  FILE *f = fopen(path, "r");
  if (!f) {
    snprintf(error, error_size, "%s: %s", path, strerror(errno));
    return false;
  }
  char line[1024];
  bool ok = true;
  for (int number = 1; ok && fgets(line, sizeof line, f); ++number) {
    line[strcspn(line, "#\r\n")] = 0;
    const char *rank = line + strspn(line, " \t");
    if (!*rank)
      continue;
    const char *address = rank + strcspn(rank, " \t");
    address += strspn(address, " \t");
    size_t size = strcspn(address, " \t");
    ok = size > 0 && address[size + strspn(address + size, " \t")] == 0 &&
         note(a, rank, address, size);
    if (!ok)
      snprintf(error, error_size, "%s:%d: a line is 'RANK HOST:PORT' with a rank below %u", path,
               number, a->nodes);
  }
  fclose(f);
  return ok;
}

bool note_pairs(addresses *a, const char *list, char *error, size_t error_size) {
  for (const char *p = list; *p; p += p[strcspn(p, ",")] ? strcspn(p, ",") + 1 : strcspn(p, ","))
    if (!note_pair(a, p, error, error_size))
      return false;
  return true;
}

// Arguments count before the file, the file before the environment, that before what was built in.
bool collect(addresses *a, const disco_options *o, char *error, size_t error_size) {
  for (uint32_t i = 0; i < o->peer_count; ++i)
    if (!note_pair(a, o->peers[i], error, error_size))
      return false;
  if (o->peers_file && !read_file(a, o->peers_file, error, error_size))
    return false;
  const char *env = getenv("DISCO_PEERS");
  if (env && *env &&
      !(strchr(env, '=') ? note_pairs(a, env, error, error_size)
                         : read_file(a, env, error, error_size)))
    return false;
  return !o->built_in || note_pairs(a, o->built_in, error, error_size);
}

bool carries(const disco_host_links *links, const disco_program *program, uint32_t peer) {
  return peer != program->rank && links && links->carries(links->context, peer);
}

bool over_tcp(const disco_host_links *links, const disco_program *program, uint32_t peer) {
  return peer != program->rank && !carries(links, program, peer);
}

// TCP is told of every peer, and gives up at once those that it does not reach.
void leave_to_links(disco_tcp *tcp, const disco_program *program, const disco_host_links *links) {
  disco_transport t = disco_tcp_transport(tcp);
  for (uint32_t peer = 0; peer < program->nodes; ++peer)
    if (carries(links, program, peer))
      t.close(t.context, peer);
}

// Whether there is an address for each rank that this one calls. False: `error` says what to do.
bool knows_all(const disco_program *program, const disco_host_links *links, const addresses *a,
               char *error, size_t error_size) {
  for (uint32_t peer = 0; peer < program->rank; ++peer)
    if (!carries(links, program, peer) && !a->at[peer]) {
      snprintf(error, error_size, "no address for rank %u: give it with --peer %u=HOST:PORT", peer,
               peer);
      return false;
    }
  return true;
}

// All addresses, and where this node listens: null where nobody says. False: `error` says why.
bool gather(const disco_program *program, const disco_options *o, const disco_host_links *links,
            addresses *a, const char **listen, char *error, size_t error_size) {
  a->nodes = program->nodes;
  a->at = static_cast<char **>(calloc(program->nodes, sizeof(char *)));
  if (!a->at) {
    snprintf(error, error_size, "out of memory");
    return false;
  }
  if (!collect(a, o, error, error_size) || !knows_all(program, links, a, error, error_size))
    return false;
  const char *env = getenv("DISCO_LISTEN");
  *listen = o->listen ? o->listen : env && *env ? env : a->at[program->rank];
  return true;
}

disco_tcp *connect(const disco_program *program, const disco_options *o,
                   const disco_host_links *links, addresses *a, const char **listen, char *error,
                   size_t error_size) {
  if (!gather(program, o, links, a, listen, error, error_size))
    return nullptr;
  bool called = false; // by a higher rank
  for (uint32_t peer = 0; peer < program->nodes; ++peer) {
    called |= peer > program->rank && over_tcp(links, program, peer);
    if (carries(links, program, peer) && !a->at[peer])
      a->at[peer] = strdup("0"); // never looked at
  }
  disco_tcp_options t = {program->rank, program->nodes, *listen, o->listen_fd, a->at};
  t.busy_poll_us = o->low_latency ? busy_poll_us : 0;
  if (!called && !t.listen)
    t.listen = "0"; // any port: nobody comes
  *listen = o->listen_fd < 0 ? t.listen : nullptr;
  disco_tcp *tcp = disco_tcp_create(&t, error, error_size);
  if (tcp)
    leave_to_links(tcp, program, links);
  return tcp;
}

int finish(disco_session *s, const disco_options *o) {
  if (s->exit_code)
    disco_print_error(s->message);
  if (o->json) {
    disco_session_json(s, stdout);
    putchar('\n');
  }
  return disco_finish_stdout(s->exit_code);
}

// An input that belongs to no input of this node would go unnoticed.
bool check_inputs(disco_session *s, const disco_program *p, const disco_options *o) {
  for (uint32_t i = 0; i < o->input_count; ++i) {
    bool known = false;
    for (uint32_t k = 0; k < p->input_count; ++k) {
      size_t n = strlen(p->inputs[k].name);
      known |= strncmp(o->inputs[i], p->inputs[k].name, n) == 0 && o->inputs[i][n] == '=';
    }
    if (!known) {
      snprintf(s->message, sizeof s->message,
               "--input %s: rank %u of model '%s' is given no such input", o->inputs[i], p->rank,
               p->model);
      s->exit_code = DISCO_EXIT_USAGE;
      return false;
    }
  }
  return true;
}

// The transport to all peers; `tcp` stays null when none of them is reached by it. False: the
// message says why.
bool open_links(disco_session *s, const disco_program *program, const disco_options *o,
                const disco_host_links *links, addresses *a, const char **listen, disco_tcp **tcp,
                disco_transport *transport) {
  bool any_tcp = false;
  for (uint32_t peer = 0; peer < program->nodes; ++peer)
    any_tcp |= over_tcp(links, program, peer);
  if (any_tcp) {
    *tcp = connect(program, o, links, a, listen, s->message, sizeof s->message);
    if (!*tcp)
      return false;
    *transport = disco_tcp_transport(*tcp);
  }
  if (!links) {
    if (o->wire_count == 0)
      return true;
    snprintf(s->message, sizeof s->message, "--wire %s: this node has no wires", o->wires[0]);
    return false;
  }
  if (!links->open(links->context, o, s->message, sizeof s->message))
    return false;
  *transport = links->join(links->context, any_tcp ? transport : nullptr);
  s->describe = links->describe;
  const uint32_t floor = disco_session_floor(o, links->floor);
  s->config.floor = floor < links->floor_most ? floor : links->floor_most;
  s->describe_context = links->context;
  return true;
}

// Data to processes of this host goes by memory, unless other links are joined with TCP.
disco_shm *share_memory(disco_session *s, disco_tcp *tcp, const disco_host_links *links,
                        disco_transport *transport) {
  if (!DISCO_MAILBOX || !tcp || links || s->options->no_shared_memory)
    return nullptr;
  disco_shm *shm = disco_shm_create(s->program, s->config.nonce, tcp, s->options->share_fd);
  if (shm) {
    s->config.mailbox = disco_shm_mailbox(shm);
    *transport = disco_shm_transport(shm);
  }
  return shm;
}

void describe_mpi(void *, FILE *to) { fprintf(to, ",\"mpi\":true"); }

// Everything goes over MPI. False: the message says why.
bool open_mpi(disco_session *s, const disco_host_links *links, disco_mpi **mpi,
              disco_transport *transport) {
  if (links || !DISCO_MAILBOX) {
    snprintf(s->message, sizeof s->message, "--mpi: this node has wires, or no mailboxes");
    return false;
  }
  *mpi = disco_mpi_create(s->program, s->message, sizeof s->message);
  if (!*mpi)
    return false;
  s->config.mailbox = disco_mpi_mailbox(*mpi);
  s->describe = describe_mpi;
  *transport = disco_mpi_transport(*mpi);
  return true;
}

disco_udp *udp_of(void *context) { return static_cast<disco_udp *>(context); }

void describe_udp(void *context, FILE *to) {
  fprintf(to, ",\"udp\":true");
  disco_print_packets(disco_udp_packets(udp_of(context)), to);
}

// Everything goes over UDP. False: the message says why.
bool open_udp(disco_session *s, const disco_host_links *links, addresses *a, const char **listen,
              disco_udp **udp, disco_transport *transport) {
  if (links) {
    snprintf(s->message, sizeof s->message, "--transport udp: this node has wires");
    return false;
  }
  const disco_program *p = s->program;
  if (p->nodes == 1)
    return true;
  if (!gather(p, s->options, nullptr, a, listen, s->message, sizeof s->message))
    return false;
  const disco_udp_options o = {p->rank, p->nodes, *listen, s->options->listen_fd, a->at};
  *udp = disco_udp_create(&o, s->message, sizeof s->message);
  if (!*udp)
    return false;
  s->describe = describe_udp;
  s->describe_context = *udp;
  *transport = disco_udp_transport(*udp);
  return true;
}

const char *tcp_trouble(const void *tcp, uint32_t peer) {
  return disco_tcp_trouble(static_cast<const disco_tcp *>(tcp), peer);
}

const char *udp_trouble(const void *udp, uint32_t peer) {
  return disco_udp_trouble(static_cast<const disco_udp *>(udp), peer);
}

// What carries all that a node exchanges, in place of TCP; closed when the report is written.
struct other_transports {
  disco_mpi *mpi;
  disco_udp *udp;
};

// Who called or was called, and was of another version, build or epoch.
void warn_of_foreigners(const disco_tcp *tcp, const disco_program *p, uint32_t epoch) {
  const disco_tcp_foreign *f = tcp ? disco_tcp_foreigners(tcp) : nullptr;
  if (!f || f->count == 0)
    return;
  const uint8_t *a = f->build, *b = p->build_hash;
  fprintf(stderr,
          "warning: foreign nodes were met %u times; the last said: rank %u, protocol version %u, "
          "build %02x%02x%02x%02x, epoch %u; this node: rank %u, protocol version %u, build "
          "%02x%02x%02x%02x, epoch %u\n",
          f->count, f->rank, f->version, a[0], a[1], a[2], a[3], f->epoch, p->rank,
          DISCO_PROTOCOL_VERSION, b[0], b[1], b[2], b[3], epoch);
}

void run(disco_session *s, const disco_program *program, const disco_options *o,
         const disco_host_links *links, other_transports *others) {
  addresses a = {};
  disco_tcp *tcp = nullptr;
  disco_transport transport = {};
  const char *listen = nullptr;
  disco_talk talk = {};
  if (o->mpi   ? !open_mpi(s, links, &others->mpi, &transport)
      : o->udp ? !open_udp(s, links, &a, &listen, &others->udp, &transport)
               : !open_links(s, program, o, links, &a, &listen, &tcp, &transport))
    s->exit_code = DISCO_EXIT_USAGE;
  disco_shm *shm = share_memory(s, tcp, links, &transport);
  if (s->exit_code == DISCO_EXIT_OK) {
    // Why a peer was not reached is known here only; closing the links does not change it.
    s->spin_us = disco_session_spin(o, 1);
    talk.session = s;
    disco_udp *udp = others->udp;
    talk.trouble = udp ? udp_trouble : tcp ? tcp_trouble : nullptr;
    talk.transport = udp ? static_cast<const void *>(udp) : tcp;
    talk.port = udp ? disco_udp_port(udp) : tcp ? disco_tcp_port(tcp) : static_cast<uint16_t>(0);
    talk.addresses = a.at;
    talk.listen = listen;
    disco_session_run(s, o->quiet ? transport : disco_talk_open(&talk, transport));
    if (!o->quiet)
      disco_talk_close(&talk);
    if (links)
      links->linger(links->context);
    if (udp)
      disco_udp_linger(udp);
    const disco_error *e = disco_last_error(&s->node);
    const char *why = talk.trouble && e->code == DISCO_ERR_START && e->reporter == program->rank &&
                              !carries(links, program, e->rank)
                          ? talk.trouble(talk.transport, e->rank)
                          : nullptr;
    size_t n = strlen(s->message);
    if (why)
      snprintf(s->message + n, sizeof s->message - n, ": %s", why);
    if (e->code == DISCO_ERR_START)
      warn_of_foreigners(tcp, program, o->epoch);
  }
  disco_shm_destroy(shm);
  disco_tcp_destroy(tcp);
  free_addresses(&a);
}

} // namespace

int disco_host_main(int argc, char **argv, const disco_program *program, const char *peers) {
  return disco_host_run(argc, argv, program, peers, nullptr);
}

int disco_host_run(int argc, char **argv, const disco_program *program, const char *peers,
                   const disco_host_links *links) {
  constexpr uint32_t leave_most_s = 60;
  disco_options o;
  disco_session s;
  other_transports others = {};
  char error[256];
  if (!disco_options_parse(&o, argc, argv, true, error, sizeof error)) {
    disco_print_error(error);
    disco_options_free(&o);
    return DISCO_EXIT_USAGE;
  }
  o.built_in = peers;
  if (o.help) {
    disco_options_help(stdout, argc > 0 ? argv[0] : "shard", true);
    disco_options_free(&o);
    return disco_finish_stdout(DISCO_EXIT_OK);
  }
  disco_session_open(&s, program, &o);
  if (s.exit_code == DISCO_EXIT_OK && check_inputs(&s, program, &o) &&
      disco_session_open_outputs(&s))
    run(&s, program, &o, links, &others);
  int code = finish(&s, &o);
  if (o.mpi)
    disco_mpi_leave(others.mpi, code, leave_most_s);
  if (links)
    links->close(links->context);
  disco_udp_destroy(others.udp);
  disco_session_close(&s);
  disco_options_free(&o);
  return code;
}
