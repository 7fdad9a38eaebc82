// Which kernel computes a convolution: by its shapes, its node and whether sums have one order.
// RUN: %opt --disco-choose-kernels --split-input-file %s | FileCheck %s

// Many channels a group: a matrix product. One: bands of its plane. A few outputs of several channels: rows.
// CHECK-LABEL: module @node0
module {
module @node0 attributes {disco.rank = 0 : i64} {
func.func @infer(%x: tensor<1x8x16x16xf32>) {
  %w = disco.constant dense<1.0> : tensor<8x8x3x3xf32> : tensor<8x8x3x3xf32>
  // CHECK: disco.conv {{.*}}disco.kernel = #disco.kernel<name = "conv_gemm", scratch = 0>
  %a = disco.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x8x16x16xf32>, tensor<8x8x3x3xf32>) -> tensor<1x8x16x16xf32>
  %v = disco.constant dense<1.0> : tensor<8x1x3x3xf32> : tensor<8x1x3x3xf32>
  // CHECK: disco.conv {{.*}}disco.kernel = #disco.kernel<name = "conv_planes", scratch = 24576>
  %b = disco.conv %a, %v {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, group = 8 : i64} : (tensor<1x8x16x16xf32>, tensor<8x1x3x3xf32>) -> tensor<1x8x16x16xf32>
  %u = disco.constant dense<1.0> : tensor<2x8x3x3xf32> : tensor<2x8x3x3xf32>
  // CHECK: disco.conv {{.*}}disco.kernel = #disco.kernel<name = "conv_rows", scratch = 0>
  %c = disco.conv %b, %u {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x8x16x16xf32>, tensor<2x8x3x3xf32>) -> tensor<1x2x16x16xf32>
  // Three columns are too few for rows.
  // CHECK: disco.conv {{.*}}disco.kernel = #disco.kernel<name = "conv_gemm", scratch = 0>
  %d = disco.conv %b, %u {strides = array<i64: 6, 6>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x8x16x16xf32>, tensor<2x8x3x3xf32>) -> tensor<1x2x3x3xf32>
  // Ops that one kernel computes have nothing to choose.
  // CHECK: disco.unary
  // CHECK-NOT: disco.kernel
  %e = disco.unary %d {act = #disco.act<relu>} : (tensor<1x2x3x3xf32>) -> tensor<1x2x3x3xf32>
  return
}
}
}

// -----

// A board's stack is small: less for the bands, and a plane as wide as this one has no room.
#target = #disco.target<arch = "armv7e-m", levels = [], vector = 0, caches = [], clock = 1.0e7, cycles = {}>
#board = #disco.board<name = "b", reference = "b", title = "b", status = "emulated", target = #target, memories = [], ports = [],
    stack = 64, toolchain = {}, build = {}, bounds = {}>
// CHECK-LABEL: module @node0
module attributes {disco.nodes = 1 : i64, disco.cluster = #disco.cluster<
    nodes = [#disco.node<name = "n", address = "", listen = "", device = #board, hops = []>], links = []>} {
module @node0 attributes {disco.rank = 0 : i64} {
func.func @infer(%x: tensor<1x8x16x16xf32>, %y: tensor<1x1x16x300xf32>) {
  %v = disco.constant dense<1.0> : tensor<8x1x3x3xf32> : tensor<8x1x3x3xf32>
  // CHECK: disco.conv {{.*}}disco.kernel = #disco.kernel<name = "conv_planes", scratch = 2048>
  %b = disco.conv %x, %v {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, group = 8 : i64} : (tensor<1x8x16x16xf32>, tensor<8x1x3x3xf32>) -> tensor<1x8x16x16xf32>
  %u = disco.constant dense<1.0> : tensor<1x1x3x3xf32> : tensor<1x1x3x3xf32>
  // CHECK: disco.conv {{.*}}disco.kernel = #disco.kernel<name = "conv_rows", scratch = 0>
  %c = disco.conv %y, %u {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x1x16x300xf32>, tensor<1x1x3x3xf32>) -> tensor<1x1x16x300xf32>
  return
}
}
}

// -----

// In an exact order a node's share does not count: a group of one channel takes bands only where the whole convolution has them.
// CHECK-LABEL: module @node0
module attributes {disco.exact_order} {
module @node0 attributes {disco.rank = 0 : i64} {
func.func @infer(%x: tensor<1x1x16x16xf32>, %y: tensor<1x8x16x16xf32>) {
  %u = disco.constant dense<1.0> : tensor<1x1x3x3xf32> : tensor<1x1x3x3xf32>
  // CHECK: disco.conv {{.*}}disco.kernel = #disco.kernel<name = "conv_gemm", scratch = 0>
  %a = disco.conv %x, %u {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x1x16x16xf32>, tensor<1x1x3x3xf32>) -> tensor<1x1x16x16xf32>
  // CHECK: disco.conv {{.*}}disco.kernel = #disco.kernel<name = "conv_planes", scratch = 24576>
  %b = disco.conv %x, %u {disco.groups = 8 : i64, strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x1x16x16xf32>, tensor<1x1x3x3xf32>) -> tensor<1x1x16x16xf32>
  return
}
}
}
