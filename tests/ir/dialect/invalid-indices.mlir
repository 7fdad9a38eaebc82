// One case for every diagnostic of orders, gathers and scatters, recurrent layers and detection.
// RUN: discoc-opt --split-input-file --verify-diagnostics %s

func.func @arg_extreme_axis(%x: tensor<4x2xf32>) {
  // expected-error@+2 {{'disco.arg_extreme' op failed to infer returned types}}
  // expected-error@+1 {{axis 2 does not exist in a tensor of rank 2}}
  %0 = disco.arg_extreme %x {axis = 2 : i64} : (tensor<4x2xf32>) -> tensor<4x2xi64>
  return
}

// -----

func.func @arg_extreme_empty(%x: tensor<4x0xf32>) {
  // expected-error@+2 {{'disco.arg_extreme' op failed to infer returned types}}
  // expected-error@+1 {{an empty axis has no greatest and no least value}}
  %0 = disco.arg_extreme %x {axis = 1 : i64} : (tensor<4x0xf32>) -> tensor<4x1xi64>
  return
}

// -----

func.func @top_k_many(%x: tensor<4x2xf32>) {
  // expected-error@+2 {{'disco.top_k' op failed to infer returned types}}
  // expected-error@+1 {{k is 3, but the axis has the extent 2}}
  %0 = disco.top_k %x {axis = 1 : i64, k = 3 : i64} : (tensor<4x2xf32>) -> tensor<4x3xi64>
  return
}

// -----

func.func @gather_batch(%x: tensor<4x2xf32>, %i: tensor<3x2xi64>) {
  // expected-error@+2 {{'disco.gather' op failed to infer returned types}}
  // expected-error@+1 {{x and the indices do not share their first 1 dimensions}}
  %0 = disco.gather %x, %i {axis = 1 : i64, batch = 1 : i64} : (tensor<4x2xf32>, tensor<3x2xi64>) -> tensor<4x2xf32>
  return
}

// -----

func.func @scatter_batch(%x: tensor<4x2xf32>, %i: tensor<3x2xi64>, %u: tensor<3x2xf32>) {
  // expected-error@+2 {{'disco.scatter' op failed to infer returned types}}
  // expected-error@+1 {{x and the indices do not share their first 1 dimensions}}
  %0 = disco.scatter %x, %i, %u {batch = 1 : i64, kind = 0 : i32} : (tensor<4x2xf32>, tensor<3x2xi64>, tensor<3x2xf32>) -> tensor<4x2xf32>
  return
}

// -----

func.func @scatter_updates(%x: tensor<4x2xf32>, %i: tensor<3xi64>, %u: tensor<3x1xf32>) {
  // expected-error@+2 {{'disco.scatter' op failed to infer returned types}}
  // expected-error@+1 {{the shape of the updates does not follow from x and indices}}
  %0 = disco.scatter %x, %i, %u {batch = 0 : i64, kind = 0 : i32} : (tensor<4x2xf32>, tensor<3xi64>, tensor<3x1xf32>) -> tensor<4x2xf32>
  return
}

// -----

func.func @scatter_types(%x: tensor<4x2xf32>, %i: tensor<3xi64>, %u: tensor<3x2xi32>) {
  // expected-error@+2 {{'disco.scatter' op failed to infer returned types}}
  // expected-error@+1 {{x and the updates have different element types}}
  %0 = disco.scatter %x, %i, %u {batch = 0 : i64, kind = 0 : i32} : (tensor<4x2xf32>, tensor<3xi64>, tensor<3x2xi32>) -> tensor<4x2xf32>
  return
}

// -----

func.func @max_pool_index_rank(%x: tensor<4x2xf32>) {
  // expected-error@+2 {{'disco.max_pool_index' op failed to infer returned types}}
  // expected-error@+1 {{pooling needs an input of rank 3 to 5, got 2}}
  %0 = disco.max_pool_index %x {kernel = array<i64: 2>, strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>} : (tensor<4x2xf32>) -> tensor<4x2xi64>
  return
}

// -----

func.func @recurrent_rank(%x: tensor<5x2x4xf32>, %r: tensor<4x4xf32>, %b: tensor<1x4xf32>, %l: tensor<2xi32>, %h: tensor<1x2x4xf32>) {
  // expected-error@+2 {{'disco.recurrent' op failed to infer returned types}}
  // expected-error@+1 {{the input and the weights must have three dimensions}}
  %0 = disco.recurrent %x, %r, %b, %l, %h {kind = 0 : i32, direction = 0 : i32, activations = [#disco.act<tanh>]} : (tensor<5x2x4xf32>, tensor<4x4xf32>, tensor<1x4xf32>, tensor<2xi32>, tensor<1x2x4xf32>) -> tensor<6x1x2x4xf32>
  return
}

// -----

func.func @recurrent_shapes(%x: tensor<5x2x4xf32>, %r: tensor<1x5x4xf32>, %b: tensor<1x4xf32>, %l: tensor<2xi32>, %h: tensor<1x2x4xf32>) {
  // expected-error@+2 {{'disco.recurrent' op failed to infer returned types}}
  // expected-error@+1 {{the shapes of the weights, the bias or the initial states do not fit the input and each other}}
  %0 = disco.recurrent %x, %r, %b, %l, %h {kind = 0 : i32, direction = 0 : i32, activations = [#disco.act<tanh>]} : (tensor<5x2x4xf32>, tensor<1x5x4xf32>, tensor<1x4xf32>, tensor<2xi32>, tensor<1x2x4xf32>) -> tensor<6x1x2x4xf32>
  return
}

// -----

func.func @recurrent_functions(%x: tensor<5x2x4xf32>, %r: tensor<1x4x4xf32>, %b: tensor<1x4xf32>, %l: tensor<2xi32>, %h: tensor<1x2x4xf32>) {
  // expected-error@+2 {{'disco.recurrent' op failed to infer returned types}}
  // expected-error@+1 {{needs 1 activations a direction}}
  %0 = disco.recurrent %x, %r, %b, %l, %h {kind = 0 : i32, direction = 0 : i32, activations = [#disco.act<tanh>, #disco.act<tanh>]} : (tensor<5x2x4xf32>, tensor<1x4x4xf32>, tensor<1x4xf32>, tensor<2xi32>, tensor<1x2x4xf32>) -> tensor<6x1x2x4xf32>
  return
}

// -----

func.func @boxes(%x: tensor<1x5x3xf32>, %s: tensor<1x2x5xf32>) {
  // expected-error@+1 {{'disco.non_max_suppression' op boxes must be [batch, count, 4] and scores [batch, classes, count]}}
  %0 = disco.non_max_suppression %x, %s {most = 1 : i64, iou = 0.5} : (tensor<1x5x3xf32>, tensor<1x2x5xf32>) -> tensor<3x3xi64>
  return
}

// -----

func.func @boxes_result(%x: tensor<1x5x4xf32>, %s: tensor<1x2x5xf32>) {
  // expected-error@+1 {{'disco.non_max_suppression' op the result must be [rows, 3] of 64-bit integers}}
  %0 = disco.non_max_suppression %x, %s {most = 1 : i64, iou = 0.5} : (tensor<1x5x4xf32>, tensor<1x2x5xf32>) -> tensor<3x2xi64>
  return
}

// -----

func.func @grid(%x: tensor<1x2x5x5xf32>, %g: tensor<1x3x3x3xf32>) {
  // expected-error@+2 {{'disco.grid_sample' op failed to infer returned types}}
  // expected-error@+1 {{needs an input of rank 3 to 5 and a grid with one coordinate for each of its spatial dimensions}}
  %0 = disco.grid_sample %x, %g {mode = 0 : i32, padding = 0 : i32} : (tensor<1x2x5x5xf32>, tensor<1x3x3x3xf32>) -> tensor<1x2x3x3xf32>
  return
}

// -----

func.func @roi_shapes(%x: tensor<1x2x5x5xf32>, %r: tensor<3x4xf32>, %b: tensor<2xi64>) {
  // expected-error@+2 {{'disco.roi_align' op failed to infer returned types}}
  // expected-error@+1 {{needs an input of rank 4, regions of the shape [n, 4] and n batch indices}}
  %0 = disco.roi_align %x, %r, %b {height = 2 : i64, width = 2 : i64, samples = 0 : i64, scale = 1.0} : (tensor<1x2x5x5xf32>, tensor<3x4xf32>, tensor<2xi64>) -> tensor<3x2x2x2xf32>
  return
}

// -----

func.func @roi_empty(%x: tensor<1x2x5x5xf32>, %r: tensor<3x4xf32>, %b: tensor<3xi64>) {
  // expected-error@+2 {{'disco.roi_align' op failed to infer returned types}}
  // expected-error@+1 {{the input and the resampled regions must not be empty}}
  %0 = disco.roi_align %x, %r, %b {height = 2 : i64, width = 0 : i64, samples = 0 : i64, scale = 1.0} : (tensor<1x2x5x5xf32>, tensor<3x4xf32>, tensor<3xi64>) -> tensor<3x2x2x0xf32>
  return
}
