// Data movement made explicit: what each node lacks, traced back to the tensor that computed it.
// RUN: %opt --disco-insert-exchanges --split-input-file %s | FileCheck %s

// The example of the pass's description. Node 0 hands channels 0 and 3 to node 1; nothing goes back.
// CHECK-LABEL: func.func @masked
module attributes {disco.nodes = 2 : i64} {
func.func @masked(%x: tensor<1x8xf32, #disco.owned<axis 1 : 0 to 3 | 4 to 7>>) {
  %w = disco.constant dense<1.0> : tensor<8x8xf32> : tensor<8x8xf32>
  // CHECK: %[[R:.+]] = disco.exchange %[[X:.+]] routes [#disco.route<0 -> 1 : 0, 3>] {tensor = ""}
  // CHECK-SAME: -> tensor<1x8xf32, #disco.held<axis 1 :  | 0, 3>>
  // CHECK: %[[M:.+]] = disco.merge own %[[X]] remote(%[[R]]) {maps = [array<i64: 0, 0, 3, 3>]}
  // Node 0 reads its own channels 1 and 2, node 1 its own and what it received.
  // CHECK-SAME: -> tensor<1x8xf32, #disco.held<axis 1 : 1 to 2 | 0, 3 to 7>>
  // CHECK: disco.matmul %[[M]]
  %y = disco.matmul %x, %w {mask = [#disco.route<0 -> 0 : 1 to 2>, #disco.route<0 -> 1 : 0, 3>, #disco.route<1 -> 1 : 4 to 7>]} : (tensor<1x8xf32, #disco.owned<axis 1 : 0 to 3 | 4 to 7>>, tensor<8x8xf32>) -> tensor<1x8xf32, #disco.owned<axis 1 : 0 to 3 | 4 to 7>>
  return
}
}

// -----

// Nothing to move: no exchange.
// CHECK-LABEL: func.func @nothing
module attributes {disco.nodes = 2 : i64} {
func.func @nothing(%x: tensor<1x4xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>) {
  %w = disco.constant dense<1.0> : tensor<4x4xf32> : tensor<4x4xf32>
  // CHECK-NOT: disco.exchange
  // CHECK-NOT: disco.merge
  %y = disco.matmul %x, %w {mask = [#disco.route<0 -> 0 : 0 to 1>, #disco.route<1 -> 1 : 2 to 3>]} : (tensor<1x4xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>, tensor<4x4xf32>) -> tensor<1x4xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>
  %r = disco.unary %y {act = #disco.act<relu>} : (tensor<1x4xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>) -> tensor<1x4xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>
  return
}
}

// -----

// Two readers of one tensor: one exchange with the union, each channel once; each reader merges what it needs.
// CHECK-LABEL: func.func @two_readers
module attributes {disco.nodes = 2 : i64} {
func.func @two_readers(%x: tensor<1x4xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>) {
  %w = disco.constant dense<1.0> : tensor<4x4xf32> : tensor<4x4xf32>
  // CHECK: %[[R:.+]] = disco.exchange %{{.+}} routes [#disco.route<0 -> 1 : 0 to 1>]
  // CHECK-NOT: disco.exchange
  // CHECK: disco.merge {{.*}} remote(%[[R]]) {maps = [array<i64: 0, 0>]} {{.*}} -> tensor<1x4xf32, #disco.held<axis 1 : 0 to 1 | 0, 2 to 3>>
  %y = disco.matmul %x, %w {mask = [#disco.route<0 -> 0 : 0 to 1>, #disco.route<0 -> 1 : 0>, #disco.route<1 -> 1 : 2 to 3>]} : (tensor<1x4xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>, tensor<4x4xf32>) -> tensor<1x4xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>
  // CHECK: disco.merge {{.*}} remote(%[[R]]) {maps = [array<i64: 0, 0, 1, 1>]} {{.*}} -> tensor<1x4xf32, #disco.held<axis 1 : 0 to 1 | 0 to 3>>
  %z = disco.matmul %x, %w {mask = [#disco.route<0 -> 0 : 0 to 1>, #disco.route<0 -> 1 : 0 to 1>, #disco.route<1 -> 1 : 2 to 3>]} : (tensor<1x4xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>, tensor<4x4xf32>) -> tensor<1x4xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>
  return
}
}

// -----

// The feature that a reader of the concatenation and a reader of its operand both need travels once: the exchange is made of
// the operand, and the concatenation's reader takes channel 2 of it from the operand's channel 0.
// CHECK-LABEL: func.func @through_concat
module attributes {disco.nodes = 2 : i64} {
func.func @through_concat(%a: tensor<1x2xf32, #disco.owned<axis 1 : 0 | 1>>, %b: tensor<1x2xf32, #disco.owned<axis 1 : 0 | 1>>) {
  %w2 = disco.constant dense<1.0> : tensor<2x2xf32> : tensor<2x2xf32>
  %w4 = disco.constant dense<1.0> : tensor<4x2xf32> : tensor<4x2xf32>
  // CHECK: %[[R:.+]] = disco.exchange %arg1 routes [#disco.route<0 -> 1 : 0>]
  // CHECK-NOT: disco.exchange
  // CHECK: %[[C:.+]] = disco.concat
  %c = disco.concat %a, %b {axis = 1 : i64} : (tensor<1x2xf32, #disco.owned<axis 1 : 0 | 1>>, tensor<1x2xf32, #disco.owned<axis 1 : 0 | 1>>) -> tensor<1x4xf32, #disco.owned<axis 1 : 0, 2 | 1, 3>>
  // CHECK: disco.merge own %arg1 remote(%[[R]]) {maps = [array<i64: 0, 0>]}
  %y = disco.matmul %b, %w2 {mask = [#disco.route<0 -> 0 : 0>, #disco.route<0 -> 1 : 0>, #disco.route<1 -> 1 : 1>]} : (tensor<1x2xf32, #disco.owned<axis 1 : 0 | 1>>, tensor<2x2xf32>) -> tensor<1x2xf32, #disco.owned<axis 1 : 0 | 1>>
  // CHECK: disco.merge own %[[C]] remote(%[[R]]) {maps = [array<i64: 2, 0>]}
  // CHECK-SAME: -> tensor<1x4xf32, #disco.held<axis 1 : 0, 2 | 1 to 3>>
  %z = disco.matmul %c, %w4 {mask = [#disco.route<0 -> 0 : 0, 2>, #disco.route<0 -> 1 : 2>, #disco.route<1 -> 1 : 1, 3>]} : (tensor<1x4xf32, #disco.owned<axis 1 : 0, 2 | 1, 3>>, tensor<4x2xf32>) -> tensor<1x2xf32, #disco.owned<axis 1 : 0 | 1>>
  return
}
}

// -----

// A reader of a concatenation that needs channels of both operands gets them by two exchanges, of the operands.
// CHECK-LABEL: func.func @both_operands
module attributes {disco.nodes = 2 : i64} {
func.func @both_operands(%a: tensor<1x2xf32, #disco.owned<axis 1 : 0 | 1>>, %b: tensor<1x2xf32, #disco.owned<axis 1 : 0 | 1>>) {
  %w4 = disco.constant dense<1.0> : tensor<4x2xf32> : tensor<4x2xf32>
  // CHECK-DAG: %[[RA:.+]] = disco.exchange %arg0 routes [#disco.route<0 -> 1 : 0>]
  // CHECK-DAG: %[[RB:.+]] = disco.exchange %arg1 routes [#disco.route<0 -> 1 : 0>, #disco.route<1 -> 0 : 1>]
  // CHECK: disco.merge own %{{.+}} remote(%[[RA]], %[[RB]]) {maps = [array<i64: 0, 0>, array<i64: 2, 0, 3, 1>]}
  %c = disco.concat %a, %b {axis = 1 : i64} : (tensor<1x2xf32, #disco.owned<axis 1 : 0 | 1>>, tensor<1x2xf32, #disco.owned<axis 1 : 0 | 1>>) -> tensor<1x4xf32, #disco.owned<axis 1 : 0, 2 | 1, 3>>
  %z = disco.matmul %c, %w4 {mask = [#disco.route<0 -> 0 : 0, 2>, #disco.route<1 -> 0 : 3>, #disco.route<0 -> 1 : 0, 2>, #disco.route<1 -> 1 : 1, 3>]} : (tensor<1x4xf32, #disco.owned<axis 1 : 0, 2 | 1, 3>>, tensor<4x2xf32>) -> tensor<1x2xf32, #disco.owned<axis 1 : 0 | 1>>
  return
}
}

// -----

// Through a channel shuffle (0 2 1 3: channel 1 of the result is channel 2 of x) and a slice.
// CHECK-LABEL: func.func @through_shuffle
module attributes {disco.nodes = 2 : i64} {
func.func @through_shuffle(%x: tensor<1x4x2xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>) {
  %w = disco.constant dense<1.0> : tensor<2x2x1xf32> : tensor<2x2x1xf32>
  // CHECK: %[[R:.+]] = disco.exchange %arg0 routes [#disco.route<0 -> 1 : 1>]
  %s = disco.rearrange %x {view = array<i64: 1, 2, 2, 2>, perm = array<i64: 0, 2, 1, 3>} : (tensor<1x4x2xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>) -> tensor<1x4x2xf32, #disco.owned<axis 1 : 0, 2 | 1, 3>>
  %h = disco.slice %s {starts = array<i64: 0, 2, 0>, steps = array<i64: 1, 1, 1>} : (tensor<1x4x2xf32, #disco.owned<axis 1 : 0, 2 | 1, 3>>) -> tensor<1x2x2xf32, #disco.owned<axis 1 : 0 | 1>>
  // Channel 0 of the slice is channel 2 of the shuffled tensor, which is channel 1 of x.
  // CHECK: disco.merge own %{{.+}} remote(%[[R]]) {maps = [array<i64: 0, 1>]}
  %y = disco.conv %h, %w {mask = [#disco.route<0 -> 0 : 0>, #disco.route<0 -> 1 : 0>, #disco.route<1 -> 1 : 1>], strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>, group = 1 : i64} : (tensor<1x2x2xf32, #disco.owned<axis 1 : 0 | 1>>, tensor<2x2x1xf32>) -> tensor<1x2x2xf32, #disco.owned<axis 1 : 0 | 1>>
  return
}
}

// -----

// A slice that also cuts space changes the feature: it travels after the cut, and is smaller.
// CHECK-LABEL: func.func @cut_in_space
module attributes {disco.nodes = 2 : i64} {
func.func @cut_in_space(%x: tensor<1x4x4xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>) {
  %w = disco.constant dense<1.0> : tensor<2x4x1xf32> : tensor<2x4x1xf32>
  // CHECK: %[[H:.+]] = disco.slice
  // CHECK-NEXT: disco.exchange %[[H]] routes [#disco.route<0 -> 1 : 0>] {{.*}} -> tensor<1x4x2xf32, #disco.held<axis 1 :  | 0>>
  %h = disco.slice %x {starts = array<i64: 0, 0, 1>, steps = array<i64: 1, 1, 1>} : (tensor<1x4x4xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>) -> tensor<1x4x2xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>
  %y = disco.conv %h, %w {mask = [#disco.route<0 -> 0 : 0 to 1>, #disco.route<0 -> 1 : 0>, #disco.route<1 -> 1 : 2 to 3>], strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>, group = 1 : i64} : (tensor<1x4x2xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>, tensor<2x4x1xf32>) -> tensor<1x2x2xf32, #disco.owned<axis 1 : 0 | 1>>
  return
}
}

// -----

// The model's input is the root's: handing it out is marked, as is handing the output in. Node 1 reads channel 0 only.
// CHECK-LABEL: func.func @borders
module attributes {disco.nodes = 2 : i64} {
func.func @borders() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x2xf32, #disco.owned<axis 1 : 0 to 1 | >>
  %w = disco.constant dense<1.0> : tensor<2x2xf32> : tensor<2x2xf32>
  // CHECK: disco.exchange %{{.+}} routes [#disco.route<0 -> 1 : 0>] {root, tensor = "x"}
  // CHECK: %[[Y:.+]] = disco.matmul
  // CHECK-NEXT: %[[R:.+]] = disco.exchange %[[Y]] routes [#disco.route<1 -> 0 : 1>] {root, tensor = "y"}
  // CHECK-NEXT: %[[M:.+]] = disco.merge own %[[Y]] remote(%[[R]]) {{.*}} -> tensor<1x2xf32, #disco.held<axis 1 : 0 to 1 | >>
  // CHECK-NEXT: disco.output %[[M]]
  %y = disco.matmul %x, %w {disco.tensor = "y", mask = [#disco.route<0 -> 0 : 0 to 1>, #disco.route<0 -> 1 : 0>]} : (tensor<1x2xf32, #disco.owned<axis 1 : 0 to 1 | >>, tensor<2x2xf32>) -> tensor<1x2xf32, #disco.owned<axis 1 : 0 | 1>>
  disco.output %y {name = "y", index = 0 : i64} : (tensor<1x2xf32, #disco.owned<axis 1 : 0 | 1>>) -> ()
  return
}
}

// -----

// An output that is also read inside: what the root received to compute with is not handed in again.
// CHECK-LABEL: func.func @output_read_inside
module attributes {disco.nodes = 2 : i64} {
func.func @output_read_inside(%x: tensor<1x4xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>) {
  %w = disco.constant dense<1.0> : tensor<4x2xf32> : tensor<4x2xf32>
  %x1 = disco.unary %x {act = #disco.act<relu>, disco.tensor = "x1"} : (tensor<1x4xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>) -> tensor<1x4xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>
  // CHECK: %[[A:.+]] = disco.exchange %{{.+}} routes [#disco.route<1 -> 0 : 2>] {tensor = "x1"}
  // CHECK-NEXT: %[[B:.+]] = disco.exchange %{{.+}} routes [#disco.route<1 -> 0 : 3>] {root, tensor = "x1"}
  %y = disco.matmul %x1, %w {mask = [#disco.route<0 -> 0 : 0 to 1>, #disco.route<1 -> 0 : 2>, #disco.route<1 -> 1 : 2 to 3>]} : (tensor<1x4xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>, tensor<4x2xf32>) -> tensor<1x2xf32, #disco.owned<axis 1 : 0 | 1>>
  // CHECK: disco.merge own %{{.+}} remote(%[[A]], %[[B]]) {maps = [array<i64: 2, 2>, array<i64: 3, 3>]}
  // CHECK-NEXT: disco.output
  disco.output %x1 {name = "x1", index = 0 : i64} : (tensor<1x4xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>) -> ()
  return
}
}

// -----

// Maps that differ between an op and its operand (stated ones): the difference travels, whatever the op.
// CHECK-LABEL: func.func @reshard
module attributes {disco.nodes = 2 : i64} {
func.func @reshard(%x: tensor<1x4xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>) {
  // CHECK: disco.exchange %arg0 routes [#disco.route<0 -> 1 : 1>, #disco.route<1 -> 0 : 2>]
  // CHECK: disco.merge {{.*}} -> tensor<1x4xf32, #disco.held<axis 1 : 0, 2 | 1, 3>>
  %r = disco.unary %x {act = #disco.act<relu>} : (tensor<1x4xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>) -> tensor<1x4xf32, #disco.owned<axis 1 : 0, 2 | 1, 3>>
  return
}
}

// -----

// Softmax on a whole tensor: the root gathers; a broadcast operand that is not divided along its result is needed whole.
// CHECK-LABEL: func.func @whole
module attributes {disco.nodes = 2 : i64} {
func.func @whole(%x: tensor<1x4xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>) {
  // CHECK: disco.exchange %arg0 routes [#disco.route<1 -> 0 : 2 to 3>]
  // CHECK: %[[S:.+]] = disco.softmax
  // The whole tensor has one pretended channel.
  // CHECK-NEXT: disco.exchange %[[S]] routes [#disco.route<0 -> 1 : 0>] {{.*}} -> tensor<1x4xf32, #disco.held<whole :  | 0>>
  %s = disco.softmax %x {axis = 1 : i64, count = 1 : i64} : (tensor<1x4xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>) -> tensor<1x4xf32, #disco.owned<whole : 0 | >>
  %y = disco.binary %x, %s {kind = 0 : i32} : (tensor<1x4xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>, tensor<1x4xf32, #disco.owned<whole : 0 | >>) -> tensor<1x4xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>
  return
}
}

// -----

// For the report each reader notes what a dense mask would have brought it: node 1 the two channels of node 0, 4 bytes each,
// and the other way round. The masked program moves one channel.
// CHECK-LABEL: func.func @dense_baseline
module attributes {disco.nodes = 2 : i64} {
func.func @dense_baseline(%x: tensor<1x4xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>) {
  %w = disco.constant dense<1.0> : tensor<4x4xf32> : tensor<4x4xf32>
  // CHECK: disco.matmul {{.*}}disco.dense_bytes = 16 : i64, disco.dense_messages = 2 : i64
  %y = disco.matmul %x, %w {mask = [#disco.route<0 -> 0 : 0 to 1>, #disco.route<0 -> 1 : 0>, #disco.route<1 -> 1 : 2 to 3>]} : (tensor<1x4xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>, tensor<4x4xf32>) -> tensor<1x4xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>
  return
}
}

// -----

// What the root only puts together for an output is handed in, and counts as such.
// CHECK-LABEL: func.func @put_together
module attributes {disco.nodes = 2 : i64} {
func.func @put_together(
    %a: tensor<1x2x4x4xf32, #disco.owned<axis 1 : 0 | 1>>,
    %b: tensor<1x2x4x4xf32, #disco.owned<axis 2 : 0 to 1 | 2 to 3>>) {
  // CHECK-COUNT-2: disco.exchange {{.*}}{root,
  // CHECK: disco.concat {{.*}}#disco.owned<whole
  %c = disco.concat %a, %b {axis = 1 : i64} : (tensor<1x2x4x4xf32, #disco.owned<axis 1 : 0 | 1>>, tensor<1x2x4x4xf32, #disco.owned<axis 2 : 0 to 1 | 2 to 3>>) -> tensor<1x4x4x4xf32, #disco.owned<whole : 0 | >>
  disco.output %c {name = "c", index = 0 : i64} : (tensor<1x4x4x4xf32, #disco.owned<whole : 0 | >>) -> ()
  return
}
}

// -----

// The output goes to the node that returns it, which is another than the one that is given the input.
// CHECK-LABEL: func.func @apart
module attributes {disco.nodes = 3 : i64, disco.root = 1 : i64, disco.output_at = 2 : i64} {
func.func @apart() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x4xf32, #disco.owned<axis 1 : | 0 to 3 | >>
  // CHECK: disco.unary
  %y = disco.unary %x {act = #disco.act<relu>, disco.tensor = "y"} : (tensor<1x4xf32, #disco.owned<axis 1 : | 0 to 3 | >>) -> tensor<1x4xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3 | >>
  // CHECK: disco.exchange %{{.+}} routes [#disco.route<0 -> 2 : 0 to 1>, #disco.route<1 -> 2 : 2 to 3>] {root, tensor = "y"}
  disco.output %y {name = "y", index = 0 : i64} : (tensor<1x4xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3 | >>) -> ()
  return
}
}
