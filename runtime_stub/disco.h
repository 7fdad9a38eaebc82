//===- disco.h - runtime of one shard: messages, frames, deadlines --------===//
// SPDX-License-Identifier: Apache-2.0
//
// The runtime stub that every emitted shard links. It moves the messages of inferences between
// the nodes of a cluster, over byte streams and, where a link carries messages as a whole, by a
// mailbox beside the stream; with no heap, no threads, no globals and no output of its own.
// Everything it needs is handed to it in disco_config.
//
// Guarantees (docs/formats/protocol.md has them in full):
//  - the payload of a message is read only into the buffer that was posted for it; until then at
//  most its 32-byte header is taken from the
//    stream, so that back-pressure is the transport's and the memory is what the compiler planned;
//  - a call that waits keeps sending and receiving on all links, and comes back within its
//  deadline;
//  - the first failure is the only failure: it is kept, told to every peer in an abort frame, and
//  returned by every later call.

#ifndef DISCO_H
#define DISCO_H

#include <stddef.h>
#include <stdint.h>

#define DISCO_PROTOCOL_VERSION 2u // of the frames; nodes of different versions refuse each other
#define DISCO_HEADER_SIZE 32u     // bytes of every frame before its payload
#define DISCO_HELLO_SIZE 24u      // bytes of a hello's payload
#define DISCO_TERMS_SIZE 24u      // bytes of the payload of the terms
#define DISCO_NONCE_SIZE 16u
// A stream begins with this: hello and terms.
#define DISCO_GREETING_SIZE (2 * DISCO_HEADER_SIZE + DISCO_HELLO_SIZE + DISCO_TERMS_SIZE)
#define DISCO_NONE 0xffffffffu // "no rank", "no message"

// What this build of the runtime can do; what is not built in costs nothing. Inferences in flight,
// at most 255, and whether there are mailboxes.
#ifndef DISCO_IN_FLIGHT
#define DISCO_IN_FLIGHT (UINTPTR_MAX > 0xffffffffu ? 255u : 1u)
#endif
#ifndef DISCO_MAILBOX
#define DISCO_MAILBOX (UINTPTR_MAX > 0xffffffffu)
#endif
// Whether waits may look at the links for a while before they sleep.
#ifndef DISCO_SPIN
#define DISCO_SPIN (UINTPTR_MAX > 0xffffffffu)
#endif

// The types below lie in a namespace that is named after these files, and so have the names of all
// functions that take one: two versions of the runtime in one program do not meet. In the copies
// that discoc writes, both lines have a hash of all files of this folder.
#define DISCO_RUNTIME_VERSION 0u
#ifndef DISCO_RUNTIME
#define DISCO_RUNTIME disco_runtime
#endif

// Of a shared library that has a shard in it, only the program is seen from outside.
#define DISCO_PUBLIC __attribute__((visibility("default")))
#define DISCO_HIDDEN __attribute__((visibility("hidden")))

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "payloads travel as they lie in memory: only little-endian machines are supported"
#endif

//===----------------------------------------------------------------------===//
// What the compiler emits
//===----------------------------------------------------------------------===//

inline namespace DISCO_RUNTIME {

// Element types; the numbers are those of ONNX's TensorProto.
enum disco_type : uint8_t {
  DISCO_F32 = 1,
  DISCO_U8 = 2,
  DISCO_I8 = 3,
  DISCO_U16 = 4,
  DISCO_I16 = 5,
  DISCO_I32 = 6,
  DISCO_I64 = 7,
  DISCO_BOOL = 9,
  DISCO_F16 = 10,
  DISCO_F64 = 11,
  DISCO_U32 = 12,
  DISCO_U64 = 13
};

// An input or output of the model: dense, row-major.
struct disco_tensor_info {
  const char *name;
  disco_type type;
  uint32_t rank;        // number of dimensions, 0 for a scalar
  const uint64_t *dims; // rank entries
  uint64_t bytes;
};

// One message between this node and a peer, once an inference. Its index in the program's table
// names it in the calls below.
struct disco_message {
  uint32_t id;         // the same at both ends, unique in the cluster
  uint16_t peer;       // rank of the other end
  uint8_t incoming;    // 1: peer sends, this node receives; 0: the other way
  uint32_t bytes;      // payload; at most so many when the form is not 0
  uint8_t form = 0;    // of the payload: 0 planned, 1 f16, 2 i8, 3 sparse, 4 lz4, 5 zfp
  uint8_t spin_us = 0; // how long a wait for it may spin by what is predicted; 0: not known
};

struct disco_node;

#if DISCO_IN_FLIGHT > 1
// A piece of an inference of a program with several in flight: what runs without waiting.
struct disco_piece {
  uint32_t awaits; // index of the message that has to be there, or to have left, before; or
                   // DISCO_NONE
  bool returns;    // writes outputs: runs when its inference is collected
  // Null: there is nothing but the wait. `arena` is that of the inference.
  int (*run)(disco_node *node, unsigned char *arena, const void *const *inputs,
             void *const *outputs);
};

// One inference in flight: the runtime's own.
struct disco_cursor {
  const void *const *inputs;
  uint32_t next; // piece
};

// What such a program has beside; with disco_flight_submit and disco_flight_collect.
struct disco_flight {
  const disco_piece *(*pieces)(); // for the processor that the program runs on
  uint32_t piece_count;           // at least 1; the first posts all buffers, and awaits nothing
  unsigned char *arenas;          // one for each inference in flight
  size_t arena_stride;            // bytes from one to the next
  disco_cursor *cursors;          // as many
};
#endif

// One shard. Emitted once a shard, constant.
struct disco_program {
  const char *model;
  uint32_t rank, nodes;
  uint8_t build_hash[16]; // of the whole cluster's output; nodes with different hashes refuse each
                          // other
  const disco_message *messages;
  uint32_t message_count;
  const disco_tensor_info *inputs; // of the model; the counts are 0 on nodes that are not given
                                   // inputs or asked for outputs
  uint32_t input_count;
  const disco_tensor_info *outputs;
  uint32_t output_count;
  size_t arena_bytes, weight_bytes;
  // One inference; 0 or a negative error. Where several may be in flight this is disco_infer.
  int (*infer)(disco_node *node, const void *const *inputs, void *const *outputs);
  const void *weights;  // weight_bytes of them
  uint32_t weights_crc; // their CRC-32C when they were written
  // The terms, the same on every node.
  uint8_t in_flight = 1; // inferences that may be under way at a time, 1 to 255
  uint16_t forms = 1;    // bit i: messages of form i occur
  // The two parts of an inference of a program with several in flight, for disco_submit and
  // disco_collect; null with one. `submit` begins an inference and does what needs nothing of a
  // later part. On a node that is given no inputs it only opens receive buffers: whether there is
  // another inference shows when something of it comes.
  int (*submit)(disco_node *node, const void *const *inputs) = nullptr;
  int (*collect)(disco_node *node, void *const *outputs) = nullptr; // of the oldest; ends it
#if DISCO_IN_FLIGHT > 1
  const disco_flight *flight = nullptr; // of a program in pieces
#endif
};

//===----------------------------------------------------------------------===//
// Errors
//===----------------------------------------------------------------------===//

enum disco_code : int {
  DISCO_OK = 0,
  DISCO_ERR_USAGE =
      -1, // a call out of order, or a configuration that cannot work: a fault of the caller
  DISCO_ERR_START = -2, // a peer was not reached before the start deadline
  DISCO_ERR_DEADLINE =
      -3, // a peer was silent: nothing of the awaited message moved within the deadline
  DISCO_ERR_LOST = -4,  // a peer's stream ended, or broke, before its bye
  DISCO_ERR_LEFT = -5,  // a peer said bye in the middle of an inference (for example: it was told a
                        // smaller count)
  DISCO_ERR_END = -6,   // a peer said bye between inferences: the session is over. Not a fault;
                        // nothing is aborted
  DISCO_ERR_MAGIC = -7, // not a frame
  DISCO_ERR_VERSION = -8, // a frame of another protocol version
  DISCO_ERR_TYPE = -9,    // unknown frame type, or a type that cannot come here
  DISCO_ERR_BUILD = -10,  // a peer from another build
  DISCO_ERR_TOPOLOGY =
      -11,               // a peer that says another rank or another number of nodes than expected
  DISCO_ERR_EPOCH = -12, // a peer of another start of the cluster
  DISCO_ERR_SEQUENCE = -13,  // a frame of another inference
  DISCO_ERR_MESSAGE = -14,   // another message than the one whose turn it is
  DISCO_ERR_LENGTH = -15,    // the right message with a wrong length
  DISCO_ERR_CRC = -16,       // damaged on the way
  DISCO_ERR_TRANSPORT = -17, // the transport itself failed
  DISCO_ERR_ABORTED = -18,   // the application of the named rank gave up (disco_abort)
  DISCO_ERR_SESSION = -19,   // a frame of another session: recorded earlier, or gone astray
  DISCO_ERR_TERMS = -20,     // a peer with other terms: inferences in flight, forms, tags
  DISCO_ERR_FIELD = -21,     // a value in a header that cannot be: form, part, tag, what must be 0
  DISCO_ERR_SLOW = -22,      // a message moved, but slower than the floor of progress
  DISCO_ERR_LIMIT = -23,     // the inference took longer than its limit
  DISCO_ERR_BUSY = -24,      // as many inferences are in flight as may be: collect one first. No
                             // failure of the node
  DISCO_ERR_PAYLOAD = -25    // a compressed message does not hold what it should
};

// What a code means, in English, without a full stop. Never null. Compiled out (empty strings) with
// -DDISCO_NO_TEXT.
const char *disco_error_text(int code);

// The first failure. When another node saw it first, this is its report: code and message are then
// as seen there.
struct disco_error {
  int code;          // DISCO_OK while all is well
  uint32_t rank;     // the node that failed first, DISCO_NONE while all is well
  uint32_t message;  // id of the message that was awaited, sent or damaged, or DISCO_NONE
  uint32_t reporter; // the node that found out: this node's own rank, or the rank that the abort
                     // frame states
};

//===----------------------------------------------------------------------===//
// Transport
//===----------------------------------------------------------------------===//

enum disco_io : int32_t {
  DISCO_IO_END = -1, // read: the peer ended its stream and everything before the end has been read
  DISCO_IO_LOST = -2 // the stream is broken: nothing more can be read, or written
};

enum disco_want : uint8_t {
  DISCO_WANT_READ = 1,    // to read from the stream
  DISCO_WANT_WRITE = 2,   // to write to it
  DISCO_WANT_MAIL = 4,    // that a message comes to the mailbox
  DISCO_WANT_MAILING = 8, // that the mailbox has a place for a message, or that one has left it
};

struct disco_peer;

// A reliable byte stream in both directions to every peer. No callback but `wait` may block. A peer
// that is not connected yet reads and writes 0 bytes. `peer` is a rank and never the node's own.
// Callbacks are never called for a cluster of one node.
struct disco_transport {
  void *context; // handed to every callback
  // Takes up to `size` bytes and returns how many (0: none now), or DISCO_IO_LOST. `more`: further
  // bytes follow at once, so a short packet need not leave yet. The bytes count as sent when this
  // has taken them.
  int32_t (*write)(void *context, uint32_t peer, const void *data, size_t size, bool more);
  // Gives up to `size` bytes and returns how many (0: none now), or DISCO_IO_END or DISCO_IO_LOST.
  int32_t (*read)(void *context, uint32_t peer, void *data, size_t size);
  // Ends this node's stream to the peer, after what was written. Reading goes on.
  void (*finish)(void *context, uint32_t peer);
  // Gives the link up in both directions.
  void (*close)(void *context, uint32_t peer);
  // Sleeps until a peer can do what disco_wants() asks of it, on its stream or in its mailbox,
  // something else changed, or the time is over; may return early.
  void (*wait)(void *context, const disco_peer *peers, uint64_t timeout_us);
  // A clock that never goes back, microseconds from any origin.
  uint64_t (*now_us)(void *context);
};

// A message that has come.
struct disco_mail {
  const uint8_t *header; // DISCO_HEADER_SIZE bytes
  void *payload;         // aligned as the place that the sender had
  uint32_t bytes;        // of the payload
};

// A mailbox moves messages as a whole, and has places for them into which kernels can write and of
// which they can read: memory that both nodes see, requests of MPI. It carries the data frames of
// some peers, or all; control frames stay on the stream, which every peer has, and on which the end
// of a link shows. Nothing here blocks. Two rules of order, for each peer: messages come in the
// order in which they were started; and who has read bytes of the stream finds, when it looks next,
// what the peer had started and accepted before it wrote them.
struct disco_mailbox {
  void *context; // handed to every callback
  // Whether data to and from this peer goes this way; the same at both ends. Asked once, when the
  // peer's terms are there, with its nonce: DISCO_NONCE_SIZE bytes that tell its process from all
  // others, so that two that believe to share memory can see whether they do.
  bool (*carries)(void *context, uint32_t peer, const uint8_t *nonce);
  // The place of the next outgoing message, of so many bytes: memory of the mailbox that is aligned
  // to 64 bytes, or `from`, where the payload lies, if it can be sent from there. The same until it
  // is started. Null: there is none now, or, when `from` is null, there is no such memory.
  void *(*place)(void *context, uint32_t peer, void *from, uint32_t bytes);
  // Starts the message whose payload is in its place. The header is copied.
  void (*start)(void *context, uint32_t peer, const uint8_t *header, void *place, uint32_t bytes);
  // Whether the message that was started last has left its place, which may then change.
  bool (*done)(void *context, uint32_t peer);
  // The next incoming message that has come whole. False: there is none now.
  bool (*incoming)(void *context, uint32_t peer, disco_mail *mail);
  // Goes on to the one behind it; its place stays.
  void (*accept)(void *context, uint32_t peer);
  // The place of an accepted message is free again. Places are released in any order.
  void (*release)(void *context, uint32_t peer, void *payload);
  // Whether what lies in a place is as safe as the nodes' own memory: the CRC of a frame is then
  // that of its header alone.
  bool sound;
};

} // namespace DISCO_RUNTIME

// What the runtime waits for on the link to `peer`: disco_want bits. For transports, inside wait().
uint8_t disco_wants(const disco_peer *peers, uint32_t peer);

//===----------------------------------------------------------------------===//
// Configuration and state
//===----------------------------------------------------------------------===//

inline namespace DISCO_RUNTIME {

// Bytes and messages of one link since disco_init. Payload and messages count data frames alone,
// when they are complete.
struct disco_stats {
  uint64_t tx_payload, rx_payload;
  uint64_t tx_messages, rx_messages;
  uint64_t tx_wire, rx_wire; // everything: payloads, headers, handshake, notices
};

// State of the link to one peer. The fields are the runtime's own; the caller only provides the
// memory. About 260 bytes.
struct disco_peer {
  // Bytes first, then words: small machines reach them so with the shortest instructions.
  uint8_t tx_head_size, tx_head_pos;
  uint8_t tx_type; // of the frame being sent, 0: none
  uint8_t due;     // frames to send next
  uint8_t tx_state;
  uint8_t rx_state;
  uint8_t rx_have;        // bytes in rx_head
  uint8_t seen;           // hello, terms, bye, abort; whether data goes by mailbox
  const uint8_t *tx_data; // payload of the data frame being sent
  uint32_t tx_size, tx_pos;
  uint32_t tx_slot; // the message whose send was started and has not left, or DISCO_NONE
#if DISCO_IN_FLIGHT > 1
  uint32_t tx_last; // of several, which leave one after the other
#endif
  uint32_t tx_moved;                // bytes of data frames written, wraps: the sign of progress
  uint32_t rx_size, rx_pos, rx_crc; // rx_pos of a foreign peer: why, a code without its sign
  uint32_t rx_moved;
  uint32_t post_first, post_last; // queue of posted messages, linked through the slots
  uint32_t session;               // 0 until the peer's terms are there
  uint64_t excused_us; // the peer says it waits itself: do not call it silent before this time
  disco_stats stats;
  uint8_t tx_head[DISCO_HEADER_SIZE + DISCO_HELLO_SIZE]; // header, and payload of a control frame
  uint8_t rx_head[DISCO_HEADER_SIZE + DISCO_HELLO_SIZE];
};

// State of one message of the program. 12 bytes on a 32-bit machine, 16 with several inferences in
// flight.
struct disco_slot {
  void *buffer;  // or the place in a mailbox
  uint32_t link; // posted: the next one that is; received, or sending: bytes of the payload
  uint8_t state;
#if DISCO_IN_FLIGHT > 1
  uint32_t behind = DISCO_NONE; // sending: the next one to that peer
#endif
};

// Everything the runtime is given. All of it must stay in place until disco_stop has returned.
// Times are in microseconds. Zero means the default where one is stated.
struct disco_config {
  // Callbacks of the links. Cost: the transport's.
  disco_transport transport;

  // State of the links, one entry a node (the node's own entry is unused). Range: program->nodes
  // entries; may be null for one node. Cost: sizeof(disco_peer) each.
  disco_peer *peers;

  // State of the messages. Range: program->message_count entries for each of the inferences in
  // flight; may be null when that is 0. Cost: sizeof(disco_slot) each.
  disco_slot *slots;

  // Start count of the cluster: the same on every node, another one after every restart, so that
  // frames of an earlier start are refused. Range: any. Default 0. Cost: none.
  uint32_t epoch;

  // What tells this start from all others. Range: random bytes, or a counter that outlives a reset;
  // zeros: none known. Cost: none; without one, what was recorded of an earlier session of two
  // nodes of which neither has one passes for frames of this session.
  uint8_t nonce[DISCO_NONCE_SIZE];

  // How long disco_start waits until every peer has been reached and has said hello.
  // Range: 1 to 2^60. Default 60 s. Cost: a node that is missing is noticed that much later.
  uint64_t start_us;

  // The longest silence: how long a wait (and the wait of disco_stop for the others' byes) goes on
  // without a byte of the awaited message moving. Range: more than the longest computation between
  // two runtime calls on any node, up to 2^60. Default 10 s. A peer that states that it is itself
  // waiting is given more time, at most once more this much. Cost: a silent peer is noticed that
  // much later.
  uint64_t deadline_us;

  // The floor of progress, in bytes a deadline. Once an awaited message has begun, so many of its
  // bytes have to move in every deadline; a peer that sends less is as bad as a silent one. Range:
  // 1 (only silence counts) to 2^31. Set it to a twentieth of the link's rate, and to no more than
  // twice what the link buffers: a peer that computes moves its bytes at calls of the runtime only,
  // one buffer at each. Default: 10,000 a second, at most 131,072. Cost: a link that is slower than
  // this ends the node.
  uint32_t floor;

  // Carries the data of some peers instead of their streams. Null: none. Range: null unless the
  // runtime is built with DISCO_MAILBOX. Cost: the mailbox's.
  const disco_mailbox *mailbox;

  // How long an inference may take from the first byte that moves, or with several in flight from
  // the end of the one before, looked at in waits only. Range: 1 to 2^60. Default: no limit. Cost:
  // an inference that takes longer ends the node.
  uint64_t inference_us;

  // As deadline_us, for a wait while nothing of an inference has moved, that is, between them:
  // how long the node that has the inputs may pause. Range: as deadline_us. Default: deadline_us.
  // Cost: as deadline_us.
  uint64_t idle_us;

  // After a failure: how long the node goes on to finish half-sent frames, deliver aborts and drain
  // what the others still send. Range: 0 < grace <= deadline_us. Default 2 s. Cost: the failing
  // call takes up to this much longer when a peer does not react.
  uint64_t grace_us;

  // After a stream broke or a deadline passed without an explanation: how long to look for an abort
  // frame that names somebody else before blaming that peer. Range: more than the time a frame
  // takes across the slowest link, less than an eighth of deadline_us. Default 100 ms. Cost: such a
  // failure is reported that much later (not when there is no other peer that could explain it).
  uint64_t settle_us;

  // For the application; the runtime does not look at it.
  void *user;

#if DISCO_SPIN
  // How long a wait may look at the links, over and over, before it sleeps: a sleep and the wake-up
  // from it take longer than most messages. Spins that find nothing halve the time, others double
  // it again; at 0 the node tries again after 200 times as long. Range: 0 to 2^30; 0: sleep at
  // once. Default 0. Cost: a processor that others could have had.
  uint32_t spin_us;

  // Whether a wait for a message whose wait was predicted spins no longer than the message states.
  // Default no.
  bool spin_as_predicted;
#endif
};

// One node. The fields are the runtime's own, except that `user` may be read.
struct disco_node {
  const disco_program *program;
  const disco_config *config;
  void *user;
  uint8_t phase;
  uint8_t soft;     // the error may yet be explained by an abort
  uint8_t at_break; // the blamed peer's stream ended between two frames
  uint8_t late;     // this node has stood still for longer than its deadline
  disco_error error;
  uint32_t sequence;         // of the inference that was begun last
  uint32_t left;             // the peer whose bye ended the session
  uint32_t moved;            // frames of data begun in the inferences under way, both ways
  const void *const *inputs; // submitted, of a program that does all its work in infer
  uint64_t start_us, deadline_us, idle_us, grace_us, settle_us; // with the defaults put in
  uint64_t notice_us; // time left of the wait that the notices being sent state
  uint64_t begun_us;  // when something of the oldest inference had moved; 0: not yet
  uint64_t alive_us;  // when it last looked at its links
  uint32_t floor;     // bytes a deadline
  // Inferences, as places of their slots: the one begun last, and that which the calls are about.
  uint8_t newest, current;
  uint8_t open;      // begun and not ended
  uint8_t submitted; // and not collected
#if DISCO_IN_FLIGHT > 1
  const disco_piece *pieces;                 // of a program that has some
  bool (*can_go_on)(const disco_node *node); // what else ends a wait; or null
#endif
#if DISCO_SPIN
  uint32_t spin_us;       // of the next wait
  uint64_t spin_again_us; // when a node whose spins found nothing tries again
#endif
#if DISCO_MAILBOX
  uint64_t looked_us; // when it last looked at the streams beside mailboxes
#endif
  uint32_t reset_after; // the inference behind which states are zeros
};

} // namespace DISCO_RUNTIME

//===----------------------------------------------------------------------===//
// Life of a node
//===----------------------------------------------------------------------===//

// Prepares the node. Touches no transport. DISCO_ERR_USAGE when program and configuration do not
// fit.
int disco_init(disco_node *node, const disco_program *program, const disco_config *config);

// The handshake: says hello to every peer and checks theirs. Nodes may start in any order.
int disco_start(disco_node *node);

// Says bye to every peer, waits for theirs, closes all links. Returns the first failure of the
// node, whenever it was. Results of completed inferences stay valid when only this fails. Peers
// that are still busy when the deadline passes are left without an error.
int disco_stop(disco_node *node);

// Tells every peer that this node gives up (code DISCO_ERR_ABORTED unless another negative code is
// given). With DISCO_ERR_END: the node wanted more inferences than the peer whose bye ended the
// session; that peer has left too early then (DISCO_ERR_LEFT). Returns the code.
int disco_abort(disco_node *node, int code);

// An inference: submits it, and collects it. DISCO_ERR_BUSY while others are in flight.
int disco_infer(disco_node *node, const void *const *inputs, void *const *outputs);

// Begins an inference, when fewer than program->in_flight are in flight; else returns
// DISCO_ERR_BUSY, and nothing has happened. Does what can be done before those in flight are
// collected; with one in flight that is nothing. A node that is given no inputs keeps as many
// submitted as may be in flight: what the others get on with needs its buffers, and one that they
// hold up for too long ends at its deadline. `inputs` as infer has them; what they point to
// stays in place until this inference has been collected.
int disco_submit(disco_node *node, const void *const *inputs);

// Completes the inference that was submitted first of those in flight. `outputs` as infer has them.
// A failure ends all that are in flight; what was collected before stays valid.
int disco_collect(disco_node *node, void *const *outputs);

// The next inference begins with states of zeros, as the first one does. To be called on every node
// between the same two inferences: nodes do not tell each other. DISCO_ERR_BUSY while one is in
// flight.
int disco_reset(disco_node *node);

// The first failure. Valid until the node is initialised again.
const disco_error *disco_last_error(const disco_node *node);

// Statistics of the link to `peer`, or null when there is no such peer.
const disco_stats *disco_peer_stats(const disco_node *node, uint32_t peer);

// Whether data to and from `peer` goes by mailbox; false until its terms are there.
bool disco_by_mailbox(const disco_node *node, uint32_t peer);

//===----------------------------------------------------------------------===//
// Calls of the emitted infer(); `message` is an index into program->messages. All return 0 or a
// negative disco_code.
//
// With several inferences in flight the calls are about the one that was begun last, or that
// disco_switch names; the messages of every inference have slots and a sequence of their own, and a
// posted buffer stays posted whichever inference the calls are about. For each pair of nodes and
// each direction, the order of the messages of one inference is one that both ends know; those of
// several come as their sender gets on with them. So all buffers of an inference are posted as soon
// as it begins: a message whose buffer is not there yet holds up all that are behind it.
//===----------------------------------------------------------------------===//

int disco_begin(disco_node *node); // starts the next sequence
// What follows is about the inference so many after the oldest that has not ended.
int disco_switch(disco_node *node, uint32_t after);
int disco_post(disco_node *node, uint32_t message,
               void *buffer); // opens the receive buffer; posts of one peer in arrival order.
                              // Null: it stays in its place in the mailbox
int disco_send(disco_node *node, uint32_t message,
               const void *buffer); // starts a send, never waits; one a peer at a time, or, of a
                                    // program with several in flight, one behind the other
// The same for a message of another form than 0, which has its own length every time.
int disco_send_size(disco_node *node, uint32_t message, const void *buffer, uint32_t bytes);
int disco_flush(disco_node *node, uint32_t message); // waits until that send has left the buffer
int disco_wait(disco_node *node,
               uint32_t message); // waits until that message is complete, CRC checked
// How many bytes a message that has been waited for had.
uint32_t disco_received(const disco_node *node, uint32_t message);
// A message that has been waited for, and is compressed, does not hold what it should: its peer is
// at fault. Returns the code.
int disco_refuse(disco_node *node, uint32_t message);
// Places in a mailbox. Of an outgoing message: where its payload may be written before it is sent
// from there, as the next one to that peer; null when there is none (no mailbox, or no room now):
// the program's own buffer it is then. Of an incoming one that was posted with a null buffer and
// waited for: where it lies until it is released.
void *disco_place(disco_node *node, uint32_t message);
// Of an outgoing message: its place, or else that buffer.
inline unsigned char *disco_place_or(disco_node *node, uint32_t message, unsigned char *buffer) {
  void *place = DISCO_MAILBOX ? disco_place(node, message) : nullptr;
  return place ? static_cast<unsigned char *>(place) : buffer;
}
int disco_release(disco_node *node, uint32_t message);
// Never waits: moves what can be moved. On hosts it looks at a stream every 50 us at most, since
// that is a system call.
int disco_pump(disco_node *node);
// Waits until all sends of the inference have left, and ends it. The oldest ends first; what
// follows is about the next one.
int disco_end(disco_node *node);

#if DISCO_IN_FLIGHT > 1
// `submit` and `collect` of a program in pieces. Of the inferences in flight the oldest that can
// goes on; the node waits when none can.
int disco_flight_submit(disco_node *node, const void *const *inputs);
int disco_flight_collect(disco_node *node, void *const *outputs);
#endif

//===----------------------------------------------------------------------===//
// Frames, for transports, proxies and tests
//===----------------------------------------------------------------------===//

inline namespace DISCO_RUNTIME {

enum disco_frame_type : uint8_t {
  DISCO_FRAME_HELLO = 1,  // first frame of a stream; payload: DISCO_HELLO_SIZE
  DISCO_FRAME_DATA = 2,   // a message; payload: its bytes
  DISCO_FRAME_ABORT = 3,  // last frame of a stream; payload: 12 bytes
  DISCO_FRAME_BYE = 4,    // last frame of a stream; no payload
  DISCO_FRAME_NOTICE = 5, // "I am alive and wait for another peer"; payload: 4 bytes, milliseconds
  DISCO_FRAME_TERMS = 6   // second frame of a stream; payload: DISCO_TERMS_SIZE
};

struct disco_frame {
  uint16_t magic;
  uint8_t version, type;
  uint32_t session, sequence, message;
  uint16_t part;
  uint8_t form, tag;
  uint32_t length, crc, zero;
};

// Reads the first DISCO_HEADER_SIZE + DISCO_HELLO_SIZE bytes of a stream: the rank that says hello,
// or a negative code when they are no undamaged hello. The hello of another version, build or epoch
// still tells its rank: its layout is fixed for all versions.
int disco_hello_rank(const uint8_t *bytes);

// CRC-32 (IEEE 802.3, as in zlib) and CRC-32C (Castagnoli, as in iSCSI); start with 0. CRC-32C uses
// the processor's instructions where there are some (SSE4.2 with PCLMULQDQ, ARMv8); else, and for
// CRC-32, each takes 8 KB of tables with DISCO_CRC_FAST (on by default on 64-bit machines), or 64
// bytes.
uint32_t disco_crc32(uint32_t crc, const void *data, size_t size);
uint32_t disco_crc32c(uint32_t crc, const void *data, size_t size);

} // namespace DISCO_RUNTIME

#define DISCO_MAGIC 0xd15cu

void disco_frame_decode(disco_frame *frame, const uint8_t *header);
// Writes all fields as they are but the CRC, which is computed from the header and frame->length
// bytes of payload: CRC-32 for a hello, CRC-32C for all others.
void disco_frame_encode(uint8_t *header, const disco_frame *frame, const void *payload);

inline namespace DISCO_RUNTIME {

// The header of a hello, whose layout is that of version 1: the first four bytes of the build hash
// in place of the session, the epoch in that of the sequence. All but the CRC.
disco_frame disco_hello_frame(const uint8_t *build_hash, uint32_t epoch);

// The session of two peers: CRC-32C of the nonce of the lower rank, that of the higher, and the
// build hash.
uint32_t disco_session_id(const uint8_t *lower_nonce, const uint8_t *higher_nonce,
                          const uint8_t *build_hash);

} // namespace DISCO_RUNTIME

// Whether the program's weights are those that it was compiled with: their CRC-32C. Cost: a read of
// all of them, at 8 bytes a cycle with the processor's instructions. Host programs ask before
// the first inference; a program of one's own may.
bool disco_weights_match(const disco_program *program);

#endif // DISCO_H
