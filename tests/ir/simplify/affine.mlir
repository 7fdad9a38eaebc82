// Sums and products with constants on channels move into the contraction before them.
// RUN: %opt --disco-simplify --split-input-file %s | FileCheck %s

// Batch normalisation: the first row of the weights times 2, the second times 10; the bias (1, 1) likewise, plus (5, 7).
// CHECK-LABEL: func.func @scale_and_shift
func.func @scale_and_shift() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x2x1x1xf32>
  %w = disco.constant dense<[[[[1.0]], [[2.0]]], [[[3.0]], [[4.0]]]]> : tensor<2x2x1x1xf32> : tensor<2x2x1x1xf32>
  %b = disco.constant dense<1.0> : tensor<2xf32> : tensor<2xf32>
  %scale = disco.constant dense<[[[2.0]], [[10.0]]]> : tensor<2x1x1xf32> : tensor<2x1x1xf32>
  %shift = disco.constant dense<[[[5.0]], [[7.0]]]> : tensor<2x1x1xf32> : tensor<2x1x1xf32>
  // CHECK-DAG: %[[B:.+]] = disco.constant dense<[7.000000e+00, 1.700000e+01]>
  // CHECK-DAG: %[[W:.+]] = disco.constant dense<{{\[}}{{\[}}{{\[}}[2.000000e+00]], {{\[}}[4.000000e+00]]], {{\[}}{{\[}}[3.000000e+01]], {{\[}}[4.000000e+01]]]]>
  // The fused op stands for the last tensor of the chain.
  // CHECK: %[[Y:.+]] = disco.conv %{{.+}}, %[[W]] bias %[[B]] {{{.*}}disco.tensor = "shifted"
  // CHECK-NOT: disco.binary
  // CHECK: disco.output %[[Y]]
  %y = disco.conv %x, %w bias %b {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64, disco.tensor = "conv"} : (tensor<1x2x1x1xf32>, tensor<2x2x1x1xf32>, tensor<2xf32>) -> tensor<1x2x1x1xf32>
  %m = disco.binary %y, %scale {kind = 2 : i32, disco.tensor = "scaled"} : (tensor<1x2x1x1xf32>, tensor<2x1x1xf32>) -> tensor<1x2x1x1xf32>
  %s = disco.binary %m, %shift {kind = 0 : i32, disco.tensor = "shifted"} : (tensor<1x2x1x1xf32>, tensor<2x1x1xf32>) -> tensor<1x2x1x1xf32>
  disco.output %s {name = "s", index = 0 : i64} : (tensor<1x2x1x1xf32>) -> ()
  return
}

// -----

// (10 - y) / 4, with y = x W and W transposed: rows of the weights are outputs.
// CHECK-LABEL: func.func @subtract_and_divide
func.func @subtract_and_divide() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<3x2xf32>
  %w = disco.constant dense<[[4.0, 8.0], [12.0, 16.0]]> : tensor<2x2xf32> : tensor<2x2xf32>
  %ten = disco.constant dense<10.0> : tensor<f32> : tensor<f32>
  %divisor = disco.constant dense<[4.0, 2.0]> : tensor<2xf32> : tensor<2xf32>
  // CHECK-DAG: %[[B:.+]] = disco.constant dense<[2.500000e+00, 5.000000e+00]>
  // CHECK-DAG: %[[W:.+]] = disco.constant dense<{{\[}}[-1.000000e+00, -2.000000e+00], [-6.000000e+00, -8.000000e+00]]>
  // CHECK: disco.matmul %{{.+}}, %[[W]] bias %[[B]] {trans_b}
  // CHECK-NOT: disco.binary
  %y = disco.matmul %x, %w {trans_b} : (tensor<3x2xf32>, tensor<2x2xf32>) -> tensor<3x2xf32>
  %d = disco.binary %ten, %y {kind = 1 : i32} : (tensor<f32>, tensor<3x2xf32>) -> tensor<3x2xf32>
  %q = disco.binary %d, %divisor {kind = 3 : i32} : (tensor<3x2xf32>, tensor<2xf32>) -> tensor<3x2xf32>
  disco.output %q {name = "q", index = 0 : i64} : (tensor<3x2xf32>) -> ()
  return
}

// -----

// Not transposed: columns of the weights are outputs.
// CHECK-LABEL: func.func @columns
func.func @columns() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<3x2xf32>
  %w = disco.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32> : tensor<2x2xf32>
  %scale = disco.constant dense<[10.0, 100.0]> : tensor<2xf32> : tensor<2xf32>
  // CHECK: disco.constant dense<{{\[}}[1.000000e+01, 2.000000e+02], [3.000000e+01, 4.000000e+02]]>
  %y = disco.matmul %x, %w : (tensor<3x2xf32>, tensor<2x2xf32>) -> tensor<3x2xf32>
  %q = disco.binary %y, %scale {kind = 2 : i32} : (tensor<3x2xf32>, tensor<2xf32>) -> tensor<3x2xf32>
  disco.output %q {name = "q", index = 0 : i64} : (tensor<3x2xf32>) -> ()
  return
}

// -----

// Half precision: scaled weights are widened, so that nothing is rounded twice; the result stays half.
// CHECK-LABEL: func.func @half
func.func @half() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x1xf16>
  %w = disco.constant dense<[[3.0]]> : tensor<1x1xf16> : tensor<1x1xf16>
  %scale = disco.constant dense<0.333251953125> : tensor<f16> : tensor<f16>
  // CHECK: disco.constant dense<0.999755859> : tensor<1x1xf32>
  // CHECK: disco.matmul {{.*}} -> tensor<1x1xf16>
  %y = disco.matmul %x, %w : (tensor<1x1xf16>, tensor<1x1xf16>) -> tensor<1x1xf16>
  %q = disco.binary %y, %scale {kind = 2 : i32} : (tensor<1x1xf16>, tensor<f16>) -> tensor<1x1xf16>
  disco.output %q {name = "q", index = 0 : i64} : (tensor<1x1xf16>) -> ()
  return
}

// -----

// What must stay: a constant that varies in space, a second reader, a function in between, constant / y, and stated
// owner maps that differ.
// CHECK-LABEL: func.func @stays
func.func @stays() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x2x1x2xf32>
  %w = disco.constant dense<1.0> : tensor<2x2x1x1xf32> : tensor<2x2x1x1xf32>
  %space = disco.constant dense<[3.0, 4.0]> : tensor<2xf32> : tensor<2xf32>
  %two = disco.constant dense<2.0> : tensor<f32> : tensor<f32>
  // CHECK: %[[A:.+]] = disco.conv
  // CHECK-NEXT: %[[A1:.+]] = disco.binary %[[A]], %{{.+}} {kind = 2 : i32}
  %a = disco.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x2x1x2xf32>, tensor<2x2x1x1xf32>) -> tensor<1x2x1x2xf32>
  %a1 = disco.binary %a, %space {kind = 2 : i32} : (tensor<1x2x1x2xf32>, tensor<2xf32>) -> tensor<1x2x1x2xf32>
  // CHECK-NEXT: %[[B:.+]] = disco.conv %[[A1]]
  // CHECK-NEXT: %[[B1:.+]] = disco.binary %[[B]], %{{.+}} {kind = 2 : i32}
  // CHECK-NEXT: %[[B2:.+]] = disco.binary %[[B]], %[[B1]] {kind = 5 : i32}
  %b = disco.conv %a1, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x2x1x2xf32>, tensor<2x2x1x1xf32>) -> tensor<1x2x1x2xf32>
  %b1 = disco.binary %b, %two {kind = 2 : i32} : (tensor<1x2x1x2xf32>, tensor<f32>) -> tensor<1x2x1x2xf32>
  %b2 = disco.binary %b, %b1 {kind = 5 : i32} : (tensor<1x2x1x2xf32>, tensor<1x2x1x2xf32>) -> tensor<1x2x1x2xf32>
  // CHECK-NEXT: %[[C:.+]] = disco.conv %[[B2]], %{{.+}} {act = #disco.act<relu>
  // CHECK-NEXT: %[[C1:.+]] = disco.binary %[[C]], %{{.+}} {kind = 2 : i32}
  %c = disco.conv %b2, %w {act = #disco.act<relu>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x2x1x2xf32>, tensor<2x2x1x1xf32>) -> tensor<1x2x1x2xf32>
  %c1 = disco.binary %c, %two {kind = 2 : i32} : (tensor<1x2x1x2xf32>, tensor<f32>) -> tensor<1x2x1x2xf32>
  // CHECK-NEXT: %[[D:.+]] = disco.conv %[[C1]]
  // CHECK-NEXT: %[[D1:.+]] = disco.binary %{{.+}}, %[[D]] {kind = 3 : i32}
  %d = disco.conv %c1, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x2x1x2xf32>, tensor<2x2x1x1xf32>) -> tensor<1x2x1x2xf32>
  %d1 = disco.binary %two, %d {kind = 3 : i32} : (tensor<f32>, tensor<1x2x1x2xf32>) -> tensor<1x2x1x2xf32>
  // CHECK-NEXT: %[[E:.+]] = disco.conv %[[D1]]
  // CHECK-NEXT: disco.binary %[[E]], %{{.+}} {disco.owners = #disco.owned<axis 1 : 1 | 0>, kind = 2 : i32}
  %e = disco.conv %d1, %w {disco.owners = #disco.owned<axis 1 : 0 | 1>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x2x1x2xf32>, tensor<2x2x1x1xf32>) -> tensor<1x2x1x2xf32>
  %e1 = disco.binary %e, %two {disco.owners = #disco.owned<axis 1 : 1 | 0>, kind = 2 : i32} : (tensor<1x2x1x2xf32>, tensor<f32>) -> tensor<1x2x1x2xf32>
  disco.output %e1 {name = "e", index = 0 : i64} : (tensor<1x2x1x2xf32>) -> ()
  return
}

// -----

// A sum that makes the tensor larger cannot move in.
// CHECK-LABEL: func.func @grows
func.func @grows() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x2xf32>
  %w = disco.constant dense<1.0> : tensor<2x1xf32> : tensor<2x1xf32>
  %many = disco.constant dense<[1.0, 2.0, 3.0]> : tensor<3xf32> : tensor<3xf32>
  // CHECK: disco.matmul
  // CHECK-NEXT: disco.binary {{.*}} -> tensor<1x3xf32>
  %y = disco.matmul %x, %w : (tensor<1x2xf32>, tensor<2x1xf32>) -> tensor<1x1xf32>
  %q = disco.binary %y, %many {kind = 0 : i32} : (tensor<1x1xf32>, tensor<3xf32>) -> tensor<1x3xf32>
  disco.output %q {name = "q", index = 0 : i64} : (tensor<1x3xf32>) -> ()
  return
}

// -----

// The owner map and the mask that a user stated stay with the op.
// CHECK-LABEL: func.func @stated
func.func @stated() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x2xf32>
  %w = disco.constant dense<1.0> : tensor<2x2xf32> : tensor<2x2xf32>
  %two = disco.constant dense<2.0> : tensor<f32> : tensor<f32>
  // CHECK: disco.matmul {{.*}} {disco.owners = #disco.owned<axis 1 : 1 | 0>, disco.stated_mask = {routes = [#disco.route<0 -> 1 : 0>]}, disco.tensor = "q"}
  // CHECK-NEXT: disco.output
  %y = disco.matmul %x, %w {disco.tensor = "y", disco.stated_mask = {routes = [#disco.route<0 -> 1 : 0>]}} : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32>
  %q = disco.binary %y, %two {kind = 2 : i32, disco.tensor = "q", disco.owners = #disco.owned<axis 1 : 1 | 0>} : (tensor<1x2xf32>, tensor<f32>) -> tensor<1x2xf32>
  disco.output %q {name = "q", index = 0 : i64} : (tensor<1x2xf32>) -> ()
  return
}
