// One case for every diagnostic of constants, borders and the ops that move data within a node.
// RUN: discoc-opt --split-input-file --verify-diagnostics %s

func.func @constant_type() {
  // expected-error@+1 {{'disco.constant' op value and result differ in type}}
  %0 = disco.constant dense<1.0> : tensor<4xf32> : tensor<2x2xf32>
  return
}

// -----

func.func @constant_packing() {
  // expected-error@+1 {{axis 1 of the tensor has no dimension in memory}}
  %0 = disco.constant dense<1.0> : tensor<4x3xf32> packing(#disco.physical<dims [0]>) : tensor<4x3xf32>
  return
}

// -----

func.func @constant_packing_of_broadcast() {
  // expected-error@+1 {{'disco.constant' op value and result differ in type}}
  %0 = disco.constant dense<1.0> : tensor<1x3xf32> packing(#disco.physical<dims [1, 0]>) : tensor<4x3xf32>
  return
}

// -----

func.func @constant_packing_of_another_window() {
  // expected-error@+1 {{'disco.constant' op weights for Winograd's tiles are f32 kernels of 3 x 3, not 'tensor<4x3x1x3xf32>'}}
  %0 = disco.constant dense<1.0> : tensor<4x3x1x3xf32> packing(#disco.winograd<4>) : tensor<4x3x1x3xf32>
  return
}

// -----

func.func @constant_view_axis() {
  // expected-error@+1 {{'disco.constant' op the view names an axis that the value does not have}}
  %0 = disco.constant dense<1.0> : tensor<4xf32> view [#disco.local<axis 1 : 0>] : tensor<4xf32>
  return
}

// -----

func.func @constant_view_kind() {
  // expected-error@+1 {{'disco.constant' op the view names an axis that the value does not have}}
  %0 = disco.constant dense<1.0> : tensor<4xf32> view [#disco.set<0>] : tensor<1xf32>
  return
}

// -----

func.func @constant_view_reach() {
  // expected-error@+1 {{'disco.constant' op the view reaches beyond axis 0}}
  %0 = disco.constant dense<1.0> : tensor<4xf32> view [#disco.local<axis 0 : 2, 4>] : tensor<2xf32>
  return
}

// -----

func.func @constant_view_shape() {
  // expected-error@+1 {{'disco.constant' op view and result differ in shape}}
  %0 = disco.constant dense<1.0> : tensor<4xf32> view [#disco.local<axis 0 : 1, 3>] : tensor<3xf32>
  return
}

// -----

func.func @static_shapes_only(%x: tensor<?xf32>) {
  // expected-error@+1 {{operand #0 must be statically shaped tensor of any type values}}
  %0 = disco.unary %x {act = #disco.act<relu>} : (tensor<?xf32>) -> tensor<?xf32>
  return
}

// -----

func.func @rearrange_perm_size(%x: tensor<4x2xf32>) {
  // expected-error@+1 {{'disco.rearrange' op perm must have one entry for each dimension of the view}}
  %0 = disco.rearrange %x {view = array<i64: 4, 2>, perm = array<i64: 0>} : (tensor<4x2xf32>) -> tensor<8xf32>
  return
}

// -----

func.func @rearrange_perm_twice(%x: tensor<4x2xf32>) {
  // expected-error@+1 {{'disco.rearrange' op perm is not a permutation}}
  %0 = disco.rearrange %x {view = array<i64: 4, 2>, perm = array<i64: 0, 0>} : (tensor<4x2xf32>) -> tensor<8xf32>
  return
}

// -----

func.func @rearrange_perm_range(%x: tensor<4x2xf32>) {
  // expected-error@+1 {{'disco.rearrange' op perm is not a permutation}}
  %0 = disco.rearrange %x {view = array<i64: 4, 2>, perm = array<i64: 0, 2>} : (tensor<4x2xf32>) -> tensor<8xf32>
  return
}

// -----

func.func @rearrange_view(%x: tensor<4x2xf32>) {
  // expected-error@+1 {{'disco.rearrange' op operand, view and result must have the same number of elements}}
  %0 = disco.rearrange %x {view = array<i64: 4, 3>, perm = array<i64: 1, 0>} : (tensor<4x2xf32>) -> tensor<12xf32>
  return
}

// -----

func.func @rearrange_result(%x: tensor<4x2xf32>) {
  // expected-error@+1 {{'disco.rearrange' op operand, view and result must have the same number of elements}}
  %0 = disco.rearrange %x {view = array<i64: 4, 2>, perm = array<i64: 1, 0>} : (tensor<4x2xf32>) -> tensor<2x5xf32>
  return
}

// -----

func.func @concat_nothing() {
  // expected-error@+2 {{needs at least one operand}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = disco.concat {axis = 0 : i64} : () -> tensor<1xf32>
  return
}

// -----

func.func @concat_axis(%x: tensor<4x2xf32>) {
  // expected-error@+2 {{axis 2 does not exist in a tensor of rank 2}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = disco.concat %x, %x {axis = 2 : i64} : (tensor<4x2xf32>, tensor<4x2xf32>) -> tensor<4x4xf32>
  return
}

// -----

func.func @concat_rank(%x: tensor<4x2xf32>, %y: tensor<2xf32>) {
  // expected-error@+2 {{the operands differ in rank or element type}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = disco.concat %x, %y {axis = 0 : i64} : (tensor<4x2xf32>, tensor<2xf32>) -> tensor<5x2xf32>
  return
}

// -----

func.func @concat_shape(%x: tensor<4x2xf32>, %y: tensor<4x3xf32>) {
  // expected-error@+2 {{the operands differ in dimension 1, which is not the concatenated one}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = disco.concat %x, %y {axis = 0 : i64} : (tensor<4x2xf32>, tensor<4x3xf32>) -> tensor<8x2xf32>
  return
}

// -----

func.func @slice_rank(%x: tensor<4x2xf32>) {
  // expected-error@+1 {{'disco.slice' op starts, steps and result must have the input's rank}}
  %0 = disco.slice %x {starts = array<i64: 0>, steps = array<i64: 1>} : (tensor<4x2xf32>) -> tensor<4x2xf32>
  return
}

// -----

func.func @slice_start(%x: tensor<4x2xf32>) {
  // expected-error@+1 {{'disco.slice' op the slice leaves dimension 0}}
  %0 = disco.slice %x {starts = array<i64: 2, 0>, steps = array<i64: 1, 1>} : (tensor<4x2xf32>) -> tensor<3x2xf32>
  return
}

// -----

func.func @slice_backwards(%x: tensor<4x2xf32>) {
  // expected-error@+1 {{'disco.slice' op the slice leaves dimension 0}}
  %0 = disco.slice %x {starts = array<i64: 1, 0>, steps = array<i64: -1, 1>} : (tensor<4x2xf32>) -> tensor<3x2xf32>
  return
}

// -----

func.func @select_axis(%x: tensor<4x2xf32>) {
  // expected-error@+2 {{axis -1 does not exist in a tensor of rank 2}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = disco.select %x {axis = -1 : i64, indices = array<i64: 0>} : (tensor<4x2xf32>) -> tensor<4x1xf32>
  return
}

// -----

func.func @select_index(%x: tensor<4x2xf32>) {
  // expected-error@+1 {{'disco.select' op index 2 is outside an axis of extent 2}}
  %0 = disco.select %x {axis = 1 : i64, indices = array<i64: 0, 2>} : (tensor<4x2xf32>) -> tensor<4x2xf32>
  return
}

// -----

func.func @gather_axis(%x: tensor<4x2xf32>, %i: tensor<3xi64>) {
  // expected-error@+2 {{axis 2 does not exist in a tensor of rank 2}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = disco.gather %x, %i {axis = 2 : i64} : (tensor<4x2xf32>, tensor<3xi64>) -> tensor<4x3xf32>
  return
}

// -----

func.func @pad_entries(%x: tensor<4x2xf32>) {
  // expected-error@+2 {{pads must have 4 entries}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = disco.pad %x {pads = array<i64: 1, 1>, mode = 0 : i32, value = 0.0 : f64} : (tensor<4x2xf32>) -> tensor<5x3xf32>
  return
}

// -----

func.func @pad_crop(%x: tensor<4x2xf32>) {
  // expected-error@+2 {{the pads crop more than dimension 1 has}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = disco.pad %x {pads = array<i64: 0, -2, 0, -1>, mode = 0 : i32, value = 0.0 : f64} : (tensor<4x2xf32>) -> tensor<4x0xf32>
  return
}

// -----

func.func @pad_value(%x: tensor<4x2xi64>) {
  // expected-error@+1 {{the value must be an f64 in a tensor of floats, and else an i64}}
  %0 = disco.pad %x {pads = array<i64: 0, 1, 0, 0>, mode = 0 : i32, value = 0.0 : f64} : (tensor<4x2xi64>) -> tensor<4x3xi64>
  return
}

// -----

func.func @pad_reflect(%x: tensor<4x2xf32>) {
  // expected-error@+2 {{a reflected border must be smaller than the tensor}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = disco.pad %x {pads = array<i64: 0, 2, 0, 0>, mode = 1 : i32, value = 0.0 : f64} : (tensor<4x2xf32>) -> tensor<4x4xf32>
  return
}

// -----

func.func @expand_broadcast(%x: tensor<3xf32>) {
  // expected-error@+1 {{extents 3 and 4 cannot be broadcast against each other}}
  %0 = disco.expand %x : (tensor<3xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @expand_smaller(%x: tensor<2x3xf32>) {
  // expected-error@+1 {{'disco.expand' op the result is smaller than the operand}}
  %0 = disco.expand %x : (tensor<2x3xf32>) -> tensor<1x3xf32>
  return
}
