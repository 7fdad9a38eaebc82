//===- serial.cpp - packets over a serial line of a POSIX host ------------===//
// SPDX-License-Identifier: Apache-2.0

#include "serial.h"

#include "uart.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

namespace {

#ifdef MSG_NOSIGNAL
constexpr int flag_quiet = MSG_NOSIGNAL;
#else
constexpr int flag_quiet = 0;
#endif

constexpr uint64_t retry_us = 20000;
constexpr uint32_t rx_ring = 1 << 16;
// A socket buffers enough by itself; what waits here is old before it leaves.
constexpr uint32_t tx_ring = 1 << 13;

enum serial_kind : uint8_t { kind_tty, kind_connect, kind_listen };

} // namespace

struct disco_serial {
  disco_uart uart;
  sockaddr_storage address;
  socklen_t address_size;
  int fd, listen_fd; // -1: none
  serial_kind kind;
  bool heard, connecting, broken;
  uint64_t retry_at;
  char *path; // of the socket that was made, to be removed
};

namespace {

bool again(int e) { return e == EAGAIN || e == EWOULDBLOCK || e == EINTR; }

void prepare(int fd) {
  int one = 1;
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
  fcntl(fd, F_SETFD, FD_CLOEXEC);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one); // refused by others than TCP
#ifdef SO_NOSIGPIPE
  setsockopt(fd, SOL_SOCKET, SO_NOSIGPIPE, &one, sizeof one);
#endif
}

//===----------------------------------------------------------------------===//
// Connecting
//===----------------------------------------------------------------------===//

// The connection is over, or was not made. Before a byte has come another one is tried: whoever
// is there may only be starting.
void lose(disco_serial *s) {
  if (s->fd >= 0)
    close(s->fd);
  s->fd = -1;
  s->connecting = false;
  s->broken = s->heard || s->kind == kind_tty;
  s->retry_at = disco_serial_now(nullptr) + retry_us;
}

void try_connect(disco_serial *s) {
  s->fd = socket(s->address.ss_family, SOCK_STREAM, 0);
  if (s->fd < 0)
    return lose(s);
  prepare(s->fd);
  s->connecting = connect(s->fd, reinterpret_cast<sockaddr *>(&s->address), s->address_size) != 0;
  if (s->connecting && errno != EINPROGRESS)
    lose(s);
}

void finish_connect(disco_serial *s) {
  pollfd p = {s->fd, POLLOUT, 0};
  if (poll(&p, 1, 0) <= 0)
    return;
  int error = 0;
  socklen_t size = sizeof error;
  if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0)
    return lose(s);
  s->connecting = false;
}

// Whether bytes can be moved.
bool connected(disco_serial *s) {
  if (s->broken)
    return false;
  if (s->fd < 0 && s->kind == kind_listen) {
    s->fd = accept(s->listen_fd, nullptr, nullptr);
    if (s->fd >= 0)
      prepare(s->fd);
  }
  if (s->fd < 0 && s->kind == kind_connect && disco_serial_now(nullptr) >= s->retry_at)
    try_connect(s);
  if (s->connecting)
    finish_connect(s);
  return s->fd >= 0 && !s->connecting;
}

//===----------------------------------------------------------------------===//
// Moving bytes: what the interrupt handlers of a board do
//===----------------------------------------------------------------------===//

void push(disco_serial *s) {
  disco_uart *u = &s->uart;
  while (u->tx_tail != u->tx_head && connected(s)) {
    uint32_t at = u->tx_tail & (tx_ring - 1), n = u->tx_head - u->tx_tail;
    if (n > tx_ring - at)
      n = tx_ring - at;
    ssize_t r =
        s->kind == kind_tty ? write(s->fd, u->tx + at, n) : send(s->fd, u->tx + at, n, flag_quiet);
    if (r < 0 && !again(errno))
      lose(s);
    if (r <= 0)
      return;
    u->tx_tail += static_cast<uint32_t>(r);
  }
}

void pull(disco_serial *s) {
  disco_uart *u = &s->uart;
  while (u->rx_head - u->rx_tail < rx_ring && connected(s)) {
    uint32_t at = u->rx_head & (rx_ring - 1), n = rx_ring - (u->rx_head - u->rx_tail);
    if (n > rx_ring - at)
      n = rx_ring - at;
    ssize_t r = read(s->fd, u->rx + at, n);
    if (r < 0 && again(errno))
      return;
    // A tty without bytes may say so by 0.
    if (r < 0 || (r == 0 && s->kind != kind_tty))
      lose(s);
    if (r <= 0)
      return;
    s->heard = true;
    u->rx_head += static_cast<uint32_t>(r);
  }
}

int32_t serial_send(void *context, uint16_t to_rank, const uint8_t *packet, uint32_t size) {
  disco_serial *s = static_cast<disco_serial *>(context);
  if (s->broken)
    return -1;
  // Without a connection the bytes are lost, as on a wire at whose end nobody is yet.
  if (!connected(s))
    return static_cast<int32_t>(size);
  disco_port port = disco_uart_port(&s->uart);
  int32_t took = port.send(port.context, to_rank, packet, size);
  push(s);
  return took;
}

int32_t serial_receive(void *context, uint8_t *packet, uint32_t capacity) {
  disco_serial *s = static_cast<disco_serial *>(context);
  disco_port port = disco_uart_port(&s->uart);
  int32_t size = port.receive(port.context, packet, capacity);
  if (size == 0) {
    push(s);
    pull(s);
    size = port.receive(port.context, packet, capacity);
  }
  return size == 0 && s->broken ? -1 : size;
}

void nothing(void *) {}

//===----------------------------------------------------------------------===//
// Addresses
//===----------------------------------------------------------------------===//

bool fail(char *error, size_t error_size, const char *address, const char *why) {
  snprintf(error, error_size, "wire %s: %s", address, why);
  return false;
}

// What stands behind the prefix, or null.
const char *behind(const char *address, const char *prefix) {
  size_t n = strlen(prefix);
  return strncmp(address, prefix, n) == 0 ? address + n : nullptr;
}

bool set_unix(disco_serial *s, const char *path, const char **why) {
  sockaddr_un *a = reinterpret_cast<sockaddr_un *>(&s->address);
  a->sun_family = AF_UNIX;
  *why = "the path of a socket is too long";
  if (strlen(path) >= sizeof a->sun_path)
    return false;
  memcpy(a->sun_path, path, strlen(path) + 1);
  s->address_size = sizeof *a;
  return true;
}

bool set_tcp(disco_serial *s, const char *text, const char **why) {
  char host[256] = "127.0.0.1";
  const char *colon = strrchr(text, ':'), *port = colon ? colon + 1 : text;
  *why = "the name of the host is too long";
  if (colon && static_cast<size_t>(colon - text) >= sizeof host)
    return false;
  if (colon && colon != text) {
    memcpy(host, text, static_cast<size_t>(colon - text));
    host[colon - text] = 0;
  }
  addrinfo hints = {}, *found = nullptr;
  hints.ai_family = AF_INET;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  int code = getaddrinfo(host, port, &hints, &found);
  if (code != 0) {
    *why = gai_strerror(code);
    return false;
  }
  memcpy(&s->address, found->ai_addr, found->ai_addrlen);
  s->address_size = found->ai_addrlen;
  freeaddrinfo(found);
  return true;
}

bool start_listening(disco_serial *s, const char *path, const char **why) {
  int one = 1;
  if (path)
    unlink(path);
  s->listen_fd = socket(s->address.ss_family, SOCK_STREAM, 0);
  *why = "cannot listen there";
  if (s->listen_fd < 0)
    return false;
  setsockopt(s->listen_fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(s->listen_fd, reinterpret_cast<sockaddr *>(&s->address), s->address_size) != 0 ||
      listen(s->listen_fd, 1) != 0) {
    *why = strerror(errno);
    return false;
  }
  prepare(s->listen_fd);
  s->path = path ? strdup(path) : nullptr;
  return true;
}

struct baud_row {
  long baud;
  speed_t speed;
};

constexpr baud_row bauds[] = {
    {9600, B9600},       {19200, B19200},     {38400, B38400},
    {57600, B57600},     {115200, B115200},   {230400, B230400},
#ifdef B460800
    {460800, B460800},
#endif
#ifdef B921600
    {921600, B921600},
#endif
#ifdef B1000000
    {1000000, B1000000}, {2000000, B2000000},
#endif
#ifdef B3000000
    {3000000, B3000000},
#endif
#ifdef B4000000
    {4000000, B4000000},
#endif
};

bool open_tty(disco_serial *s, const char *address, uint32_t usual, const char **why) {
  char path[256];
  const char *at = strrchr(address, '@');
  size_t n = at ? static_cast<size_t>(at - address) : strlen(address);
  *why = "the path is too long";
  if (n >= sizeof path)
    return false;
  memcpy(path, address, n);
  path[n] = 0;
  long baud = at ? strtol(at + 1, nullptr, 10) : static_cast<long>(usual);
  const baud_row *row = nullptr;
  for (const baud_row &b : bauds)
    if (b.baud == baud)
      row = &b;
  *why = "no speed that a tty here has";
  if (!row)
    return false;
  s->fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
  termios t = {};
  if (s->fd < 0 || tcgetattr(s->fd, &t) != 0) {
    *why = strerror(errno);
    return false;
  }
  // Eight bits, no parity, and not a byte changed on its way.
  t.c_iflag = 0;
  t.c_oflag = 0;
  t.c_lflag = 0;
  t.c_cflag = CS8 | CREAD | CLOCAL;
  t.c_cc[VMIN] = 0;
  t.c_cc[VTIME] = 0;
  *why = "the speed cannot be set";
  return cfsetispeed(&t, row->speed) == 0 && cfsetospeed(&t, row->speed) == 0 &&
         tcsetattr(s->fd, TCSANOW, &t) == 0 && tcflush(s->fd, TCIOFLUSH) == 0;
}

bool open_address(disco_serial *s, const char *address, uint32_t baud, const char **why) {
  const char *path = nullptr;
  if ((path = behind(address, "unix:"))) {
    s->kind = kind_connect;
    return set_unix(s, path, why);
  }
  if ((path = behind(address, "tcp:"))) {
    s->kind = kind_connect;
    return set_tcp(s, path, why);
  }
  if ((path = behind(address, "unix-listen:"))) {
    s->kind = kind_listen;
    return set_unix(s, path, why) && start_listening(s, path, why);
  }
  if ((path = behind(address, "tcp-listen:"))) {
    s->kind = kind_listen;
    return set_tcp(s, path, why) && start_listening(s, nullptr, why);
  }
  s->kind = kind_tty;
  return open_tty(s, address, baud, why);
}

} // namespace

disco_serial *disco_serial_create(const char *address, uint32_t mtu, uint32_t baud, char *error,
                                  size_t error_size) {
  disco_serial *s = static_cast<disco_serial *>(calloc(1, sizeof *s));
  const char *why = "out of memory";
  if (s) {
    s->fd = s->listen_fd = -1;
    s->uart.rx = static_cast<uint8_t *>(malloc(rx_ring));
    s->uart.tx = static_cast<uint8_t *>(malloc(tx_ring));
    s->uart.rx_size = rx_ring;
    s->uart.tx_size = tx_ring;
    s->uart.mtu = mtu;
    s->uart.start_tx = nothing;
  }
  if (!s || !s->uart.rx || !s->uart.tx || !open_address(s, address, baud, &why)) {
    fail(error, error_size, address, why);
    disco_serial_destroy(s);
    return nullptr;
  }
  return s;
}

void disco_serial_destroy(disco_serial *s) {
  if (!s)
    return;
  if (s->fd >= 0)
    close(s->fd);
  if (s->listen_fd >= 0)
    close(s->listen_fd);
  if (s->path)
    unlink(s->path);
  free(s->path);
  free(s->uart.rx);
  free(s->uart.tx);
  free(s);
}

disco_port disco_serial_port(disco_serial *s) {
  return {s, s->uart.mtu, serial_send, serial_receive};
}

void disco_serial_wait(disco_serial *const *serials, uint32_t count, uint64_t timeout_us) {
  pollfd polled[DISCO_PACKET_PORTS];
  if (count > DISCO_PACKET_PORTS)
    count = DISCO_PACKET_PORTS;
  for (uint32_t i = 0; i < count; ++i) {
    disco_serial *s = serials[i];
    push(s);
    int fd = s->fd >= 0 ? s->fd : s->broken ? -1 : s->listen_fd;
    bool write = s->connecting || s->uart.tx_tail != s->uart.tx_head;
    polled[i] = {fd, static_cast<short>(POLLIN | (write ? POLLOUT : 0)), 0};
    // What a ring holds may be more packets, and what it has no room for waits in the descriptor.
    if (s->fd < 0 && s->kind == kind_connect && timeout_us > retry_us)
      timeout_us = retry_us;
  }
#ifdef __linux__
  timespec time = {static_cast<time_t>(timeout_us / 1000000u),
                   static_cast<long>(timeout_us % 1000000u) * 1000};
  ppoll(polled, count, &time, nullptr);
#else
  poll(polled, count, static_cast<int>((timeout_us + 999) / 1000));
#endif
}

uint64_t disco_serial_now(void *) {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<uint64_t>(t.tv_sec) * 1000000u + static_cast<uint64_t>(t.tv_nsec) / 1000u;
}
