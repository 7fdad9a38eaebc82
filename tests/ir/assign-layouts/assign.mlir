// How the tensors of a shard lie: as the module's layout says where a kernel takes that, else by rows.
// RUN: %opt --disco-assign-layouts --mlir-print-local-scope --split-input-file %s | FileCheck %s

// Without a layout nothing changes.
// CHECK-LABEL: module @rows
// CHECK-NOT: lies
module @rows {
module @node0 attributes {disco.rank = 0 : i64} {
func.func @infer() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x4x8x8xf32, #disco.local<axis 1 : 0 to 3>>
  %a = disco.unary %x {act = #disco.act<relu>} : (tensor<1x4x8x8xf32, #disco.local<axis 1 : 0 to 3>>) -> tensor<1x4x8x8xf32, #disco.local<axis 1 : 0 to 3>>
  disco.output %a {name = "y", index = 0 : i64} : (tensor<1x4x8x8xf32, #disco.local<axis 1 : 0 to 3>>) -> ()
  return
}
}
}

// -----

// The input and the output lie by rows, the first is copied, and tensors that are no images stay so. One copy serves both readers; a send takes what is
// there, and a sum starts in the buffer of a tensor that lies alike only.
// CHECK-LABEL: module @last
module @last attributes {disco.layout = "nhwc"} {
module @node0 attributes {disco.rank = 0 : i64} {
func.func @infer() {
  // CHECK: disco.input {{.*}}#disco.local<axis 1 : 0 to 3>>
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x4x8x8xf32, #disco.local<axis 1 : 0 to 3>>
  // CHECK: %[[X:.*]] = disco.relayout {{.*}} -> tensor<1x4x8x8xf32, #disco.local<axis 1 : 0 to 3 lies #disco.physical<dims [0, 2, 3, 1]>>>
  // CHECK: %[[A:.*]] = disco.unary %[[X]] {{.*}} -> tensor<1x4x8x8xf32, #disco.local<axis 1 : 0 to 3 lies #disco.physical<dims [0, 2, 3, 1]>>>
  %a = disco.unary %x {act = #disco.act<relu>} : (tensor<1x4x8x8xf32, #disco.local<axis 1 : 0 to 3>>) -> tensor<1x4x8x8xf32, #disco.local<axis 1 : 0 to 3>>
  // CHECK: disco.send %[[A]]
  %s = disco.send %a {to = 1 : i64, message = 0 : i64, parts = [#disco.part<"a" : axis 1 : 1 to 2>]} : (tensor<1x4x8x8xf32, #disco.local<axis 1 : 0 to 3>>) -> !disco.message<512>
  // CHECK: %[[R:.*]] = disco.relayout %[[A]] {{.*}} -> tensor<1x4x8x8xf32, #disco.local<axis 1 : 0 to 3>>
  // CHECK: disco.rearrange %[[R]]
  %b = disco.rearrange %a {view = array<i64: 4, 64>, perm = array<i64: 0, 1>} : (tensor<1x4x8x8xf32, #disco.local<axis 1 : 0 to 3>>) -> tensor<4x64xf32, #disco.local<axis 0 : 0 to 3>>
  // CHECK: disco.reduce %[[R]] {{.*}} -> tensor<1x4x1x1xf32, #disco.local<axis 1 : 0 to 3>>
  %c = disco.reduce %a {kind = 0 : i32, axes = array<i64: 2, 3>, keepdims} : (tensor<1x4x8x8xf32, #disco.local<axis 1 : 0 to 3>>) -> tensor<1x4x1x1xf32, #disco.local<axis 1 : 0 to 3>>
  // CHECK-NOT: disco.relayout
  // CHECK: disco.output %[[R]]
  disco.output %a {name = "y", index = 0 : i64} : (tensor<1x4x8x8xf32, #disco.local<axis 1 : 0 to 3>>) -> ()
  return
}
}
}

// -----

// Channels that do not rise: the set of those that the node has still does.
// CHECK-LABEL: module @order
module @order attributes {disco.layout = "reversed"} {
module @node0 attributes {disco.rank = 0 : i64} {
func.func @infer() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x3x2x2xf32, #disco.local<axis 1 : 1, 4, 6>>
  // CHECK: -> tensor<1x3x2x2xf32, #disco.local<axis 1 : 1, 4, 6 lies #disco.physical<dims [0, 1, 2, 3] order 1 [2, 1, 0]>>>
  %a = disco.unary %x {act = #disco.act<relu>} : (tensor<1x3x2x2xf32, #disco.local<axis 1 : 1, 4, 6>>) -> tensor<1x3x2x2xf32, #disco.local<axis 1 : 1, 4, 6>>
  return
}
}
}

// -----

// As many channels a block as a vector of the node holds; what lies by rows anyway has no layout.
#target = #disco.target<arch = "x86-64", levels = ["x86-64-v3"], vector = 32, caches = [], clock = 0.0, cycles = {}>
// CHECK-LABEL: module @blocks
module @blocks attributes {disco.layout = "blocked", disco.nodes = 1 : i64, disco.cluster = #disco.cluster<
    nodes = [#disco.node<name = "n", address = "", listen = "", device = #target, hops = []>], links = []>} {
module @node0 attributes {disco.rank = 0 : i64} {
func.func @infer() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x9x2x2xf32, #disco.local<axis 1 : 0 to 8>>
  // CHECK: -> tensor<1x9x2x2xf32, #disco.local<axis 1 : 0 to 8 lies #disco.physical<dims [0, 1 by 8, 2, 3, 1] borders [2 : 1 + 1, 3 : 1 + 1] pitch [3 : 4]>>>
  %a = disco.unary %x {act = #disco.act<relu>} : (tensor<1x9x2x2xf32, #disco.local<axis 1 : 0 to 8>>) -> tensor<1x9x2x2xf32, #disco.local<axis 1 : 0 to 8>>
  return
}
}
}
