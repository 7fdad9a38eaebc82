// Strategies that do not exist, and plans that do not fit.
// RUN: %errors --disco-assign-owners %s

// expected-error@+1 {{there is no strategy 'best'; the strategies are greedy, stages, stretches, root}}
module attributes {disco.nodes = 2 : i64, disco.strategy = "best"} {
func.func @unknown() {
  return
}
}

// -----

// expected-error@+1 {{there is no owner map 3; the maps have the numbers 1 to 2}}
module attributes {disco.nodes = 2 : i64, disco.owner_map = 3 : i64} {
func.func @number() {
  return
}
}

// -----

// expected-error@+1 {{the shares of the nodes are 3 numbers; state one for each of the 2 nodes}}
module attributes {disco.nodes = 2 : i64, disco.shares = array<i64: 1, 2, 3>} {
func.func @shares() {
  return
}
}

// -----

// expected-error@+1 {{the shares of the nodes have one that is none: state numbers from 0 to 1000}}
module attributes {disco.nodes = 2 : i64, disco.shares = array<i64: 1, -1>} {
func.func @negative() {
  return
}
}

// -----

// expected-error@+1 {{the shares of the nodes are all 0: state more than 0 for a node that is to own something}}
module attributes {disco.nodes = 2 : i64, disco.shares = array<i64: 0, 0>} {
func.func @zero() {
  return
}
}

// -----

// expected-error@+1 {{the shares of the nodes say nothing to this strategy or plan, which decides itself what each node owns; leave them out}}
module attributes {disco.nodes = 2 : i64, disco.shares = array<i64: 1, 2>, disco.strategy = "root"} {
func.func @undealt() {
  return
}
}

// -----

// expected-error@+1 {{the shares of the nodes need owner map 2, and map 1 is stated, or owner maps or masks that were made for it; leave one of the two out}}
module attributes {disco.nodes = 2 : i64, disco.shares = array<i64: 1, 2>, disco.owner_map = 1 : i64} {
func.func @map() {
  return
}
}

// -----

// expected-error@+1 {{'disco.plan' is no list of tensors with name, shape, owners and reason}}
module attributes {disco.nodes = 2 : i64, disco.plan = [{name = "x"}]} {
func.func @malformed() {
  return
}
}

// -----

// expected-error@+1 {{the plan is for another program: it has 0 tensors, this one has 1; write it again with --write-plan}}
module attributes {disco.nodes = 2 : i64, disco.plan = []} {
func.func @count() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x4xf32>
  return
}
}

// -----

module attributes {disco.nodes = 2 : i64, disco.plan = [
  {name = "z", shape = array<i64: 1, 5>, owners = #disco.owned<axis 1 : 0 to 4 | >, reason = ""}]} {
func.func @other() {
  // expected-error@+1 {{the plan is for another program: it has 'z' of shape [1, 5] in the place of 'x' of shape [1, 4]; write it again with --write-plan}}
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x4xf32>
  return
}
}

// -----

module attributes {disco.nodes = 2 : i64, disco.plan = [
  {name = "x", shape = array<i64: 1, 4>, owners = #disco.owned<axis 1 : 0 to 3 | | >, reason = ""}]} {
func.func @nodes() {
  // expected-error@+1 {{the plan is for 3 nodes, not 2}}
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x4xf32>
  return
}
}

// -----

module attributes {disco.nodes = 2 : i64, disco.plan = [
  {name = "x", shape = array<i64: 1, 4>, owners = #disco.owned<axis 1 : 0 to 2 | >, reason = ""}]} {
func.func @partition() {
  // expected-error@+1 {{the plan has an owner map that does not fit: owner map that gives 3 of 4 channels an owner, 0 of them twice}}
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x4xf32>
  return
}
}

// -----

module attributes {disco.nodes = 2 : i64, disco.plan = [
  {name = "x", shape = array<i64: 1, 4>, owners = #disco.owned<axis 1 :  | 0 to 3>, reason = ""}]} {
func.func @root() {
  // expected-error@+1 {{the plan gives an input of the model to another node than the root, 0}}
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x4xf32>
  return
}
}

// -----

module attributes {disco.nodes = 2 : i64, disco.plan = [
  {name = "x", shape = array<i64: 1, 4>, owners = #disco.owned<axis 1 : 0 to 3 | >, reason = ""},
  {name = "a", shape = array<i64: 1, 4>, owners = #disco.owned<axis 1 : 0 to 3 | >, reason = ""}]} {
func.func @stated() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x4xf32>
  // expected-error@+1 {{the plan gives 'a' other owners than the map that is stated for it; leave that map out, or write the plan again with it}}
  %a = disco.unary %x {act = #disco.act<relu>, disco.tensor = "a", disco.owners = #disco.owned<axis 1 : 0 | 1 to 3>} : (tensor<1x4xf32>) -> tensor<1x4xf32>
  return
}
}
