//===- Progress.cpp - what a command that takes long is doing -------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/formats/Progress.h"
#include "compiler/formats/Printable.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <sys/ioctl.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <vector>

namespace discoc {

namespace {
using Clock = std::chrono::steady_clock;

double secondsSince(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

/// "12 s", "3 min 20 s", "2 h 5 min".
std::string timeText(double seconds) {
  const auto all = static_cast<int64_t>(seconds + 0.5);
  if (all < 120)
    return fmt::format("{} s", all);
  if (all < 7200)
    return fmt::format("{} min {} s", all / 60, all % 60);
  return fmt::format("{} h {} min", all / 3600, all / 60 % 60);
}

/// No more digits than an estimate has.
std::string estimateText(double seconds) {
  const double unit = seconds < 10 ? 1 : seconds < 120 ? 5 : 30;
  return timeText(
      std::max(unit, unit * static_cast<double>(static_cast<int64_t>(seconds / unit + 0.5))));
}

/// Draws in a thread of its own, so that the time goes on where one step takes long.
class Display {
public:
  ~Display() { end(); }

  void start(const std::string &command, bool isOff) {
    const char *after = std::getenv("DISCOC_PROGRESS");
    isQuiet_ = isOff;
    isOff_ = isOff || (after && std::strcmp(after, "no") == 0);
    patience_ = after ? std::max(0.0, std::strtod(after, nullptr)) : 1;
    command_ = command;
    began_ = Clock::now();
    const char *kind = std::getenv("TERM");
    isTerminal_ = isatty(STDERR_FILENO) != 0 && kind && std::strcmp(kind, "dumb") != 0;
  }

  void end() {
    if (!drawer_.joinable())
      return;
    {
      const std::lock_guard lock(mutex_);
      ends_ = true;
    }
    wake_.notify_one();
    drawer_.join();
    ends_ = false;
  }

  size_t push(const std::string &what) {
    const std::lock_guard lock(mutex_);
    stack_.push_back({what, "", -1, -1, {}});
    if (!isOff_ && !drawer_.joinable())
      begin();
    return stack_.size();
  }

  void pop(size_t depth) {
    const std::lock_guard lock(mutex_);
    hideLocked();
    stack_.resize(std::min(stack_.size(), depth - 1));
  }

  void at(size_t depth, const std::string &detail, double share) {
    const std::lock_guard lock(mutex_);
    Entry &entry = stack_[depth - 1];
    entry.detail = detail;
    entry.share = share;
    if (share >= 0 && entry.firstShare < 0) {
      entry.firstShare = share;
      entry.began = Clock::now();
    }
  }

  void hide() {
    const std::lock_guard lock(mutex_);
    hideLocked();
  }

  bool isQuiet() const { return isQuiet_; }

private:
  struct Entry {
    std::string what, detail;
    double share, firstShare; ///< below 0: not known
    Clock::time_point began;  ///< when the first was known: what came before is of another kind
  };

  /// Signals are the other threads'.
  void begin() {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    try {
      drawer_ = std::thread([this] { draw(); });
    } catch (const std::system_error &) { // there are none left: then nothing is shown
      isOff_ = true;
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }

  void draw() {
    std::unique_lock lock(mutex_);
    double next = patience_;
    while (!ends_) {
      wake_.wait_for(lock, std::chrono::milliseconds(100));
      const double seconds = secondsSince(began_);
      if (ends_ || seconds < next || stack_.empty())
        continue;
      next = isTerminal_ ? seconds : seconds + std::clamp(seconds / 2, 1.0, 30.0);
      show(seconds);
    }
  }

  void show(double seconds) {
    const std::string line = printable(text(seconds), maxShownText);
    // The cursor stands at the line's beginning: what else is printed does not follow it.
    write(isTerminal_ ? "\r" + line.substr(0, width()) + "\x1b[K\r" : line + "\n");
    isShown_ = isTerminal_;
  }

  std::string text(double seconds) const {
    std::string text = command_;
    for (const Entry &entry : stack_) {
      if (entry.what != command_)
        text += ": " + entry.what;
      if (!entry.detail.empty())
        text += ": " + entry.detail;
    }
    text += ", " + timeText(seconds);
    const Entry &last = stack_.back();
    const double taken = secondsSince(last.began), done = last.share - last.firstShare;
    constexpr double leastDone = 0.05, leastSeconds = 2; // before, an estimate is a guess
    if (last.firstShare >= 0 && done >= leastDone && last.share < 1 && taken >= leastSeconds)
      text += ", about " + estimateText(taken * (1 - last.share) / done) + " left";
    return text;
  }

  static size_t width() {
    winsize size = {};
    const bool isKnown = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1;
    return isKnown ? size.ws_col - 1u : 79u;
  }

  void hideLocked() {
    if (isShown_)
      write("\x1b[K");
    isShown_ = false;
  }

  static void write(const std::string &text) {
    (void)!::write(STDERR_FILENO, text.data(), text.size()); // nothing hangs on it
  }

  std::string command_;
  bool isQuiet_ = false, isOff_ = true, isTerminal_ = false, isShown_ = false, ends_ = false;
  double patience_ = 1;
  Clock::time_point began_{};
  std::vector<Entry> stack_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::thread drawer_;
};

Display &display() {
  static Display only;
  return only;
}
} // namespace

void startProgress(const std::string &command, bool isOff) { display().start(command, isOff); }
void endProgress() { display().end(); }
void hideProgress() { display().hide(); }
bool showsProgress() { return !display().isQuiet(); }

Activity::Activity(const std::string &what) : depth(display().push(what)) {}
Activity::~Activity() { display().pop(depth); }

void Activity::at(const std::string &detail, double share) { display().at(depth, detail, share); }

void Activity::count(const std::string &what, int64_t number, int64_t all) {
  at(fmt::format("{} {} of {}", what, number, all),
     all > 0 ? static_cast<double>(number - 1) / static_cast<double>(all) : -1);
}

} // namespace discoc
