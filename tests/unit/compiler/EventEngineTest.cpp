//===- EventEngineTest.cpp - schedules that are run by hand ---------------===//
// SPDX-License-Identifier: Apache-2.0
#include "passes/EventEngine.h"
#include "Support.h"
#include <map>

using namespace mlir;
using namespace disco;
using namespace disco::test;

namespace {

/// The text of a shard. Every tensor is one number, every message its 4 bytes.
class Shard {
public:
  explicit Shard(int64_t rank) : rank(rank) {}

  /// An op that takes so long: its name says it.
  Shard &compute(int64_t time, const std::string &after = "%c") {
    std::string from = after == "%c" ? "tensor<1x1xf32>" : tensor;
    body += "%v" + std::to_string(count++) + " = disco.unary " + after +
            " {act = #disco.act<relu>} : (" + from + ") -> " + tensor + " loc(\"" +
            std::to_string(time) + "\")\n";
    return *this;
  }
  Shard &post(int64_t message, int64_t from) {
    body += "%p" + name(message) + " = disco.post {from = " + name(from) +
            " : i64, message = " + name(message) + " : i64} : () -> !disco.message<4>\n";
    return *this;
  }
  /// Sends what was computed last.
  Shard &send(int64_t message, int64_t to) {
    body += "%s" + name(message) + " = disco.send %v" + std::to_string(count - 1) +
            " {to = " + name(to) + " : i64, message = " + name(message) + " : i64, parts = [" +
            part + "]} : (" + tensor + ") -> !disco.message<4>\n";
    return *this;
  }
  Shard &flush(int64_t message) {
    body += "disco.flush %s" + name(message) + " : (!disco.message<4>) -> ()\n";
    return *this;
  }
  Shard &recv(int64_t message) {
    body += "%r" + name(message) + " = disco.recv %p" + name(message) + " {parts = [" + part +
            "]} : (!disco.message<4>) -> " + tensor + "\n";
    return *this;
  }
  std::string text() const {
    return "module @node" + name(rank) + " attributes {disco.rank = " + name(rank) +
           " : i64} {\nfunc.func @infer() {\n%c = disco.constant dense<1.0> : tensor<1x1xf32> : "
           "tensor<1x1xf32>\n" +
           body + "return\n}\n}\n";
  }

private:
  static std::string name(int64_t number) { return std::to_string(number); }

  const std::string tensor = "tensor<1x1xf32, #disco.local<axis 1 : 0>>",
                    part = "#disco.part<\"x\" : axis 1 : 0>";
  int64_t rank, count = 0;
  std::string body;
};

/// Times of ops by their names; messages take 40 and have a latency of 5. Every node has one end of
/// a switch: direction 2r outwards, 2r + 1 inwards.
class EventEngine : public testing::Test {
protected:
  ClusterSchedule read(const std::vector<Shard> &shards) {
    std::string text;
    for (const Shard &shard : shards)
      text += shard.text();
    module = ir.parse("module {\n" + text + "}\n");
    EXPECT_TRUE(module);
    return *ClusterSchedule::read(*module);
  }

  static Timing timing(bool overlap = true) {
    auto compute = [](int64_t, const Step &step) { return std::stoull(opName(step.op)); };
    auto passage = [](ScheduledMessage &message) {
      return Passage{
          {{static_cast<size_t>(2 * message.from), static_cast<size_t>(2 * message.to + 1), 40}},
          5};
    };
    return {compute, passage, 8, overlap};
  }

  static std::vector<Nanoseconds> ends(ClusterSchedule &schedule, int64_t inferences,
                                       bool overlap = true) {
    return runSchedule(schedule, timing(overlap), inferences, 0).finished;
  }

  Ir ir;
  OwningOpRef<ModuleOp> module;
};

using Times = std::vector<Nanoseconds>;

TEST_F(EventEngine, StepsFollowEachOther) {
  ClusterSchedule schedule = read({Shard(0).compute(100).compute(50)});
  EXPECT_EQ(ends(schedule, 2), (Times{150, 300}));
  EXPECT_EQ(longestChain(schedule, timing()), 100u); // they do not need each other
}

TEST_F(EventEngine, MessagesMoveBehindComputing) {
  ClusterSchedule schedule = read({Shard(0).compute(100).send(0, 1).compute(200).flush(0),
                                   Shard(1).post(0, 0).recv(0).compute(10, "%r0")});
  EngineResult run = runSchedule(schedule, timing(), 1, 1);
  EXPECT_EQ(run.finished, (Times{300}));
  EXPECT_EQ(run.computing, (Times{300, 10}));
  EXPECT_EQ(run.moving, (Times{40, 0, 0, 40, 0, 0, 0, 0}));
  std::map<Event::Kind, std::vector<std::pair<Nanoseconds, Nanoseconds>>> events;
  for (const Event &event : run.events)
    events[event.kind].push_back({event.start, event.end});
  EXPECT_EQ(events[Event::Kind::Transfer], (decltype(events)::mapped_type{{100, 145}}));
  EXPECT_EQ(events[Event::Kind::Wait], (decltype(events)::mapped_type{{0, 145}}));
  EXPECT_EQ(events[Event::Kind::Compute].back(), std::pair(Nanoseconds(145), Nanoseconds(155)));
  // Where that is not so, the message waits for the flush.
  EXPECT_EQ(ends(schedule, 1, /*overlap=*/false), (Times{355}));
  EXPECT_EQ(longestChain(schedule, timing()), 200u);
}

TEST_F(EventEngine, NothingMovesBeforeItsBufferIsPosted) {
  ClusterSchedule schedule = read({Shard(0).compute(100).send(0, 1).flush(0),
                                   Shard(1).compute(500).post(0, 0).recv(0).compute(10, "%r0")});
  EXPECT_EQ(ends(schedule, 1), (Times{555}));
  EXPECT_EQ(longestChain(schedule, timing()), 500u); // the post could have come first
}

TEST_F(EventEngine, ADirectionMovesOneMessageAtATime) {
  auto receiver = [](int64_t rank, int64_t message, int64_t from) {
    return Shard(rank).post(message, from).recv(message);
  };
  ClusterSchedule one = read({Shard(0).compute(100).send(0, 1).send(1, 2).flush(0).flush(1),
                              receiver(1, 0, 0), receiver(2, 1, 0)});
  EXPECT_EQ(ends(one, 1), (Times{185}));
  ClusterSchedule two = read({Shard(0).compute(100).send(0, 1).flush(0), receiver(1, 0, 0),
                              Shard(2).compute(100).send(1, 3).flush(1), receiver(3, 1, 2)});
  EXPECT_EQ(ends(two, 1), (Times{145}));
}

/// There and back: with two inferences in flight the nodes compute at the same time. An inference
/// ends on node 1 when that looks at its flush, after the next one's op.
TEST_F(EventEngine, InferencesInFlight) {
  ClusterSchedule schedule =
      read({Shard(0).post(1, 1).compute(100).send(0, 1).flush(0).recv(1),
            Shard(1).post(0, 0).recv(0).compute(100, "%r0").send(1, 0).flush(1)});
  EXPECT_EQ(ends(schedule, 3), (Times{290, 580, 870}));
  schedule.inFlight = 2;
  EXPECT_EQ(ends(schedule, 4), (Times{345, 390, 635, 680}));
  schedule.inFlight = 3;
  EXPECT_EQ(ends(schedule, 4), (Times{345, 445, 545, 590}));
}

/// What comes for an inference that just got its place moves while the node computes an older one.
TEST_F(EventEngine, BuffersOfTheNextInferenceWaitForNoStep) {
  ClusterSchedule schedule =
      read({Shard(0).compute(10).send(0, 1).flush(0),
            Shard(1).post(0, 0).recv(0).compute(50, "%r0").compute(50, "%r0")});
  schedule.inFlight = 2;
  EXPECT_EQ(ends(schedule, 3), (Times{155, 255, 355}));
}

TEST_F(EventEngine, SaysWhoWaitsForEver) {
  ClusterSchedule schedule =
      read({Shard(0).post(1, 1).recv(1).compute(1).send(0, 1).flush(0),
            Shard(1).post(0, 0).recv(0).compute(1).send(1, 0).flush(1), Shard(2).compute(7)});
  EngineResult run = runSchedule(schedule, timing(), 1, 0);
  ASSERT_EQ(run.stuck.size(), 2u);
  EXPECT_EQ(run.stuck[1].rank, 1);
  EXPECT_EQ(run.stuck[1].step->kind, Step::Kind::Recv);
}

/// Steps of random nodes that send each other messages; many of them stop.
ClusterSchedule randomSchedule(Random &random) {
  ClusterSchedule schedule;
  schedule.nodes.resize(static_cast<size_t>(random.between(2, 4)));
  auto insert = [&](std::vector<Step> &steps, Step::Kind kind, int32_t message, int64_t from) {
    int64_t at = random.between(from, static_cast<int64_t>(steps.size()));
    steps.insert(steps.begin() + at, Step{kind, message, nullptr});
    return at + 1;
  };
  for (int32_t m = 0, count = static_cast<int32_t>(random.between(1, 6)); m < count; ++m) {
    int64_t nodes = static_cast<int64_t>(schedule.nodes.size()),
            from = random.between(0, nodes - 1), to = (from + random.between(1, nodes - 1)) % nodes;
    schedule.messages.push_back({m, from, to, {}, {}, {}});
    for (auto [rank, kinds] : {std::pair(from, std::pair(Step::Kind::Send, Step::Kind::Flush)),
                               std::pair(to, std::pair(Step::Kind::Post, Step::Kind::Recv))}) {
      std::vector<Step> &steps = schedule.nodes[static_cast<size_t>(rank)].steps;
      insert(steps, kinds.second, m, insert(steps, kinds.first, m, 0));
    }
  }
  return schedule;
}

/// Which nodes never come to the end of two inferences, by going on as long as anybody can.
std::vector<int64_t> stuckNodes(const ClusterSchedule &schedule) {
  std::vector<size_t> at(schedule.nodes.size());
  std::map<std::pair<size_t, int32_t>, int> begun; // by inference and message
  for (bool moved = true; moved;) {
    moved = false;
    for (size_t n = 0; n < at.size(); ++n) {
      const std::vector<Step> &steps = schedule.nodes[n].steps;
      while (at[n] < 2 * steps.size()) {
        const Step &step = steps[at[n] % steps.size()];
        int &ends = begun[{at[n] / steps.size(), step.message}];
        if (step.waits() && ends < 2)
          break;
        ends += !step.waits();
        ++at[n];
        moved = true;
      }
    }
  }
  std::vector<int64_t> stuck;
  for (size_t n = 0; n < at.size(); ++n)
    if (at[n] < 2 * schedule.nodes[n].steps.size())
      stuck.push_back(static_cast<int64_t>(n));
  return stuck;
}

/// Whether a schedule ends does not depend on how long anything takes.
TEST(EventEngineRandom, StopsWhereAnyOrderStops) {
  int64_t stopped = 0;
  for (uint64_t seed = 0; seed < rounds(2000); ++seed) {
    Random random(seed);
    ClusterSchedule schedule = randomSchedule(random);
    std::vector<int64_t> want = stuckNodes(schedule);
    stopped += !want.empty();
    auto passage = [&](ScheduledMessage &message) {
      return Passage{{{static_cast<size_t>(message.from), static_cast<size_t>(message.to + 4),
                       static_cast<Nanoseconds>(random.between(0, 9))}},
                     static_cast<Nanoseconds>(random.between(0, 9))};
    };
    for (const Timing &timing :
         {Timing(), Timing{{}, passage, 8, true}, Timing{{}, passage, 8, false}}) {
      std::vector<int64_t> got;
      for (const Stuck &stuck : runSchedule(schedule, timing, 2, 0).stuck)
        got.push_back(stuck.rank);
      EXPECT_EQ(got, want) << "seed " << seed;
    }
  }
  EXPECT_GT(stopped, static_cast<int64_t>(rounds(2000) / 10));
}

} // namespace
