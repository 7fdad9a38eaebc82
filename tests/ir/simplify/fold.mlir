// Ops on constants are computed at compile time: shape arithmetic, masks multiplied into weights.
// RUN: %opt --disco-simplify --split-input-file %s | FileCheck %s

// What exporters write for "flatten": take the batch from the shape, append -1... all of it folds.
// CHECK-LABEL: func.func @shape_arithmetic
func.func @shape_arithmetic() {
  %shape = disco.constant dense<[2, 3, 5, 7]> : tensor<4xi64> : tensor<4xi64>
  %zero = disco.constant dense<0> : tensor<i64> : tensor<i64>
  // CHECK: disco.constant dense<[2, 105]> : tensor<2xi64>
  // CHECK-NEXT: disco.output
  %batch = disco.gather %shape, %zero {axis = 0 : i64} : (tensor<4xi64>, tensor<i64>) -> tensor<i64>
  %b1 = disco.rearrange %batch {view = array<i64>, perm = array<i64>} : (tensor<i64>) -> tensor<1xi64>
  %rest = disco.slice %shape {starts = array<i64: 1>, steps = array<i64: 1>} : (tensor<4xi64>) -> tensor<3xi64>
  %product = disco.reduce %rest {kind = 4 : i32, axes = array<i64: 0>, keepdims} : (tensor<3xi64>) -> tensor<1xi64>
  %both = disco.concat %b1, %product {axis = 0 : i64} : (tensor<1xi64>, tensor<1xi64>) -> tensor<2xi64>
  disco.output %both {name = "y", index = 0 : i64} : (tensor<2xi64>) -> ()
  return
}

// -----

// Mul(weight, mask), what pruning exports: the product is the weight.
// CHECK-LABEL: func.func @masked_weight
func.func @masked_weight() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x2xf32>
  %w = disco.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32> : tensor<2x2xf32>
  %mask = disco.constant dense<[[1.0, 0.0], [0.0, 1.0]]> : tensor<2x2xf32> : tensor<2x2xf32>
  // CHECK: %[[W:.+]] = disco.constant dense<{{\[}}[1.000000e+00, 0.000000e+00], [0.000000e+00, 4.000000e+00]]>
  // CHECK: disco.matmul %{{.+}}, %[[W]]
  %m = disco.binary %w, %mask {kind = 2 : i32} : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %y = disco.matmul %x, %m : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32>
  disco.output %y {name = "y", index = 0 : i64} : (tensor<1x2xf32>) -> ()
  return
}

// -----

// CHECK-LABEL: func.func @elementwise
func.func @elementwise() {
  %a = disco.constant dense<[-2.5, 1.5, 2.5]> : tensor<3xf32> : tensor<3xf32>
  %i = disco.constant dense<[7, -7, 8]> : tensor<3xi32> : tensor<3xi32>
  %three = disco.constant dense<3> : tensor<i32> : tensor<i32>
  // Halves round to even.
  // CHECK-DAG: dense<[-2.000000e+00, 2.000000e+00, 2.000000e+00]>
  %0 = disco.unary %a {act = #disco.act<round>} : (tensor<3xf32>) -> tensor<3xf32>
  disco.output %0 {name = "0", index = 0 : i64} : (tensor<3xf32>) -> ()
  // CHECK-DAG: dense<[0.000000e+00, 1.500000e+00, 2.000000e+00]>
  %1 = disco.unary %a {act = #disco.act<clip, 0.0, 2.0>} : (tensor<3xf32>) -> tensor<3xf32>
  disco.output %1 {name = "1", index = 1 : i64} : (tensor<3xf32>) -> ()
  // Integers divide towards zero; mod takes the divisor's sign, fmod the dividend's.
  // CHECK-DAG: dense<[2, -2, 2]>
  %2 = disco.binary %i, %three {kind = 3 : i32} : (tensor<3xi32>, tensor<i32>) -> tensor<3xi32>
  disco.output %2 {name = "2", index = 2 : i64} : (tensor<3xi32>) -> ()
  // CHECK-DAG: dense<[1, 2, 2]>
  %3 = disco.binary %i, %three {kind = 7 : i32} : (tensor<3xi32>, tensor<i32>) -> tensor<3xi32>
  disco.output %3 {name = "3", index = 3 : i64} : (tensor<3xi32>) -> ()
  // CHECK-DAG: dense<[1, -1, 2]>
  %4 = disco.binary %i, %three {kind = 8 : i32} : (tensor<3xi32>, tensor<i32>) -> tensor<3xi32>
  disco.output %4 {name = "4", index = 4 : i64} : (tensor<3xi32>) -> ()
  // CHECK-DAG: dense<[true, false, true]> : tensor<3xi1>
  %5 = disco.binary %i, %three {kind = 15 : i32} : (tensor<3xi32>, tensor<i32>) -> tensor<3xi1>
  disco.output %5 {name = "5", index = 5 : i64} : (tensor<3xi1>) -> ()
  // CHECK-DAG: dense<[7, 3, 8]>
  %6 = disco.where %5, %i, %three : (tensor<3xi1>, tensor<3xi32>, tensor<i32>) -> tensor<3xi32>
  disco.output %6 {name = "6", index = 6 : i64} : (tensor<3xi32>) -> ()
  // Casting cuts towards zero.
  // CHECK-DAG: dense<[-2, 1, 2]> : tensor<3xi64>
  %7 = disco.cast %a : (tensor<3xf32>) -> tensor<3xi64>
  disco.output %7 {name = "7", index = 7 : i64} : (tensor<3xi64>) -> ()
  return
}

// -----

// Integers divided by zero are 0, as on a node.
// CHECK-LABEL: func.func @undefined
func.func @undefined() {
  %a = disco.constant dense<[1, 2]> : tensor<2xi32> : tensor<2xi32>
  %b = disco.constant dense<[1, 0]> : tensor<2xi32> : tensor<2xi32>
  // CHECK: disco.constant dense<[1, 0]>
  %0 = disco.binary %a, %b {kind = 3 : i32} : (tensor<2xi32>, tensor<2xi32>) -> tensor<2xi32>
  disco.output %0 {name = "0", index = 0 : i64} : (tensor<2xi32>) -> ()
  return
}

// -----

// CHECK-LABEL: func.func @movement
func.func @movement() {
  %m = disco.constant dense<[[1, 2, 3], [4, 5, 6]]> : tensor<2x3xi64> : tensor<2x3xi64>
  %i = disco.constant dense<[-1, 0]> : tensor<2xi64> : tensor<2xi64>
  // CHECK-DAG: dense<{{\[}}[1, 4], [2, 5], [3, 6]]> : tensor<3x2xi64>
  %0 = disco.rearrange %m {view = array<i64: 2, 3>, perm = array<i64: 1, 0>} : (tensor<2x3xi64>) -> tensor<3x2xi64>
  disco.output %0 {name = "0", index = 0 : i64} : (tensor<3x2xi64>) -> ()
  // CHECK-DAG: dense<{{\[}}[6, 4], [3, 1]]> : tensor<2x2xi64>
  %1 = disco.slice %m {starts = array<i64: 1, 2>, steps = array<i64: -1, -2>} : (tensor<2x3xi64>) -> tensor<2x2xi64>
  disco.output %1 {name = "1", index = 1 : i64} : (tensor<2x2xi64>) -> ()
  // CHECK-DAG: dense<{{\[}}[3, 3, 1], [6, 6, 4]]> : tensor<2x3xi64>
  %2 = disco.select %m {axis = 1 : i64, indices = array<i64: 2, 2, 0>} : (tensor<2x3xi64>) -> tensor<2x3xi64>
  disco.output %2 {name = "2", index = 2 : i64} : (tensor<2x3xi64>) -> ()
  // Negative indices count from the end.
  // CHECK-DAG: dense<{{\[}}[3, 1], [6, 4]]> : tensor<2x2xi64>
  %3 = disco.gather %m, %i {axis = 1 : i64} : (tensor<2x3xi64>, tensor<2xi64>) -> tensor<2x2xi64>
  disco.output %3 {name = "3", index = 3 : i64} : (tensor<2x2xi64>) -> ()
  // CHECK-DAG: dense<{{\[}}[-1, 0]]> : tensor<1x2xi64> : tensor<3x2xi64>
  %4 = disco.expand %i : (tensor<2xi64>) -> tensor<3x2xi64>
  disco.output %4 {name = "4", index = 4 : i64} : (tensor<3x2xi64>) -> ()
  // CHECK-DAG: dense<{{\[}}[1, 2, 3, 1, 2, 3], [4, 5, 6, 4, 5, 6]]> : tensor<2x6xi64>
  %5 = disco.concat %m, %m {axis = 1 : i64} : (tensor<2x3xi64>, tensor<2x3xi64>) -> tensor<2x6xi64>
  disco.output %5 {name = "5", index = 5 : i64} : (tensor<2x6xi64>) -> ()
  // CHECK-DAG: dense<[5, 7, 9]> : tensor<3xi64>
  %6 = disco.reduce %m {kind = 1 : i32, axes = array<i64: 0>} : (tensor<2x3xi64>) -> tensor<3xi64>
  disco.output %6 {name = "6", index = 6 : i64} : (tensor<3xi64>) -> ()
  return
}

// -----

// An index that is not there does not fold.
// CHECK-LABEL: func.func @gather_outside
func.func @gather_outside() {
  %m = disco.constant dense<[1, 2, 3]> : tensor<3xi64> : tensor<3xi64>
  %i = disco.constant dense<3> : tensor<i64> : tensor<i64>
  // CHECK: disco.gather
  %0 = disco.gather %m, %i {axis = 0 : i64} : (tensor<3xi64>, tensor<i64>) -> tensor<i64>
  disco.output %0 {name = "0", index = 0 : i64} : (tensor<i64>) -> ()
  return
}

// -----

// Ops that change nothing disappear, whatever they work on.
// CHECK-LABEL: func.func @identities
func.func @identities() {
  // CHECK-NEXT: %[[X:.+]] = disco.input
  // CHECK-NEXT: disco.output %[[X]]
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<2x1x3xf32>
  %0 = disco.cast %x : (tensor<2x1x3xf32>) -> tensor<2x1x3xf32>
  %1 = disco.expand %0 : (tensor<2x1x3xf32>) -> tensor<2x1x3xf32>
  %2 = disco.slice %1 {starts = array<i64: 0, 0, 0>, steps = array<i64: 1, 1, 1>} : (tensor<2x1x3xf32>) -> tensor<2x1x3xf32>
  %3 = disco.concat %2 {axis = 1 : i64} : (tensor<2x1x3xf32>) -> tensor<2x1x3xf32>
  // An axis of extent 1 may stand anywhere.
  %4 = disco.rearrange %3 {view = array<i64: 2, 1, 3>, perm = array<i64: 1, 0, 2>} : (tensor<2x1x3xf32>) -> tensor<2x1x3xf32>
  disco.output %4 {name = "y", index = 0 : i64} : (tensor<2x1x3xf32>) -> ()
  return
}

// -----

// What has no element is a constant.
// CHECK-LABEL: func.func @nothing
func.func @nothing() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x4x2xf32>
  // CHECK-DAG: %[[E:.+]] = disco.constant {{.*}} : tensor<1x0x2xf32>
  // CHECK-NOT: disco.slice
  // CHECK: disco.reduce %[[E]]
  %e = disco.slice %x {starts = array<i64: 0, 0, 0>, steps = array<i64: 1, 1, 1>} : (tensor<1x4x2xf32>) -> tensor<1x0x2xf32>
  %y = disco.reduce %e {kind = 1 : i32, axes = array<i64: 1>} : (tensor<1x0x2xf32>) -> tensor<1x2xf32>
  disco.output %y {name = "y", index = 0 : i64} : (tensor<1x2xf32>) -> ()
  return
}
