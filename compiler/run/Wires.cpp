//===- Wires.cpp - the links between emulated boards ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/run/Wires.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <fcntl.h>
#include <map>
#include <poll.h>
#include <random>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace discoc {

namespace {
constexpr size_t queueMost = 64 * 1024; ///< bytes that wait for an end that does not read

/// When the next error happens: every byte by itself has the same chance.
class ErrorClock {
public:
  ErrorClock(double rate, uint64_t seed) : rate_(rate), random_(seed) { wind(); }

  /// Whether this byte, or frame, is hit.
  bool hit() {
    if (rate_ <= 0 || left_-- > 0)
      return false;
    wind();
    return true;
  }
  uint64_t number() { return random_(); }

private:
  void wind() {
    if (rate_ > 0)
      left_ =
          static_cast<int64_t>(std::geometric_distribution<int64_t>(std::min(rate_, 1.0))(random_));
  }
  double rate_;
  std::mt19937_64 random_;
  int64_t left_ = 0;
};

/// One end of a link, as the wire sees it.
struct End {
  End(size_t link, bool frames, ErrorClock clock) : link(link), frames(frames), errors(clock) {}
  ~End() { closeAll(); }
  End(const End &) = delete;

  void closeAll() {
    for (int *fd : {&own, &other, &listener}) {
      if (*fd >= 0)
        ::close(*fd);
      *fd = -1;
    }
    if (!path.empty())
      unlink(path.c_str());
  }

  size_t link;
  bool frames; ///< lengths and frames, not bare bytes
  int own = -1, other = -1, listener = -1;
  std::string path; ///< of the listener
  std::string in;   ///< the beginning of a frame
  std::string out;  ///< waits to be written
  ErrorClock errors;
  Wires::Count count;
};

/// The MAC addresses that were seen behind an end.
using Address = std::array<uint8_t, 6>;
} // namespace

struct Wires::State {
  ~State() { stop(); }

  End *find(int64_t rank, size_t port) {
    auto found = ends.find({rank, port});
    return found == ends.end() ? nullptr : found->second.get();
  }

  void stop() {
    if (!thread.joinable())
      return;
    const uint64_t one = 1;
    (void)!write(wake, &one, sizeof one);
    thread.join();
    ::close(wake);
    wake = -1;
  }

  void loop();
  void read(End &from);
  void carryBytes(End &from, const char *data, size_t size);
  void carryFrames(End &from, const char *data, size_t size);
  void switchFrame(End &from, const std::string &frame);
  static void flush(End &end);

  std::map<std::pair<int64_t, size_t>, std::unique_ptr<End>> ends; ///< by rank and port
  std::vector<std::vector<End *>> links;                           ///< their ends
  std::map<std::pair<size_t, Address>, End *> seen;                ///< by link and address
  std::string directory;
  int wake = -1;
  std::thread thread;
};

//===- moving ---===//

void Wires::State::flush(End &end) {
  while (end.own >= 0 && !end.out.empty()) {
    const ssize_t n = send(end.own, end.out.data(), end.out.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n > 0) {
      end.out.erase(0, static_cast<size_t>(n));
      continue;
    }
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
      return;
    ::close(end.own); // who is gone hears nothing: the wire itself goes on
    end.own = -1;
    end.out.clear();
  }
}

void Wires::State::carryBytes(End &from, const char *data, size_t size) {
  std::string text;
  text.reserve(size);
  for (size_t i = 0; i < size; ++i) {
    if (!from.errors.hit()) {
      text += data[i];
    } else if (const uint64_t number = from.errors.number(); number & 1) {
      text += static_cast<char>(data[i] ^ static_cast<char>(1 + (number >> 1) % 255));
      ++from.count.damaged;
    } else {
      ++from.count.dropped;
    }
  }
  from.count.bytes += static_cast<int64_t>(size);
  for (End *to : links[from.link])
    if (to != &from && (to->own >= 0 || to->listener >= 0))
      to->out += text;
}

/// Towards the end where the address was seen, else to all; as a switch, one that has no room
/// drops.
void Wires::State::switchFrame(End &from, const std::string &frame) {
  constexpr size_t header = 4;
  if (frame.size() < header + 12)
    return;
  Address to, source;
  std::copy_n(frame.begin() + header, 6, to.begin());
  std::copy_n(frame.begin() + header + 6, 6, source.begin());
  seen[{from.link, source}] = &from;
  from.count.bytes += static_cast<int64_t>(frame.size() - header);
  ++from.count.frames;
  if (from.errors.hit()) {
    ++from.count.dropped;
    return;
  }
  const auto known = seen.find({from.link, to});
  for (End *end : links[from.link])
    if (end != &from && end->own >= 0 && end->out.size() < queueMost &&
        (known == seen.end() || known->second == end))
      end->out += frame;
}

void Wires::State::carryFrames(End &from, const char *data, size_t size) {
  from.in.append(data, size);
  size_t at = 0;
  while (from.in.size() - at >= 4) {
    uint32_t length = 0;
    for (size_t i = 0; i < 4; ++i)
      length = length << 8 | static_cast<uint8_t>(from.in[at + i]);
    if (from.in.size() - at - 4 < length)
      break;
    switchFrame(from, from.in.substr(at, 4 + length));
    at += 4 + length;
  }
  from.in.erase(0, at);
}

void Wires::State::read(End &from) {
  char buffer[16384];
  const ssize_t n = recv(from.own, buffer, sizeof buffer, MSG_DONTWAIT);
  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    return;
  if (n <= 0) {
    ::close(from.own);
    from.own = -1;
    from.out.clear();
  } else if (from.frames) {
    carryFrames(from, buffer, static_cast<size_t>(n));
  } else {
    carryBytes(from, buffer, static_cast<size_t>(n));
  }
  for (End *to : links[from.link])
    flush(*to);
}

void Wires::State::loop() {
  while (true) {
    std::vector<pollfd> fds = {{wake, POLLIN, 0}};
    std::vector<End *> of = {nullptr};
    for (auto &[key, end] : ends) {
      // A UART whose other end does not read stands still; a switch never does.
      bool room = true;
      for (End *to : links[end->link])
        room = room && (end->frames || to == end.get() || to->out.size() < queueMost);
      const int events = (room ? POLLIN : 0) | (end->out.empty() ? 0 : POLLOUT);
      if (end->own >= 0)
        fds.push_back({end->own, static_cast<short>(events), 0});
      else if (end->listener >= 0)
        fds.push_back({end->listener, POLLIN, 0});
      else
        continue;
      of.push_back(end.get());
    }
    if (poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR)
      return;
    if (fds[0].revents)
      return;
    for (size_t i = 1; i < fds.size(); ++i) {
      End &end = *of[i];
      if (!fds[i].revents)
        continue;
      if (end.own < 0) {
        end.own = accept4(end.listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
        continue;
      }
      if (fds[i].revents & POLLOUT)
        flush(end);
      if (end.own >= 0 && (fds[i].revents & (POLLIN | POLLHUP | POLLERR)))
        read(end);
    }
  }
}

//===- from outside ---===//

Wires::Wires() : state_(std::make_unique<State>()) {}
Wires::~Wires() = default;

void Wires::open(const Cluster &cluster, const std::string &directory, const WireErrors &errors) {
  state_->directory = directory;
  state_->links.resize(cluster.links.size());
  for (size_t rank = 0; rank < cluster.nodes.size(); ++rank)
    for (size_t port = 0; port < cluster.nodes[rank].ports.size(); ++port) {
      const ClusterPort &at = cluster.nodes[rank].ports[port];
      auto end =
          std::make_unique<End>(at.link, at.kind->carries == Carries::Frames,
                                ErrorClock(errors.rate, errors.seed * 1000003 + rank * 64 + port));
      state_->links[at.link].push_back(end.get());
      state_->ends[{static_cast<int64_t>(rank), port}] = std::move(end);
    }
}

int Wires::handOut(int64_t rank, size_t port) {
  End *end = state_->find(rank, port);
  int pair[2];
  if (!end || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
    return -1;
  end->own = pair[0];
  end->other = pair[1];
  return end->other;
}

void Wires::given(int64_t rank, size_t port) {
  if (End *end = state_->find(rank, port); end && end->other >= 0) {
    ::close(end->other);
    end->other = -1;
  }
}

std::string Wires::path(int64_t rank, size_t port) {
  End *end = state_->find(rank, port);
  if (!end)
    return "";
  std::string path =
      state_->directory + "/wire-" + std::to_string(rank) + "-" + std::to_string(port);
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    return "";
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  end->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (end->listener < 0 ||
      bind(end->listener, reinterpret_cast<sockaddr *>(&address), sizeof address) != 0 ||
      listen(end->listener, 1) != 0)
    return "";
  end->path = path;
  return path;
}

bool Wires::start(Diagnostics &out) {
  state_->wake = eventfd(0, EFD_CLOEXEC);
  if (state_->wake < 0) {
    out.push_back({"the wires", "", std::string("cannot be made: ") + std::strerror(errno), ""});
    return false;
  }
  state_->thread = std::thread([state = state_.get()] { state->loop(); });
  return true;
}

void Wires::stop() { state_->stop(); }

Wires::Count Wires::count(int64_t rank, size_t port) const {
  const End *end = state_->find(rank, port);
  return end ? end->count : Count();
}

} // namespace discoc
