//===- EventEngine.cpp - runs a schedule, event by event ------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "passes/EventEngine.h"
#include "llvm/Support/MathExtras.h"
#include <queue>

using namespace mlir;
using namespace disco;

Nanoseconds disco::saturatingSum(Nanoseconds a, Nanoseconds b) { return llvm::SaturatingAdd(a, b); }

Nanoseconds Passage::busy() const {
  Nanoseconds slowest = 0;
  for (const Hop &hop : hops)
    slowest = std::max(slowest, hop.busy);
  return slowest;
}

namespace {

/// One inference on one node.
struct Context {
  int64_t inference;
  size_t next = 0; // step
  bool waiting = false;
  bool handled = false;  // the next step took what it takes of the processor
  Nanoseconds since = 0; // it waits
  Nanoseconds waited = 0;
};

struct Node {
  SmallVector<Context, 1> contexts; // the oldest first
  bool busy = false;                // it computes, or moves a message where that does not overlap
  std::vector<size_t> ready;        // messages that move as soon as both their ends wait
};

/// One message in one inference.
struct State {
  bool started = false, posted = false, left = false, arrived = false;
};

class Engine {
public:
  Engine(ClusterSchedule &schedule, const Timing &timing, int64_t inferences, int64_t recorded)
      : schedule(schedule), timing(timing), inferences(inferences), recorded(recorded),
        nodes(schedule.nodes.size()), states(schedule.messages.size() * inferences),
        freeAt(timing.directions), awaiting(timing.directions) {
    result.finished.resize(inferences);
    result.computing.resize(nodes.size());
    result.handling.resize(nodes.size());
    result.moving.resize(timing.directions);
  }

  EngineResult run() {
    for (auto [rank, node] : llvm::enumerate(nodes)) {
      for (int64_t i = 0; i < std::min(schedule.inFlight, inferences); ++i)
        admit(rank, i);
      wake(rank);
    }
    for (; !queue.empty(); queue.pop()) {
      now = queue.top().time;
      happen(queue.top());
    }
    for (auto [rank, node] : llvm::enumerate(nodes))
      if (!node.contexts.empty())
        result.stuck.push_back({static_cast<int64_t>(rank), &stepOf(rank, node.contexts.front())});
    return std::move(result);
  }

private:
  struct Due {
    enum Kind { Wake, Left, Arrived, Done, Free } kind;
    size_t index; // of a node, of a message's state, or of a direction
    Nanoseconds time;
    size_t order; // of two at one time, the first that was planned
    bool operator<(const Due &o) const { return time != o.time ? time > o.time : order > o.order; }
  };

  void plan(Due::Kind kind, size_t index, Nanoseconds time) {
    queue.push({kind, index, time, planned++});
  }
  void record(const Event &event) {
    if (event.inference < recorded)
      result.events.push_back(event);
  }
  void wake(size_t rank) { plan(Due::Wake, rank, now); }

  ScheduledMessage &messageOf(size_t state) {
    return schedule.messages[state % schedule.messages.size()];
  }
  size_t stateOf(const Context &context, const Step &step) const {
    return context.inference * schedule.messages.size() + step.message;
  }
  const Step &stepOf(size_t rank, const Context &context) const {
    return schedule.nodes[rank].steps[context.next];
  }

  void happen(Due due) {
    switch (due.kind) {
    case Due::Done: nodes[due.index].busy = false; return work(due.index);
    case Due::Wake: return work(due.index);
    case Due::Left: states[due.index].left = true; return release(due.index, true);
    case Due::Arrived: states[due.index].arrived = true; return release(due.index, false);
    case Due::Free: return moveAwaiting(due.index);
    }
  }

  /// A message has left its sender, or has arrived.
  void release(size_t state, bool left) {
    size_t rank = left ? messageOf(state).from : messageOf(state).to;
    if (!timing.overlap)
      nodes[rank].busy = false;
    work(rank);
  }

  /// Lets a node go on with what it can.
  void work(size_t rank) {
    Node &node = nodes[rank];
    for (size_t i = 0; i < node.contexts.size() && !node.busy;)
      i = advance(rank, node.contexts[i]) ? 0 : i + 1;
    if (!node.busy)
      moveReady(rank);
  }

  /// Runs an inference on until it computes or has to wait. Whether another took its place: it
  /// ended.
  bool advance(size_t rank, Context &context) {
    const std::vector<Step> &steps = schedule.nodes[rank].steps;
    for (; context.next < steps.size(); ++context.next) {
      const Step &step = steps[context.next];
      if (step.waits() && !isOver(rank, context, step))
        return false;
      if (step.kind == Step::Kind::Compute && compute(rank, context, step))
        return false;
      if (isHandled(step) && handle(rank, context, step))
        return false;
      if (step.kind == Step::Kind::Send || step.kind == Step::Kind::Post)
        begin(stateOf(context, step), step.kind);
    }
    return end(rank, context);
  }

  bool isOver(size_t rank, Context &context, const Step &step) {
    const State &state = states[stateOf(context, step)];
    bool over = step.kind == Step::Kind::Flush ? state.left : state.arrived;
    if (over && context.waiting && now > context.since)
      record({Event::Kind::Wait, context.inference, static_cast<int64_t>(rank), step.message, &step,
              context.since, now});
    if (!over && !context.waiting)
      context.since = now;
    if (over)
      context.waited = context.waiting ? now - context.since : 0;
    context.waiting = !over;
    return over;
  }

  static bool isHandled(const Step &step) {
    return step.kind == Step::Kind::Send || step.kind == Step::Kind::Recv;
  }

  /// Whether a message takes time of the node's processor before it goes on.
  bool handle(size_t rank, Context &context, const Step &step) {
    if (context.handled || !timing.handling) {
      context.handled = false;
      return false;
    }
    Nanoseconds cost = timing.handling(static_cast<int64_t>(rank), step);
    if (context.inference == 0)
      result.handling[rank] = saturatingSum(result.handling[rank], cost);
    if (step.kind == Step::Kind::Recv && context.waited > timing.spin)
      cost = saturatingSum(cost, timing.wake);
    context.handled = cost > 0;
    if (cost > 0)
      beBusy(rank, cost);
    return cost > 0;
  }

  void beBusy(size_t rank, Nanoseconds cost) {
    nodes[rank].busy = true;
    plan(Due::Done, rank, saturatingSum(now, cost));
  }

  /// Whether it takes time.
  bool compute(size_t rank, Context &context, const Step &step) {
    Nanoseconds cost =
        timing.compute ? timing.compute(static_cast<int64_t>(rank), step) : Nanoseconds(0);
    record({Event::Kind::Compute, context.inference, static_cast<int64_t>(rank), -1, &step, now,
            saturatingSum(now, cost)});
    if (!cost)
      return false;
    if (context.inference == 0)
      result.computing[rank] = saturatingSum(result.computing[rank], cost);
    ++context.next;
    beBusy(rank, cost);
    return true;
  }

  /// The inference is done on this node; behind those before it it ends, and its place is for
  /// another. Whether it ended.
  bool end(size_t rank, Context &context) {
    Node &node = nodes[rank];
    context.waiting = true;
    if (&context != node.contexts.begin())
      return false;
    Nanoseconds &finished = result.finished[context.inference];
    finished = std::max(finished, now);
    int64_t following = context.inference + schedule.inFlight;
    node.contexts.erase(&context);
    if (following < inferences)
      admit(rank, following);
    return true;
  }

  /// An inference gets a place, and with it the buffers that are open from its beginning on,
  /// whatever the node is at: a message for it waits for no step of another one.
  void admit(size_t rank, int64_t inference) {
    const std::vector<Step> &steps = schedule.nodes[rank].steps;
    Context context{inference};
    for (; context.next < steps.size() && steps[context.next].kind == Step::Kind::Post;
         ++context.next)
      begin(stateOf(context, steps[context.next]), Step::Kind::Post);
    nodes[rank].contexts.push_back(context);
  }

  void begin(size_t index, Step::Kind kind) {
    State &state = states[index];
    (kind == Step::Kind::Send ? state.started : state.posted) = true;
    if (!state.started || !state.posted)
      return;
    if (timing.overlap)
      return move(index);
    for (int64_t rank : {messageOf(index).from, messageOf(index).to}) {
      nodes[rank].ready.push_back(index);
      wake(rank);
    }
  }

  bool waits(const Node &node) const {
    return !node.busy && llvm::all_of(node.contexts, [](const Context &c) { return c.waiting; });
  }

  /// Moves the first message of a waiting node whose other end waits, too.
  void moveReady(size_t rank) {
    Node &node = nodes[rank];
    if (!waits(node))
      return;
    auto next = llvm::find_if(node.ready, [&](size_t index) {
      ScheduledMessage &message = messageOf(index);
      return waits(nodes[message.from]) && waits(nodes[message.to]);
    });
    if (next == node.ready.end())
      return;
    size_t index = *next;
    for (int64_t end : {messageOf(index).from, messageOf(index).to}) {
      llvm::erase(nodes[end].ready, index);
      nodes[end].busy = true;
    }
    move(index);
  }

  /// A message that is ready, and as the how many-th.
  using Ready = std::pair<size_t, size_t>;
  using FirstReady = std::priority_queue<Ready, std::vector<Ready>, std::greater<Ready>>;

  void move(size_t index) { moveOrWait({moved++, index}); }

  /// A direction is free: of those that wait for it the first goes; one whose way is not free
  /// elsewhere waits there, and holds nobody up here.
  void moveAwaiting(size_t direction) {
    while (freeAt[direction] <= now && !awaiting[direction].empty()) {
      const Ready first = awaiting[direction].top();
      awaiting[direction].pop();
      moveOrWait(first);
    }
  }

  void moveOrWait(Ready ready) {
    const size_t index = ready.second;
    ScheduledMessage &message = messageOf(index);
    const Passage passage = timing.passage ? timing.passage(message) : Passage();
    for (const Hop &hop : passage.hops)
      for (size_t direction : {hop.out, hop.in})
        if (freeAt[direction] > now) {
          awaiting[direction].push(ready);
          return;
        }
    const int64_t inference = static_cast<int64_t>(index / schedule.messages.size());
    for (const Hop &hop : passage.hops)
      take(hop, inference == 0);
    const Nanoseconds left = saturatingSum(now, passage.busy()),
                      arrived = saturatingSum(left, passage.latency);
    record({Event::Kind::Transfer, inference, message.from,
            static_cast<int32_t>(index % schedule.messages.size()), nullptr, now, arrived});
    plan(Due::Left, index, left);
    plan(Due::Arrived, index, arrived);
  }

  void take(const Hop &hop, bool counts) {
    for (size_t direction : {hop.out, hop.in}) {
      if (hop.busy > 0) {
        freeAt[direction] = saturatingSum(now, hop.busy);
        plan(Due::Free, direction, freeAt[direction]);
      }
      if (counts)
        result.moving[direction] = saturatingSum(result.moving[direction], hop.busy);
    }
  }

  ClusterSchedule &schedule;
  const Timing &timing;
  const int64_t inferences, recorded;
  std::vector<Node> nodes;
  std::vector<State> states;        // by inference, then by message
  std::vector<Nanoseconds> freeAt;  // by direction
  std::vector<FirstReady> awaiting; // likewise
  size_t moved = 0;
  std::priority_queue<Due> queue;
  size_t planned = 0;
  Nanoseconds now = 0;
  EngineResult result;
};

/// Looks for the longest chain, a node after the other as far as what it needs is known.
class ChainFinder {
public:
  ChainFinder(ClusterSchedule &schedule, const Timing &timing)
      : schedule(schedule), timing(timing), sides(schedule.nodes.size()),
        sent(schedule.messages.size()) {}

  Nanoseconds find() {
    for (auto [rank, side] : llvm::enumerate(sides)) {
      side.needs = schedule.nodes[rank].dependencies();
      ready.push(rank);
    }
    for (; !ready.empty(); ready.pop())
      advance(ready.front());
    return longest;
  }

private:
  struct Side {
    std::vector<SmallVector<size_t, 2>> needs;
    std::vector<Nanoseconds> ends; // of the steps that are done
  };
  struct Sent {
    std::optional<Nanoseconds> left, arrived;
    bool awaited = false;
  };

  void advance(size_t rank) {
    const std::vector<Step> &steps = schedule.nodes[rank].steps;
    std::vector<Nanoseconds> &ends = sides[rank].ends;
    while (ends.size() < steps.size()) {
      const Step &step = steps[ends.size()];
      Nanoseconds end = 0;
      for (size_t need : sides[rank].needs[ends.size()])
        end = std::max(end, ends[need]);
      if (step.kind == Step::Kind::Compute && timing.compute)
        end = saturatingSum(end, timing.compute(static_cast<int64_t>(rank), step));
      if (step.kind == Step::Kind::Send) {
        end = saturatingSum(end, handling(rank, step));
        send(step.message, end);
      }
      if (step.waits()) {
        Sent &message = sent[step.message];
        if (!message.left) {
          message.awaited = true;
          return;
        }
        end = std::max(end, step.kind == Step::Kind::Flush ? *message.left : *message.arrived);
        if (step.kind == Step::Kind::Recv)
          end = saturatingSum(end, handling(rank, step));
      }
      longest = std::max(longest, end);
      ends.push_back(end);
    }
  }

  Nanoseconds handling(size_t rank, const Step &step) const {
    return timing.handling ? timing.handling(static_cast<int64_t>(rank), step) : Nanoseconds(0);
  }

  void send(int32_t index, Nanoseconds start) {
    Passage passage = timing.passage ? timing.passage(schedule.messages[index]) : Passage();
    Sent &message = sent[index];
    message.left = saturatingSum(start, passage.busy());
    message.arrived = saturatingSum(*message.left, passage.latency);
    if (message.awaited)
      ready.push(schedule.messages[index].to);
  }

  ClusterSchedule &schedule;
  const Timing &timing;
  std::vector<Side> sides;
  std::vector<Sent> sent;
  std::queue<size_t> ready;
  Nanoseconds longest = 0;
};

} // namespace

EngineResult disco::runSchedule(ClusterSchedule &schedule, const Timing &timing, int64_t inferences,
                                int64_t recorded) {
  return Engine(schedule, timing, inferences, recorded).run();
}

Nanoseconds disco::longestChain(ClusterSchedule &schedule, const Timing &timing) {
  return ChainFinder(schedule, timing).find();
}
