// Every diagnostic of disco-split-into-shards.
// RUN: discoc-opt --disco-split-into-shards --split-input-file --verify-diagnostics %s

module attributes {disco.nodes = 2 : i64} {
func.func @no_owners() {
  %c = disco.constant dense<1.0> : tensor<1x4xf32> : tensor<1x4xf32>
  // expected-error@+1 {{has no owner map: run disco-assign-owners first}}
  %y = disco.unary %c {act = #disco.act<relu>} : (tensor<1x4xf32>) -> tensor<1x4xf32>
  return
}
}

// -----

module attributes {disco.nodes = 2 : i64} {
func.func @axis() {
  %c = disco.constant dense<1.0> : tensor<1x4xf32> : tensor<1x4xf32>
  // expected-error@+1 {{cannot be divided along the axis of its owner map}}
  %y = disco.softmax %c {axis = 1 : i64, count = 1 : i64} : (tensor<1x4xf32>) -> tensor<1x4xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>
  return
}
}

// -----

module attributes {disco.nodes = 2 : i64} {
func.func @input() {
  // expected-error@+1 {{belongs to the root, node 0, alone: let its owner map name no other node}}
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x4xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>
  return
}
}

// -----

module attributes {disco.nodes = 2 : i64} {
func.func @unowned() {
  // expected-error@+1 {{has no owner map: run disco-assign-owners first}}
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x4xf32>
  return
}
}

// -----

module attributes {disco.nodes = 2 : i64} {
func.func @filled() {
  %c = disco.constant dense<1.0> : tensor<65536x65536xf32> : tensor<65536x65536xf32>
  // expected-error@+1 {{reads a constant of 17179869184 bytes that is made of 4 and has to be filled in when the program runs: larger than the 2 GiB that discoc supports}}
  %y = disco.reduce %c {kind = 9 : i32, axes = array<i64: 0, 1>} : (tensor<65536x65536xf32>) -> tensor<f32, #disco.owned<whole : 0 | >>
  return
}
}

// -----

// expected-error@+1 {{has no function: is it split into shards already?}}
module {
}
