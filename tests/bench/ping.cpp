//===- ping.cpp - what a message takes, by the runtime and without it -----===//
// SPDX-License-Identifier: Apache-2.0
//
//   ping ROUNDS COUNT SPIN_US
//
// Two processes, a core each, send one message to and fro, over TCP on loopback and over memory
// that both see: by the runtime, and by the least that one could write instead (a socket that
// is asked again and again; a flag beside the bytes). The four take turns, a round each. Printed
// for each size, as JSON: half a round trip in nanoseconds, the median of the COUNT pings of each
// round.

#include "transport/shm.h"

#include <algorithm>
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <vector>

namespace {

constexpr uint32_t sizes[] = {64, 19000}, size_most = 19000;
uint32_t spinUs;

void check(bool ok, const char *what) {
  if (ok)
    return;
  fprintf(stderr, "ping: %s\n", what);
  exit(1);
}

int64_t nowNs() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return int64_t(t.tv_sec) * 1000000000 + t.tv_nsec;
}

void pin(pid_t process, unsigned core) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(core, &set);
  sched_setaffinity(process, sizeof set, &set);
}

alignas(64) uint8_t out[size_most], in[size_most];

// One way of sending the message: `caller` is the process that begins. Each is made anew for a
// round, and asked for a round trip so often.
struct Way {
  virtual ~Way() = default;
  virtual void open(bool caller) = 0;
  virtual void trip(bool caller) = 0;
  virtual void close(bool) {}
};

//===----------------------------------------------------------------------===//
// Without the runtime
//===----------------------------------------------------------------------===//

struct RawTcp : Way {
  explicit RawTcp(uint32_t size) : size(size) {
    listener = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    check(bind(listener, reinterpret_cast<sockaddr *>(&address), length) == 0 &&
              listen(listener, 1) == 0 &&
              getsockname(listener, reinterpret_cast<sockaddr *>(&address), &length) == 0,
          "no socket");
  }
  void open(bool caller) override {
    fd = caller ? socket(AF_INET, SOCK_STREAM, 0) : accept(listener, nullptr, nullptr);
    check(fd >= 0 &&
              (!caller || connect(fd, reinterpret_cast<sockaddr *>(&address), sizeof address) == 0),
          "no connection");
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  }
  void say() const {
    for (uint32_t at = 0; at < size;) {
      ssize_t n = send(fd, out + at, size - at, MSG_NOSIGNAL | MSG_DONTWAIT);
      at += n > 0 ? uint32_t(n) : 0;
    }
  }
  void hear() const {
    for (uint32_t at = 0; at < size;) {
      ssize_t n = recv(fd, in + at, size - at, MSG_DONTWAIT);
      check(n != 0, "the connection is over");
      at += n > 0 ? uint32_t(n) : 0;
    }
  }
  void trip(bool caller) override {
    if (caller)
      say();
    hear();
    if (!caller)
      say();
  }
  uint32_t size;
  sockaddr_in address = {};
  int listener, fd = -1;
};

struct RawMemory : Way {
  struct Side {
    alignas(64) uint32_t flag;
    alignas(64) uint8_t bytes[size_most];
  };
  explicit RawMemory(uint32_t size) : size(size) {
    sides = static_cast<Side *>(
        mmap(nullptr, 2 * sizeof(Side), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    check(sides != MAP_FAILED, "no memory");
  }
  void open(bool) override {}
  void say(bool caller) {
    memcpy(sides[caller].bytes, out, size);
    __atomic_store_n(&sides[caller].flag, turn, __ATOMIC_RELEASE);
  }
  void hear(bool caller) {
    while (__atomic_load_n(&sides[!caller].flag, __ATOMIC_ACQUIRE) != turn)
      ;
    memcpy(in, sides[!caller].bytes, size);
  }
  void trip(bool caller) override {
    ++turn;
    if (caller)
      say(caller);
    hear(caller);
    if (!caller)
      say(caller);
  }
  uint32_t size, turn = 0;
  Side *sides;
};

//===----------------------------------------------------------------------===//
// By the runtime
//===----------------------------------------------------------------------===//

// The messages of the node: 0 is sent, 1 is received.
int pingPong(disco_node *node, const void *const *, void *const *) {
  const bool caller = node->program->rank == 1;
  int code = disco_begin(node);
  if (!code)
    code = disco_post(node, 1, in);
  if (!code && caller)
    code = disco_send(node, 0, out);
  if (!code)
    code = disco_wait(node, 1);
  if (!code && !caller)
    code = disco_send(node, 0, out);
  return code ? code : disco_end(node);
}

struct Runtime : Way {
  Runtime(uint32_t size, bool shares) : size(size), shares(shares) {
    disco_tcp_options o = {0, 2, "127.0.0.1:0", -1, nullptr};
    lower = disco_tcp_create(&o, error, sizeof error);
    check(lower, error);
    snprintf(address, sizeof address, "127.0.0.1:%u", disco_tcp_port(lower));
  }
  void open(bool caller) override {
    const char *peers[2] = {address, nullptr};
    disco_tcp_options o = {1, 2, nullptr, -1, peers};
    tcp = caller ? disco_tcp_create(&o, error, sizeof error) : lower;
    check(tcp, error);
    program.model = "ping";
    program.rank = caller;
    program.nodes = 2;
    program.messages = messages;
    program.message_count = 2;
    program.infer = pingPong;
    for (uint32_t i = 0; i < 2; ++i)
      messages[i] = {1 + (i ^ uint32_t(caller)), uint16_t(!caller), uint8_t(i), size};
    config.peers = links;
    config.slots = slots;
    config.spin_us = spinUs;
    config.nonce[0] = uint8_t(1 + caller);
    config.transport = disco_tcp_transport(tcp);
    if (shares) {
      shm = disco_shm_create(&program, config.nonce, tcp, -1);
      check(shm, "no shared memory");
      config.transport = disco_shm_transport(shm);
      config.mailbox = disco_shm_mailbox(shm);
    }
    check(!disco_init(&node, &program, &config) && !disco_start(&node), "no start");
    check(disco_by_mailbox(&node, !caller) == shares, "memory is not shared as it should be");
  }
  void trip(bool) override { check(!disco_infer(&node, nullptr, nullptr), "no answer"); }
  void close(bool) override {
    check(!disco_stop(&node), "no good end");
    disco_shm_destroy(shm);
    disco_tcp_destroy(tcp);
  }
  uint32_t size;
  bool shares;
  char error[200] = "", address[40];
  disco_tcp *lower = nullptr, *tcp = nullptr;
  disco_shm *shm = nullptr;
  disco_program program = {};
  disco_message messages[2] = {};
  disco_config config = {};
  disco_peer links[2];
  disco_slot slots[2];
  disco_node node;
};

// Half a round trip, ns: the median of `count`.
double measure(Way &way, uint32_t count) {
  constexpr uint32_t warm = 200;
  fflush(stdout);
  pid_t child = fork();
  check(child >= 0, "no process");
  const bool caller = child != 0;
  // The parent says where the child runs, which might else wait for the parent's core for ever.
  if (caller)
    pin(child, 0);
  pin(0, caller);
  way.open(caller);
  std::vector<int64_t> times;
  for (uint32_t i = 0; i < warm + count; ++i) {
    const int64_t begun = nowNs();
    way.trip(caller);
    if (i >= warm)
      times.push_back(nowNs() - begun);
  }
  way.close(caller);
  if (!caller)
    _exit(0);
  waitpid(child, nullptr, 0);
  std::nth_element(times.begin(), times.begin() + count / 2, times.end());
  return double(times[count / 2]) / 2;
}

template <typename T, typename... Rest> double once(uint32_t count, Rest... rest) {
  T way(rest...);
  return measure(way, count);
}

} // namespace

int main(int argc, char **argv) {
  check(argc == 4, "usage: ping ROUNDS COUNT SPIN_US");
  const int rounds = atoi(argv[1]);
  const uint32_t count = uint32_t(atoi(argv[2]));
  spinUs = uint32_t(atoi(argv[3]));
  printf("[");
  for (int round = 0; round < rounds; ++round)
    for (uint32_t size : sizes) {
      printf("%s{\"bytes\": %u", round || size != sizes[0] ? ",\n" : "", size);
      printf(", \"tcp raw\": %.0f", once<RawTcp>(count, size));
      printf(", \"tcp\": %.0f", once<Runtime>(count, size, false));
      printf(", \"memory raw\": %.0f", once<RawMemory>(count, size));
      printf(", \"memory\": %.0f}", once<Runtime>(count, size, true));
    }
  printf("]\n");
}
