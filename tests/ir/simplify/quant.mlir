// Quantised graphs become integer arithmetic.
// RUN: discoc-opt --disco-simplify --split-input-file %s | FileCheck %s

// A convolution with a bias, a clip and one scale a channel. The clip becomes a range of integers.
// CHECK-LABEL: @convolution
// CHECK: %[[B:.*]] = disco.constant dense<[8, -4]> : tensor<2xi32>
// CHECK: disco.conv %{{.*}}, %{{.*}} bias %[[B]]
// CHECK-SAME: quant = #disco.quant<xZero = 3, wZero = [], result = i8, multiplier = dense<[1.250000e-01, 2.500000e-01]> : tensor<2xf32>, yZero = -5, low = -5, high = 3>
// CHECK-SAME: -> tensor<1x2x2x2xi8>
// CHECK-NOT: disco.quantize
func.func @convolution() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x1x2x2xi8>
  %sx = disco.constant dense<0.5> : tensor<f32> : tensor<f32>
  %zx = disco.constant dense<3> : tensor<i8> : tensor<i8>
  %w = disco.constant dense<[[[[1]]], [[[2]]]]> : tensor<2x1x1x1xi8> : tensor<2x1x1x1xi8>
  %sw = disco.constant dense<[[[[0.25]]], [[[0.5]]]]> : tensor<2x1x1x1xf32> : tensor<2x1x1x1xf32>
  %b = disco.constant dense<[1.0, -1.0]> : tensor<2xf32> : tensor<2xf32>
  %sy = disco.constant dense<1.0> : tensor<f32> : tensor<f32>
  %zy = disco.constant dense<-5> : tensor<i8> : tensor<i8>
  %rx = disco.dequantize %x, %sx, %zx : (tensor<1x1x2x2xi8>, tensor<f32>, tensor<i8>) -> tensor<1x1x2x2xf32>
  %rw = disco.dequantize %w, %sw : (tensor<2x1x1x1xi8>, tensor<2x1x1x1xf32>) -> tensor<2x1x1x1xf32>
  %y = disco.conv %rx, %rw bias %b {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x1x2x2xf32>, tensor<2x1x1x1xf32>, tensor<2xf32>) -> tensor<1x2x2x2xf32>
  %c = disco.unary %y {act = #disco.act<clip, 0.0, 8.0>} : (tensor<1x2x2x2xf32>) -> tensor<1x2x2x2xf32>
  %q = disco.quantize %c, %sy, %zy : (tensor<1x2x2x2xf32>, tensor<f32>, tensor<i8>) -> tensor<1x2x2x2xi8>
  disco.output %q {name = "y", index = 0 : i64} : (tensor<1x2x2x2xi8>) -> ()
  return
}

// -----

// What no quantize follows sums in integers and becomes real at once.
// CHECK-LABEL: @sum
// CHECK: %[[S:.*]] = disco.matmul {{.*}}quant = #disco.quant<xZero = 0, wZero = [1], result = i32>
// CHECK: disco.dequantize %[[S]]
func.func @sum() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x2xui8>
  %s = disco.constant dense<0.5> : tensor<f32> : tensor<f32>
  %w = disco.constant dense<[[1, 2, 3], [4, 5, 6]]> : tensor<2x3xi8> : tensor<2x3xi8>
  %z = disco.constant dense<1> : tensor<i8> : tensor<i8>
  %rx = disco.dequantize %x, %s : (tensor<1x2xui8>, tensor<f32>) -> tensor<1x2xf32>
  %rw = disco.dequantize %w, %s, %z : (tensor<2x3xi8>, tensor<f32>, tensor<i8>) -> tensor<2x3xf32>
  %y = disco.matmul %rx, %rw : (tensor<1x2xf32>, tensor<2x3xf32>) -> tensor<1x3xf32>
  disco.output %y {name = "y", index = 0 : i64} : (tensor<1x3xf32>) -> ()
  return
}

// -----

// A function of one tensor is a table; the product with its own sigmoid too.
// CHECK-LABEL: @table
// CHECK-COUNT-1: disco.lookup
// CHECK-NOT: disco.lookup
// CHECK-NOT: disco.unary
func.func @table() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x2x4xi8>
  %s = disco.constant dense<0.1> : tensor<f32> : tensor<f32>
  %t = disco.constant dense<0.00390625> : tensor<f32> : tensor<f32>
  %z = disco.constant dense<-128> : tensor<i8> : tensor<i8>
  %r = disco.dequantize %x, %s : (tensor<1x2x4xi8>, tensor<f32>) -> tensor<1x2x4xf32>
  %g = disco.unary %r {act = #disco.act<sigmoid>} : (tensor<1x2x4xf32>) -> tensor<1x2x4xf32>
  %qg = disco.quantize %g, %t, %z : (tensor<1x2x4xf32>, tensor<f32>, tensor<i8>) -> tensor<1x2x4xi8>
  %rg = disco.dequantize %qg, %t, %z : (tensor<1x2x4xi8>, tensor<f32>, tensor<i8>) -> tensor<1x2x4xf32>
  %p = disco.binary %r, %rg {kind = 2 : i32} : (tensor<1x2x4xf32>, tensor<1x2x4xf32>) -> tensor<1x2x4xf32>
  %q = disco.quantize %p, %s : (tensor<1x2x4xf32>, tensor<f32>) -> tensor<1x2x4xi8>
  disco.output %q {name = "y", index = 0 : i64} : (tensor<1x2x4xi8>) -> ()
  return
}

// -----

// Integers of different scales are brought to one before they are joined; those of the same scale stay.
// CHECK-LABEL: @joined
// CHECK: %[[X:.*]] = disco.input
// CHECK: %[[Y:.*]] = disco.input
// CHECK: %[[L:.*]] = disco.lookup %[[Y]]
// CHECK: disco.concat %[[X]], %[[L]] {{.*}}tensor<1x5x3xi8>
func.func @joined() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x2x3xi8>
  %y = disco.input {name = "y", index = 1 : i64} : () -> tensor<1x3x3xi8>
  %s = disco.constant dense<0.5> : tensor<f32> : tensor<f32>
  %t = disco.constant dense<0.25> : tensor<f32> : tensor<f32>
  %rx = disco.dequantize %x, %s : (tensor<1x2x3xi8>, tensor<f32>) -> tensor<1x2x3xf32>
  %ry = disco.dequantize %y, %t : (tensor<1x3x3xi8>, tensor<f32>) -> tensor<1x3x3xf32>
  %j = disco.concat %rx, %ry {axis = 1 : i64} : (tensor<1x2x3xf32>, tensor<1x3x3xf32>) -> tensor<1x5x3xf32>
  %q = disco.quantize %j, %s : (tensor<1x5x3xf32>, tensor<f32>) -> tensor<1x5x3xi8>
  disco.output %q {name = "q", index = 0 : i64} : (tensor<1x5x3xi8>) -> ()
  return
}

// -----

// Sums in integers alone; a mean over space as a pool; movement with the integers, and pads of the zero point.
// CHECK-LABEL: @others
// CHECK: %[[X:.*]] = disco.input
// CHECK: %[[P:.*]] = disco.pad %[[X]] {{.*}}value = 7 : i64{{.*}}xui8>
// CHECK: %[[A:.*]] = disco.quant_binary %[[P]], %{{[0-9]+}}
// CHECK-SAME: lhs_factor = 4194304 : i64
// CHECK: disco.pool %[[A]] {{.*}}kernel = array<i64: 4, 4>{{.*}}quant = #disco.quant<xZero = 9
// CHECK-NOT: disco.reduce
func.func @others() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x2x2x2xui8>
  %s = disco.constant dense<0.5> : tensor<f32> : tensor<f32>
  %z = disco.constant dense<7> : tensor<ui8> : tensor<ui8>
  %o = disco.constant dense<9> : tensor<ui8> : tensor<ui8>
  %r = disco.dequantize %x, %s, %z : (tensor<1x2x2x2xui8>, tensor<f32>, tensor<ui8>) -> tensor<1x2x2x2xf32>
  %p = disco.pad %r {pads = array<i64: 0, 0, 1, 1, 0, 0, 1, 1>, mode = 0 : i32, value = 0.0 : f64} : (tensor<1x2x2x2xf32>) -> tensor<1x2x4x4xf32>
  %v = disco.input {name = "v", index = 1 : i64} : () -> tensor<1x2x4x4xui8>
  %rv = disco.dequantize %v, %s : (tensor<1x2x4x4xui8>, tensor<f32>) -> tensor<1x2x4x4xf32>
  %a = disco.binary %p, %rv {kind = 0 : i32} : (tensor<1x2x4x4xf32>, tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %q = disco.quantize %a, %s, %o : (tensor<1x2x4x4xf32>, tensor<f32>, tensor<ui8>) -> tensor<1x2x4x4xui8>
  %rq = disco.dequantize %q, %s, %o : (tensor<1x2x4x4xui8>, tensor<f32>, tensor<ui8>) -> tensor<1x2x4x4xf32>
  %m = disco.reduce %rq {kind = 0 : i32, axes = array<i64: 2, 3>, keepdims} : (tensor<1x2x4x4xf32>) -> tensor<1x2x1x1xf32>
  %qm = disco.quantize %m, %s, %o : (tensor<1x2x1x1xf32>, tensor<f32>, tensor<ui8>) -> tensor<1x2x1x1xui8>
  disco.output %qm {name = "y", index = 0 : i64} : (tensor<1x2x1x1xui8>) -> ()
  return
}

// -----

// What is added to a product is its bias: in units of the sum, whether it was stored in them or as reals.
// CHECK-LABEL: @added
// CHECK-DAG: %[[B:.*]] = disco.constant dense<[7, -9, 3]> : tensor<3xi32>
// CHECK-DAG: %[[C:.*]] = disco.constant dense<[4, -2, 1]> : tensor<3xi32>
// CHECK-DAG: disco.matmul {{.*}} bias %[[B]] {{.*}}quant = #disco.quant<xZero = 2, wZero = [], result = i8, multiplier = dense<5.000000e-01> : tensor<1xf32>, yZero = 1, low = 1, high = 127>
// CHECK-DAG: %[[S:.*]] = disco.matmul {{.*}} bias %[[C]] {{.*}}quant = #disco.quant<xZero = 2, wZero = [], result = i32>
// CHECK-NOT: disco.binary
// CHECK: disco.output {{.*}}name = "v"
func.func @added() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x2x2xi8>
  %s = disco.constant dense<0.5> : tensor<f32> : tensor<f32>
  %t = disco.constant dense<0.25> : tensor<f32> : tensor<f32>
  %z = disco.constant dense<2> : tensor<i8> : tensor<i8>
  %o = disco.constant dense<1> : tensor<i8> : tensor<i8>
  %w = disco.constant dense<[[1, 2, 3], [4, 5, 6]]> : tensor<2x3xi8> : tensor<2x3xi8>
  %b = disco.constant dense<[[7, -9, 3]]> : tensor<1x3xi32> : tensor<1x3xi32>
  %c = disco.constant dense<[1.0, -0.5, 0.25]> : tensor<3xf32> : tensor<3xf32>
  %rx = disco.dequantize %x, %s, %z : (tensor<1x2x2xi8>, tensor<f32>, tensor<i8>) -> tensor<1x2x2xf32>
  %rw = disco.dequantize %w, %s : (tensor<2x3xi8>, tensor<f32>) -> tensor<2x3xf32>
  %rb = disco.dequantize %b, %t : (tensor<1x3xi32>, tensor<f32>) -> tensor<1x3xf32>
  %p = disco.matmul %rx, %rw : (tensor<1x2x2xf32>, tensor<2x3xf32>) -> tensor<1x2x3xf32>
  %a = disco.binary %rb, %p {kind = 0 : i32} : (tensor<1x3xf32>, tensor<1x2x3xf32>) -> tensor<1x2x3xf32>
  %r = disco.unary %a {act = #disco.act<relu>} : (tensor<1x2x3xf32>) -> tensor<1x2x3xf32>
  %y = disco.quantize %r, %s, %o : (tensor<1x2x3xf32>, tensor<f32>, tensor<i8>) -> tensor<1x2x3xi8>
  disco.output %y {name = "y", index = 0 : i64} : (tensor<1x2x3xi8>) -> ()
  %p2 = disco.matmul %rx, %rw : (tensor<1x2x2xf32>, tensor<2x3xf32>) -> tensor<1x2x3xf32>
  %a2 = disco.binary %p2, %c {kind = 0 : i32} : (tensor<1x2x3xf32>, tensor<3xf32>) -> tensor<1x2x3xf32>
  disco.output %a2 {name = "v", index = 1 : i64} : (tensor<1x2x3xf32>) -> ()
  return
}

// -----

// One that would be off by more than a quarter of a unit of the result stays real.
// CHECK-LABEL: @coarse
// CHECK: disco.matmul {{.*}}result = i32
// CHECK: disco.binary
// CHECK: disco.quantize
func.func @coarse() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x2xi8>
  %s = disco.constant dense<0.5> : tensor<f32> : tensor<f32>
  %t = disco.constant dense<0.125> : tensor<f32> : tensor<f32>
  %w = disco.constant dense<[[1, 2, 3], [4, 5, 6]]> : tensor<2x3xi8> : tensor<2x3xi8>
  %c = disco.constant dense<[1.0, -0.375, 0.25]> : tensor<3xf32> : tensor<3xf32>
  %rx = disco.dequantize %x, %s : (tensor<1x2xi8>, tensor<f32>) -> tensor<1x2xf32>
  %rw = disco.dequantize %w, %s : (tensor<2x3xi8>, tensor<f32>) -> tensor<2x3xf32>
  %p = disco.matmul %rx, %rw : (tensor<1x2xf32>, tensor<2x3xf32>) -> tensor<1x3xf32>
  %a = disco.binary %p, %c {kind = 0 : i32} : (tensor<1x3xf32>, tensor<3xf32>) -> tensor<1x3xf32>
  %y = disco.quantize %a, %t : (tensor<1x3xf32>, tensor<f32>) -> tensor<1x3xi8>
  disco.output %y {name = "y", index = 0 : i64} : (tensor<1x3xi8>) -> ()
  return
}

// -----

// The product of two tensors that are computed, as in attention.
// CHECK-LABEL: @attention
// CHECK: %[[S:.*]] = disco.matmul %{{.*}}, %{{.*}} {{.*}}quant = #disco.quant<xZero = 2, wZero = [5], result = i8, multiplier = dense<2.500000e-01> : tensor<1xf32>, yZero = 0, low = -128, high = 127>
// CHECK: %[[V:.*]] = disco.matmul %[[S]], %{{.*}} {{.*}}quant = #disco.quant<xZero = 0, wZero = [2], result = i32>
// CHECK: disco.dequantize %[[V]]
func.func @attention() {
  %q = disco.input {name = "q", index = 0 : i64} : () -> tensor<1x3x4x2xi8>
  %k = disco.input {name = "k", index = 1 : i64} : () -> tensor<1x3x2x4xui8>
  %s = disco.constant dense<0.5> : tensor<f32> : tensor<f32>
  %u = disco.constant dense<1.0> : tensor<f32> : tensor<f32>
  %zq = disco.constant dense<2> : tensor<i8> : tensor<i8>
  %zk = disco.constant dense<5> : tensor<ui8> : tensor<ui8>
  %rq = disco.dequantize %q, %s, %zq : (tensor<1x3x4x2xi8>, tensor<f32>, tensor<i8>) -> tensor<1x3x4x2xf32>
  %rk = disco.dequantize %k, %s, %zk : (tensor<1x3x2x4xui8>, tensor<f32>, tensor<ui8>) -> tensor<1x3x2x4xf32>
  %p = disco.matmul %rq, %rk : (tensor<1x3x4x2xf32>, tensor<1x3x2x4xf32>) -> tensor<1x3x4x4xf32>
  %y = disco.quantize %p, %u : (tensor<1x3x4x4xf32>, tensor<f32>) -> tensor<1x3x4x4xi8>
  %r = disco.dequantize %y, %u : (tensor<1x3x4x4xi8>, tensor<f32>) -> tensor<1x3x4x4xf32>
  %v = disco.matmul %r, %rq : (tensor<1x3x4x4xf32>, tensor<1x3x4x2xf32>) -> tensor<1x3x4x2xf32>
  disco.output %v {name = "v", index = 0 : i64} : (tensor<1x3x4x2xf32>) -> ()
  return
}

// -----

// A picture is transposed as bytes; the axis of its tables goes with it.
// CHECK-LABEL: func.func @pixels
// CHECK: %[[M:.*]] = disco.rearrange %{{.*}} {perm = array<i64: 0, 3, 1, 2>, view = array<i64: 1, 2, 2, 3>} : (tensor<1x2x2x3xui8>) -> tensor<1x3x2x2xui8>
// CHECK: disco.lookup %[[M]], %{{.*}} {axis = 1 : i64} : (tensor<1x3x2x2xui8>, tensor<3x256xf32>) -> tensor<1x3x2x2xf32>
func.func @pixels() {
  %x = disco.input {index = 0 : i64, name = "x"} : () -> tensor<1x2x2x3xui8>
  %t = disco.constant dense<1.0> : tensor<3x256xf32> : tensor<3x256xf32>
  %0 = disco.lookup %x, %t {axis = 3 : i64} : (tensor<1x2x2x3xui8>, tensor<3x256xf32>) -> tensor<1x2x2x3xf32>
  %1 = disco.rearrange %0 {perm = array<i64: 0, 3, 1, 2>, view = array<i64: 1, 2, 2, 3>} : (tensor<1x2x2x3xf32>) -> tensor<1x3x2x2xf32>
  disco.output %1 {index = 0 : i64, name = "y"} : (tensor<1x3x2x2xf32>) -> ()
  return
}
