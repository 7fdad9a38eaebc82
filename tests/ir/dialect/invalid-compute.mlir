// One case for every diagnostic of the computing ops: shapes that do not fit, attributes that name what is not there.
// RUN: discoc-opt --split-input-file --verify-diagnostics %s

func.func @conv_rank(%x: tensor<4x8xf32>, %w: tensor<2x4xf32>) {
  // expected-error@+2 {{convolution needs an input and weights of the same rank, 3 to 5; got 2 and 2}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = disco.conv %x, %w {strides = array<i64>, pads = array<i64>, dilations = array<i64>, group = 1 : i64} : (tensor<4x8xf32>, tensor<2x4xf32>) -> tensor<4x2xf32>
  return
}

// -----

func.func @conv_ranks_differ(%x: tensor<1x4x8xf32>, %w: tensor<2x4x3x3xf32>) {
  // expected-error@+2 {{convolution needs an input and weights of the same rank, 3 to 5; got 3 and 4}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = disco.conv %x, %w {strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>, group = 1 : i64} : (tensor<1x4x8xf32>, tensor<2x4x3x3xf32>) -> tensor<1x2x6xf32>
  return
}

// -----

func.func @conv_group(%x: tensor<1x4x8xf32>, %w: tensor<5x2x3xf32>) {
  // expected-error@+2 {{the number of output channels (5) is not a multiple of group (2)}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = disco.conv %x, %w {strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>, group = 2 : i64} : (tensor<1x4x8xf32>, tensor<5x2x3xf32>) -> tensor<1x5x6xf32>
  return
}

// -----

func.func @conv_group_zero(%x: tensor<1x4x8xf32>, %w: tensor<5x2x3xf32>) {
  // expected-error@+2 {{the number of output channels (5) is not a multiple of group (0)}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = disco.conv %x, %w {strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>, group = 0 : i64} : (tensor<1x4x8xf32>, tensor<5x2x3xf32>) -> tensor<1x5x6xf32>
  return
}

// -----

func.func @conv_channels(%x: tensor<1x4x8xf32>, %w: tensor<6x3x3xf32>) {
  // expected-error@+2 {{the input has 4 channels, but the weights read 6 (3 in each of 2 groups)}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = disco.conv %x, %w {strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>, group = 2 : i64} : (tensor<1x4x8xf32>, tensor<6x3x3xf32>) -> tensor<1x6x6xf32>
  return
}

// -----

func.func @conv_channel_list(%x: tensor<1x4x8xf32>, %w: tensor<6x3x3xf32>) {
  // expected-error@+2 {{the input has 2 channels, but the weights read 3 (3 in each of 1 groups)}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = disco.conv %x, %w {strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>, group = 1 : i64, channels = array<i64: 0, 1>} : (tensor<1x4x8xf32>, tensor<6x3x3xf32>) -> tensor<1x6x6xf32>
  return
}

// -----

func.func @conv_reads_beyond(%x: tensor<1x4x8xf32>, %w: tensor<6x2x3xf32>) {
  // expected-error@+1 {{'disco.conv' op reads channel 4 of a buffer with 4 channels}}
  %0 = disco.conv %x, %w {strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>, group = 1 : i64, channels = array<i64: 0, 4>} : (tensor<1x4x8xf32>, tensor<6x2x3xf32>) -> tensor<1x6x6xf32>
  return
}

// -----

func.func @conv_bias(%x: tensor<1x4x8xf32>, %w: tensor<6x4x3xf32>, %b: tensor<4xf32>) {
  // expected-error@+2 {{the bias must have one value for each of the 6 output channels}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = disco.conv %x, %w bias %b {strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>, group = 1 : i64} : (tensor<1x4x8xf32>, tensor<6x4x3xf32>, tensor<4xf32>) -> tensor<1x6x6xf32>
  return
}

// -----

func.func @conv_residual(%x: tensor<1x4x8xf32>, %w: tensor<6x4x3xf32>, %r: tensor<1x6x8xf32>) {
  // expected-error@+1 {{'disco.conv' op init and residual must have the shape of the result}}
  %0 = disco.conv %x, %w residual %r {strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>, group = 1 : i64} : (tensor<1x4x8xf32>, tensor<6x4x3xf32>, tensor<1x6x8xf32>) -> tensor<1x6x6xf32>
  return
}

// -----

func.func @conv_settings(%x: tensor<1x4x8xf32>, %w: tensor<6x4x3xf32>) {
  // expected-error@+2 {{kernel, strides, dilations and pads must have 1, 1, 1 and 2 entries for 1 spatial dimensions}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = disco.conv %x, %w {strides = array<i64: 1>, pads = array<i64: 0>, dilations = array<i64: 1>, group = 1 : i64} : (tensor<1x4x8xf32>, tensor<6x4x3xf32>) -> tensor<1x6x6xf32>
  return
}

// -----

func.func @conv_stride(%x: tensor<1x4x8xf32>, %w: tensor<6x4x3xf32>) {
  // expected-error@+2 {{kernel extents, strides and dilations must be at least 1}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = disco.conv %x, %w {strides = array<i64: 0>, pads = array<i64: 0, 0>, dilations = array<i64: 1>, group = 1 : i64} : (tensor<1x4x8xf32>, tensor<6x4x3xf32>) -> tensor<1x6x6xf32>
  return
}

// -----

func.func @conv_window(%x: tensor<1x4x8xf32>, %w: tensor<6x4x3xf32>) {
  // expected-error@+2 {{the window (11) is larger than the padded input (9) in spatial dimension 0}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = disco.conv %x, %w {strides = array<i64: 1>, pads = array<i64: 1, 0>, dilations = array<i64: 5>, group = 1 : i64} : (tensor<1x4x8xf32>, tensor<6x4x3xf32>) -> tensor<1x6x6xf32>
  return
}

// -----

// What is inferred is compared with what is written.
func.func @conv_result(%x: tensor<1x4x8xf32>, %w: tensor<6x4x3xf32>) {
  // expected-error@+2 {{'disco.conv' op inferred type(s) 'tensor<1x6x6xf32>' are incompatible with return type(s) of operation 'tensor<1x6x7xf32>'}}
  // expected-error@+1 {{'disco.conv' op failed to infer returned types}}
  %0 = disco.conv %x, %w {strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>, group = 1 : i64} : (tensor<1x4x8xf32>, tensor<6x4x3xf32>) -> tensor<1x6x7xf32>
  return
}

// -----

// Masks are routes.
func.func @conv_mask(%x: tensor<1x4x8xf32>, %w: tensor<6x4x3xf32>) {
  // expected-error@+1 {{attribute 'mask' failed to satisfy constraint: array of routes}}
  %0 = disco.conv %x, %w {mask = [#disco.set<0>], strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>, group = 1 : i64} : (tensor<1x4x8xf32>, tensor<6x4x3xf32>) -> tensor<1x6x6xf32>
  return
}

// -----

func.func @pool_rank(%x: tensor<4x8xf32>) {
  // expected-error@+2 {{pooling needs an input of rank 3 to 5, got 2}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = disco.pool %x {kind = 0 : i32, kernel = array<i64>, strides = array<i64>, pads = array<i64>, dilations = array<i64>} : (tensor<4x8xf32>) -> tensor<4x8xf32>
  return
}

// -----

func.func @pool_window(%x: tensor<1x4x8xf32>) {
  // expected-error@+2 {{the window (9) is larger than the padded input (8) in spatial dimension 0}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = disco.pool %x {kind = 0 : i32, kernel = array<i64: 9>, strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>} : (tensor<1x4x8xf32>) -> tensor<1x4x8xf32>
  return
}

// -----

func.func @matmul_rank(%a: tensor<4xf32>, %b: tensor<4x3xf32>) {
  // expected-error@+2 {{the factors must have at least two dimensions}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = disco.matmul %a, %b : (tensor<4xf32>, tensor<4x3xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @matmul_inner(%a: tensor<5x4xf32>, %b: tensor<3x4xf32>) {
  // expected-error@+2 {{the inner extents of the product differ: 4 and 3}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = disco.matmul %a, %b : (tensor<5x4xf32>, tensor<3x4xf32>) -> tensor<5x4xf32>
  return
}

// -----

func.func @matmul_batch(%a: tensor<2x5x4xf32>, %b: tensor<3x4x6xf32>) {
  // expected-error@+2 {{extents 2 and 3 cannot be broadcast against each other}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = disco.matmul %a, %b : (tensor<2x5x4xf32>, tensor<3x4x6xf32>) -> tensor<2x5x6xf32>
  return
}

// -----

func.func @matmul_bias(%a: tensor<5x4xf32>, %b: tensor<4x6xf32>, %c: tensor<5xf32>) {
  // expected-error@+2 {{the bias must have one value for each of the 6 columns}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = disco.matmul %a, %b bias %c : (tensor<5x4xf32>, tensor<4x6xf32>, tensor<5xf32>) -> tensor<5x6xf32>
  return
}

// -----

func.func @matmul_init(%a: tensor<5x4xf32>, %b: tensor<4x6xf32>, %c: tensor<1x6xf32>) {
  // expected-error@+1 {{'disco.matmul' op init and residual must have the shape of the result}}
  %0 = disco.matmul %a, %b init %c : (tensor<5x4xf32>, tensor<4x6xf32>, tensor<1x6xf32>) -> tensor<5x6xf32>
  return
}

// -----

func.func @matmul_reads_beyond(%a: tensor<5x4xf32>, %b: tensor<2x6xf32>) {
  // expected-error@+1 {{'disco.matmul' op reads channel -1 of a buffer with 4 channels}}
  %0 = disco.matmul %a, %b {channels = array<i64: 0, -1>} : (tensor<5x4xf32>, tensor<2x6xf32>) -> tensor<5x6xf32>
  return
}

// -----

func.func @binary_types(%a: tensor<4xf32>, %b: tensor<4xi64>) {
  // expected-error@+2 {{the operands have different element types}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = disco.binary %a, %b {kind = 0 : i32} : (tensor<4xf32>, tensor<4xi64>) -> tensor<4xf32>
  return
}

// -----

func.func @binary_shapes(%a: tensor<2x4xf32>, %b: tensor<3xf32>) {
  // expected-error@+2 {{extents 4 and 3 cannot be broadcast against each other}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = disco.binary %a, %b {kind = 0 : i32} : (tensor<2x4xf32>, tensor<3xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @where_types(%c: tensor<4xi1>, %a: tensor<4xf32>, %b: tensor<4xi64>) {
  // expected-error@+2 {{the operands have different element types}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = disco.where %c, %a, %b : (tensor<4xi1>, tensor<4xf32>, tensor<4xi64>) -> tensor<4xf32>
  return
}

// -----

func.func @where_shapes(%c: tensor<3xi1>, %a: tensor<4xf32>, %b: tensor<1xf32>) {
  // expected-error@+2 {{extents 3 and 4 cannot be broadcast against each other}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = disco.where %c, %a, %b : (tensor<3xi1>, tensor<4xf32>, tensor<1xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @reduce_axis(%x: tensor<4x5xf32>) {
  // expected-error@+2 {{axis 2 does not exist in a tensor of rank 2}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = disco.reduce %x {kind = 0 : i32, axes = array<i64: 2>, keepdims} : (tensor<4x5xf32>) -> tensor<4x5xf32>
  return
}

// -----

func.func @softmax_axis(%x: tensor<4x5xf32>) {
  // expected-error@+2 {{axis 1 does not exist in a tensor of rank 2}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = disco.softmax %x {axis = 1 : i64, count = 2 : i64} : (tensor<4x5xf32>) -> tensor<4x5xf32>
  return
}

// -----

func.func @resize_rank(%x: tensor<4x5xf32>) {
  // expected-error@+1 {{'disco.resize' op scales and result must have the input's rank}}
  %0 = disco.resize %x {scales = array<f64: 2.0>, roi = array<f64>, mode = 0 : i32, coordinates = 0 : i32, nearest = 0 : i32, cubic_coeff = 0.0 : f64, extrapolation = 0.0 : f64} : (tensor<4x5xf32>) -> tensor<4x5xf32>
  return
}

// -----

func.func @resize_roi(%x: tensor<4x5xf32>) {
  // expected-error@+1 {{'disco.resize' op roi must have 4 entries}}
  %0 = disco.resize %x {scales = array<f64: 2.0, 1.0>, roi = array<f64: 0.0, 1.0>, mode = 0 : i32, coordinates = 4 : i32, nearest = 0 : i32, cubic_coeff = 0.0 : f64, extrapolation = 0.0 : f64} : (tensor<4x5xf32>) -> tensor<8x5xf32>
  return
}

// -----

// A channel list for an axis that is not there.
func.func @conv_no_channels(%x: tensor<8xf32>, %w: tensor<6xf32>) {
  // expected-error@+1 {{'disco.conv' op reads channel 0 of a buffer with 0 channels}}
  %0 = disco.conv %x, %w {strides = array<i64>, pads = array<i64>, dilations = array<i64>, group = 1 : i64, channels = array<i64: 0>} : (tensor<8xf32>, tensor<6xf32>) -> tensor<8xf32>
  return
}
