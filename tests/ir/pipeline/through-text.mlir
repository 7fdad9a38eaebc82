// Each pass in a process of its own, through text, gives what the whole pipeline gives. The model: a residual block with a
// masked convolution, a grouped one, a shuffle, a concatenation and a classifier, for three nodes.
// Locations are part of the text: layers are told apart by their ops' names.
// RUN: discoc-opt --disco-pipeline --mlir-print-debuginfo %s > %t.whole
// RUN: discoc-opt --disco-simplify --mlir-print-debuginfo %s | discoc-opt --disco-assign-owners --mlir-print-debuginfo \
// RUN:   | discoc-opt --disco-divide-reductions --mlir-print-debuginfo | discoc-opt --disco-derive-masks --mlir-print-debuginfo | discoc-opt --disco-choose-partial-sums --mlir-print-debuginfo | discoc-opt --disco-insert-exchanges --mlir-print-debuginfo \
// RUN:   | discoc-opt --disco-split-into-shards --mlir-print-debuginfo | discoc-opt --disco-schedule --mlir-print-debuginfo \
// RUN:   | discoc-opt --disco-check-schedule --mlir-print-debuginfo | discoc-opt --disco-assign-layouts --mlir-print-debuginfo | discoc-opt --disco-choose-kernels --mlir-print-debuginfo | discoc-opt --disco-plan-memory --mlir-print-debuginfo \
// RUN:   | discoc-opt --disco-check-schedule --mlir-print-debuginfo > %t.parts
// RUN: diff %t.whole %t.parts
// RUN: FileCheck %s < %t.whole

// A planned shard for each node, with its arena; the root has the borders.
// CHECK: module @node0 attributes {disco.arena_bytes = {{[1-9]}}
// CHECK: disco.input
// CHECK: disco.output
// CHECK: module @node1 attributes {disco.arena_bytes = {{[1-9]}}
// CHECK-NOT: disco.input
// CHECK-NOT: disco.output
// CHECK: module @node2 attributes {disco.arena_bytes = {{[1-9]}}
module attributes {disco.nodes = 3 : i64} {
func.func @main() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x3x4x4xf32> loc("x")
  %w0 = disco.constant dense<0.5> : tensor<6x3x3x3xf32> : tensor<6x3x3x3xf32>
  %w1 = disco.constant dense<[[[[1.0]], [[0.0]], [[0.0]], [[2.0]], [[0.0]], [[0.0]]], [[[0.0]], [[1.0]], [[0.0]], [[0.0]], [[0.0]], [[0.0]]],
                              [[[0.0]], [[0.0]], [[1.0]], [[0.0]], [[0.0]], [[3.0]]], [[[0.0]], [[0.0]], [[0.0]], [[1.0]], [[0.0]], [[0.0]]],
                              [[[0.0]], [[7.0]], [[0.0]], [[0.0]], [[1.0]], [[0.0]]], [[[0.0]], [[0.0]], [[0.0]], [[0.0]], [[0.0]], [[1.0]]]]> : tensor<6x6x1x1xf32> : tensor<6x6x1x1xf32>
  %wg = disco.constant dense<0.25> : tensor<6x3x1x1xf32> : tensor<6x3x1x1xf32>
  %wf = disco.constant dense<0.125> : tensor<12x5xf32> : tensor<12x5xf32>
  %scale = disco.constant dense<2.0> : tensor<6x1x1xf32> : tensor<6x1x1xf32>
  %a = disco.conv %x, %w0 {disco.tensor = "a", strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x3x4x4xf32>, tensor<6x3x3x3xf32>) -> tensor<1x6x4x4xf32> loc(fused<"Conv, opset 13">["conv_a"])
  %s = disco.binary %a, %scale {kind = 2 : i32, disco.tensor = "s"} : (tensor<1x6x4x4xf32>, tensor<6x1x1xf32>) -> tensor<1x6x4x4xf32> loc(fused<"Mul, opset 13">["mul"])
  %b = disco.conv %s, %w1 {disco.tensor = "b", strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x6x4x4xf32>, tensor<6x6x1x1xf32>) -> tensor<1x6x4x4xf32> loc(fused<"Conv, opset 13">["conv_b"])
  %r = disco.binary %b, %s {kind = 0 : i32, disco.tensor = "r"} : (tensor<1x6x4x4xf32>, tensor<1x6x4x4xf32>) -> tensor<1x6x4x4xf32> loc(fused<"Add, opset 13">["add"])
  %h = disco.rearrange %r {disco.tensor = "h", view = array<i64: 1, 2, 3, 4, 4>, perm = array<i64: 0, 2, 1, 3, 4>} : (tensor<1x6x4x4xf32>) -> tensor<1x6x4x4xf32> loc(fused<"Transpose, opset 13">["shuffle"])
  %g = disco.conv %h, %wg {disco.tensor = "g", strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 2 : i64} : (tensor<1x6x4x4xf32>, tensor<6x3x1x1xf32>) -> tensor<1x6x4x4xf32> loc(fused<"Conv, opset 13">["conv_g"])
  %c = disco.concat %g, %r {axis = 1 : i64, disco.tensor = "c"} : (tensor<1x6x4x4xf32>, tensor<1x6x4x4xf32>) -> tensor<1x12x4x4xf32> loc(fused<"Concat, opset 13">["concat"])
  %p = disco.reduce %c {kind = 0 : i32, axes = array<i64: 2, 3>, disco.tensor = "p"} : (tensor<1x12x4x4xf32>) -> tensor<1x12xf32> loc(fused<"ReduceMean, opset 13">["pool"])
  %y = disco.matmul %p, %wf {disco.tensor = "y"} : (tensor<1x12xf32>, tensor<12x5xf32>) -> tensor<1x5xf32> loc(fused<"Gemm, opset 13">["fc"])
  disco.output %y {name = "y", index = 0 : i64} : (tensor<1x5xf32>) -> ()
  return
}
}
