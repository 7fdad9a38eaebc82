// Every diagnostic of disco-insert-exchanges.
// RUN: discoc-opt --disco-insert-exchanges --split-input-file --verify-diagnostics %s

module attributes {disco.nodes = 2 : i64} {
func.func @no_owners(%x: tensor<1x4xf32>) {
  // expected-error@+1 {{has an operand without owner map: run disco-assign-owners first}}
  %y = disco.unary %x {act = #disco.act<relu>} : (tensor<1x4xf32>) -> tensor<1x4xf32>
  return
}
}

// -----

module attributes {disco.nodes = 2 : i64} {
func.func @no_mask(%x: tensor<1x4xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>) {
  %w = disco.constant dense<1.0> : tensor<4x4xf32> : tensor<4x4xf32>
  // expected-error@+1 {{has no mask: run disco-derive-masks first}}
  %y = disco.matmul %x, %w : (tensor<1x4xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>, tensor<4x4xf32>) -> tensor<1x4xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>
  return
}
}

// -----

// A stated map along an axis over which the op reduces.
module attributes {disco.nodes = 2 : i64} {
func.func @axis(%x: tensor<1x4xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>) {
  // expected-error@+1 {{cannot be divided along the axis of its owner map; state another axis, or no map, for it}}
  %y = disco.softmax %x {axis = 1 : i64, count = 1 : i64} : (tensor<1x4xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>) -> tensor<1x4xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>
  return
}
}

// -----

// expected-error@+1 {{has no function: is it split into shards already?}}
module {
}
