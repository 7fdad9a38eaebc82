// Nodes own as much as their shares say; what has none owns nothing, and computes nothing that the others compute too.
// RUN: %opt --disco-assign-owners --disco-divide-reductions --split-input-file %s | FileCheck %s

// CHECK: disco.owner_map = 2
// CHECK-LABEL: func.func @speeds
module attributes {disco.nodes = 3 : i64, disco.shares = array<i64: 1, 2, 4>} {
func.func @speeds() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x3xf32>
  %w = disco.constant dense<1.0> : tensor<3x14xf32> : tensor<3x14xf32>
  // CHECK: disco.matmul {{.*}} #disco.owned<axis 1 : 0 to 1 | 2 to 5 | 6 to 13>>
  %y = disco.matmul %x, %w : (tensor<1x3xf32>, tensor<3x14xf32>) -> tensor<1x14xf32>
  disco.output %y {name = "y", index = 0 : i64} : (tensor<1x14xf32>) -> ()
  return
}
}

// -----

// The root hands out and takes in, the others compute, also what all compute.
// CHECK-LABEL: func.func @root_without
module attributes {disco.nodes = 3 : i64, disco.shares = array<i64: 0, 1, 1>} {
func.func @root_without() {
  // CHECK: disco.input {{.*}} #disco.owned<axis 1 : 0 to 2 | | >>
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x3xf32>
  %w = disco.constant dense<1.0> : tensor<3x4xf32> : tensor<3x4xf32>
  // CHECK: disco.matmul {{.*}} #disco.owned<axis 1 : | 0 to 1 | 2 to 3>>
  %y = disco.matmul %x, %w : (tensor<1x3xf32>, tensor<3x4xf32>) -> tensor<1x4xf32>
  // CHECK: disco.unary {{.*}} #disco.owned<whole : | 0 | 0>>
  %s = disco.unary %y {act = #disco.act<relu>, disco.replicated = "a test"} : (tensor<1x4xf32>) -> tensor<1x4xf32>
  disco.output %s {name = "s", index = 0 : i64} : (tensor<1x4xf32>) -> ()
  return
}
}

// -----

// One node that owns anything: nothing is divided.
// CHECK-LABEL: func.func @single
module attributes {disco.nodes = 2 : i64, disco.shares = array<i64: 0, 1>} {
func.func @single() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x3xf32>
  %w = disco.constant dense<1.0> : tensor<3x4xf32> : tensor<3x4xf32>
  // CHECK: disco.matmul {{.*}} #disco.owned<axis 1 : | 0 to 3>>
  %y = disco.matmul %x, %w : (tensor<1x3xf32>, tensor<3x4xf32>) -> tensor<1x4xf32>
  disco.output %y {name = "y", index = 0 : i64} : (tensor<1x4xf32>) -> ()
  return
}
}
