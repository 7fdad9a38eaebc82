//===- Passes.td - the passes of discoc -----------------------------------===//
// SPDX-License-Identifier: Apache-2.0
//
// In the order in which they run; at the end what is for people and tests. A pass is one entry here and one file, named like
// its class.
#ifndef DISCO_PASSES_TD
#define DISCO_PASSES_TD

include "mlir/Pass/PassBase.td"

def Simplify : Pass<"disco-simplify", "mlir::ModuleOp"> {
  let summary = "fold constants and fuse what a kernel does at once";
  let description = [{
    Folds shape arithmetic and every other op on constants, and rewrites greedily until nothing changes:
    affine ops on channels (what batch normalisation is imported as) move into the weights of the contraction before
    them, `x * sigmoid(x)` and `x * hard_sigmoid(x)` become one function, chains of rearrangements become one (a
    channel shuffle is reshape, transpose, reshape), what stands between dequantize and quantize becomes integer arithmetic
    (contractions, averages, sums and products; functions of one tensor of 8 bits become tables), zero padding moves into a convolution, zeros between its taps become its dilation, scalar functions
    and residual adds become epilogues of the contraction that makes their operand, and the statistics of groups of channels that
    owners would share unevenly (GroupNorm, reshaped to groups and back) are made of the statistics of single channels.

    Before:
    ```mlir
    %y = disco.conv %x, %w ...
    %z = disco.binary %y, %scale {kind = mul} ...
    %a = disco.unary %z {act = #disco.act<relu>} ...
    ```
    After:
    ```mlir
    %a = disco.conv %x, %scaled_w {act = #disco.act<relu>} ...
    ```
  }];
}

def AssignOwners : Pass<"disco-assign-owners", "mlir::ModuleOp"> {
  let summary = "give every tensor its owner map";
  let description = [{
    A strategy (`disco.strategy`, `greedy` by default) proposes axis and owners of every tensor; where `disco.plan` states them, they are taken from there.
    `disco.owner_map` says by which default map (docs/formats/owners.md) `greedy` deals channels; without it that is map 1, but for stated masks
    that only map 2 fits.
    Stated maps (`disco.owners`) hold under every strategy, and inputs of the model belong to the root.

    `greedy`: first every tensor gets the axis along which it is divided: that of the contraction's outputs where one makes
    it, else the axis to which the division rules of its producer and readers lead with the least traffic.
    Then the channels of all tensors are tied: two channels are tied when a rule says that one is computed
    from the other alone (elementwise ops, residual adds, concatenations, shuffles, flattening, aligned
    groups). A class of tied channels stays on one node, so that nothing in between has to travel.
    Stated maps fix their classes. Then, in program order, the classes of each
    contraction's outputs that have no owner yet are dealt contiguously and as equally as their sizes
    allow, the first nodes taking the larger share; then those of the other tensors. Inputs of the
    model, and what is computed from them alone on the way to a contraction, belong to the root.

    Before: `tensor<1x8x16x16xf32>`, after: `tensor<1x8x16x16xf32, #disco.owned<axis 1 : 0 to 3 | 4 to 7>>`.
  }];
  let statistics = [Statistic<"numTensors", "tensors", "tensors with an owner map">,
                    Statistic<"numUndivided", "undivided", "tensors that no rule divides">];
}

def DivideReductions : Pass<"disco-divide-reductions", "mlir::ModuleOp"> {
  let summary = "exchange statistics where a reduction runs over divided channels";
  let description = [{
    A reduction, or a softmax, over the axis along which its operand is divided becomes: every owner's statistic of its own
    channels, what the others know in rank order, and the merging of all that, which every node does (replicated). A mean and
    the variance around it (LayerNorm, GroupNorm) travel together: the variances of parts are merged as
    Chan, Golub and LeVeque do (Updating formulae and a pairwise algorithm for computing sample variances, 1979).

    Before, x divided over two nodes along axis 2:
    ```mlir
    %m = disco.reduce %x {kind = 0 : i32, axes = array<i64: 2>, keepdims} : ... -> tensor<1x5x1xf32, #disco.owned<whole : 0 | 0>>
    ```
    After:
    ```mlir
    %a = disco.select %x {axis = 2, indices = ...} : ... -> tensor<1x5x4xf32, #disco.owned<axis 2 : 0 to 3 | >>
    %b = disco.reduce %a {...} : ... -> tensor<1x5x1xf32, #disco.owned<whole : 0 | >>
    ... // and node 1's
    %c = disco.concat %b, %d {axis = 0} : ... -> tensor<2x5x1xf32, #disco.owned<whole : 0 | 0>>
    ```
  }];
  let statistics = [Statistic<"numReductions", "reductions", "reductions over a divided axis">];
}

def DeriveMasks : Pass<"disco-derive-masks", "mlir::ModuleOp"> {
  let summary = "find which channels of each node every node reads";
  let description = [{
    The mask of a contraction from node p to node q is the set of nonzero columns of `W[O_q, I_p]`. A stated mask
    (`disco.stated_mask`) either zeroes the other columns, or is checked against the weights: a nonzero weight that
    it forbids is an error.

    After: `disco.conv ... {mask = [#disco.route<0 -> 0 : 0 to 3>, #disco.route<0 -> 1 : 0, 3>, ...]}`.
  }];
  let statistics = [Statistic<"numContractions", "contractions", "contractions with a mask">,
                    Statistic<"numMaskedColumns", "masked-columns", "off-diagonal columns that no message carries">];
}

def ChoosePartialSums : Pass<"disco-choose-partial-sums", "mlir::ModuleOp"> {
  let summary = "let nodes add for each other where that moves fewer bytes, or takes less time";
  let description = [{
    What node p owns of a contraction's input reaches the outputs of node q as features, or as the sum that p makes of them: an
    addend of the outputs that q owns. Of every feature and every contraction of q that reads it one has to pay; the cheapest choice is
    a minimum-weight vertex cover of that bipartite graph (over the whole program: a feature that travels for one reader is there for
    all; a contraction is divided by inputs between all pairs of nodes or none, so that work stays balanced). With dense masks this is
    "the cheaper of inputs and partial sums". Where the cluster states the bandwidth of every pair's way a vertex weighs the time of its
    messages, latency included; else it weighs bytes.

    Before, node 1 reads 48 features for 4 outputs:
    ```mlir
    %y = disco.matmul %x, %w {act = #disco.act<relu>, mask = [..., #disco.route<0 -> 1 : 0 to 47>]}
    ```
    After:
    ```mlir
    %a = disco.matmul %x, %rows {mask = [#disco.route<0 -> 0 : 0 to 47>]} : ... -> tensor<1x4xf32, #disco.owned<axis 1 : 0 to 3 | >>
    %b = disco.matmul %x, %w {mask = [...]}
    %y = disco.accumulate %b, %a {axis = 1, rows = [#disco.set<4 to 7>], act = #disco.act<relu>}
    ```
    A module with `disco.features_only` is left as it is; in one with `disco.exact_order` only integers are summed so.
  }];
  let statistics = [Statistic<"numContractions", "contractions", "contractions with addends from other nodes">,
                    Statistic<"numAddends", "addends", "addends that travel">];
}

def InsertExchanges : Pass<"disco-insert-exchanges", "mlir::ModuleOp"> {
  let summary = "make data movement between nodes explicit";
  let description = [{
    From the division rules and masks follows what each node needs of each operand. What it does not own
    is traced back through ops that only rename channels (concatenations, slices, shuffles) to the tensor that computed it, and one
    `disco.exchange` after that tensor's op carries the union of what all readers of a node need, so
    that a feature travels once. A `disco.merge` before the reader joins what the node owns and what it received.
    What was dequantised with one scale travels as the integers that it was, and is dequantised again where it arrives. What was normalised
    with statistics that all nodes merged travels as it was before, behind the statistics, and is normalised again where it arrives: so it does not
    have to wait for them.

    Before:
    ```mlir
    %y = disco.conv %x, %w {mask = [..., #disco.route<0 -> 1 : 0, 3>]}
    ```
    After:
    ```mlir
    %r = disco.exchange %x routes [#disco.route<0 -> 1 : 0, 3>]
    %h = disco.merge own %x remote(%r)
    %y = disco.conv %h, %w {mask = [...]}
    ```
  }];
  let statistics = [Statistic<"numExchanges", "exchanges", "exchanges">, Statistic<"numRoutes", "routes", "routes">];
}

def SplitIntoShards : Pass<"disco-split-into-shards", "mlir::ModuleOp"> {
  let summary = "make one module a node, with local shapes";
  let description = [{
    Each node gets a module in which every op has the shapes that it really has there, built by the ops' `localize`.
    Exchanges become `disco.send`, `disco.post` and `disco.recv`, matched one to one. Contractions become a sum
    of parts, the own one first; the weights of each part are a view of the constant: only its rows and columns are
    stored. A node with no channel of a tensor has no op, no weights and no route for it.

    Before: the exchange and convolution of `disco-insert-exchanges`; after, on node 1:
    ```mlir
    %b = disco.post {from = 0, message = 7} : () -> !disco.message<2048>
    %m = disco.recv %b {parts = [#disco.part<"x" : axis 1 : 0, 3>]}
    %a = disco.conv %x, %w_own
    %y = disco.conv %m, %w_remote init %a {act = #disco.act<relu>}
    ```
  }];
}

def Schedule : Pass<"disco-schedule", "mlir::ModuleOp"> {
  let summary = "order sending, receiving and computing in every shard";
  let description = [{
    Waits for messages, and what is made of them alone, sink to just before the first op that reads them, so that the own part of a contraction runs
    while the rest is on its way. Sends of one pair of nodes between which the sender computes nothing become one message. A
    `disco.flush` is put before the next send to the same node and at the end: one send to a node is under way at a time.
    Posts stay where the data is made on the other side: a receive buffer is open, and takes room, from there on. With several
    inferences in flight (`disco.in_flight`) all posts come first.
    Where a shard needs less memory by it, all readers of a message run behind the first one, which frees its buffer.
    On hosts the rows of a contraction that are sent run before the others, where enough is left behind the send.

    Before, on the sender and on the receiver:
    ```mlir
    %s = disco.send %x {to = 1, message = 4}
    %t = disco.send %y {to = 1, message = 5}

    %p = disco.post {from = 0, message = 4}
    %m = disco.recv %p
    %q = disco.post {from = 0, message = 5}
    %n = disco.recv %q
    %a = disco.conv %own, %w_own
    %b = disco.conv %m, %w_remote init %a
    ```
    After:
    ```mlir
    %s = disco.send %x, %y {to = 1, message = 4}
    ...
    disco.flush %s

    %p = disco.post {from = 0, message = 4}
    %a = disco.conv %own, %w_own
    %m, %n = disco.recv %p
    %b = disco.conv %m, %w_remote init %a
    ```
  }];
  let statistics = [Statistic<"numMessages", "messages", "messages of one inference">,
                    Statistic<"numMerged", "merged", "messages merged into another">,
                    Statistic<"savedBytes", "saved-bytes", "live bytes less, over all shards, by gathering readers">];
}

def CheckSchedule : Pass<"disco-check-schedule", "mlir::ModuleOp"> {
  let summary = "prove that the shards exchange what they should and never wait for each other in a circle";
  let description = [{
    Checks that every message has one sender and one receiver that agree on its parts and size; that messages of a pair
    are posted in the order in which they are sent; that every contraction reads the channels for which its
    weights are; and that inferences back to back end, one more than may be in flight. With several in flight, also that all posts come
    first, and that no node sends before something tells it of an inference. That they end is shown by the engine that also computes the times of
    reports (`passes/EventEngine.h`), in its model without times: links store nothing, a send ends only when its receiver has
    posted the buffer, and a node that waits keeps receiving. When offsets are planned
    already, also that no two buffers that live at the same time share a byte, that nothing lives past the end of an inference, and
    that the arena is at most 1.25 times the largest sum of live bytes. A fault is an error that names the message or the op:
    ```
    error: message 1 is sent by node 0, but no node posts a buffer for it
    error: the schedule deadlocks: node 0 waits for node 1 (message 0) node 1 waits for node 0 (message 1)
    error: its buffer overlaps one that is still in use
    ```
    The program is not changed.
  }];
}

def PrintSchedule : Pass<"disco-print-schedule", "mlir::ModuleOp"> {
  let summary = "print what every node does, step by step";
  let description = [{
    Prints the schedule of a split module to standard output: the steps of every node in the order in which they run, the
    steps of the same node that each needs, and from which step to which a buffer is alive.
    ```
    1 in flight
    node 0: 3 steps
      0 compute conv1, 4096 MACs
      1 send message 0 to node 1, 256 bytes, after 0
      2 flush message 0, after 1
      1024 bytes, steps 0 to 2
    ```
    The program is not changed.
  }];
}

def AssignLayouts : Pass<"disco-assign-layouts", "mlir::ModuleOp"> {
  let summary = "say how every tensor of a shard lies in memory";
  let description = [{
    By rows, unless `disco.layout` names another layout, which is asked for each tensor: where a kernel computes the op that makes it so
    (`takesLayouts`), the tensor gets it. An op that no kernel computes on its operands as they lie reads copies by rows, one for all that
    read one; and what takes others reads a copy of an input that lies so. Messages, inputs and outputs lie by rows always.

    Before: `tensor<1x4x8x8xf32, #disco.local<axis 1 : 0 to 3>>`, after, in a module with `disco.layout = "nhwc"`:
    `tensor<1x4x8x8xf32, #disco.local<axis 1 : 0 to 3 lies #disco.physical<dims [0, 2, 3, 1]>>>`.
  }];
  let statistics = [Statistic<"numAssigned", "assigned", "tensors that do not lie by rows">,
                    Statistic<"numRelayouts", "relayouts", "copies that lie otherwise">];
}

def ChooseKernels : Pass<"disco-choose-kernels", "mlir::ModuleOp"> {
  let summary = "say which kernel computes each op that several could";
  let description = [{
    Asks every op of every shard which kernels can compute it on that node (`getKernelChoices`: name, cost, scratch bytes, packing of the weights) and takes the
    one of the least cost, of equal ones the first. What is chosen is written on the op, and emitted as it stands there; the packing that it wants
    on its weights, or on a copy of them where another op reads them too.

    Before, and after, a depthwise convolution:
    ```mlir
    %y = disco.conv %x, %w {group = 8 : i64, ...}
    %y = disco.conv %x, %w {disco.kernel = #disco.kernel<name = "conv_planes", scratch = 2604>, group = 8 : i64, ...}
    ```
  }];
  let statistics = [Statistic<"numChosen", "chosen", "ops whose kernel was chosen">];
}

def PlanMemory : Pass<"disco-plan-memory", "mlir::ModuleOp"> {
  let summary = "give every buffer an offset in one static arena";
  let description = [{
    Values that share storage (parts of a message, views, in-place functions, running sums) form one buffer. A buffer lives from its
    first definition to its last use; a receive buffer from its post, a send buffer to its flush; the scratch memory of a kernel while its op
    runs. Buffers are placed at the
    lowest free offset, in the best of a few orders; where more than an eighth would be wasted, the buffer on top is moved to the front
    of the order, over and over. Adds `disco.offsets` to ops (those of results, then that of scratch memory) and `disco.arena_bytes`
    and `disco.live_bytes` (the largest sum of live bytes, a lower bound) to the shard's module.

    Before:
    ```mlir
    %a = disco.conv %x, %w : ... -> tensor<1x4x16x16xf32>
    %b = disco.unary %a {act = #disco.act<exp>}
    ```
    After: the function works in place.
    ```mlir
    %a = disco.conv %x, %w {disco.offsets = array<i64: 0>}
    %b = disco.unary %a {act = #disco.act<exp>, disco.offsets = array<i64: 0>}
    ```
  }];
}

def PrintDivisions : Pass<"disco-print-divisions", "mlir::ModuleOp"> {
  let summary = "write the division rule of every op beside it";
  let description = [{
    For each axis of the result along which the op can be divided, what a node that computes some of its indices needs of each
    operand: all of it, the indices of an axis that a relation names, or the columns that a mask names. Several ways are joined by `or`;
    `following`: only where the operand is divided along that axis. No stage reads this text, and it is no stage itself.

    ```mlir
    %y = disco.matmul %x, %w {disco.division = "1 = (contracted 1, 1 same)"}
    ```
  }];
}

#endif // DISCO_PASSES_TD
