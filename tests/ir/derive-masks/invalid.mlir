// Every diagnostic of disco-derive-masks.
// RUN: discoc-opt --disco-derive-masks --split-input-file --verify-diagnostics %s

module attributes {disco.nodes = 2 : i64} {
func.func @forbidden(%x: tensor<1x4xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>) {
  %w = disco.constant dense<1.0> : tensor<4x4xf32> : tensor<4x4xf32>
  // expected-error@+1 {{the stated mask from node 1 to node 0 forbids channel 2, but its weights for the outputs of node 0 are not zero; zero them, or state "apply": "zero" in the mask file}}
  %y = disco.matmul %x, %w {disco.stated_mask = {routes = [#disco.route<1 -> 0 : 3>]}} : (tensor<1x4xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>, tensor<4x4xf32>) -> tensor<1x4xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>
  return
}
}

// -----

module attributes {disco.nodes = 2 : i64} {
func.func @foreign_channel(%x: tensor<1x4xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>) {
  %w = disco.constant dense<1.0> : tensor<4x4xf32> : tensor<4x4xf32>
  // expected-error@+1 {{the stated mask from node 1 to node 0 lists channel 1, which node 1 does not own; write the owner maps with 'discoc inspect --write-owners' and take channels from them}}
  %y = disco.matmul %x, %w {disco.stated_mask = {zero, routes = [#disco.route<1 -> 0 : 1, 3>]}} : (tensor<1x4xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>, tensor<4x4xf32>) -> tensor<1x4xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>
  return
}
}

// -----

module attributes {disco.nodes = 2 : i64} {
func.func @whole_input(%x: tensor<1x4xf32, #disco.owned<whole : 0 | >>) {
  %w = disco.constant dense<1.0> : tensor<4x4xf32> : tensor<4x4xf32>
  // expected-error@+1 {{has a stated mask, but its input is not divided along the channels that it sums over}}
  %y = disco.matmul %x, %w {disco.stated_mask = {zero, routes = [#disco.route<0 -> 1 : 1>]}} : (tensor<1x4xf32, #disco.owned<whole : 0 | >>, tensor<4x4xf32>) -> tensor<1x4xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>
  return
}
}

// -----

module attributes {disco.nodes = 2 : i64} {
func.func @no_owners(%x: tensor<1x4xf32>) {
  %w = disco.constant dense<1.0> : tensor<4x4xf32> : tensor<4x4xf32>
  // expected-error@+1 {{has no owner maps: run disco-assign-owners first}}
  %y = disco.matmul %x, %w : (tensor<1x4xf32>, tensor<4x4xf32>) -> tensor<1x4xf32>
  return
}
}

// -----

// Text of which the resource section was cut off.
module attributes {disco.nodes = 1 : i64} {
func.func @no_bytes(%x: tensor<1x4xf32, #disco.owned<axis 1 : 0 to 3>>) {
  %w = disco.constant dense_resource<gone> : tensor<4x4xf32> : tensor<4x4xf32>
  // expected-error@+1 {{the bytes of its weights are missing}}
  %y = disco.matmul %x, %w : (tensor<1x4xf32, #disco.owned<axis 1 : 0 to 3>>, tensor<4x4xf32>) -> tensor<1x4xf32, #disco.owned<axis 1 : 0 to 3>>
  return
}
}

// -----

// expected-error@+1 {{has no function: is it split into shards already?}}
module {
}

// -----

module attributes {disco.nodes = 2 : i64} {
func.func @no_contraction(%x: tensor<4x4xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>) {
  // expected-error@+1 {{has a stated mask, but its weights are not constant; masks belong to contractions with constant weights}}
  %y = disco.matmul %x, %x {disco.stated_mask = {zero, routes = [#disco.route<1 -> 0 : 3>]}} : (tensor<4x4xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>, tensor<4x4xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>) -> tensor<4x4xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>
  return
}
}
