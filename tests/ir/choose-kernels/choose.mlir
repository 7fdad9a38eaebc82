// Which kernel computes a contraction: by its shapes, its node and whether sums have one order; and its scratch memory.
// RUN: %opt --disco-choose-kernels --split-input-file %s | FileCheck %s

// Many channels a group: a matrix product. One: bands of its plane. A few outputs of several channels: rows.
// CHECK-LABEL: module @node0
module {
module @node0 attributes {disco.rank = 0 : i64} {
func.func @infer(%x: tensor<1x8x16x16xf32>) {
  %w = disco.constant dense<1.0> : tensor<8x8x3x3xf32> : tensor<8x8x3x3xf32>
  // CHECK: disco.conv {{.*}}disco.kernel = #disco.kernel<name = "conv_gemm", scratch = 27696>
  %a = disco.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x8x16x16xf32>, tensor<8x8x3x3xf32>) -> tensor<1x8x16x16xf32>
  %v = disco.constant dense<1.0> : tensor<8x1x3x3xf32> : tensor<8x1x3x3xf32>
  // CHECK: disco.conv {{.*}}disco.kernel = #disco.kernel<name = "conv_planes", scratch = 2604>
  %b = disco.conv %a, %v {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, group = 8 : i64} : (tensor<1x8x16x16xf32>, tensor<8x1x3x3xf32>) -> tensor<1x8x16x16xf32>
  %u = disco.constant dense<1.0> : tensor<2x8x3x3xf32> : tensor<2x8x3x3xf32>
  // CHECK: disco.conv {{.*}}disco.kernel = #disco.kernel<name = "conv_rows", scratch = 0>
  %c = disco.conv %b, %u {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x8x16x16xf32>, tensor<2x8x3x3xf32>) -> tensor<1x2x16x16xf32>
  // Three columns are too few for rows.
  // CHECK: disco.conv {{.*}}disco.kernel = #disco.kernel<name = "conv_gemm", scratch = 13872>
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

// A board's memory is small: less for the bands, and a plane as wide as this one has no room.
#target = #disco.target<arch = "armv7e-m", levels = [], vector = 0, caches = [], clock = 1.0e7, cycles = {}>
#board = #disco.board<name = "b", reference = "b", title = "b", status = "emulated", target = #target, memories = [], ports = [],
    stack = 64, toolchain = {}, build = {}, bounds = {}>
// CHECK-LABEL: module @node0
module attributes {disco.nodes = 1 : i64, disco.cluster = #disco.cluster<
    nodes = [#disco.node<name = "n", address = "", listen = "", device = #board, hops = []>], links = []>} {
module @node0 attributes {disco.rank = 0 : i64} {
func.func @infer(%x: tensor<1x8x16x16xf32>, %y: tensor<1x1x16x300xf32>) {
  %v = disco.constant dense<1.0> : tensor<8x1x3x3xf32> : tensor<8x1x3x3xf32>
  // CHECK: disco.conv {{.*}}disco.kernel = #disco.kernel<name = "conv_planes", scratch = 2496>
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
  // CHECK: disco.conv {{.*}}disco.kernel = #disco.kernel<name = "conv_gemm", scratch = 3504>
  %a = disco.conv %x, %u {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x1x16x16xf32>, tensor<1x1x3x3xf32>) -> tensor<1x1x16x16xf32>
  // CHECK: disco.conv {{.*}}disco.kernel = #disco.kernel<name = "conv_planes", scratch = 2604>
  %b = disco.conv %x, %u {disco.groups = 8 : i64, strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x1x16x16xf32>, tensor<1x1x3x3xf32>) -> tensor<1x1x16x16xf32>
  return
}
}
}

// -----

// Of several levels the last one says what few columns are (4 floats of 16 in a vector), and each has enough scratch memory.
#host = #disco.target<arch = "x86-64", levels = ["x86-64-v3", "x86-64-v4"], vector = 32, caches = [], clock = 0.0, cycles = {}>
// CHECK-LABEL: module @node0
module attributes {disco.nodes = 1 : i64, disco.cluster = #disco.cluster<
    nodes = [#disco.node<name = "n", address = "", listen = "", device = #host, hops = []>], links = []>} {
module @node0 attributes {disco.rank = 0 : i64} {
func.func @infer(%x: tensor<1x8x2x2xf32>, %y: tensor<1x8x1x5xf32>, %a: tensor<20x64xf32>, %r: tensor<1x64xf32>, %b: tensor<64x100xf32>) {
  %w = disco.constant dense<1.0> : tensor<8x8x1x1xf32> : tensor<8x8x1x1xf32>
  // CHECK: disco.conv {{.*}}disco.kernel = #disco.kernel<name = "conv_dots", scratch = 80>
  %0 = disco.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x8x2x2xf32>, tensor<8x8x1x1xf32>) -> tensor<1x8x2x2xf32>
  // CHECK: disco.conv {{.*}}disco.kernel = #disco.kernel<name = "conv_blocks", scratch = 1072>
  %1 = disco.conv %y, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x8x1x5xf32>, tensor<8x8x1x1xf32>) -> tensor<1x8x1x5xf32>
  // More than two tiles of rows share packed columns; one row reads them where they lie.
  // CHECK: disco.matmul {{.*}}disco.kernel = #disco.kernel<name = "matmul_gemm", scratch = 24624>
  %2 = disco.matmul %a, %b : (tensor<20x64xf32>, tensor<64x100xf32>) -> tensor<20x100xf32>
  // CHECK: disco.matmul {{.*}}disco.kernel = #disco.kernel<name = "matmul_direct", scratch = 24624>
  %3 = disco.matmul %r, %b : (tensor<1x64xf32>, tensor<64x100xf32>) -> tensor<1x100xf32>
  // Rows of b are met by the one row of a.
  %t = disco.constant dense<1.0> : tensor<100x64xf32> : tensor<100x64xf32>
  // CHECK: disco.matmul {{.*}}disco.kernel = #disco.kernel<name = "matmul_rows", scratch = 0>
  %4 = disco.matmul %r, %t {trans_b} : (tensor<1x64xf32>, tensor<100x64xf32>) -> tensor<1x100xf32>
  %f = disco.constant dense<1.0> : tensor<64x4xf32> : tensor<64x4xf32>
  // CHECK: disco.matmul {{.*}}disco.kernel = #disco.kernel<name = "matmul_dots", scratch = 304>
  %5 = disco.matmul %a, %f : (tensor<20x64xf32>, tensor<64x4xf32>) -> tensor<20x4xf32>
  return
}
}
}

// -----

// Integers: cells where the processor has instructions for several numbers, planes where it has none.
#m4 = #disco.target<arch = "armv7e-m", levels = [], vector = 0, caches = [], clock = 1.0e7, cycles = {}>
#m0 = #disco.target<arch = "armv6-m", levels = [], vector = 0, caches = [], clock = 1.0e7, cycles = {}>
#with = #disco.board<name = "b", reference = "b", title = "b", status = "emulated", target = #m4, memories = [], ports = [],
    stack = 64, toolchain = {}, build = {}, bounds = {}>
#without = #disco.board<name = "c", reference = "c", title = "c", status = "emulated", target = #m0, memories = [], ports = [],
    stack = 64, toolchain = {}, build = {}, bounds = {}>
#quant = #disco.quant<xZero = 0, wZero = [0], result = i32>
module attributes {disco.nodes = 2 : i64, disco.cluster = #disco.cluster<
    nodes = [#disco.node<name = "n", address = "", listen = "", device = #with, hops = []>,
             #disco.node<name = "m", address = "", listen = "", device = #without, hops = []>], links = []>} {
// CHECK-LABEL: module @node0
module @node0 attributes {disco.rank = 0 : i64} {
func.func @infer(%x: tensor<1x8x8x8xi8>, %a: tensor<3x8xi8>) {
  %v = disco.constant dense<1> : tensor<8x1x3x3xi8> : tensor<8x1x3x3xi8>
  // CHECK: disco.conv {{.*}}disco.kernel = #disco.kernel<name = "conv_int_cells", scratch = 853>
  %0 = disco.conv %x, %v {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, group = 8 : i64, quant = #quant} : (tensor<1x8x8x8xi8>, tensor<8x1x3x3xi8>) -> tensor<1x8x8x8xi32>
  %w = disco.constant dense<1> : tensor<16x8x1x1xi8> : tensor<16x8x1x1xi8>
  // CHECK: disco.conv {{.*}}disco.kernel = #disco.kernel<name = "conv_int_gemm", scratch = 704>
  %1 = disco.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64, quant = #quant} : (tensor<1x8x8x8xi8>, tensor<16x8x1x1xi8>) -> tensor<1x16x8x8xi32>
  %b = disco.constant dense<1> : tensor<8x5xi8> : tensor<8x5xi8>
  // CHECK: disco.matmul {{.*}}disco.kernel = #disco.kernel<name = "matmul_int_gemm", scratch = 192>
  %2 = disco.matmul %a, %b {quant = #quant} : (tensor<3x8xi8>, tensor<8x5xi8>) -> tensor<3x5xi32>
  %t = disco.constant dense<1> : tensor<5x8xi8> : tensor<5x8xi8>
  // CHECK: disco.matmul {{.*}}disco.kernel = #disco.kernel<name = "matmul_int_dots", scratch = 0>
  %3 = disco.matmul %a, %t {trans_b, quant = #quant} : (tensor<3x8xi8>, tensor<5x8xi8>) -> tensor<3x5xi32>
  return
}
}
// CHECK-LABEL: module @node1
module @node1 attributes {disco.rank = 1 : i64} {
func.func @infer(%x: tensor<1x8x8x8xi8>) {
  %v = disco.constant dense<1> : tensor<8x1x3x3xi8> : tensor<8x1x3x3xi8>
  // CHECK: disco.conv {{.*}}disco.kernel = #disco.kernel<name = "conv_int_planes", scratch = 768>
  %0 = disco.conv %x, %v {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, group = 8 : i64, quant = #quant} : (tensor<1x8x8x8xi8>, tensor<8x1x3x3xi8>) -> tensor<1x8x8x8xi32>
  return
}
}
}

// -----

// Constant weights are stored in blocks of columns where vectors read them; what another op reads stays as it is. Many empty lanes are not
// worth it.
#host = #disco.target<arch = "x86-64", levels = ["x86-64-v3", "x86-64-v4"], vector = 32, caches = [], clock = 0.0, cycles = {}>
// CHECK-LABEL: module @node0
module attributes {disco.nodes = 1 : i64, disco.cluster = #disco.cluster<
    nodes = [#disco.node<name = "n", address = "", listen = "", device = #host, hops = []>], links = []>} {
module @node0 attributes {disco.rank = 0 : i64} {
func.func @infer(%a: tensor<20x64xf32>, %c: tensor<20x96xf32>, %d: tensor<20x10xf32>) {
  // CHECK: %[[B:.*]] = disco.constant {{.*}} packing(#disco.physical<dims [1 by 48, 0, 1]>) : tensor<64x96xf32>
  // CHECK: %[[P:.*]] = disco.constant {{.*}} : tensor<64x96xf32> : tensor<64x96xf32>
  %b = disco.constant dense<1.0> : tensor<64x96xf32> : tensor<64x96xf32>
  // CHECK: disco.matmul %{{.*}}, %[[B]] {disco.kernel = #disco.kernel<name = "matmul_blocks", scratch = 48>}
  %0 = disco.matmul %a, %b : (tensor<20x64xf32>, tensor<64x96xf32>) -> tensor<20x96xf32>
  // CHECK: disco.unary %[[P]]
  %1 = disco.unary %b {act = #disco.act<exp>} : (tensor<64x96xf32>) -> tensor<64x96xf32>
  // CHECK: %[[T:.*]] = disco.constant {{.*}} packing(#disco.physical<dims [0 by 48, 1, 0]>) : tensor<96x96xf32>
  %t = disco.constant dense<1.0> : tensor<96x96xf32> : tensor<96x96xf32>
  // CHECK: disco.matmul %{{.*}}, %[[T]] {{.*}}name = "matmul_blocks", scratch = 48>
  %2 = disco.matmul %c, %t {trans_b} : (tensor<20x96xf32>, tensor<96x96xf32>) -> tensor<20x96xf32>
  // CHECK: disco.constant {{.*}} : tensor<10x10xf32> : tensor<10x10xf32>
  %e = disco.constant dense<1.0> : tensor<10x10xf32> : tensor<10x10xf32>
  // CHECK: disco.matmul {{.*}}name = "matmul_gemm"
  %3 = disco.matmul %d, %e : (tensor<20x10xf32>, tensor<10x10xf32>) -> tensor<20x10xf32>
  return
}
}
}

// -----

// Winograd's tiles where a host computes 3x3 convolutions: of 4 x 4 outputs, or of 2 x 2 where weights that come from memory outweigh the
// sums, and none where strides are 2, outputs few, or weights are not known. The weights are stored transformed, for others in blocks of rows, or as
// they were.
#host = #disco.target<arch = "x86-64", levels = ["x86-64-v3", "x86-64-v4"], vector = 64, caches = [], clock = 1.0e9, cycles = {}>
// CHECK-LABEL: module @node0
module attributes {disco.nodes = 1 : i64, disco.cluster = #disco.cluster<
    nodes = [#disco.node<name = "n", address = "", listen = "", device = #host, hops = []>], links = []>} {
module @node0 attributes {disco.rank = 0 : i64} {
func.func @infer(%x: tensor<1x64x56x56xf32>, %y: tensor<1x512x7x7xf32>, %z: tensor<1x64x2x2xf32>, %v: tensor<64x64x3x3xf32>) {
  // CHECK: %[[U:.*]] = disco.constant dense<1.000000e+00> : tensor<64x64x3x3xf32> packing(#disco.winograd<4>) : tensor<64x64x3x3xf32>
  // CHECK: %[[B:.*]] = disco.constant dense<1.000000e+00> : tensor<64x64x3x3xf32> packing(#disco.physical<dims [0 by 16, 1, 2, 3, 0]>) : tensor<64x64x3x3xf32>
  // CHECK: %[[W:.*]] = disco.constant dense<1.000000e+00> : tensor<64x64x3x3xf32> : tensor<64x64x3x3xf32>
  %w = disco.constant dense<1.0> : tensor<64x64x3x3xf32> : tensor<64x64x3x3xf32>
  // CHECK: disco.conv %arg0, %[[U]] {{.*}}name = "conv_winograd", scratch = 309040>
  %a = disco.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x64x56x56xf32>, tensor<64x64x3x3xf32>) -> tensor<1x64x56x56xf32>
  // CHECK: disco.conv %arg0, %[[B]] {{.*}}name = "conv_pixels", scratch = 79920>
  %b = disco.conv %x, %w {strides = array<i64: 2, 2>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x64x56x56xf32>, tensor<64x64x3x3xf32>) -> tensor<1x64x28x28xf32>
  // CHECK: disco.conv %arg2, %[[W]] {{.*}}name = "conv_dots"
  %c = disco.conv %z, %w {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x64x2x2xf32>, tensor<64x64x3x3xf32>) -> tensor<1x64x2x2xf32>
  // CHECK: disco.conv %arg0, %arg3 {{.*}}name = "conv_gemm"
  %d = disco.conv %x, %v {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x64x56x56xf32>, tensor<64x64x3x3xf32>) -> tensor<1x64x56x56xf32>
  // CHECK: disco.constant {{.*}} packing(#disco.winograd<2>) : tensor<512x512x3x3xf32>
  %u = disco.constant dense<1.0> : tensor<512x512x3x3xf32> : tensor<512x512x3x3xf32>
  // CHECK: disco.conv %arg1, {{.*}}name = "conv_winograd"
  %e = disco.conv %y, %u {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x512x7x7xf32>, tensor<512x512x3x3xf32>) -> tensor<1x512x7x7xf32>
  return
}
}
}

// -----

// One channel a group: its vectors go along channels, unless most of their lanes would be empty.
#host = #disco.target<arch = "x86-64", levels = ["x86-64-v3", "x86-64-v4"], vector = 64, caches = [], clock = 1.0e9, cycles = {}>
// CHECK-LABEL: module @node0
module attributes {disco.nodes = 1 : i64, disco.cluster = #disco.cluster<
    nodes = [#disco.node<name = "n", address = "", listen = "", device = #host, hops = []>], links = []>} {
module @node0 attributes {disco.rank = 0 : i64} {
func.func @infer(%x: tensor<1x24x14x14xf32>, %y: tensor<1x4x14x14xf32>) {
  // CHECK: disco.constant {{.*}} packing(#disco.physical<dims [0 by 16, 1, 2, 3, 0]>) : tensor<24x1x3x3xf32>
  %w = disco.constant dense<1.0> : tensor<24x1x3x3xf32> : tensor<24x1x3x3xf32>
  // CHECK: disco.conv {{.*}}disco.kernel = #disco.kernel<name = "conv_depthwise", scratch = 9200>
  %a = disco.conv %x, %w {strides = array<i64: 2, 2>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, group = 24 : i64} : (tensor<1x24x14x14xf32>, tensor<24x1x3x3xf32>) -> tensor<1x24x7x7xf32>
  %v = disco.constant dense<1.0> : tensor<4x1x3x3xf32> : tensor<4x1x3x3xf32>
  // CHECK: disco.conv {{.*}}disco.kernel = #disco.kernel<name = "conv_planes"
  %b = disco.conv %y, %v {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, group = 4 : i64} : (tensor<1x4x14x14xf32>, tensor<4x1x3x3xf32>) -> tensor<1x4x14x14xf32>
  return
}
}
}

// -----

// Where memory counts weights stay as they are; so do they in an exact order, and on a board, above.
#host = #disco.target<arch = "x86-64", levels = ["x86-64-v3"], vector = 32, caches = [], clock = 1.0e9, cycles = {}>
// CHECK-LABEL: module @node0
module attributes {disco.optimize = "memory", disco.nodes = 1 : i64, disco.cluster = #disco.cluster<
    nodes = [#disco.node<name = "n", address = "", listen = "", device = #host, hops = []>], links = []>} {
module @node0 attributes {disco.rank = 0 : i64} {
func.func @infer(%x: tensor<1x64x56x56xf32>) {
  %w = disco.constant dense<1.0> : tensor<64x64x3x3xf32> : tensor<64x64x3x3xf32>
  // CHECK-NOT: packing
  // CHECK: disco.conv {{.*}}name = "conv_gemm"
  %a = disco.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x64x56x56xf32>, tensor<64x64x3x3xf32>) -> tensor<1x64x56x56xf32>
  return
}
}
}

// -----

// Integers on x86: words of whole columns. Few channels: rows of pixels, where a product would pack columns, or vectors along rows that they fill.
#host = #disco.target<arch = "x86-64", levels = ["x86-64-v3", "x86-64-v4+avx512vnni"], vector = 32, caches = [], clock = 0.0, cycles = {}>
#quant = #disco.quant<xZero = 0, wZero = [0], result = i32>
// CHECK-LABEL: module @node0
module attributes {disco.nodes = 1 : i64, disco.cluster = #disco.cluster<
    nodes = [#disco.node<name = "n", address = "", listen = "", device = #host, hops = []>], links = []>} {
module @node0 attributes {disco.rank = 0 : i64} {
func.func @infer(%x: tensor<1x8x8x8xi8>, %f: tensor<1x8x14x14xf32>, %g: tensor<1x3x14x14xf32>, %h: tensor<1x8x32x32xf32>, %i: tensor<1x16x16x16xf32>) {
  %v = disco.constant dense<1> : tensor<8x1x3x3xi8> : tensor<8x1x3x3xi8>
  // CHECK: disco.conv {{.*}}disco.kernel = #disco.kernel<name = "conv_int_depthwise", scratch = 1412>
  %0 = disco.conv %x, %v {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, group = 8 : i64, quant = #quant} : (tensor<1x8x8x8xi8>, tensor<8x1x3x3xi8>) -> tensor<1x8x8x8xi32>
  %w = disco.constant dense<1> : tensor<16x8x1x1xi8> : tensor<16x8x1x1xi8>
  // CHECK: disco.conv {{.*}}disco.kernel = #disco.kernel<name = "conv_int_gemm", scratch = 2416>
  %1 = disco.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64, quant = #quant} : (tensor<1x8x8x8xi8>, tensor<16x8x1x1xi8>) -> tensor<1x16x8x8xi32>
  %k = disco.constant dense<1.0> : tensor<16x8x5x5xf32> : tensor<16x8x5x5xf32>
  // CHECK: disco.conv {{.*}}disco.kernel = #disco.kernel<name = "conv_pixels", scratch = 19120>
  %2 = disco.conv %f, %k {strides = array<i64: 1, 1>, pads = array<i64: 2, 2, 2, 2>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x8x14x14xf32>, tensor<16x8x5x5xf32>) -> tensor<1x16x14x14xf32>
  %s = disco.constant dense<1.0> : tensor<32x3x3x3xf32> : tensor<32x3x3x3xf32>
  // CHECK: disco.conv {{.*}}disco.kernel = #disco.kernel<name = "conv_blocks", scratch = 6128>
  %3 = disco.conv %g, %s {strides = array<i64: 2, 2>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x3x14x14xf32>, tensor<32x3x3x3xf32>) -> tensor<1x32x7x7xf32>
  %l = disco.constant dense<1.0> : tensor<8x8x3x3xf32> : tensor<8x8x3x3xf32>
  // CHECK: disco.conv {{.*}}disco.kernel = #disco.kernel<name = "conv_lines", scratch = 6192>
  %4 = disco.conv %h, %l {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x8x32x32xf32>, tensor<8x8x3x3xf32>) -> tensor<1x8x32x32xf32>
  %t = disco.constant dense<1.0> : tensor<16x16x3x3xf32> : tensor<16x16x3x3xf32>
  // CHECK: disco.conv {{.*}}disco.kernel = #disco.kernel<name = "conv_winograd"
  %5 = disco.conv %i, %t {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x16x16x16xf32>, tensor<16x16x3x3xf32>) -> tensor<1x16x16x16xf32>
  return
}
}
}
