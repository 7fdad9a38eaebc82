// Stated owner maps, and what is refused.
// RUN: %opt --disco-assign-owners --split-input-file --verify-diagnostics %s | FileCheck %s

// Any sets will do, also empty ones; the stated tensor's ties follow it, the attribute is used up.
// CHECK-LABEL: func.func @scattered
module attributes {disco.nodes = 3 : i64} {
func.func @scattered() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x3xf32>
  %w = disco.constant dense<1.0> : tensor<3x6xf32> : tensor<3x6xf32>
  // CHECK: disco.matmul
  // CHECK-NOT: disco.owners
  // CHECK-SAME: -> tensor<1x6xf32, #disco.owned<axis 1 : 1, 4 to 5 |  | 0, 2 to 3>>
  %y = disco.matmul %x, %w {disco.owners = #disco.owned<axis 1 : 1, 4 to 5 | | 0, 2 to 3>} : (tensor<1x3xf32>, tensor<3x6xf32>) -> tensor<1x6xf32>
  // CHECK: disco.unary {{.*}} -> tensor<1x6xf32, #disco.owned<axis 1 : 1, 4 to 5 |  | 0, 2 to 3>>
  %r = disco.unary %y {act = #disco.act<relu>} : (tensor<1x6xf32>) -> tensor<1x6xf32>
  // CHECK: disco.select {{.*}} -> tensor<1x3xf32, #disco.owned<axis 1 : 0 |  | 1 to 2>>
  %s = disco.select %r {axis = 1 : i64, indices = array<i64: 5, 0, 2>} : (tensor<1x6xf32>) -> tensor<1x3xf32>
  disco.output %s {name = "s", index = 0 : i64} : (tensor<1x3xf32>) -> ()
  return
}
}

// -----

// A map stated for a later tensor reaches back to the contraction that makes it.
// CHECK-LABEL: func.func @backwards
module attributes {disco.nodes = 2 : i64} {
func.func @backwards() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x3xf32>
  %w = disco.constant dense<1.0> : tensor<3x4xf32> : tensor<3x4xf32>
  // CHECK: disco.matmul {{.*}} -> tensor<1x4xf32, #disco.owned<axis 1 : 3 | 0 to 2>>
  %y = disco.matmul %x, %w : (tensor<1x3xf32>, tensor<3x4xf32>) -> tensor<1x4xf32>
  %r = disco.unary %y {act = #disco.act<relu>, disco.owners = #disco.owned<axis 1 : 3 | 0 to 2>} : (tensor<1x4xf32>) -> tensor<1x4xf32>
  disco.output %r {name = "r", index = 0 : i64} : (tensor<1x4xf32>) -> ()
  return
}
}

// -----

// A map that cuts a class (feature 1 and 2 belong to one channel) is absolute for its own tensor; the channel goes with
// the first of its features.
// CHECK-LABEL: func.func @cuts_a_class
module attributes {disco.nodes = 2 : i64} {
func.func @cuts_a_class() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x2x1x1xf32>
  %w = disco.constant dense<1.0> : tensor<2x2x1x2xf32> : tensor<2x2x1x2xf32>
  // CHECK: disco.conv {{.*}} -> tensor<1x2x1x2xf32, #disco.owned<axis 1 : 0 | 1>>
  %y = disco.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 1, 0, 1>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x2x1x1xf32>, tensor<2x2x1x2xf32>) -> tensor<1x2x1x2xf32>
  // CHECK: disco.rearrange {{.*}} -> tensor<1x4xf32, #disco.owned<axis 1 : 0 to 2 | 3>>
  %f = disco.rearrange %y {view = array<i64: 1, 4>, perm = array<i64: 0, 1>, disco.owners = #disco.owned<axis 1 : 0 to 2 | 3>} : (tensor<1x2x1x2xf32>) -> tensor<1x4xf32>
  disco.output %f {name = "f", index = 0 : i64} : (tensor<1x4xf32>) -> ()
  return
}
}

// -----

// A map states another axis than the rules would choose.
// CHECK-LABEL: func.func @other_axis
module attributes {disco.nodes = 2 : i64} {
func.func @other_axis() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x3x4xf32>
  // CHECK: disco.unary {{.*}} -> tensor<1x3x4xf32, #disco.owned<axis 2 : 0 | 1 to 3>>
  %r = disco.unary %x {act = #disco.act<relu>, disco.owners = #disco.owned<axis 2 : 0 | 1 to 3>} : (tensor<1x3x4xf32>) -> tensor<1x3x4xf32>
  disco.output %r {name = "r", index = 0 : i64} : (tensor<1x3x4xf32>) -> ()
  return
}
}

// -----

module attributes {disco.nodes = 3 : i64} {
func.func @nodes() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x3xf32>
  %w = disco.constant dense<1.0> : tensor<3x4xf32> : tensor<3x4xf32>
  // expected-error@+1 {{the stated owner map is for 2 nodes, not 3}}
  %y = disco.matmul %x, %w {disco.owners = #disco.owned<axis 1 : 0 to 1 | 2 to 3>} : (tensor<1x3xf32>, tensor<3x4xf32>) -> tensor<1x4xf32>
  disco.output %y {name = "y", index = 0 : i64} : (tensor<1x4xf32>) -> ()
  return
}
}

// -----

// Two stated maps of tied tensors that contradict each other: both are named.
module attributes {disco.nodes = 2 : i64} {
func.func @conflict() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x3xf32>
  %w = disco.constant dense<1.0> : tensor<3x4xf32> : tensor<3x4xf32>
  %y = disco.matmul %x, %w {disco.tensor = "y", disco.owners = #disco.owned<axis 1 : 0 to 1 | 2 to 3>} : (tensor<1x3xf32>, tensor<3x4xf32>) -> tensor<1x4xf32>
  // expected-error@+1 {{the stated owner map of 'r' gives node 1 channels that are tied to channels of 'y', which another stated map gives to another node; state the same owners for both}}
  %r = disco.unary %y {disco.tensor = "r", act = #disco.act<relu>, disco.owners = #disco.owned<axis 1 : 0 | 1 to 3>} : (tensor<1x4xf32>) -> tensor<1x4xf32>
  disco.output %r {name = "r", index = 0 : i64} : (tensor<1x4xf32>) -> ()
  return
}
}

// -----

// expected-error@+1 {{has no function: is it split into shards already?}}
module {
}

// -----

module attributes {disco.nodes = 2 : i64} {
func.func @too_large() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x1x1xf32>
  // expected-error@+1 {{makes a tensor of type 'tensor<1024x1024x512xf32>', which is larger than the 2 GiB that discoc supports}}
  %y = disco.expand %x : (tensor<1x1x1xf32>) -> tensor<1024x1024x512xf32>
  disco.output %y {name = "y", index = 0 : i64} : (tensor<1024x1024x512xf32>) -> ()
  return
}
}
