// A layout fits its tensor, and the number of nodes of the module.
// RUN: discoc-opt --split-input-file --verify-diagnostics %s

module attributes {disco.nodes = 3 : i64} {
func.func @f(%a: tensor<1x4xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>) {
  // expected-error@+1 {{'disco.unary' op has a layout for 2 nodes in a module for 3}}
  %0 = disco.unary %a {act = #disco.act<relu>} : (tensor<1x4xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>) -> tensor<1x4xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>
  return
}
}

// -----

// expected-error@+1 {{'disco.nodes' is no number of nodes from 1 to 65535}}
module attributes {disco.nodes = 0 : i64} {}

// -----

// expected-error@+1 {{owner map that gives 4 of 4 channels an owner, 1 of them twice}}
func.func @twice(%a: tensor<1x4xf32, #disco.owned<axis 1 : 0 to 2 | 2 to 3>>) { return }

// -----

// expected-error@+1 {{owner map that gives 3 of 4 channels an owner, 0 of them twice}}
func.func @nobody(%a: tensor<1x4xf32, #disco.owned<axis 1 : 0 to 1 | 3>>) { return }

// -----

// expected-error@+1 {{layout with channel 4 of an axis of extent 4}}
func.func @outside(%a: tensor<1x4xf32, #disco.held<axis 1 : 0 to 4 | >>) { return }

// -----

// expected-error@+1 {{layout along axis 2 of a tensor of rank 2}}
func.func @axis(%a: tensor<1x4xf32, #disco.owned<axis 2 : 0 to 1 | 2 to 3>>) { return }

// -----

// expected-error@+1 {{layout with 2 channels along an axis of extent 4}}
func.func @local(%a: tensor<1x4xf32, #disco.local<axis 1 : 0 to 1>>) { return }

// -----

// expected-error@+1 {{ranges of a set must be ascending and not adjacent}}
func.func @huge(%a: tensor<1x4xf32, #disco.owned<axis 1 : 0 to 9223372036854775807>>) { return }
