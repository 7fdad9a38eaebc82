//===- BuildJobs.cpp - commands that build programs, several at a time ----===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/build/BuildJobs.h"
#include "compiler/formats/Printable.h"
#include "compiler/formats/Progress.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstdio>

namespace discoc {

namespace {
/// One that has begun.
struct Running {
  BuildJob job;
  size_t step = 0;
  Clock::time_point began = Clock::now();
};

/// What a line of make's or ninja's says: "[ 42%] Building CXX object DIR/NAME.dir/model.cpp.o",
/// "[5/12] Building ...".
struct FileLine {
  double share = -1; ///< done before it; below 0: another line
  std::string file;  ///< "model.cpp"; may be empty
};

FileLine parseFileLine(const std::string &line) {
  FileLine found;
  double number = 0, all = 100;
  char sign = 0;
  const int read = std::sscanf(line.c_str(), "[%lf%c%lf", &number, &sign, &all);
  if (read < 2 || (sign != '%' && sign != '/') || (sign == '/' && (read < 3 || all < 1)))
    return found;
  found.share = std::clamp(number / (sign == '%' ? 100 : all), 0.0, 1.0);
  const size_t at = line.find("Building "), folder = line.find(".dir/", at);
  if (at == std::string::npos || folder == std::string::npos)
    return found;
  found.file = line.substr(folder + 5);
  if (const size_t end = found.file.rfind('.'); end != std::string::npos)
    found.file.erase(end); // .o, .obj
  return found;
}

class Builder {
public:
  Builder(size_t count, Diagnostics &out) : count_(count), out_(out) {}

  /// Runs until no job is left, or one failed.
  bool run(std::vector<BuildJob> waiting, size_t slots) {
    std::reverse(waiting.begin(), waiting.end());
    while (true) {
      while (running_ < slots && !waiting.empty()) {
        if (!start({std::move(waiting.back())}))
          return false;
        waiting.pop_back();
        ++running_;
      }
      if (running_ == 0)
        return true;
      group_.step(std::chrono::milliseconds(200), [&](size_t i, const std::string &line) {
        output_[i] += line + "\n";
        hear(i, line);
      });
      if (InterruptGuard::interrupted()) {
        out_.push_back({"", "", "interrupted while building", ""});
        return false;
      }
      if (!advance())
        return false;
    }
  }

private:
  bool start(Running next) {
    const BuildJob::Step &step = next.job.steps[next.step];
    if (!group_.start(step.argv, out_, step.how))
      return false;
    if (next.step == 0)
      activity_.at(printable(next.job.name, maxShownName) + ", " + step.what);
    jobs_.push_back(std::move(next));
    output_.emplace_back();
    share_.push_back(0);
    return true;
  }

  /// How far all are, of which no file counts that is not begun.
  void hear(size_t i, const std::string &line) {
    const FileLine found = parseFileLine(line);
    if (found.share < 0)
      return;
    share_[i] = std::max(share_[i], found.share);
    double sum = static_cast<double>(done_);
    for (size_t k = 0; k < jobs_.size(); ++k)
      sum += k < seen_.size() && seen_[k] ? 0 : share_[k];
    const std::string name = printable(jobs_[i].job.name, maxShownName);
    activity_.at(found.file.empty() ? name : name + ", " + printable(found.file, maxShownName),
                 sum / static_cast<double>(count_));
  }

  /// What follows for each child that ended since the last call.
  bool advance() {
    for (size_t i = 0; i < group_.children().size(); ++i) {
      const Child &child = group_.children()[i];
      if (!child.ended || (i < seen_.size() && seen_[i]))
        continue;
      seen_.resize(std::max(seen_.size(), i + 1));
      seen_[i] = true;
      --running_;
      if (child.failed())
        return explain(i);
      Running next = jobs_[i];
      if (++next.step == next.job.steps.size()) {
        report(next);
        continue;
      }
      if (!start(std::move(next)))
        return false;
      ++running_;
    }
    return true;
  }

  void report(const Running &done) {
    const double seconds = std::chrono::duration<double>(Clock::now() - done.began).count();
    ++done_;
    hideProgress();
    if (showsProgress())
      fmt::print(stderr, "built {} ({} of {}, {:.1f} s)\n", printable(done.job.name, maxShownName),
                 done_, count_, seconds);
  }

  bool explain(size_t i) {
    constexpr size_t keep = 4000;
    const BuildJob::Step &step = jobs_[i].job.steps[jobs_[i].step];
    std::string text = output_[i] + group_.children()[i].errText;
    if (text.size() > keep)
      text = "...\n" + text.substr(text.size() - keep);
    out_.push_back({jobs_[i].job.place, "",
                    fmt::format("{} does not {}: {} ended with {}; it said:", jobs_[i].job.name,
                                step.what, step.argv[0], group_.children()[i].endText()),
                    "", text});
    return false;
  }

  size_t count_, running_ = 0, done_ = 0;
  Diagnostics &out_;
  ProcessGroup group_;
  std::vector<Running> jobs_; ///< one a child
  std::vector<std::string> output_;
  std::vector<double> share_; ///< of each that is done
  Activity activity_{"build"};
  std::vector<bool> seen_;
};
} // namespace

bool runBuildJobs(std::vector<BuildJob> jobs, size_t slots, Diagnostics &out) {
  const size_t count = jobs.size();
  return Builder(count, out).run(std::move(jobs), slots);
}

} // namespace discoc
