//===- board_main.cpp - inputs, runs and the report of a board ------------===//
// SPDX-License-Identifier: Apache-2.0

#include "board_main.h"

#include "desk.h"
#include "stack.h"

#include <string.h>

namespace {

#ifdef BOARD_HAS_IO
constexpr bool has_io = true; // board_input and board_output are there
#else
constexpr bool has_io = false;
#endif
constexpr uint32_t files_most = 8;   // inputs, and outputs, that may have files
constexpr uint32_t times_kept = 32;  // inferences whose times are kept, the latest
constexpr uint32_t line_space = 512; // of the command line

struct files {
  const char *path[files_most]; // null: none is named
  int32_t handle[files_most];
};

struct session {
  const board_shard *shard;
  const disco_program *program;
  disco_config config;
  disco_node node;
  disco_transport transport;
  files inputs, outputs;
  uint64_t repeat, count, nonce;
  uint64_t batch, total, done; // inferences a repeat, in all (0: until the others leave), completed
  uint32_t times_us[times_kept];
  bool ran;
  bool over; // board_input has no more
  int exit_code;
  const char *problem; // null: what the runtime's error says
};

session s; // the only one
// Neither cleared nor loaded at a reset, so that it goes on counting; after power-on it is whatever
// the memory holds.
__attribute__((section(".noinit"))) uint32_t starts;
char command_line[line_space];
#ifdef BOARD_NOTES
const char *notes_path; // null: nothing is noted
#endif

void fail(int code, const char *problem) {
  if (s.exit_code == BOARD_OK) {
    s.exit_code = code;
    s.problem = problem;
  }
}

//===----------------------------------------------------------------------===//
// Command line
//===----------------------------------------------------------------------===//

bool note_file(files *list, char *value) {
  const uint32_t index = static_cast<uint32_t>(value[0] - '0');
  if (index >= files_most || value[1] != '=' || !value[2])
    return false;
  list->path[index] = value + 2;
  return true;
}

bool note_number(const char *name, const char *value) {
  struct {
    const char *name;
    uint64_t *to;
    uint64_t factor;
  } const rows[] = {
      {"--repeat", &s.repeat, 1},
      {"--count", &s.count, 1},
      {"--nonce", &s.nonce, 1},
      {"--deadline-ms", &s.config.deadline_us, 1000},
      {"--start-deadline-ms", &s.config.start_us, 1000},
      {"--idle-ms", &s.config.idle_us, 1000},
      {"--grace-ms", &s.config.grace_us, 1000},
      {"--inference-ms", &s.config.inference_us, 1000},
  };
  uint64_t number = 0;
  if (!board_read_number(value, &number))
    return false;
  if (strcmp(name, "--epoch") == 0) {
    s.config.epoch = static_cast<uint32_t>(number);
    return true;
  }
  for (const auto &row : rows)
    if (strcmp(name, row.name) == 0) {
      *row.to = number * row.factor;
      return true;
    }
  return false;
}

// The next word, ended by a zero that is put there; null at the end.
char *next_word(char **at) {
  while (**at == ' ')
    ++*at;
  char *word = *at;
  while (**at && **at != ' ')
    ++*at;
  if (**at)
    *(*at)++ = 0;
  return *word ? word : nullptr;
}

void read_command_line() {
  if (!board_has_desk())
    return;
  if (!desk_command_line(command_line, sizeof command_line))
    return fail(BOARD_USAGE, "the command line is too long");
  char *at = command_line, *word = next_word(&at); // the first is the program's name
  while (word && (word = next_word(&at)) != nullptr) {
    if (strcmp(word, "--json") == 0)
      continue; // the report is always written
    char *value = next_word(&at);
    bool good = false;
    if (value && strcmp(word, "--input") == 0)
      good = note_file(&s.inputs, value);
    else if (value && strcmp(word, "--output") == 0)
      good = note_file(&s.outputs, value);
#ifdef BOARD_NOTES
    else if (value && strcmp(word, "--trace") == 0)
      good = (notes_path = value) != nullptr;
#endif
    else if (value)
      good = note_number(word, value);
    if (!good)
      return fail(BOARD_USAGE, "unknown argument, or a bad value, on the command line");
  }
}

//===----------------------------------------------------------------------===//
// Inputs and outputs
//===----------------------------------------------------------------------===//

void open_input(uint32_t i) {
  const uint64_t bytes = s.program->inputs[i].bytes;
  s.inputs.handle[i] = desk_open(s.inputs.path[i], DESK_READ);
  if (s.inputs.handle[i] < 0)
    return fail(BOARD_FILE, "an input's file cannot be opened");
  const int32_t size = desk_size(s.inputs.handle[i]);
  const uint64_t n = size > 0 && bytes > 0 ? static_cast<uint64_t>(size) / bytes : 0;
  if (bytes > 0 && (n == 0 || n * bytes != static_cast<uint64_t>(size)))
    return fail(BOARD_FILE, "an input's file is no multiple of the input's bytes");
  if (s.batch && n && n != s.batch)
    return fail(BOARD_FILE, "the inputs' files hold different numbers of inferences");
  s.batch = n ? n : s.batch;
}

void open_files() {
  const disco_program *p = s.program;
  for (uint32_t i = 0; i < files_most && s.exit_code == BOARD_OK; ++i) {
    if (s.inputs.path[i] && i >= p->input_count)
      return fail(BOARD_USAGE, "the command line names an input that this node is not given");
    if (s.outputs.path[i] && i >= p->output_count)
      return fail(BOARD_USAGE, "the command line names an output that this node does not return");
    if (s.inputs.path[i])
      open_input(i);
    if (s.outputs.path[i]) {
      s.outputs.handle[i] = desk_open(s.outputs.path[i], DESK_WRITE);
      if (s.outputs.handle[i] < 0)
        return fail(BOARD_FILE, "an output's file cannot be made");
    }
  }
}

// Whether an input comes from board_input.
bool takes_from_code() {
  bool any = false;
  for (uint32_t i = 0; has_io && i < s.program->input_count; ++i)
    any |= i >= files_most || !s.inputs.path[i];
  return any;
}

// As the programs on hosts do; inputs from code make as many inferences as they like.
void set_counts() {
  const disco_program *p = s.program;
  bool hears = false;
  for (uint32_t i = 0; i < p->message_count; ++i)
    hears |= p->messages[i].incoming != 0;
  if (p->input_count > 0) {
    if (s.batch && s.count && s.count != s.batch)
      return fail(BOARD_USAGE, "--count is not what the inputs' files hold");
    if (!s.batch && !s.count && takes_from_code()) {
      s.total = 0;
      return;
    }
    if (!s.batch)
      s.batch = s.count ? s.count : 1;
  } else {
    s.batch = s.count || hears ? s.count : 1;
  }
  s.total = s.batch * (s.repeat ? s.repeat : 1);
}

bool read_inputs() {
  const bool first = s.batch > 0 && s.done % s.batch == 0;
  for (uint32_t i = 0; i < s.program->input_count; ++i) {
    const uint32_t bytes = static_cast<uint32_t>(s.program->inputs[i].bytes);
    if (i >= files_most || !s.inputs.path[i]) {
      s.over = has_io && !board_input(i, s.done, s.shard->inputs[i], bytes);
      if (s.over)
        return false;
      continue;
    }
    // Also when it is the same again: the inference used the place for something else.
    if ((first && s.done > 0 && !desk_seek(s.inputs.handle[i], 0)) ||
        !desk_read(s.inputs.handle[i], s.shard->inputs[i], bytes)) {
      fail(BOARD_FILE, "an input's file cannot be read");
      return false;
    }
  }
  return true;
}

// Outputs are those of the last repeat.
bool write_outputs() {
  for (uint32_t i = 0; has_io && i < s.program->output_count; ++i)
    if (i >= files_most || !s.outputs.path[i])
      board_output(i, s.done, s.shard->outputs[i],
                   static_cast<uint32_t>(s.program->outputs[i].bytes));
  if (s.total > 0 && s.done + s.batch < s.total)
    return true;
  for (uint32_t i = 0; i < s.program->output_count && i < files_most; ++i)
    if (s.outputs.path[i] && !desk_write(s.outputs.handle[i], s.shard->outputs[i],
                                         static_cast<uint32_t>(s.program->outputs[i].bytes))) {
      fail(BOARD_FILE, "an output's file cannot be written");
      return false;
    }
  return true;
}

void close_files() {
  for (uint32_t i = 0; i < files_most; ++i) {
    if (s.inputs.path[i] && s.inputs.handle[i] >= 0)
      desk_close(s.inputs.handle[i]);
    if (s.outputs.path[i] && s.outputs.handle[i] >= 0)
      desk_close(s.outputs.handle[i]);
  }
}

//===----------------------------------------------------------------------===//
// Running
//===----------------------------------------------------------------------===//

// No other start has them, as far as a board can know: random bytes where it has some, what the
// command line says, and the count.
void make_nonce() {
#ifdef BOARD_HAS_ENTROPY
  uint64_t random = 0;
  if (board_entropy(reinterpret_cast<uint8_t *>(&random), sizeof random))
    s.nonce ^= random;
#endif
  ++starts;
  memcpy(s.config.nonce, &s.nonce, sizeof s.nonce);
  memcpy(s.config.nonce + sizeof s.nonce, &starts, sizeof starts);
  if (s.nonce == 0)
    s.nonce = starts;
}

// In a deadline; 2^20 microseconds count as a second.
uint32_t floor_bytes() {
  const uint64_t deadline = s.config.deadline_us ? s.config.deadline_us : 10000000;
  const uint64_t bytes = (s.shard->floor * (deadline >> 10)) >> 10;
  return bytes < s.shard->floor_most ? static_cast<uint32_t>(bytes) : s.shard->floor_most;
}

uint64_t only_now(void *) { return board_now_us(); }

int infer_once() {
  if (!read_inputs())
    return s.over ? DISCO_ERR_END : DISCO_ERR_ABORTED;
  const uint64_t from = board_now_us();
  const int code = s.program->infer(&s.node, s.shard->inputs, s.shard->outputs);
  if (code != DISCO_OK)
    return code;
  s.times_us[s.done % times_kept] = static_cast<uint32_t>(board_now_us() - from);
  if (!write_outputs())
    return DISCO_ERR_ABORTED;
  ++s.done;
  return DISCO_OK;
}

void run() {
  s.config.transport = s.transport;
  s.config.peers = s.shard->peers;
  s.config.slots = s.shard->slots;
  s.config.floor = floor_bytes();
  int code = disco_init(&s.node, s.program, &s.config);
  if (code == DISCO_OK)
    code = disco_start(&s.node);
  while (code == DISCO_OK && (s.total == 0 || s.done < s.total))
    code = infer_once();
  s.ran = code == DISCO_OK || (code == DISCO_ERR_END && s.total == 0);
  if (code == DISCO_ERR_END && !s.ran) // more were asked for than the peers run
    code = disco_abort(&s.node, DISCO_ERR_END);
  if (!s.ran && disco_last_error(&s.node)->code == DISCO_OK)
    disco_abort(&s.node, code);
  if (disco_stop(&s.node) != DISCO_OK)
    fail(BOARD_FAILED, nullptr);
  if (s.shard->finish)
    s.shard->finish(s.shard);
}

//===----------------------------------------------------------------------===//
// The report
//===----------------------------------------------------------------------===//

void error_text(board_line *line, void (*put)(board_line *, const char *)) {
  const disco_error *e = disco_last_error(&s.node);
  put(line, s.problem ? s.problem : disco_error_text(e->code));
}

void say_error() {
  const disco_error *e = disco_last_error(&s.node);
  board_line line;
  line.size = 0;
  board_line_text(&line, "error: rank ");
  board_line_number(&line, s.problem || e->rank == DISCO_NONE ? s.program->rank : e->rank);
  board_line_text(&line, ": ");
  error_text(&line, board_line_text);
  if (!s.problem && e->message != DISCO_NONE) {
    board_line_text(&line, " (message ");
    board_line_number(&line, e->message);
    board_line_text(&line, ")");
  }
  if (!s.problem && e->reporter != s.program->rank && e->reporter != DISCO_NONE) {
    board_line_text(&line, ", found by rank ");
    board_line_number(&line, e->reporter);
  }
  board_line_text(&line, "\n");
  board_line_end(&line);
}

void field(board_line *line, const char *name, uint64_t value) {
  board_line_text(line, ",\"");
  board_line_text(line, name);
  board_line_text(line, "\":");
  board_line_number(line, value);
}

void rank_field(board_line *line, const char *name, uint32_t value) {
  if (value != DISCO_NONE)
    return field(line, name, value);
  board_line_text(line, ",\"");
  board_line_text(line, name);
  board_line_text(line, "\":null");
}

void report_times(board_line *line) {
  const uint32_t n = s.done < times_kept ? static_cast<uint32_t>(s.done) : times_kept;
  board_line_text(line, ",\"time_us\":");
  if (n == 0)
    return board_line_text(line, "null");
  for (uint32_t i = 1; i < n; ++i)
    for (uint32_t k = i; k > 0 && s.times_us[k - 1] > s.times_us[k]; --k) {
      const uint32_t t = s.times_us[k];
      s.times_us[k] = s.times_us[k - 1];
      s.times_us[k - 1] = t;
    }
  board_line_text(line, "{\"min\":");
  board_line_number(line, s.times_us[0]);
  field(line, "median", s.times_us[n / 2]);
  field(line, "max", s.times_us[n - 1]);
  board_line_text(line, "}");
}

void report_peers(board_line *line) {
  board_line_text(line, ",\"peers\":[");
  bool first = true;
  for (uint32_t peer = 0; peer < s.program->nodes && s.node.program; ++peer) {
    const disco_stats *t = disco_peer_stats(&s.node, peer);
    if (!t)
      continue;
    board_line_text(line, first ? "{\"rank\":" : ",{\"rank\":");
    board_line_number(line, peer);
    field(line, "tx_payload", t->tx_payload);
    field(line, "tx_messages", t->tx_messages);
    field(line, "tx_wire", t->tx_wire);
    field(line, "rx_payload", t->rx_payload);
    field(line, "rx_messages", t->rx_messages);
    field(line, "rx_wire", t->rx_wire);
    board_line_text(line, "}");
    first = false;
  }
  board_line_text(line, "]");
}

void report() {
  const disco_program *p = s.program;
  const disco_error *e = disco_last_error(&s.node);
  board_line line;
  line.size = 0;
  board_line_text(&line, "{\"model\":");
  board_line_quoted(&line, p->model);
  field(&line, "rank", p->rank);
  field(&line, "nodes", p->nodes);
  board_line_text(&line, s.exit_code ? ",\"ok\":false" : ",\"ok\":true");
  field(&line, "exit", static_cast<uint64_t>(s.exit_code));
  board_line_text(&line, ",\"code\":");
  board_line_signed(&line, e->code);
  board_line_text(&line, ",\"error\":");
  if (s.exit_code)
    error_text(&line, board_line_quoted);
  else
    board_line_text(&line, "\"\"");
  rank_field(&line, "failed_rank", e->rank);
  rank_field(&line, "message", e->message);
  rank_field(&line, "reporter", e->reporter);
  field(&line, "inferences", s.done);
  board_line_text(&line, s.ran ? ",\"completed\":true" : ",\"completed\":false");
  report_times(&line);
  field(&line, "arena_bytes", p->arena_bytes);
  field(&line, "weight_bytes", p->weight_bytes);
  report_peers(&line);
  if (s.shard->describe && s.node.program)
    s.shard->describe(s.shard, &line);
  field(&line, "stack_bytes", board_stack_used());
  board_line_text(&line, "}\n");
  board_line_end(&line);
}

} // namespace

board_early board_before_desk(void) {
  make_nonce();
  return {s.shard, static_cast<uint16_t>(s.nonce), &s.transport};
}

int board_main(const board_shard *shard) {
  s.shard = shard;
  s.program = shard->program;
  board_init();
  s.node.error.rank = s.node.error.message = s.node.error.reporter = DISCO_NONE;
  if (!s.transport.write) // else a desk behind the links has opened them
    s.transport.now_us = only_now;
  read_command_line();
#ifdef BOARD_CHECKS_IMAGE // compiled with --check-image
  if (!board_image_matches())
    fail(BOARD_FILE,
         "flash does not hold the image that was built, or only a part of it: flash it again");
#endif
#ifdef BOARD_CHECKS_WEIGHTS // compiled with --weight-check
  if (!disco_weights_match(s.program))
    fail(BOARD_FILE, "other weights than those that it was compiled with");
#endif
  if (s.exit_code == BOARD_OK)
    open_files();
  if (s.exit_code == BOARD_OK)
    set_counts();
  make_nonce();
  if (s.exit_code == BOARD_OK && s.program->nodes > 1 && !s.transport.write &&
      !shard->connect(shard, static_cast<uint16_t>(s.nonce), &s.transport))
    board_fault(BOARD_FAULT_LINK, 0);
#ifdef BOARD_NOTES
  if (notes_path)
    board_notes_open();
#endif
  if (s.exit_code == BOARD_OK)
    run();
  close_files();
#ifdef BOARD_NOTES
  if (notes_path && !board_notes_write(notes_path))
    fail(BOARD_FILE, "the notes' file cannot be written");
#endif
  if (board_stack_overflowed())
    board_fault(BOARD_FAULT_STACK, 0);
  if (s.exit_code)
    say_error();
  report();
  if (shard->stay && s.transport.write)
    shard->stay(shard);
  return s.exit_code;
}
