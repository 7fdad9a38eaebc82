// Compound functions are recognised; functions and residual adds become epilogues of contractions.
// RUN: %opt --disco-simplify --split-input-file %s | FileCheck %s

// act(conv(x) + r): the sum first, then the function.
// CHECK-LABEL: func.func @residual
func.func @residual() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x2x4x4xf32>
  %w = disco.constant dense<1.0> : tensor<2x2x1x1xf32> : tensor<2x2x1x1xf32>
  // CHECK: %[[Y:.+]] = disco.conv %[[X:.+]], %{{.+}} residual %[[X]] {act = #disco.act<relu>, {{.*}}disco.tensor = "r"
  // CHECK-NEXT: disco.output %[[Y]]
  %y = disco.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64, disco.tensor = "y"} : (tensor<1x2x4x4xf32>, tensor<2x2x1x1xf32>) -> tensor<1x2x4x4xf32>
  %s = disco.binary %x, %y {kind = 0 : i32, disco.tensor = "s"} : (tensor<1x2x4x4xf32>, tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %r = disco.unary %s {act = #disco.act<relu>, disco.tensor = "r"} : (tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  disco.output %r {name = "r", index = 0 : i64} : (tensor<1x2x4x4xf32>) -> ()
  return
}

// -----

// The function is applied before the sum: it stays inside, the sum outside.
// CHECK-LABEL: func.func @function_then_sum
func.func @function_then_sum() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x2x4x4xf32>
  %w = disco.constant dense<1.0> : tensor<2x2x1x1xf32> : tensor<2x2x1x1xf32>
  // CHECK: %[[Y:.+]] = disco.conv %[[X:.+]], %{{.+}} {act = #disco.act<relu>
  // CHECK-NEXT: disco.binary %[[X]], %[[Y]] {kind = 0 : i32}
  %y = disco.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x2x4x4xf32>, tensor<2x2x1x1xf32>) -> tensor<1x2x4x4xf32>
  %r = disco.unary %y {act = #disco.act<relu>} : (tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %s = disco.binary %x, %r {kind = 0 : i32} : (tensor<1x2x4x4xf32>, tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  disco.output %s {name = "s", index = 0 : i64} : (tensor<1x2x4x4xf32>) -> ()
  return
}

// -----

// Of two contractions the later one takes the other's result, wherever the sum stands.
// CHECK-LABEL: func.func @two_branches
func.func @two_branches() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x2x4x4xf32>
  %w = disco.constant dense<1.0> : tensor<2x2x1x1xf32> : tensor<2x2x1x1xf32>
  %v = disco.constant dense<2.0> : tensor<2x2x1x1xf32> : tensor<2x2x1x1xf32>
  // CHECK: %[[A:.+]] = disco.conv %[[X:.+]], %[[W:.+]] {{{.*}}disco.tensor = "a"
  // CHECK-NEXT: disco.conv %[[X]], %{{.+}} residual %[[A]] {{{.*}}disco.tensor = "s"
  %a = disco.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64, disco.tensor = "a"} : (tensor<1x2x4x4xf32>, tensor<2x2x1x1xf32>) -> tensor<1x2x4x4xf32>
  %b = disco.conv %x, %v {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64, disco.tensor = "b"} : (tensor<1x2x4x4xf32>, tensor<2x2x1x1xf32>) -> tensor<1x2x4x4xf32>
  %s = disco.binary %b, %a {kind = 0 : i32, disco.tensor = "s"} : (tensor<1x2x4x4xf32>, tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  disco.output %s {name = "s", index = 0 : i64} : (tensor<1x2x4x4xf32>) -> ()
  return
}

// -----

// What must stay outside: a sum with a broadcast tensor, with a tensor that others read too, and into a grouped
// convolution, which a node may have to cut into pieces; a function that kernels have no epilogue for.
// CHECK-LABEL: func.func @stays
func.func @stays() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x2x4x4xf32>
  %w = disco.constant dense<1.0> : tensor<2x2x1x1xf32> : tensor<2x2x1x1xf32>
  %g = disco.constant dense<1.0> : tensor<2x1x1x1xf32> : tensor<2x1x1x1xf32>
  // CHECK: %[[P:.+]] = disco.reduce
  // CHECK-NEXT: %[[A:.+]] = disco.conv %[[X:.+]], %{{[^ ]+}} {
  // CHECK-NEXT: %[[A1:.+]] = disco.binary %[[A]], %[[P]] {kind = 0
  %p = disco.reduce %x {kind = 0 : i32, axes = array<i64: 2, 3>, keepdims} : (tensor<1x2x4x4xf32>) -> tensor<1x2x1x1xf32>
  %a = disco.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x2x4x4xf32>, tensor<2x2x1x1xf32>) -> tensor<1x2x4x4xf32>
  %a1 = disco.binary %a, %p {kind = 0 : i32} : (tensor<1x2x4x4xf32>, tensor<1x2x1x1xf32>) -> tensor<1x2x4x4xf32>
  // CHECK-NEXT: %[[B:.+]] = disco.conv %[[A1]], %{{[^ ]+}} {
  // CHECK-NEXT: %[[B1:.+]] = disco.binary %[[B]], %[[A1]] {kind = 0
  // CHECK-NEXT: %[[B2:.+]] = disco.binary %[[B]], %[[B1]] {kind = 2
  %b = disco.conv %a1, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x2x4x4xf32>, tensor<2x2x1x1xf32>) -> tensor<1x2x4x4xf32>
  %b1 = disco.binary %b, %a1 {kind = 0 : i32} : (tensor<1x2x4x4xf32>, tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %b2 = disco.binary %b, %b1 {kind = 2 : i32} : (tensor<1x2x4x4xf32>, tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  // CHECK-NEXT: %[[C:.+]] = disco.conv %[[B2]], %{{[^ ]+}} {{{.*}}group = 2
  // CHECK-NEXT: disco.binary %[[C]], %[[B2]] {kind = 0
  %c = disco.conv %b2, %g {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 2 : i64} : (tensor<1x2x4x4xf32>, tensor<2x1x1x1xf32>) -> tensor<1x2x4x4xf32>
  %c1 = disco.binary %c, %b2 {kind = 0 : i32} : (tensor<1x2x4x4xf32>, tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  // CHECK: disco.conv
  // CHECK-NEXT: disco.unary {{.*}}act = #disco.act<erf>
  %d = disco.conv %c1, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x2x4x4xf32>, tensor<2x2x1x1xf32>) -> tensor<1x2x4x4xf32>
  %d1 = disco.unary %d {act = #disco.act<erf>} : (tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  disco.output %d1 {name = "d", index = 0 : i64} : (tensor<1x2x4x4xf32>) -> ()
  return
}

// -----

// x * sigmoid(x), x * hard_sigmoid(x) and x * clip(x + 3, 0, 6) / 6 are functions of their own.
// CHECK-LABEL: func.func @gates
func.func @gates() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x4xf32>
  %three = disco.constant dense<3.0> : tensor<f32> : tensor<f32>
  %six = disco.constant dense<6.0> : tensor<f32> : tensor<f32>
  // CHECK: %[[A:.+]] = disco.unary %[[X:.+]] {act = #disco.act<silu>, disco.tensor = "a"}
  // CHECK-NEXT: disco.output %[[A]]
  %g = disco.unary %x {act = #disco.act<sigmoid>} : (tensor<1x4xf32>) -> tensor<1x4xf32>
  %a = disco.binary %g, %x {kind = 2 : i32, disco.tensor = "a"} : (tensor<1x4xf32>, tensor<1x4xf32>) -> tensor<1x4xf32>
  disco.output %a {name = "a", index = 0 : i64} : (tensor<1x4xf32>) -> ()
  // CHECK-NEXT: disco.unary %[[X]] {act = #disco.act<hard_swish>}
  %h = disco.unary %x {act = #disco.act<hard_sigmoid, 0.16666667163372039, 0.5>} : (tensor<1x4xf32>) -> tensor<1x4xf32>
  %b = disco.binary %x, %h {kind = 2 : i32} : (tensor<1x4xf32>, tensor<1x4xf32>) -> tensor<1x4xf32>
  disco.output %b {name = "b", index = 1 : i64} : (tensor<1x4xf32>) -> ()
  // CHECK: disco.unary %[[X]] {act = #disco.act<hard_swish>}
  // CHECK-NEXT: disco.output
  %c1 = disco.binary %x, %three {kind = 0 : i32} : (tensor<1x4xf32>, tensor<f32>) -> tensor<1x4xf32>
  %c2 = disco.unary %c1 {act = #disco.act<clip, 0.0, 6.0>} : (tensor<1x4xf32>) -> tensor<1x4xf32>
  %c3 = disco.binary %x, %c2 {kind = 2 : i32} : (tensor<1x4xf32>, tensor<1x4xf32>) -> tensor<1x4xf32>
  %c = disco.binary %c3, %six {kind = 3 : i32} : (tensor<1x4xf32>, tensor<f32>) -> tensor<1x4xf32>
  disco.output %c {name = "c", index = 2 : i64} : (tensor<1x4xf32>) -> ()
  // Other slopes are not: x * hard_sigmoid(x; 0.2, 0.5).
  // CHECK: disco.unary %[[X]] {act = #disco.act<hard_sigmoid, 2.000000e-01, 5.000000e-01>}
  // CHECK-NEXT: disco.binary
  %k = disco.unary %x {act = #disco.act<hard_sigmoid, 0.2, 0.5>} : (tensor<1x4xf32>) -> tensor<1x4xf32>
  %d = disco.binary %x, %k {kind = 2 : i32} : (tensor<1x4xf32>, tensor<1x4xf32>) -> tensor<1x4xf32>
  disco.output %d {name = "d", index = 3 : i64} : (tensor<1x4xf32>) -> ()
  return
}

// -----

// Of two contractions that are added the one behind more contractions takes the other's result, wherever they stand: the
// shortcut of a residual block is there first.
// CHECK-LABEL: func.func @shortcut
func.func @shortcut(%x: tensor<1x2xf32>) {
  %w = disco.constant dense<1.0> : tensor<2x2xf32> : tensor<2x2xf32>
  %a = disco.matmul %x, %w {disco.tensor = "a"} : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32>
  %b = disco.matmul %a, %w {disco.tensor = "b"} : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32>
  // CHECK: %[[S:.+]] = disco.matmul {{.*}}disco.tensor = "shortcut"
  // CHECK-NEXT: disco.matmul {{.*}} residual %[[S]]
  %s = disco.matmul %x, %w {disco.tensor = "shortcut"} : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32>
  %y = disco.binary %b, %s {kind = 0 : i32} : (tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x2xf32>
  disco.output %y {name = "y", index = 0 : i64} : (tensor<1x2xf32>) -> ()
  return
}
