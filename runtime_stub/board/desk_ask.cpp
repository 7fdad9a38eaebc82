//===- desk_ask.cpp - files and console by questions and answers ----------===//
// SPDX-License-Identifier: Apache-2.0
//
// The board asks, the desk answers: one request at a time, repeated until its answer comes, so that
// a lost byte costs a fraction of a second. docs/formats/desk.md has the format.

#include "board.h"
#include "desk.h"
#include "desk_way.h"

#include <string.h>

namespace {

enum request : uint8_t {
  hello = 'H',
  command_line = 'C',
  open_file = 'O',
  close_file = 'X',
  size_of_file = 'S',
  read_file = 'R',
  write_file = 'W',
  seek_file = 'K',
  print_text = 'P',
  end_program = 'E'
};
constexpr uint8_t answered = 0x80;
constexpr uint64_t again_us = 150000, short_us = 300000;

uint8_t packet[board_desk_packet]; // a request, then its answer
uint8_t sequence;
bool is_open, is_here, in_fault;

void put_word(uint8_t *to, uint32_t value) { memcpy(to, &value, sizeof value); }

uint32_t word_at(const uint8_t *from) {
  uint32_t value = 0;
  memcpy(&value, from, sizeof value);
  return value;
}

void send(uint8_t what, int32_t handle, uint32_t value, const void *data, uint32_t size) {
  packet[0] = what;
  packet[1] = sequence;
  packet[2] = static_cast<uint8_t>(handle);
  packet[3] = 0;
  put_word(packet + 4, value);
  if (size > 0)
    memcpy(packet + board_desk_header, data, size);
  desk_way_send(packet, board_desk_header + size);
}

// Bytes of data of the answer that is in `packet`; -1: none yet.
int32_t receive(uint8_t what) {
  while (const uint32_t size = desk_way_receive(packet))
    if (packet[0] == (what | answered) && packet[1] == sequence)
      return static_cast<int32_t>(size - board_desk_header);
  return -1;
}

int32_t ask(uint8_t what, int32_t handle, uint32_t value, const void *data, uint32_t size,
            uint64_t within_us) {
  if (in_fault || (!is_here && what != hello))
    return -1;
  ++sequence;
  const uint64_t end = board_now_us() + within_us;
  for (uint64_t now = board_now_us(); now < end; now = board_now_us()) {
    send(what, handle, value, data, size);
    const uint64_t again = now + again_us;
    do {
      const int32_t got = receive(what);
      if (got >= 0)
        return got;
      desk_way_idle(1000);
    } while (board_now_us() < again);
  }
  is_here = false; // whatever is asked from now on fails at once
  return -1;
}

int32_t ask(uint8_t what, int32_t handle, uint32_t value, const void *data, uint32_t size) {
  return ask(what, handle, value, data, size, desk_way_patience());
}

uint32_t result() { return word_at(packet + 4); }

// With the program's rank, number of nodes and build, so that a desk knows a board on a wrong port.
bool greet(uint64_t within_us) {
  uint8_t who[8 + sizeof board_desk_program->build_hash];
  put_word(who, board_desk_program->rank);
  put_word(who + 4, board_desk_program->nodes);
  memcpy(who + 8, board_desk_program->build_hash, sizeof board_desk_program->build_hash);
  is_here = is_open && ask(hello, 0, 1, who, sizeof who, within_us) >= 0;
  return is_here;
}

uint32_t least(uint32_t a, uint32_t b) { return a < b ? a : b; }

} // namespace

bool desk_present(void) {
  is_open = desk_way_open();
  return greet(board_desk_patience_ms * 1000u);
}

int32_t desk_open(const char *path, desk_mode mode) {
  const uint32_t size = static_cast<uint32_t>(strlen(path));
  if (size > desk_way_data() || ask(open_file, 0, mode, path, size) < 0)
    return -1;
  return static_cast<int32_t>(result());
}

void desk_close(int32_t handle) { ask(close_file, handle, 0, nullptr, 0); }

int32_t desk_size(int32_t handle) {
  return ask(size_of_file, handle, 0, nullptr, 0) < 0 ? -1 : static_cast<int32_t>(result());
}

bool desk_read(int32_t handle, void *to, uint32_t size) {
  uint8_t *at = static_cast<uint8_t *>(to);
  while (size > 0) {
    const uint32_t part = least(size, desk_way_data());
    if (ask(read_file, handle, part, nullptr, 0) != static_cast<int32_t>(part))
      return false;
    memcpy(at, packet + board_desk_header, part);
    at += part;
    size -= part;
  }
  return true;
}

bool desk_write(int32_t handle, const void *from, uint32_t size) {
  const uint8_t *at = static_cast<const uint8_t *>(from);
  while (size > 0) {
    const uint32_t part = least(size, desk_way_data());
    if (ask(write_file, handle, part, at, part) < 0 || result() != part)
      return false;
    at += part;
    size -= part;
  }
  return true;
}

bool desk_seek(int32_t handle, uint32_t position) {
  return ask(seek_file, handle, position, nullptr, 0) >= 0 && result() == 0;
}

bool desk_command_line(char *to, uint32_t size) {
  const uint32_t most = desk_way_data();
  for (uint32_t at = 0; at < size;) {
    const int32_t got = ask(command_line, static_cast<int32_t>(most), at, nullptr, 0);
    if (got < 0) {
      to[0] = 0;
      return true;
    }
    const uint32_t part = least(static_cast<uint32_t>(got), size - at);
    memcpy(to + at, packet + board_desk_header, part);
    at += part;
    if (static_cast<uint32_t>(got) < most) {
      to[at < size ? at : size - 1] = 0;
      return at < size;
    }
  }
  return false;
}

// Nobody answers in a fault.
static void tell(uint8_t what, uint32_t value, const void *data, uint32_t size) {
  if (!is_open)
    return;
  ++sequence;
  send(what, 0, value, data, size);
  desk_way_drain();
}

void desk_print(const char *text, uint32_t size) {
  for (uint32_t at = 0, part; at < size; at += part) {
    part = least(size - at, desk_way_data());
    if (in_fault)
      tell(print_text, 0, text + at, part);
    else if (!is_here && !greet(short_us)) // perhaps somebody has come since
      return;
    else
      ask(print_text, 0, 0, text + at, part);
  }
}

void desk_fault(void) { in_fault = true; }

void desk_exit(int code) {
  if (in_fault)
    tell(end_program, static_cast<uint32_t>(code), nullptr, 0);
  else
    ask(end_program, 0, static_cast<uint32_t>(code), nullptr, 0);
}
