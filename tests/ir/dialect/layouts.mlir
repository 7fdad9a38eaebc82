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

// expected-error@+1 {{axis 0 of the tensor has no dimension in memory}}
func.func @forgotten(%a: tensor<1x4xf32, #disco.local<axis 1 : 0 to 3 lies #disco.physical<dims [1]>>>) { return }

// -----

// expected-error@+1 {{a dimension in memory of axis 2 of a tensor of rank 2}}
func.func @more(%a: tensor<1x4xf32, #disco.local<axis 1 : 0 to 3 lies #disco.physical<dims [0, 1, 2]>>>) { return }

// -----

// expected-error@+1 {{an order of 3 indices of axis 1, which has 4}}
func.func @order(%a: tensor<1x4xf32, #disco.local<axis 1 : 0 to 3 lies #disco.physical<dims [0, 1] order 1 [0, 2, 1]>>>) { return }

// -----

// expected-error@+1 {{a layout of more than 2^40 elements}}
func.func @vast(%a: tensor<1x4xf32, #disco.local<axis 1 : 0 to 3 lies #disco.physical<dims [0, 1] pitch [0 : 1048576, 1 : 1048577]>>>) { return }

// -----

func.func @reshaped(%a: tensor<1x4xf32>) {
  // expected-error@+1 {{'disco.relayout' op changes how a tensor lies, and neither its shape nor its elements}}
  %0 = disco.relayout %a : (tensor<1x4xf32>) -> tensor<4xf32>
  return
}

// -----

// expected-error@+1 {{ranges of a set must be ascending and not adjacent}}
func.func @huge(%a: tensor<1x4xf32, #disco.owned<axis 1 : 0 to 9223372036854775807>>) { return }

// -----

module attributes {disco.nodes = 2 : i64} {
func.func @route(%a: tensor<1x2xf32, #disco.owned<axis 1 : 0 | 1>>) {
  // expected-error@+1 {{'disco.exchange' op has a route from node 0 to node 2 in a module for 2}}
  %0 = disco.exchange %a routes [#disco.route<0 -> 2 : 0>] {tensor = "a"} : (tensor<1x2xf32, #disco.owned<axis 1 : 0 | 1>>) -> tensor<1x2xf32, #disco.held<axis 1 : | 0>>
  return
}
}

// -----

func.func @stated(%a: tensor<1x4xf32>) {
  // expected-error@+1 {{'disco.unary' op layout with channel 4 of an axis of extent 4}}
  %0 = disco.unary %a {act = #disco.act<relu>, disco.owners = #disco.owned<axis 1 : 0 to 1 | 2 to 4>} : (tensor<1x4xf32>) -> tensor<1x4xf32>
  return
}

// -----

func.func @no_map(%a: tensor<1x4xf32>) {
  // expected-error@+1 {{'disco.owners' is no owner map of the op's result}}
  %0 = disco.unary %a {act = #disco.act<relu>, disco.owners = 1 : i64} : (tensor<1x4xf32>) -> tensor<1x4xf32>
  return
}

// -----

module {
// expected-error@+1 {{a shard is a module with one function of one block}}
module @node0 attributes {disco.rank = 0 : i64} {}
}
