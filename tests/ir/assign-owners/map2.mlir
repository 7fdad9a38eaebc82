// Owner map 2: an even share of every tensor, of its halves, and of all work.
// RUN: %opt --disco-assign-owners --split-input-file %s | FileCheck %s

// A contraction reads the second half by itself: both halves are shared.
// CHECK-LABEL: func.func @halves
module attributes {disco.nodes = 2 : i64, disco.owner_map = 2 : i64} {
func.func @halves() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x3xf32>
  %w = disco.constant dense<1.0> : tensor<3x8xf32> : tensor<3x8xf32>
  %v = disco.constant dense<1.0> : tensor<4x2xf32> : tensor<4x2xf32>
  // CHECK: disco.matmul {{.*}} -> tensor<1x8xf32, #disco.owned<axis 1 : 0 to 1, 4 to 5 | 2 to 3, 6 to 7>>
  %y = disco.matmul %x, %w : (tensor<1x3xf32>, tensor<3x8xf32>) -> tensor<1x8xf32>
  // CHECK: disco.select {{.*}} -> tensor<1x4xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>
  %s = disco.select %y {axis = 1 : i64, indices = array<i64: 4, 5, 6, 7>} : (tensor<1x8xf32>) -> tensor<1x4xf32>
  %z = disco.matmul %s, %v : (tensor<1x4xf32>, tensor<4x2xf32>) -> tensor<1x2xf32>
  disco.output %z {name = "z", index = 0 : i64} : (tensor<1x2xf32>) -> ()
  return
}
}

// -----

// Three channels a layer over two nodes: the rest goes to the other node in every second one.
// CHECK-LABEL: func.func @rests
module attributes {disco.nodes = 2 : i64, disco.owner_map = 2 : i64} {
func.func @rests() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x3xf32>
  %w = disco.constant dense<1.0> : tensor<3x3xf32> : tensor<3x3xf32>
  // CHECK: disco.matmul {{.*}} -> tensor<1x3xf32, #disco.owned<axis 1 : 0 to 1 | 2>>
  %a = disco.matmul %x, %w : (tensor<1x3xf32>, tensor<3x3xf32>) -> tensor<1x3xf32>
  // CHECK: disco.matmul {{.*}} -> tensor<1x3xf32, #disco.owned<axis 1 : 0 | 1 to 2>>
  %b = disco.matmul %a, %w : (tensor<1x3xf32>, tensor<3x3xf32>) -> tensor<1x3xf32>
  disco.output %b {name = "b", index = 0 : i64} : (tensor<1x3xf32>) -> ()
  return
}
}

// -----

// Masks that state no number are for map 1 where that fits: node 0 sends what it owns there.
// CHECK-LABEL: func.func @of_map_one
module attributes {disco.nodes = 2 : i64} {
func.func @of_map_one() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x3xf32>
  %w = disco.constant dense<1.0> : tensor<3x3xf32> : tensor<3x3xf32>
  %a = disco.matmul %x, %w : (tensor<1x3xf32>, tensor<3x3xf32>) -> tensor<1x3xf32>
  %b = disco.matmul %a, %w : (tensor<1x3xf32>, tensor<3x3xf32>) -> tensor<1x3xf32>
  // CHECK-COUNT-3: #disco.owned<axis 1 : 0 to 1 | 2>
  %c = disco.matmul %b, %w {disco.stated_mask = {routes = [#disco.route<0 -> 1 : 1>]}} : (tensor<1x3xf32>, tensor<3x3xf32>) -> tensor<1x3xf32>
  disco.output %c {name = "c", index = 0 : i64} : (tensor<1x3xf32>) -> ()
  return
}
}

// -----

// Under map 1 node 0 would own channel 1 of %b; under map 2 node 1 does.
// CHECK: disco.owner_map = 2
// CHECK-LABEL: func.func @of_map_two
module attributes {disco.nodes = 2 : i64} {
func.func @of_map_two() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x3xf32>
  %w = disco.constant dense<1.0> : tensor<3x3xf32> : tensor<3x3xf32>
  %a = disco.matmul %x, %w : (tensor<1x3xf32>, tensor<3x3xf32>) -> tensor<1x3xf32>
  // CHECK: #disco.owned<axis 1 : 0 | 1 to 2>
  %b = disco.matmul %a, %w : (tensor<1x3xf32>, tensor<3x3xf32>) -> tensor<1x3xf32>
  %c = disco.matmul %b, %w {disco.stated_mask = {routes = [#disco.route<1 -> 0 : 1>]}} : (tensor<1x3xf32>, tensor<3x3xf32>) -> tensor<1x3xf32>
  disco.output %c {name = "c", index = 0 : i64} : (tensor<1x3xf32>) -> ()
  return
}
}

// -----

// Channel shuffles that stack two tensors along a new axis: the first ties channels in twos, the second would join all four.
// CHECK-LABEL: func.func @stacked
module attributes {disco.nodes = 2 : i64, disco.owner_map = 2 : i64} {
func.func @stacked() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x3xf32>
  %w = disco.constant dense<1.0> : tensor<3x4xf32> : tensor<3x4xf32>
  %v = disco.constant dense<1.0> : tensor<4x2xf32> : tensor<4x2xf32>
  %a = disco.matmul %x, %w : (tensor<1x3xf32>, tensor<3x4xf32>) -> tensor<1x4xf32>
  %a2 = disco.slice %a {starts = array<i64: 0, 2>, steps = array<i64: 1, 1>} : (tensor<1x4xf32>) -> tensor<1x2xf32>
  %h = disco.matmul %a, %v : (tensor<1x4xf32>, tensor<4x2xf32>) -> tensor<1x2xf32>
  %h3 = disco.rearrange %h {view = array<i64: 1, 2>, perm = array<i64: 0, 1>} : (tensor<1x2xf32>) -> tensor<1x1x2xf32>
  %a3 = disco.rearrange %a2 {view = array<i64: 1, 2>, perm = array<i64: 0, 1>} : (tensor<1x2xf32>) -> tensor<1x1x2xf32>
  %s = disco.concat %h3, %a3 {axis = 1 : i64} : (tensor<1x1x2xf32>, tensor<1x1x2xf32>) -> tensor<1x2x2xf32>
  // CHECK: disco.rearrange {{.*}} -> tensor<1x4xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>
  %b = disco.rearrange %s {view = array<i64: 1, 2, 2>, perm = array<i64: 0, 2, 1>} : (tensor<1x2x2xf32>) -> tensor<1x4xf32>
  %b2 = disco.slice %b {starts = array<i64: 0, 2>, steps = array<i64: 1, 1>} : (tensor<1x4xf32>) -> tensor<1x2xf32>
  %g = disco.matmul %b, %v : (tensor<1x4xf32>, tensor<4x2xf32>) -> tensor<1x2xf32>
  %g3 = disco.rearrange %g {view = array<i64: 1, 2>, perm = array<i64: 0, 1>} : (tensor<1x2xf32>) -> tensor<1x1x2xf32>
  %b3 = disco.rearrange %b2 {view = array<i64: 1, 2>, perm = array<i64: 0, 1>} : (tensor<1x2xf32>) -> tensor<1x1x2xf32>
  %t = disco.concat %g3, %b3 {axis = 1 : i64} : (tensor<1x1x2xf32>, tensor<1x1x2xf32>) -> tensor<1x2x2xf32>
  // CHECK: disco.rearrange {{.*}} -> tensor<1x4xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>
  %c = disco.rearrange %t {view = array<i64: 1, 2, 2>, perm = array<i64: 0, 2, 1>} : (tensor<1x2x2xf32>) -> tensor<1x4xf32>
  %d = disco.matmul %c, %v : (tensor<1x4xf32>, tensor<4x2xf32>) -> tensor<1x2xf32>
  disco.output %d {name = "d", index = 0 : i64} : (tensor<1x2xf32>) -> ()
  return
}
}
