//===- Process.cpp - child processes, ended by their id and by nothing else ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/run/Process.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <utility>

namespace discoc {

std::string Child::endText() const {
  if (signal)
    return "signal " + std::to_string(signal) + " (" + strsignal(signal) + ")";
  return "exit code " + std::to_string(exitCode);
}

std::string findProgram(const std::string &name) {
  if (name.find('/') != std::string::npos)
    return access(name.c_str(), X_OK) == 0 ? name : "";
  const char *path = std::getenv("PATH");
  std::string rest = path ? path : "/usr/bin:/bin";
  while (true) {
    const size_t colon = rest.find(':');
    std::string full = rest.substr(0, colon) + "/" + name;
    if (access(full.c_str(), X_OK) == 0)
      return full;
    if (colon == std::string::npos)
      return "";
    rest.erase(0, colon + 1);
  }
}

//===- starting ---===//

namespace {
struct Pipe {
  int ends[2] = {-1, -1};
  bool open() { return pipe2(ends, O_CLOEXEC) == 0; }
  void close() {
    for (int &fd : ends) {
      if (fd >= 0)
        ::close(fd);
      fd = -1;
    }
  }
};

/// What a child's standard input, output and errors are.
struct Streams {
  int in = -1, out = -1, err = -1;
};

/// In the child, between fork and exec: only calls that are safe there.
[[noreturn]] void become(char *const *argv, char *const *environment, const char *program,
                         const Streams &streams, const ChildStart &how, pid_t parent) {
  prctl(PR_SET_PDEATHSIG, how.whenKilled); // never outlive discoc, even if it is killed
  if (getppid() != parent)
    _exit(127);
  setpgid(0, 0);
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
  std::signal(SIGHUP, SIG_DFL);
  std::signal(SIGPIPE, SIG_DFL);
  for (int fd : how.inherited)
    if (fd >= 0)
      fcntl(fd, F_SETFD, 0);
  if (!how.directory.empty() && chdir(how.directory.c_str()) != 0)
    _exit(127);
  dup2(streams.in, 0);
  dup2(streams.out, 1);
  dup2(streams.err, 2);
  execve(program, argv, environment);
  const char text[] = "cannot be executed\n";
  (void)!write(2, text, sizeof text - 1);
  _exit(127);
}
} // namespace

namespace {
/// The pipes and files of a child that starts. What is still open is closed.
class Plumbing {
public:
  ~Plumbing() {
    for (Pipe *each : {&in, &out, &err})
      each->close();
  }

  /// False with errno.
  bool open(const ChildStart &how) {
    const char *input = how.inputFile.empty() ? "/dev/null" : how.inputFile.c_str();
    if (!err.open() || (how.holdsInput && !in.open()))
      return false;
    if (!how.holdsInput)
      in.ends[0] = ::open(input, O_RDONLY | O_CLOEXEC);
    if (how.outputFile.empty() ? !out.open() : !openFile(how.outputFile))
      return false;
    return in.ends[0] >= 0;
  }
  Streams ofChild() const { return {in.ends[0], out.ends[1], err.ends[1]}; }
  static int take(int &end) { return std::exchange(end, -1); }

  Pipe in, out, err;

private:
  bool openFile(const std::string &path) {
    out.ends[1] = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    return out.ends[1] >= 0;
  }
};
} // namespace

bool ProcessGroup::start(const std::vector<std::string> &argv, Diagnostics &out,
                         const ChildStart &how) {
  const std::string program = findProgram(argv[0]);
  if (program.empty()) {
    out.push_back({argv[0], "", "cannot be found or executed", ""});
    return false;
  }
  std::vector<char *> args, environment;
  for (const std::string &arg : argv)
    args.push_back(const_cast<char *>(arg.c_str()));
  args.push_back(nullptr);
  for (const std::string &entry : how.environment) // the first of a name counts
    environment.push_back(const_cast<char *>(entry.c_str()));
  for (char **entry = environ; *entry; ++entry)
    environment.push_back(*entry);
  environment.push_back(nullptr);
  Plumbing pipes;
  const pid_t parent = getpid();
  const pid_t pid = pipes.open(how) ? fork() : -1;
  if (pid == 0)
    become(args.data(), environment.data(), program.c_str(), pipes.ofChild(), how, parent);
  if (pid > 0)
    setpgid(pid, pid); // before anybody can end the group
  if (pid < 0) {
    out.push_back({argv[0], "", std::string("cannot be started: ") + std::strerror(errno), ""});
    return false;
  }
  Child child;
  child.pid = pid;
  child.out = Plumbing::take(pipes.out.ends[0]);
  child.err = Plumbing::take(pipes.err.ends[0]);
  child.held = Plumbing::take(pipes.in.ends[1]);
  for (int fd : {child.out, child.err})
    if (fd >= 0)
      fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
  children_.push_back(std::move(child));
  return true;
}

//===- running ---===//

/// Hands on the whole lines of `text`.
static void handOn(std::string &text, size_t index, const ProcessGroup::OnLine &to) {
  size_t start = 0, end;
  while ((end = text.find('\n', start)) != std::string::npos) {
    if (to)
      to(index, text.substr(start, end - start));
    start = end + 1;
  }
  text.erase(0, start);
}

void ProcessGroup::drain(size_t index, const OnLine &onLine, const OnLine &onError) {
  constexpr size_t keep = 64 * 1024; // of stderr: its end says why
  Child &child = children_[index];
  char buffer[16384];
  for (int *fd : {&child.out, &child.err}) {
    std::string &text = fd == &child.out ? child.outText : child.errText;
    while (*fd >= 0) {
      const ssize_t got = read(*fd, buffer, sizeof buffer);
      if (got > 0) {
        text.append(buffer, static_cast<size_t>(got));
        if (onError && fd == &child.err)
          child.errLine.append(buffer, static_cast<size_t>(got));
      } else if (got < 0 && (errno == EAGAIN || errno == EINTR))
        break;
      else {
        ::close(*fd);
        *fd = -1;
      }
    }
  }
  if (child.errLine.size() > keep)
    child.errLine += '\n';
  if (child.errText.size() > 2 * keep)
    child.errText.erase(0, child.errText.size() - keep);
  handOn(child.outText, index, onLine);
  handOn(child.errLine, index, onError);
}

void ProcessGroup::reap() {
  for (Child &child : children_) {
    int status = 0;
    if (child.ended || waitpid(child.pid, &status, WNOHANG) != child.pid)
      continue;
    child.ended = true;
    child.endedAt = Clock::now();
    child.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    child.exitCode = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
  }
}

void ProcessGroup::step(std::chrono::milliseconds wait, const OnLine &onLine,
                        const OnLine &onError) {
  std::vector<pollfd> fds;
  for (const Child &child : children_)
    for (int fd : {child.out, child.err})
      if (fd >= 0)
        fds.push_back({fd, POLLIN, 0});
  // A child may close its output before it ends: look for ends every 10 ms then.
  const auto cap = fds.empty() ? std::chrono::milliseconds(10) : wait;
  poll(fds.data(), fds.size(), static_cast<int>(std::min(wait, cap).count()));
  std::vector<bool> running;
  for (const Child &child : children_)
    running.push_back(!child.ended);
  reap(); // before the last drain, which then has all that the child wrote
  for (size_t i = 0; i < children_.size(); ++i)
    if (running[i])
      drain(i, onLine, onError);
}

void ProcessGroup::finish(size_t index, int exitCode) {
  Child &child = children_[index];
  if (child.ended)
    return;
  kill(-child.pid, SIGKILL);
  waitpid(child.pid, nullptr, 0);
  child.ended = true;
  child.endedAt = Clock::now();
  child.exitCode = exitCode;
}

bool ProcessGroup::allEnded() const {
  return std::all_of(children_.begin(), children_.end(), [](const Child &c) { return c.ended; });
}

void ProcessGroup::endAll() {
  std::vector<pid_t> ended; // by us
  for (const Child &child : children_)
    if (!child.ended)
      ended.push_back(child.pid);
  for (const int signal : {SIGTERM, SIGKILL}) {
    for (const Child &child : children_)
      if (!child.ended) {
        kill(-child.pid, signal);
        kill(-child.pid, SIGCONT); // one that was stopped hears nothing else
      }
    const auto until = Clock::now() + (signal == SIGTERM ? patience_ : std::chrono::seconds(5));
    while (!allEnded() && Clock::now() < until)
      step(std::chrono::milliseconds(10), nullptr);
  }
  // What they started was told to end, too, and removes its temporary files: compilers do.
  const auto until = Clock::now() + std::chrono::seconds(2);
  auto isThere = [](pid_t group) { return kill(-group, 0) == 0; };
  while (std::any_of(ended.begin(), ended.end(), isThere) && Clock::now() < until)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  for (const pid_t group : ended)
    kill(-group, SIGKILL); // what did not listen
}

ProcessGroup::~ProcessGroup() {
  endAll();
  for (Child &child : children_)
    for (int fd : {child.out, child.err, child.held})
      if (fd >= 0)
        ::close(fd);
}

} // namespace discoc
