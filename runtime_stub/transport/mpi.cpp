//===- mpi.cpp - transport and mailboxes over MPI -------------------------===//
// SPDX-License-Identifier: Apache-2.0

#include "mpi.h"

#include <stdio.h>

#ifdef DISCO_MPI

#include <mpi.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

namespace {

constexpr uint32_t places = 4; // of each direction: so many messages may be ahead of their receiver
constexpr int tag_data = 1, tag_control = 2;
constexpr size_t alignment = 64; // of payloads; their headers end where they begin
constexpr uint32_t frame_most = DISCO_HEADER_SIZE + DISCO_HELLO_SIZE;
constexpr uint64_t patience_us = 10000; // a wait that has lasted so long may sleep
constexpr long nap_ns = 100000;

// A control frame, or, of size 0, the end of the stream. Of fixed size, as a persistent request is.
struct control {
  uint32_t started; // messages that the sender had started before
  uint32_t size;
  uint8_t frame[frame_most];
};

// A direction's places, each a header and a payload that follow each other.
struct lane {
  uint8_t *memory;
  size_t stride;
  // Outgoing: a request for each place and each length that messages to this peer have.
  uint32_t *lengths;
  uint32_t length_count;
  MPI_Request *requests; // outgoing: [place][length]; incoming: [place]
  uint32_t next;         // outgoing: place to be filled
  MPI_Request *busy[places];
  // Incoming: MPI gives messages to places in the order in which these were opened.
  uint8_t open[places];
  uint32_t open_count;
  uint32_t count; // messages started, or come
  bool come;      // the message of open[0] is there
  uint32_t come_bytes;
};

struct mpi_link {
  lane out, in;
  control tx, rx, end;
  MPI_Request tx_request, rx_request, end_request;
  uint32_t rx_pos;
  bool rx_here, lost, closed;
};

} // namespace

struct DISCO_RUNTIME::disco_mpi {
  const disco_program *program;
  disco_mailbox box;
  mpi_link *links;
};

namespace {

mpi_link *link_to(void *context, uint32_t peer) {
  return &static_cast<disco_mpi *>(context)->links[peer];
}

uint64_t mpi_now(void *) {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<uint64_t>(t.tv_sec) * 1000000u + static_cast<uint64_t>(t.tv_nsec) / 1000u;
}

// Whether a request is over. An error of MPI is the end of the link.
bool is_over(mpi_link *l, MPI_Request *request, MPI_Status *status) {
  int over = 0;
  if (l->lost || MPI_Test(request, &over, status) == MPI_SUCCESS)
    return !l->lost && over;
  l->lost = true;
  return false;
}

bool begin(mpi_link *l, MPI_Request *request) {
  l->lost |= MPI_Start(request) != MPI_SUCCESS;
  return !l->lost;
}

uint8_t *payload_at(const lane *w, uint32_t place) {
  return w->memory + place * w->stride + alignment;
}

//===----------------------------------------------------------------------===//
// Streams, of control frames alone: each is written whole
//===----------------------------------------------------------------------===//

int32_t mpi_write(void *context, uint32_t peer, const void *data, size_t size, bool) {
  mpi_link *l = link_to(context, peer);
  if (l->lost || l->closed || size > frame_most)
    return DISCO_IO_LOST;
  if (!is_over(l, &l->tx_request, MPI_STATUS_IGNORE))
    return 0;
  l->tx.started = l->out.count;
  l->tx.size = static_cast<uint32_t>(size);
  memcpy(l->tx.frame, data, size);
  return begin(l, &l->tx_request) ? static_cast<int32_t>(size)
                                  : static_cast<int32_t>(DISCO_IO_LOST);
}

// Requests of small and large messages end in any order: what was started before a bye comes first.
// An abort waits for nothing.
bool is_early(const mpi_link *l) {
  return l->rx.size >= DISCO_HEADER_SIZE && l->rx.frame[3] == DISCO_FRAME_BYE &&
         l->rx.started != l->in.count + l->in.come;
}

bool look_for_mail(mpi_link *l);

int32_t mpi_read(void *context, uint32_t peer, void *data, size_t size) {
  mpi_link *l = link_to(context, peer);
  if (!l->rx_here && !l->closed)
    l->rx_here = is_over(l, &l->rx_request, MPI_STATUS_IGNORE);
  if (l->lost || l->closed)
    return DISCO_IO_LOST;
  if (!l->rx_here)
    return 0;
  if (l->rx.size == 0)
    return DISCO_IO_END;
  if (l->rx.size > frame_most)
    return DISCO_IO_LOST;
  look_for_mail(l);
  if (is_early(l))
    return 0;
  const uint32_t left = l->rx.size - l->rx_pos,
                 n = size < left ? static_cast<uint32_t>(size) : left;
  memcpy(data, l->rx.frame + l->rx_pos, n);
  l->rx_pos += n;
  if (l->rx_pos == l->rx.size) {
    l->rx_pos = 0;
    l->rx_here = false;
    begin(l, &l->rx_request);
  }
  return static_cast<int32_t>(n);
}

void mpi_finish(void *context, uint32_t peer) {
  mpi_link *l = link_to(context, peer);
  l->end.started = l->out.count;
  if (!l->lost)
    begin(l, &l->end_request);
}

void mpi_close(void *context, uint32_t peer) { link_to(context, peer)->closed = true; }

//===----------------------------------------------------------------------===//
// Mailboxes
//===----------------------------------------------------------------------===//

bool mpi_carries(void *, uint32_t, const uint8_t *) { return true; }

bool has_place(mpi_link *l) {
  lane *w = &l->out;
  if (!w->memory || l->lost)
    return false;
  if (w->busy[w->next] && is_over(l, w->busy[w->next], MPI_STATUS_IGNORE))
    w->busy[w->next] = nullptr;
  return !w->busy[w->next];
}

void *mpi_place(void *context, uint32_t peer, void *, uint32_t) {
  mpi_link *l = link_to(context, peer);
  return has_place(l) ? payload_at(&l->out, l->out.next) : nullptr;
}

void mpi_start(void *context, uint32_t peer, const uint8_t *header, void *place, uint32_t bytes) {
  mpi_link *l = link_to(context, peer);
  lane *w = &l->out;
  uint32_t length = 0; // the least that has room: only messages of a form are shorter
  while (w->lengths[length] < bytes)
    ++length;
  memcpy(static_cast<uint8_t *>(place) - DISCO_HEADER_SIZE, header, DISCO_HEADER_SIZE);
  w->busy[w->next] = &w->requests[w->next * w->length_count + length];
  begin(l, w->busy[w->next]);
  w->next = (w->next + 1) % places;
  ++w->count;
}

// The place is the request's from the start on, and the next message has another.
bool mpi_done(void *, uint32_t) { return true; }

bool look_for_mail(mpi_link *l) {
  lane *w = &l->in;
  if (w->come || !w->open_count)
    return w->come;
  MPI_Status status;
  int bytes = 0;
  if (!is_over(l, &w->requests[w->open[0]], &status))
    return false;
  if (MPI_Get_count(&status, MPI_BYTE, &bytes) != MPI_SUCCESS ||
      bytes < static_cast<int>(DISCO_HEADER_SIZE)) {
    l->lost = true;
    return false;
  }
  w->come = true;
  w->come_bytes = static_cast<uint32_t>(bytes) - DISCO_HEADER_SIZE;
  return true;
}

bool mpi_incoming(void *context, uint32_t peer, disco_mail *mail) {
  mpi_link *l = link_to(context, peer);
  if (!look_for_mail(l))
    return false;
  uint8_t *payload = payload_at(&l->in, l->in.open[0]);
  disco_frame f;
  disco_frame_decode(&f, payload - DISCO_HEADER_SIZE);
  *mail = {payload - DISCO_HEADER_SIZE, payload,
           f.length < l->in.come_bytes ? f.length : l->in.come_bytes};
  return true;
}

void mpi_accept(void *context, uint32_t peer) {
  lane *w = &link_to(context, peer)->in;
  w->come = false;
  ++w->count;
  --w->open_count;
  memmove(w->open, w->open + 1, w->open_count);
}

bool open_place(mpi_link *l, uint32_t place) {
  l->in.open[l->in.open_count++] = static_cast<uint8_t>(place);
  return begin(l, &l->in.requests[place]);
}

void mpi_release(void *context, uint32_t peer, void *payload) {
  mpi_link *l = link_to(context, peer);
  const size_t at = static_cast<size_t>(static_cast<uint8_t *>(payload) - l->in.memory);
  open_place(l, static_cast<uint32_t>(at / l->in.stride));
}

//===----------------------------------------------------------------------===//
// Waiting
//===----------------------------------------------------------------------===//

bool is_ready(mpi_link *l, uint8_t wants) {
  if ((wants & DISCO_WANT_READ) && !l->rx_here)
    l->rx_here = is_over(l, &l->rx_request, MPI_STATUS_IGNORE);
  return l->lost || ((wants & DISCO_WANT_READ) && l->rx_here && !is_early(l)) ||
         ((wants & DISCO_WANT_WRITE) && is_over(l, &l->tx_request, MPI_STATUS_IGNORE)) ||
         ((wants & DISCO_WANT_MAIL) && look_for_mail(l)) ||
         ((wants & DISCO_WANT_MAILING) && has_place(l));
}

// MPI has no sleep that a message ends: looks again and again, and lets others have the processor
// in between; a long wait, for a client's next question perhaps, sleeps a hundredth of its time.
void mpi_wait(void *context, const disco_peer *peers, uint64_t timeout_us) {
  const disco_mpi *m = static_cast<disco_mpi *>(context);
  const uint64_t begun = mpi_now(nullptr);
  for (uint64_t t = begun; t - begun <= timeout_us; t = mpi_now(nullptr)) {
    for (uint32_t peer = 0; peer < m->program->nodes; ++peer)
      if (peer != m->program->rank && !m->links[peer].closed &&
          is_ready(&m->links[peer], disco_wants(peers, peer)))
        return;
    const timespec nap = {0, nap_ns};
    if (t - begun > patience_us)
      nanosleep(&nap, nullptr);
    else
      sched_yield();
  }
}

//===----------------------------------------------------------------------===//
// Set-up
//===----------------------------------------------------------------------===//

// Notes the lengths of all messages of a direction, rising.
bool note_lengths(lane *w, const disco_program *p, uint32_t peer, bool incoming) {
  w->lengths = static_cast<uint32_t *>(calloc(p->message_count + 1, sizeof(uint32_t)));
  for (uint32_t i = 0; w->lengths && i < p->message_count; ++i) {
    const disco_message &m = p->messages[i];
    uint32_t at = 0;
    if (m.peer != peer || (m.incoming != 0) != incoming)
      continue;
    while (at < w->length_count && w->lengths[at] < m.bytes)
      ++at;
    if (at < w->length_count && w->lengths[at] == m.bytes)
      continue;
    memmove(w->lengths + at + 1, w->lengths + at, (w->length_count - at) * sizeof(uint32_t));
    w->lengths[at] = m.bytes;
    ++w->length_count;
  }
  return w->lengths != nullptr;
}

bool make_memory(lane *w) {
  const size_t longest = w->lengths[w->length_count - 1];
  void *memory = nullptr;
  w->stride = (alignment + longest + alignment - 1) / alignment * alignment;
  if (longest > 0x7fffffffu - DISCO_HEADER_SIZE ||
      posix_memalign(&memory, alignment, places * w->stride) != 0)
    return false;
  memset(memory, 0, places * w->stride);
  w->memory = static_cast<uint8_t *>(memory);
  w->requests = static_cast<MPI_Request *>(calloc(places * w->length_count, sizeof(MPI_Request)));
  return w->requests != nullptr;
}

int size_of(uint32_t payload) { return static_cast<int>(payload + DISCO_HEADER_SIZE); }

bool open_lanes(mpi_link *l, const disco_program *p, uint32_t peer) {
  const int to = static_cast<int>(peer);
  bool ok = note_lengths(&l->out, p, peer, false) && note_lengths(&l->in, p, peer, true) &&
            (!l->out.length_count || make_memory(&l->out)) &&
            (!l->in.length_count || make_memory(&l->in));
  for (uint32_t i = 0; ok && i < places * l->out.length_count; ++i) {
    uint8_t *at = payload_at(&l->out, i / l->out.length_count) - DISCO_HEADER_SIZE;
    ok = MPI_Send_init(at, size_of(l->out.lengths[i % l->out.length_count]), MPI_BYTE, to, tag_data,
                       MPI_COMM_WORLD, &l->out.requests[i]) == MPI_SUCCESS;
  }
  for (uint32_t i = 0; ok && l->in.length_count && i < places; ++i)
    ok = MPI_Recv_init(payload_at(&l->in, i) - DISCO_HEADER_SIZE,
                       size_of(l->in.lengths[l->in.length_count - 1]), MPI_BYTE, to, tag_data,
                       MPI_COMM_WORLD, &l->in.requests[i]) == MPI_SUCCESS &&
         open_place(l, i);
  return ok;
}

bool open_stream(mpi_link *l, uint32_t peer) {
  constexpr int size = sizeof(control);
  const int to = static_cast<int>(peer);
  return MPI_Send_init(&l->tx, size, MPI_BYTE, to, tag_control, MPI_COMM_WORLD, &l->tx_request) ==
             MPI_SUCCESS &&
         MPI_Send_init(&l->end, size, MPI_BYTE, to, tag_control, MPI_COMM_WORLD, &l->end_request) ==
             MPI_SUCCESS &&
         MPI_Recv_init(&l->rx, size, MPI_BYTE, to, tag_control, MPI_COMM_WORLD, &l->rx_request) ==
             MPI_SUCCESS &&
         begin(l, &l->rx_request);
}

bool is_right_place(const disco_program *p, char *error, size_t error_size) {
  int rank = 0, size = 0;
  if (MPI_Init(nullptr, nullptr) != MPI_SUCCESS) {
    snprintf(error, error_size, "MPI does not start");
    return false;
  }
  MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  if (static_cast<uint32_t>(rank) == p->rank && static_cast<uint32_t>(size) == p->nodes)
    return true;
  snprintf(error, error_size,
           "this is the program of rank %u of %u, and MPI has started it as rank %d of %d: start "
           "one of each, in the order of their ranks",
           p->rank, p->nodes, rank, size);
  return false;
}

void cancel(MPI_Request *request) {
  int over = 0;
  if (MPI_Test(request, &over, MPI_STATUS_IGNORE) != MPI_SUCCESS || over)
    return;
  MPI_Cancel(request);
  MPI_Wait(request, MPI_STATUS_IGNORE);
}

// Takes back the receives that nothing comes to any more.
void withdraw(mpi_link *l) {
  for (uint32_t i = l->in.come; i < l->in.open_count; ++i)
    cancel(&l->in.requests[l->in.open[i]]);
  if (!l->rx_here)
    cancel(&l->rx_request);
}

} // namespace

disco_mpi *DISCO_RUNTIME::disco_mpi_create(const disco_program *p, char *error, size_t error_size) {
  if (!is_right_place(p, error, error_size))
    return nullptr;
  disco_mpi *m = static_cast<disco_mpi *>(calloc(1, sizeof(disco_mpi)));
  mpi_link *links = static_cast<mpi_link *>(calloc(p->nodes, sizeof(mpi_link)));
  bool ok = m && links;
  for (uint32_t peer = 0; ok && peer < p->nodes; ++peer)
    ok = peer == p->rank || (open_lanes(&links[peer], p, peer) && open_stream(&links[peer], peer));
  if (!ok) { // the process ends: MPI has what was made so far
    snprintf(error, error_size, "MPI or memory has no room for the messages of this node");
    return nullptr;
  }
  m->program = p;
  m->links = links;
  m->box = {m,          mpi_carries, mpi_place,      mpi_start, mpi_done, mpi_incoming,
            mpi_accept, mpi_release, /*sound=*/false};
  return m;
}

const disco_mailbox *DISCO_RUNTIME::disco_mpi_mailbox(const disco_mpi *m) { return &m->box; }

disco_transport DISCO_RUNTIME::disco_mpi_transport(disco_mpi *m) {
  return {m, mpi_write, mpi_read, mpi_finish, mpi_close, mpi_wait, mpi_now};
}

// Memory and requests go with the process: MPI may still look at them.
void DISCO_RUNTIME::disco_mpi_leave(disco_mpi *m, int exit_code, uint32_t most_s) {
  int started = 0;
  MPI_Initialized(&started);
  if (!started)
    return;
  if (exit_code || !m)
    MPI_Abort(MPI_COMM_WORLD, exit_code);
  alarm(most_s);
  for (uint32_t peer = 0; peer < m->program->nodes; ++peer)
    if (peer != m->program->rank)
      withdraw(&m->links[peer]);
  MPI_Finalize();
  alarm(0);
}

#else

disco_mpi *DISCO_RUNTIME::disco_mpi_create(const disco_program *, char *error, size_t error_size) {
  snprintf(error, error_size,
           "--mpi: this program was built without MPI; configure it with -DDISCO_MPI=ON");
  return nullptr;
}
const disco_mailbox *DISCO_RUNTIME::disco_mpi_mailbox(const disco_mpi *) { return nullptr; }
disco_transport DISCO_RUNTIME::disco_mpi_transport(disco_mpi *) { return {}; }
void DISCO_RUNTIME::disco_mpi_leave(disco_mpi *, int, uint32_t) {}

#endif
