//===- delay_proxy.cpp - a link of a stated latency and rate between nodes -===//
// SPDX-License-Identifier: Apache-2.0
//
//   delay_proxy PORT TARGET_PORT DELAY_US BYTES_PER_SECOND
//
// Passes one TCP connection on loopback through. What comes in at time t leaves at t + DELAY_US,
// and not before what came earlier has left at the given rate (0: without limit), in both
// directions apart; like a long cable, it holds what is on the way without limit.
// tests/end_to_end/proxy.py counts frames; this one is for timing: it wakes within microseconds and
// costs the nodes little of their processors.

#include <arpa/inet.h>
#include <deque>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>
#include <vector>

namespace {

int64_t nowNs() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return int64_t(t.tv_sec) * 1000000000 + t.tv_nsec;
}

struct Chunk {
  int64_t due;
  std::vector<char> bytes;
  size_t sent = 0;
};

struct Direction {
  int from = -1, to = -1;
  bool ended = false, told = false;
  int64_t free = 0; // when the link has sent what came before
  std::deque<Chunk> queue;
};

int64_t delayNs;
double nsPerByte;

void take(Direction &d) {
  static char buffer[1 << 16];
  ssize_t n = recv(d.from, buffer, sizeof buffer, MSG_DONTWAIT);
  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    return;
  if (n <= 0) {
    d.ended = true;
    return;
  }
  int64_t t = nowNs();
  d.free = (d.free > t ? d.free : t) + int64_t(nsPerByte * double(n));
  d.queue.push_back({d.free + delayNs, {buffer, buffer + n}});
}

// Returns false when the other end takes nothing more for now.
bool give(Direction &d) {
  while (!d.queue.empty() && d.queue.front().due <= nowNs()) {
    Chunk &c = d.queue.front();
    ssize_t n =
        send(d.to, c.bytes.data() + c.sent, c.bytes.size() - c.sent, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0)
      return false;
    c.sent += size_t(n);
    if (c.sent == c.bytes.size())
      d.queue.pop_front();
  }
  if (d.queue.empty() && d.ended && !d.told) {
    shutdown(d.to, SHUT_WR);
    d.told = true;
  }
  return true;
}

void pass(int a, int b) {
  Direction way[2];
  way[0].from = way[1].to = a;
  way[0].to = way[1].from = b;
  while (!way[0].told || !way[1].told) {
    int64_t due = INT64_MAX;
    pollfd fds[4];
    for (int i = 0; i < 2; ++i) {
      bool open = give(way[i]);
      if (open && !way[i].queue.empty())
        due = way[i].queue.front().due < due ? way[i].queue.front().due : due;
      fds[2 * i] = {way[i].ended ? -1 : way[i].from, POLLIN, 0};
      fds[2 * i + 1] = {open ? -1 : way[i].to, POLLOUT, 0};
    }
    int64_t left = due == INT64_MAX ? 1000000000 : due - nowNs();
    left = left < 0 ? 0 : left;
    timespec t = {time_t(left / 1000000000), long(left % 1000000000)};
    ppoll(fds, 4, &t, nullptr);
    for (int i = 0; i < 2; ++i)
      if (fds[2 * i].revents)
        take(way[i]);
  }
}

sockaddr_in loopback(int port) {
  sockaddr_in a = {};
  a.sin_family = AF_INET;
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  a.sin_port = htons(uint16_t(port));
  return a;
}

} // namespace

int main(int argc, char **argv) {
  if (argc != 5) {
    fprintf(stderr, "usage: delay_proxy PORT TARGET_PORT DELAY_US BYTES_PER_SECOND\n");
    return 2;
  }
  delayNs = atoll(argv[3]) * 1000;
  nsPerByte = atof(argv[4]) > 0 ? 1e9 / atof(argv[4]) : 0;
  prctl(PR_SET_TIMERSLACK, 1000UL);
  int one = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  sockaddr_in here = loopback(atoi(argv[1])), there = loopback(atoi(argv[2]));
  if (bind(listener, reinterpret_cast<sockaddr *>(&here), sizeof here) || listen(listener, 1)) {
    perror("delay_proxy");
    return 1;
  }
  int near = accept(listener, nullptr, nullptr), far = socket(AF_INET, SOCK_STREAM, 0);
  while (connect(far, reinterpret_cast<sockaddr *>(&there), sizeof there)) {
    close(far);
    far = socket(AF_INET, SOCK_STREAM, 0);
    usleep(20000);
  }
  setsockopt(near, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  setsockopt(far, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  pass(near, far);
  return 0;
}
