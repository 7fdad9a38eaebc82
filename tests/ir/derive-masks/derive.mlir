// A mask lists, for every ordered pair of nodes, the columns with a nonzero weight.
// RUN: %opt --disco-derive-masks --split-input-file %s | FileCheck %s

// By zeros: rows are outputs. Node 0 owns outputs 0 and 1 and inputs 0 and 1; of node 1's inputs it reads 3, in the second
// row. Node 1 reads nothing of node 0 (0.0 and -0.0 are both zero) and of its own inputs only 2: the diagonal is sparse too.
// CHECK-LABEL: func.func @zeros
module attributes {disco.nodes = 2 : i64} {
func.func @zeros(%x: tensor<1x4x1x1xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>) {
  %w = disco.constant dense<[[[[1.0]], [[1.0]], [[0.0]], [[0.0]]],
                             [[[0.0]], [[1.0]], [[0.0]], [[1.0]]],
                             [[[0.0]], [[0.0]], [[1.0]], [[0.0]]],
                             [[[0.0]], [[-0.0]], [[0.0]], [[0.0]]]]> : tensor<4x4x1x1xf32> : tensor<4x4x1x1xf32>
  // CHECK: disco.conv
  // CHECK-SAME: mask = [#disco.route<0 -> 0 : 0 to 1>, #disco.route<1 -> 0 : 3>, #disco.route<1 -> 1 : 2>]
  %y = disco.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x4x1x1xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>, tensor<4x4x1x1xf32>) -> tensor<1x4x1x1xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>
  return
}
}

// -----

// One nonzero tap of a kernel is enough. Owner maps may be scattered and differ between input and output.
// CHECK-LABEL: func.func @taps
module attributes {disco.nodes = 2 : i64} {
func.func @taps(%x: tensor<1x3x4xf32, #disco.owned<axis 1 : 0, 2 | 1>>) {
  %w = disco.constant dense<[[[0.0, 0.0], [0.0, 5.0], [0.0, 0.0]],
                             [[0.0, 0.0], [0.0, 0.0], [7.0, 0.0]]]> : tensor<2x3x2xf32> : tensor<2x3x2xf32>
  // CHECK: mask = [#disco.route<0 -> 0 : 2>, #disco.route<1 -> 1 : 1>]
  %y = disco.conv %x, %w {strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>, group = 1 : i64} : (tensor<1x3x4xf32, #disco.owned<axis 1 : 0, 2 | 1>>, tensor<2x3x2xf32>) -> tensor<1x2x3xf32, #disco.owned<axis 1 : 1 | 0>>
  return
}
}

// -----

// Matrices both ways round: with trans_b rows of the weights are outputs, else columns are.
// CHECK-LABEL: func.func @matrices
module attributes {disco.nodes = 2 : i64} {
func.func @matrices(%x: tensor<5x2xf32, #disco.owned<axis 1 : 0 | 1>>) {
  %w = disco.constant dense<[[1.0, 2.0], [0.0, 3.0]]> : tensor<2x2xf32> : tensor<2x2xf32>
  // Output 0 = x0 * 1 + x1 * 0, output 1 = x0 * 2 + x1 * 3.
  // CHECK: disco.matmul
  // CHECK-SAME: mask = [#disco.route<0 -> 0 : 0>, #disco.route<0 -> 1 : 0>, #disco.route<1 -> 1 : 1>]}
  %y = disco.matmul %x, %w : (tensor<5x2xf32, #disco.owned<axis 1 : 0 | 1>>, tensor<2x2xf32>) -> tensor<5x2xf32, #disco.owned<axis 1 : 0 | 1>>
  // Output 0 = x0 * 1 + x1 * 2, output 1 = x0 * 0 + x1 * 3.
  // CHECK: disco.matmul
  // CHECK-SAME: mask = [#disco.route<0 -> 0 : 0>, #disco.route<1 -> 0 : 1>, #disco.route<1 -> 1 : 1>], trans_b}
  %z = disco.matmul %x, %w {trans_b} : (tensor<5x2xf32, #disco.owned<axis 1 : 0 | 1>>, tensor<2x2xf32>) -> tensor<5x2xf32, #disco.owned<axis 1 : 0 | 1>>
  return
}
}

// -----

// Two groups over two nodes, maps not aligned with the groups: outputs 0 and 1 read channels 0 and 1, outputs 2 and 3 read
// 2 and 3. Node 0 has outputs 0 to 2, so it needs 2 and 3 of node 1 as well.
// CHECK-LABEL: func.func @groups
module attributes {disco.nodes = 2 : i64} {
func.func @groups(%x: tensor<1x4x1xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>) {
  %w = disco.constant dense<1.0> : tensor<4x2x1xf32> : tensor<4x2x1xf32>
  // CHECK: mask = [#disco.route<0 -> 0 : 0 to 1>, #disco.route<1 -> 0 : 2 to 3>, #disco.route<1 -> 1 : 2 to 3>]
  %y = disco.conv %x, %w {strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>, group = 2 : i64} : (tensor<1x4x1xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>, tensor<4x2x1xf32>) -> tensor<1x4x1xf32, #disco.owned<axis 1 : 0 to 2 | 3>>
  return
}
}

// -----

// A node without outputs reads nothing; one without inputs is read by nobody.
// CHECK-LABEL: func.func @empty
module attributes {disco.nodes = 3 : i64} {
func.func @empty(%x: tensor<1x2xf32, #disco.owned<axis 1 : 0 to 1 | | >>) {
  %w = disco.constant dense<1.0> : tensor<2x2xf32> : tensor<2x2xf32>
  // CHECK: mask = [#disco.route<0 -> 0 : 0 to 1>, #disco.route<0 -> 1 : 0 to 1>]
  %y = disco.matmul %x, %w : (tensor<1x2xf32, #disco.owned<axis 1 : 0 to 1 | | >>, tensor<2x2xf32>) -> tensor<1x2xf32, #disco.owned<axis 1 : 0 | 1 | >>
  return
}
}

// -----

// A stated mask that zeroes: forbidden columns are dropped, whatever their weights; pairs that it does not mention keep theirs.
// CHECK-LABEL: func.func @stated_zero
module attributes {disco.nodes = 2 : i64} {
func.func @stated_zero(%x: tensor<1x4xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>) {
  %w = disco.constant dense<1.0> : tensor<4x4xf32> : tensor<4x4xf32>
  // CHECK: disco.matmul %{{[^ ]+}}, %{{[^ ]+}} {mask = [#disco.route<0 -> 0 : 0 to 1>, #disco.route<1 -> 0 : 3>, #disco.route<0 -> 1 : 0 to 1>, #disco.route<1 -> 1 : 2 to 3>]}
  %y = disco.matmul %x, %w {disco.stated_mask = {zero, routes = [#disco.route<1 -> 0 : 3>]}} : (tensor<1x4xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>, tensor<4x4xf32>) -> tensor<1x4xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>
  return
}
}

// -----

// The same where pairs that are not mentioned read nothing.
// CHECK-LABEL: func.func @unlisted_empty
module attributes {disco.nodes = 2 : i64} {
func.func @unlisted_empty(%x: tensor<1x4xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>) {
  %w = disco.constant dense<1.0> : tensor<4x4xf32> : tensor<4x4xf32>
  // CHECK: disco.matmul %{{[^ ]+}}, %{{[^ ]+}} {mask = [#disco.route<1 -> 0 : 3>, #disco.route<1 -> 1 : 2>]}
  %y = disco.matmul %x, %w {disco.stated_mask = {zero, unlisted_empty, routes = [#disco.route<1 -> 0 : 3>, #disco.route<1 -> 1 : 2>]}} : (tensor<1x4xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>, tensor<4x4xf32>) -> tensor<1x4xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>
  return
}
}

// -----

// A stated mask that is checked and holds: what it allows but the weights do not use is not read.
// CHECK-LABEL: func.func @stated_check
module attributes {disco.nodes = 2 : i64} {
func.func @stated_check(%x: tensor<1x2xf32, #disco.owned<axis 1 : 0 | 1>>) {
  %w = disco.constant dense<[[1.0, 0.0], [0.0, 1.0]]> : tensor<2x2xf32> : tensor<2x2xf32>
  // CHECK: mask = [#disco.route<0 -> 0 : 0>, #disco.route<1 -> 1 : 1>]
  %y = disco.matmul %x, %w {disco.stated_mask = {routes = [#disco.route<1 -> 0 : 1>, #disco.route<0 -> 1 : >]}} : (tensor<1x2xf32, #disco.owned<axis 1 : 0 | 1>>, tensor<2x2xf32>) -> tensor<1x2xf32, #disco.owned<axis 1 : 0 | 1>>
  return
}
}

// -----

// A product of two computed tensors is no contraction: it has no mask.
// CHECK-LABEL: func.func @not_a_contraction
module attributes {disco.nodes = 1 : i64} {
func.func @not_a_contraction(%x: tensor<3x2x2xf32, #disco.owned<axis 0 : 0 to 2>>) {
  // CHECK: disco.matmul %{{[^ ]+}}, %{{[^ ]+}} : (
  %y = disco.matmul %x, %x : (tensor<3x2x2xf32, #disco.owned<axis 0 : 0 to 2>>, tensor<3x2x2xf32, #disco.owned<axis 0 : 0 to 2>>) -> tensor<3x2x2xf32, #disco.owned<axis 0 : 0 to 2>>
  return
}
}
