// What every node computes, and what is divided although it comes before any contraction.
// RUN: discoc-opt --disco-assign-owners --split-input-file %s | FileCheck %s

// Squeeze and excite: the first contraction everywhere, the second by its outputs.
// CHECK-LABEL: func.func @squeeze
// CHECK: disco.matmul {{.*}}disco.replicated = "squeeze-and-excite"{{.*}} -> tensor<1x2xf32, #disco.owned<whole : 0 | 0>>
// CHECK: disco.matmul {{.*}} -> tensor<1x4xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>
module attributes {disco.nodes = 2 : i64} {
func.func @squeeze() {
  %i = disco.input {index = 0 : i64, name = "i"} : () -> tensor<1x3x4x4xf32>
  %w = disco.constant dense<1.0> : tensor<4x3x1x1xf32> : tensor<4x3x1x1xf32>
  %a = disco.constant dense<1.0> : tensor<4x2xf32> : tensor<4x2xf32>
  %b = disco.constant dense<1.0> : tensor<2x4xf32> : tensor<2x4xf32>
  %x = disco.conv %i, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x3x4x4xf32>, tensor<4x3x1x1xf32>) -> tensor<1x4x4x4xf32>
  %p = disco.reduce %x {kind = 0 : i32, axes = array<i64: 2, 3>} : (tensor<1x4x4x4xf32>) -> tensor<1x4xf32>
  %s = disco.matmul %p, %a {act = #disco.act<relu>} : (tensor<1x4xf32>, tensor<4x2xf32>) -> tensor<1x2xf32>
  %e = disco.matmul %s, %b {act = #disco.act<sigmoid>} : (tensor<1x2xf32>, tensor<2x4xf32>) -> tensor<1x4xf32>
  %f = disco.rearrange %e {view = array<i64: 1, 4, 1, 1>, perm = array<i64: 0, 1, 2, 3>} : (tensor<1x4xf32>) -> tensor<1x4x1x1xf32>
  %y = disco.binary %x, %f {kind = 2 : i32} : (tensor<1x4x4x4xf32>, tensor<1x4x1x1xf32>) -> tensor<1x4x4x4xf32>
  disco.output %y {index = 0 : i64, name = "y"} : (tensor<1x4x4x4xf32>) -> ()
  return
}
}

// -----

// A table larger than what is found in it is divided along its features; mean and variance are everywhere.
// CHECK-LABEL: func.func @table
// CHECK: disco.gather {{.*}} -> tensor<3x8xf32, #disco.owned<axis 1 : 0 to 3 | 4 to 7>>
// CHECK: disco.reduce {{.*}} -> tensor<3x1xf32, #disco.owned<whole : 0 | 0>>
module attributes {disco.nodes = 2 : i64} {
func.func @table() {
  %i = disco.input {index = 0 : i64, name = "i"} : () -> tensor<3xi64>
  %t = disco.constant dense<1.0> : tensor<50x8xf32> : tensor<50x8xf32>
  %w = disco.constant dense<1.0> : tensor<8x8xf32> : tensor<8x8xf32>
  %e = disco.gather %t, %i {axis = 0 : i64} : (tensor<50x8xf32>, tensor<3xi64>) -> tensor<3x8xf32>
  %m = disco.reduce %e {kind = 0 : i32, axes = array<i64: 1>, keepdims} : (tensor<3x8xf32>) -> tensor<3x1xf32>
  %c = disco.binary %e, %m {kind = 1 : i32} : (tensor<3x8xf32>, tensor<3x1xf32>) -> tensor<3x8xf32>
  %y = disco.matmul %c, %w : (tensor<3x8xf32>, tensor<8x8xf32>) -> tensor<3x8xf32>
  disco.output %y {index = 0 : i64, name = "y"} : (tensor<3x8xf32>) -> ()
  return
}
}

// -----

// Grouped convolutions and shuffles on two nodes: the second's groups follow the map; the ties of the third would join
// everything, and are not made.
// CHECK-LABEL: func.func @shuffle
// CHECK: disco.conv {{.*}} -> tensor<1x4x1xf32, #disco.owned<axis 1 : 0, 2 | 1, 3>>
// CHECK: disco.conv {{.*}} -> tensor<1x4x1xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>
// CHECK: disco.conv {{.*}} -> tensor<1x4x1xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>
module attributes {disco.nodes = 2 : i64} {
func.func @shuffle() {
  %i = disco.input {index = 0 : i64, name = "i"} : () -> tensor<1x4x1xf32>
  %w = disco.constant dense<1.0> : tensor<4x2x1xf32> : tensor<4x2x1xf32>
  %x = disco.conv %i, %w {strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>, group = 2 : i64} : (tensor<1x4x1xf32>, tensor<4x2x1xf32>) -> tensor<1x4x1xf32>
  %s = disco.rearrange %x {view = array<i64: 1, 2, 2, 1>, perm = array<i64: 0, 2, 1, 3>} : (tensor<1x4x1xf32>) -> tensor<1x4x1xf32>
  %v = disco.conv %s, %w {strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>, group = 2 : i64} : (tensor<1x4x1xf32>, tensor<4x2x1xf32>) -> tensor<1x4x1xf32>
  %t = disco.rearrange %v {view = array<i64: 1, 2, 2, 1>, perm = array<i64: 0, 2, 1, 3>} : (tensor<1x4x1xf32>) -> tensor<1x4x1xf32>
  %z = disco.conv %t, %w {strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>, group = 2 : i64} : (tensor<1x4x1xf32>, tensor<4x2x1xf32>) -> tensor<1x4x1xf32>
  disco.output %z {index = 0 : i64, name = "v"} : (tensor<1x4x1xf32>) -> ()
  return
}
}
