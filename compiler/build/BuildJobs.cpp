//===- BuildJobs.cpp - commands that build programs, several at a time ----===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/build/BuildJobs.h"
#include "compiler/formats/Printable.h"

#include <fmt/core.h>

#include <algorithm>

namespace discoc {

namespace {
/// One that has begun.
struct Running {
  BuildJob job;
  size_t step = 0;
  Clock::time_point began = Clock::now();
};

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
      group_.step(std::chrono::milliseconds(200),
                  [&](size_t i, const std::string &line) { output_[i] += line + "\n"; });
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
    jobs_.push_back(std::move(next));
    output_.emplace_back();
    return true;
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
    fmt::print(stderr, "built {} ({} of {}, {:.1f} s)\n", printable(done.job.name, maxShownName),
               ++done_, count_, seconds);
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
  std::vector<bool> seen_;
};
} // namespace

bool runBuildJobs(std::vector<BuildJob> jobs, size_t slots, Diagnostics &out) {
  const size_t count = jobs.size();
  return Builder(count, out).run(std::move(jobs), slots);
}

} // namespace discoc
