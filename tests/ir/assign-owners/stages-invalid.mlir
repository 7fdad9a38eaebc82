// Pipelines that cannot be: nodes that are not there or come twice, cuts that are none, memory that is too small; and what a
// dispatcher is given.
// RUN: %errors --disco-assign-owners %s

// expected-error@+1 {{stage 1 names node 2, which does not compute; the nodes that do are 0, 1}}
module attributes {disco.nodes = 2 : i64, disco.strategy = "stages", disco.stages = [{nodes = array<i64: 0>}, {nodes = array<i64: 2>}]} {
func.func @unknown() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x4xf32>
  return
}
}

// -----

// expected-error@+1 {{stage 1 names node 0, which another stage has, or this one twice; a node computes one stretch of layers}}
module attributes {disco.nodes = 2 : i64, disco.strategy = "stages", disco.stages = [{nodes = array<i64: 0>}, {nodes = array<i64: 1, 0>}]} {
func.func @twice() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x4xf32>
  return
}
}

// -----

// expected-error@+1 {{stage 0 has no nodes; a stage takes one or more}}
module attributes {disco.nodes = 2 : i64, disco.strategy = "stages", disco.stages = [{nodes = array<i64>}]} {
func.func @empty() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x4xf32>
  return
}
}

// -----

// expected-error@+1 {{there are 2 stages, and the program has 1 ops; a stage takes one or more}}
module attributes {disco.nodes = 2 : i64, disco.strategy = "stages", disco.stages = [{nodes = array<i64: 0>}, {nodes = array<i64: 1>}]} {
func.func @few() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x4xf32>
  return
}
}

// -----

// expected-error@+1 {{stage 1 begins from 'rely', and the simplified program has no op or tensor of this name; what is fused has its last op's name; the nearest is 'relu'}}
module attributes {disco.nodes = 2 : i64, disco.strategy = "stages", disco.stages = [{nodes = array<i64: 0>}, {nodes = array<i64: 1>, from = "rely"}]} {
func.func @misspelt() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x4xf32>
  %y = disco.unary %x {act = #disco.act<relu>} : (tensor<1x4xf32>) -> tensor<1x4xf32> loc("relu")
  return
}
}

// -----

// expected-error@+1 {{stage 0 begins from 'relu', but the first stage begins with the program; leave its 'from' out}}
module attributes {disco.nodes = 2 : i64, disco.strategy = "stages", disco.stages = [{nodes = array<i64: 0>, from = "relu"}, {nodes = array<i64: 1>}]} {
func.func @first() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x4xf32>
  %y = disco.unary %x {act = #disco.act<relu>} : (tensor<1x4xf32>) -> tensor<1x4xf32> loc("relu")
  return
}
}

// -----

// expected-error@+1 {{stage 2 begins from 'relu', which is no cut: the 2 stages before it take an op each, and there are 1}}
module attributes {disco.nodes = 3 : i64, disco.strategy = "stages", disco.stages = [{nodes = array<i64: 0>}, {nodes = array<i64: 1>}, {nodes = array<i64: 2>, from = "relu"}]} {
func.func @early() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x4xf32>
  %y = disco.unary %x {act = #disco.act<relu>} : (tensor<1x4xf32>) -> tensor<1x4xf32> loc("relu")
  %z = disco.unary %y {act = #disco.act<sigmoid>} : (tensor<1x4xf32>) -> tensor<1x4xf32> loc("sigmoid")
  return
}
}

// -----

// expected-error@+1 {{stage 2 begins from 'sigmoid', which is no cut: stage 1 begins behind it or there; 'discoc inspect' lists ops in their order}}
module attributes {disco.nodes = 3 : i64, disco.strategy = "stages", disco.stages = [{nodes = array<i64: 0>}, {nodes = array<i64: 1>, from = "sigmoid"}, {nodes = array<i64: 2>, from = "sigmoid"}]} {
func.func @back() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x4xf32>
  %y = disco.unary %x {act = #disco.act<relu>} : (tensor<1x4xf32>) -> tensor<1x4xf32> loc("relu")
  %z = disco.unary %y {act = #disco.act<sigmoid>} : (tensor<1x4xf32>) -> tensor<1x4xf32> loc("sigmoid")
  return
}
}

// -----

// expected-error@+1 {{no node computes: [root] of the cluster file says compute = false, and there is no other node; add one}}
module attributes {disco.nodes = 1 : i64, disco.dispatcher} {
func.func @alone() {
  return
}
}

// -----

// expected-error@+1 {{the shares of the nodes give node 0 something, which computes nothing: [root] of the cluster file says compute = false; state 0 for it}}
module attributes {disco.nodes = 2 : i64, disco.dispatcher, disco.shares = array<i64: 1, 1>} {
func.func @shares() {
  return
}
}

// -----

module attributes {disco.nodes = 2 : i64, disco.dispatcher} {
func.func @stated() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x4xf32>
  // expected-error@+1 {{is given to node 0, which computes nothing: [root] of the cluster file says compute = false; give it to another node}}
  %y = disco.unary %x {act = #disco.act<relu>, disco.owners = #disco.owned<axis 1 : 0 to 1 | 2 to 3>} : (tensor<1x4xf32>) -> tensor<1x4xf32>
  return
}
}

// -----

module attributes {disco.nodes = 3 : i64, disco.strategy = "stages", disco.stages = [{nodes = array<i64: 0, 1>}, {nodes = array<i64: 2>}]} {
func.func @members() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x4xf32>
  // expected-error@+1 {{the stated owner map is for 2 nodes, not 3}}
  %y = disco.unary %x {act = #disco.act<relu>, disco.owners = #disco.owned<axis 1 : 0 to 1 | 2 to 3>} : (tensor<1x4xf32>) -> tensor<1x4xf32>
  return
}
}
