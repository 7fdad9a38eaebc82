//===- Desks.cpp - serves the desks of several boards ---------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/run/Desks.h"

#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <fcntl.h>
#include <map>
#include <mutex>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>
#include <thread>
#include <unistd.h>
#include <utility>

namespace discoc {

namespace {
/// The way to one board.
struct Way {
  Way(int fd, std::string directory, std::string arguments, DeskSession::Watch watch)
      : fd(fd), session(std::move(directory), std::move(arguments), std::move(watch)) {}
  ~Way() {
    for (int end : {fd, other})
      if (end >= 0)
        ::close(end);
  }
  Way(const Way &) = delete;
  Way &operator=(const Way &) = delete;

  int fd, other = -1;
  bool isBehind = false; ///< no port leads to it, but that of another board
  DeskSession session;
  std::string out; ///< waits to be written
};
} // namespace

struct Desks::State {
  ~State() { stop(); }

  void stop() {
    if (!thread.joinable())
      return;
    const uint64_t one = 1;
    (void)!write(wake, &one, sizeof one);
    thread.join();
    ::close(wake);
  }

  void note(DeskEvent event) {
    const std::lock_guard<std::mutex> lock(mutex);
    events.push_back(std::move(event));
    changed.notify_one();
  }

  DeskSession::Watch watch(size_t rank) {
    DeskSession::Watch watch;
    watch.begun = [=, this](const DeskProgram &p) { note({rank, DeskEvent::Begun, "", 0, p}); };
    watch.asked = [=, this] { note({rank, DeskEvent::Asked}); };
    watch.line = [=, this](const std::string &line) { note({rank, DeskEvent::Line, line}); };
    watch.ended = [=, this](int code) { note({rank, DeskEvent::Ended, "", code}); };
    watch.passed = [=, this](int64_t other, const std::string &packet) {
      const auto way = ways.find(static_cast<size_t>(other));
      // Only who has no port of its own: no two boards ask through each other.
      return way == ways.end() || !way->second->isBehind ? "" : way->second->session.answer(packet);
    };
    return watch;
  }

  void lose(size_t rank, Way &way, const std::string &why) {
    ::close(std::exchange(way.fd, -1));
    note({rank, DeskEvent::Lost, why});
  }

  void flush(size_t rank, Way &way) {
    ssize_t n = send(way.fd, way.out.data(), way.out.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == ENOTSOCK)
      n = write(way.fd, way.out.data(), way.out.size());
    if (n > 0)
      way.out.erase(0, static_cast<size_t>(n));
    else if (n < 0 && errno != EAGAIN && errno != EINTR)
      lose(rank, way, std::strerror(errno));
  }

  void hear(size_t rank, Way &way) {
    char bytes[4096];
    const ssize_t n = read(way.fd, bytes, sizeof bytes);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
      return;
    if (n <= 0)
      return lose(rank, way, n < 0 ? std::strerror(errno) : "it was closed");
    way.out += way.session.take(bytes, static_cast<size_t>(n));
    if (!way.out.empty())
      flush(rank, way);
  }

  void loop() {
    while (true) {
      std::vector<pollfd> fds = {{wake, POLLIN, 0}};
      std::vector<size_t> ranks = {0};
      for (auto &[rank, way] : ways)
        if (way->fd >= 0) {
          const int events = POLLIN | (way->out.empty() ? 0 : POLLOUT);
          fds.push_back({way->fd, static_cast<short>(events), 0});
          ranks.push_back(rank);
        }
      if (poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR)
        return;
      if (fds[0].revents)
        return;
      for (size_t i = 1; i < fds.size(); ++i) {
        Way &way = *ways.at(ranks[i]);
        if (fds[i].revents & POLLOUT)
          flush(ranks[i], way);
        if (way.fd >= 0 && (fds[i].revents & (POLLIN | POLLHUP | POLLERR | POLLNVAL)))
          hear(ranks[i], way);
      }
    }
  }

  std::map<size_t, std::unique_ptr<Way>> ways; ///< by rank
  int wake = -1;
  std::thread thread;
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<DeskEvent> events;
};

Desks::Desks() : state_(std::make_unique<State>()) {}
Desks::~Desks() = default;

void Desks::add(size_t rank, int fd, const std::string &directory, const std::string &arguments) {
  state_->ways[rank] = std::make_unique<Way>(fd, directory, arguments, state_->watch(rank));
}

void Desks::addBehind(size_t rank, const std::string &directory, const std::string &arguments) {
  add(rank, -1, directory, arguments);
  state_->ways[rank]->isBehind = true;
}

int Desks::handOut(size_t rank, const std::string &directory, const std::string &arguments) {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
    return -1;
  fcntl(pair[0], F_SETFL, O_NONBLOCK);
  add(rank, pair[0], directory, arguments);
  return state_->ways[rank]->other = pair[1];
}

void Desks::given(size_t rank) {
  const auto way = state_->ways.find(rank);
  if (way != state_->ways.end() && way->second->other >= 0)
    ::close(std::exchange(way->second->other, -1));
}

void Desks::finish(size_t rank) { state_->ways.at(rank)->session.close(); }

bool Desks::start(Diagnostics &out) {
  state_->wake = eventfd(0, EFD_CLOEXEC);
  if (state_->wake < 0) {
    out.push_back({"the desk", "", std::string("cannot be made: ") + std::strerror(errno), ""});
    return false;
  }
  state_->thread = std::thread([state = state_.get()] { state->loop(); });
  return true;
}

void Desks::stop() { state_->stop(); }

std::vector<DeskEvent> Desks::take(std::chrono::milliseconds wait) {
  std::unique_lock<std::mutex> lock(state_->mutex);
  state_->changed.wait_for(lock, wait, [&] { return !state_->events.empty(); });
  return std::exchange(state_->events, {});
}

//===- serial ports ---===//

/// 8 bits, no parity, one stop bit, nothing translated, 115,200 baud.
static bool makeRaw(int fd) {
  termios how = {};
  if (tcgetattr(fd, &how) != 0)
    return false;
  cfmakeraw(&how);
  how.c_cflag = (how.c_cflag & ~static_cast<tcflag_t>(CSTOPB | CRTSCTS)) | CLOCAL | CREAD;
  cfsetispeed(&how, B115200);
  cfsetospeed(&how, B115200);
  return tcsetattr(fd, TCSANOW, &how) == 0;
}

int openSerialPort(const std::string &path, const std::string &deskFile, Diagnostics &out) {
  const int fd = open(path.c_str(), O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
  auto fault = [&](const std::string &what, const std::string &hint) {
    out.push_back({deskFile, "", path + " " + what, hint});
    if (fd >= 0)
      ::close(fd);
    return -1;
  };
  if (fd < 0)
    return fault(std::string("cannot be opened: ") + std::strerror(errno),
                 errno == EACCES ? "the group that owns it, often dialout, may: add yourself to it"
                                 : "is the board plugged in? ls /dev/tty* shows what is there");
  if (!isatty(fd))
    return fault("is no serial port", "boards are /dev/ttyACM0, /dev/ttyUSB0, ...");
  if (flock(fd, LOCK_EX | LOCK_NB) != 0)
    return fault("is in use", "another discoc, or a terminal, has it open");
  if (!makeRaw(fd))
    return fault(std::string("cannot be set to 115,200 baud: ") + std::strerror(errno), "");
  tcflush(fd, TCIOFLUSH);
  return fd;
}

} // namespace discoc
