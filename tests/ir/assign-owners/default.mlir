// The default owner maps: what is tied stays together, the rest is dealt as equally as that allows.
// RUN: %opt --disco-assign-owners --split-input-file %s | FileCheck %s

// 64 channels over three nodes: 22, 21, 21. Functions, pools and reductions follow the contraction.
// CHECK-LABEL: func.func @sixty_four_over_three
module attributes {disco.nodes = 3 : i64} {
func.func @sixty_four_over_three() {
  // CHECK: disco.input {{.*}}tensor<1x3x8x8xf32, #disco.owned<axis 1 : 0 to 2 |  | >>
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x3x8x8xf32>
  %w = disco.constant dense<1.0> : tensor<64x3x3x3xf32> : tensor<64x3x3x3xf32>
  // CHECK: disco.conv {{.*}} -> tensor<1x64x6x6xf32, #disco.owned<axis 1 : 0 to 21 | 22 to 42 | 43 to 63>>
  %y = disco.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x3x8x8xf32>, tensor<64x3x3x3xf32>) -> tensor<1x64x6x6xf32>
  // CHECK: disco.unary {{.*}} -> tensor<1x64x6x6xf32, #disco.owned<axis 1 : 0 to 21 | 22 to 42 | 43 to 63>>
  %r = disco.unary %y {act = #disco.act<erf>} : (tensor<1x64x6x6xf32>) -> tensor<1x64x6x6xf32>
  // CHECK: disco.pool {{.*}} -> tensor<1x64x3x3xf32, #disco.owned<axis 1 : 0 to 21 | 22 to 42 | 43 to 63>>
  %p = disco.pool %r {kind = 0 : i32, kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x64x6x6xf32>) -> tensor<1x64x3x3xf32>
  // CHECK: disco.reduce {{.*}} -> tensor<1x64xf32, #disco.owned<axis 1 : 0 to 21 | 22 to 42 | 43 to 63>>
  %q = disco.reduce %p {kind = 0 : i32, axes = array<i64: 2, 3>} : (tensor<1x64x3x3xf32>) -> tensor<1x64xf32>
  disco.output %q {name = "q", index = 0 : i64} : (tensor<1x64xf32>) -> ()
  return
}
}

// -----

// More nodes than channels: the last ones have none.
// CHECK-LABEL: func.func @more_nodes_than_channels
module attributes {disco.nodes = 4 : i64} {
func.func @more_nodes_than_channels() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x3xf32>
  %w = disco.constant dense<1.0> : tensor<3x2xf32> : tensor<3x2xf32>
  // CHECK: disco.matmul {{.*}} -> tensor<1x2xf32, #disco.owned<axis 1 : 0 | 1 |  | >>
  %y = disco.matmul %x, %w : (tensor<1x3xf32>, tensor<3x2xf32>) -> tensor<1x2xf32>
  disco.output %y {name = "y", index = 0 : i64} : (tensor<1x2xf32>) -> ()
  return
}
}

// -----

// One node owns everything.
// CHECK-LABEL: func.func @one_node
module {
func.func @one_node() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x3xf32>
  %w = disco.constant dense<1.0> : tensor<3x2xf32> : tensor<3x2xf32>
  // CHECK: disco.matmul {{.*}} -> tensor<1x2xf32, #disco.owned<axis 1 : 0 to 1>>
  %y = disco.matmul %x, %w : (tensor<1x3xf32>, tensor<3x2xf32>) -> tensor<1x2xf32>
  disco.output %y {name = "y", index = 0 : i64} : (tensor<1x2xf32>) -> ()
  return
}
}

// -----

// A residual add ties its operands: both are owned as the first contraction in the program says. The grouped convolution
// ties pairs of channels, so that the three nodes get 4, 4 and 2 of ten instead of 4, 3 and 3.
// CHECK-LABEL: func.func @residual
module attributes {disco.nodes = 3 : i64} {
func.func @residual() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x3x4x4xf32>
  %w = disco.constant dense<1.0> : tensor<10x3x1x1xf32> : tensor<10x3x1x1xf32>
  %v = disco.constant dense<1.0> : tensor<10x10x1x1xf32> : tensor<10x10x1x1xf32>
  %g = disco.constant dense<1.0> : tensor<10x2x1x1xf32> : tensor<10x2x1x1xf32>
  // CHECK: disco.conv {{.*}} -> tensor<1x10x4x4xf32, #disco.owned<axis 1 : 0 to 3 | 4 to 7 | 8 to 9>>
  %a = disco.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x3x4x4xf32>, tensor<10x3x1x1xf32>) -> tensor<1x10x4x4xf32>
  // CHECK: disco.conv {{.*}} -> tensor<1x10x4x4xf32, #disco.owned<axis 1 : 0 to 3 | 4 to 7 | 8 to 9>>
  %b = disco.conv %a, %v {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x10x4x4xf32>, tensor<10x10x1x1xf32>) -> tensor<1x10x4x4xf32>
  // CHECK: disco.binary {{.*}} -> tensor<1x10x4x4xf32, #disco.owned<axis 1 : 0 to 3 | 4 to 7 | 8 to 9>>
  %s = disco.binary %a, %b {kind = 0 : i32} : (tensor<1x10x4x4xf32>, tensor<1x10x4x4xf32>) -> tensor<1x10x4x4xf32>
  // CHECK: disco.conv {{.*}} -> tensor<1x10x4x4xf32, #disco.owned<axis 1 : 0 to 3 | 4 to 7 | 8 to 9>>
  %c = disco.conv %s, %g {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 5 : i64} : (tensor<1x10x4x4xf32>, tensor<10x2x1x1xf32>) -> tensor<1x10x4x4xf32>
  disco.output %c {name = "c", index = 0 : i64} : (tensor<1x10x4x4xf32>) -> ()
  return
}
}

// -----

// The residual as an operand of the contraction ties in the same way.
// CHECK-LABEL: func.func @residual_operand
module attributes {disco.nodes = 2 : i64} {
func.func @residual_operand() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x3xf32>
  %w = disco.constant dense<1.0> : tensor<3x4xf32> : tensor<3x4xf32>
  %v = disco.constant dense<1.0> : tensor<4x4xf32> : tensor<4x4xf32>
  %a = disco.matmul %x, %w {disco.owners = #disco.owned<axis 1 : 0, 3 | 1 to 2>} : (tensor<1x3xf32>, tensor<3x4xf32>) -> tensor<1x4xf32>
  // CHECK: disco.matmul {{.*}} residual {{.*}} -> tensor<1x4xf32, #disco.owned<axis 1 : 0, 3 | 1 to 2>>
  %b = disco.matmul %a, %v residual %a : (tensor<1x4xf32>, tensor<4x4xf32>, tensor<1x4xf32>) -> tensor<1x4xf32>
  disco.output %b {name = "b", index = 0 : i64} : (tensor<1x4xf32>) -> ()
  return
}
}

// -----

// Concat moves nothing: channel i of the second operand is channel i + 3 of the result, whoever owns it.
// CHECK-LABEL: func.func @concat
module attributes {disco.nodes = 2 : i64} {
func.func @concat() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x3xf32>
  %w = disco.constant dense<1.0> : tensor<3x3xf32> : tensor<3x3xf32>
  %v = disco.constant dense<1.0> : tensor<3x4xf32> : tensor<3x4xf32>
  // CHECK: disco.matmul {{.*}} -> tensor<1x3xf32, #disco.owned<axis 1 : 0 to 1 | 2>>
  %a = disco.matmul %x, %w : (tensor<1x3xf32>, tensor<3x3xf32>) -> tensor<1x3xf32>
  // CHECK: disco.matmul {{.*}} -> tensor<1x4xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>
  %b = disco.matmul %x, %v : (tensor<1x3xf32>, tensor<3x4xf32>) -> tensor<1x4xf32>
  // CHECK: disco.concat {{.*}} -> tensor<1x7xf32, #disco.owned<axis 1 : 0 to 1, 3 to 4 | 2, 5 to 6>>
  %c = disco.concat %a, %b {axis = 1 : i64} : (tensor<1x3xf32>, tensor<1x4xf32>) -> tensor<1x7xf32>
  disco.output %c {name = "c", index = 0 : i64} : (tensor<1x7xf32>) -> ()
  return
}
}

// -----

// ShuffleNet's unit: split in half, concatenate with a branch, shuffle. The branch is dealt anew, everything else follows.
// Shuffled channel 2k is channel k of the first half, 2k + 1 channel k of the second.
// CHECK-LABEL: func.func @split_and_shuffle
module attributes {disco.nodes = 2 : i64} {
func.func @split_and_shuffle() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x3x2x2xf32>
  %w = disco.constant dense<1.0> : tensor<6x3x1x1xf32> : tensor<6x3x1x1xf32>
  %v = disco.constant dense<1.0> : tensor<3x3x1x1xf32> : tensor<3x3x1x1xf32>
  // CHECK: disco.conv {{.*}} -> tensor<1x6x2x2xf32, #disco.owned<axis 1 : 0 to 2 | 3 to 5>>
  %y = disco.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x3x2x2xf32>, tensor<6x3x1x1xf32>) -> tensor<1x6x2x2xf32>
  // CHECK: disco.slice {{.*}} -> tensor<1x3x2x2xf32, #disco.owned<axis 1 : 0 to 2 | >>
  %a = disco.slice %y {starts = array<i64: 0, 0, 0, 0>, steps = array<i64: 1, 1, 1, 1>} : (tensor<1x6x2x2xf32>) -> tensor<1x3x2x2xf32>
  // CHECK: disco.slice {{.*}} -> tensor<1x3x2x2xf32, #disco.owned<axis 1 :  | 0 to 2>>
  %b = disco.slice %y {starts = array<i64: 0, 3, 0, 0>, steps = array<i64: 1, 1, 1, 1>} : (tensor<1x6x2x2xf32>) -> tensor<1x3x2x2xf32>
  // CHECK: disco.conv {{.*}} -> tensor<1x3x2x2xf32, #disco.owned<axis 1 : 0 to 1 | 2>>
  %c = disco.conv %b, %v {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x3x2x2xf32>, tensor<3x3x1x1xf32>) -> tensor<1x3x2x2xf32>
  // CHECK: disco.concat {{.*}} -> tensor<1x6x2x2xf32, #disco.owned<axis 1 : 0 to 4 | 5>>
  %d = disco.concat %a, %c {axis = 1 : i64} : (tensor<1x3x2x2xf32>, tensor<1x3x2x2xf32>) -> tensor<1x6x2x2xf32>
  // CHECK: disco.rearrange {{.*}} -> tensor<1x6x2x2xf32, #disco.owned<axis 1 : 0 to 4 | 5>>
  %e = disco.rearrange %d {view = array<i64: 1, 2, 3, 4>, perm = array<i64: 0, 2, 1, 3>} : (tensor<1x6x2x2xf32>) -> tensor<1x6x2x2xf32>
  // The shuffle of what was not concatenated shows the order: 0 3 1 4 2 5.
  // CHECK: disco.rearrange {{.*}} -> tensor<1x6x2x2xf32, #disco.owned<axis 1 : 0, 2, 4 | 1, 3, 5>>
  %f = disco.rearrange %y {view = array<i64: 1, 2, 3, 4>, perm = array<i64: 0, 2, 1, 3>} : (tensor<1x6x2x2xf32>) -> tensor<1x6x2x2xf32>
  disco.output %e {name = "e", index = 0 : i64} : (tensor<1x6x2x2xf32>) -> ()
  disco.output %f {name = "f", index = 1 : i64} : (tensor<1x6x2x2xf32>) -> ()
  return
}
}

// -----

// Depthwise, two outputs a channel: the outputs 2k and 2k + 1 are with channel k.
// CHECK-LABEL: func.func @depthwise
module attributes {disco.nodes = 2 : i64} {
func.func @depthwise() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x3x2x2xf32>
  %w = disco.constant dense<1.0> : tensor<3x3x1x1xf32> : tensor<3x3x1x1xf32>
  %d = disco.constant dense<1.0> : tensor<6x1x1x1xf32> : tensor<6x1x1x1xf32>
  // CHECK: disco.conv {{.*}} -> tensor<1x3x2x2xf32, #disco.owned<axis 1 : 0 to 1 | 2>>
  %y = disco.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x3x2x2xf32>, tensor<3x3x1x1xf32>) -> tensor<1x3x2x2xf32>
  // CHECK: disco.conv {{.*}} -> tensor<1x6x2x2xf32, #disco.owned<axis 1 : 0 to 3 | 4 to 5>>
  %z = disco.conv %y, %d {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 3 : i64} : (tensor<1x3x2x2xf32>, tensor<6x1x1x1xf32>) -> tensor<1x6x2x2xf32>
  disco.output %z {name = "z", index = 0 : i64} : (tensor<1x6x2x2xf32>) -> ()
  return
}
}

// -----

// Two groups and three nodes: tying groups would leave a node idle, so nothing is tied and a group is cut.
// CHECK-LABEL: func.func @fewer_groups_than_nodes
module attributes {disco.nodes = 3 : i64} {
func.func @fewer_groups_than_nodes() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x3x2x2xf32>
  %w = disco.constant dense<1.0> : tensor<8x3x1x1xf32> : tensor<8x3x1x1xf32>
  %g = disco.constant dense<1.0> : tensor<6x4x1x1xf32> : tensor<6x4x1x1xf32>
  // CHECK: disco.conv {{.*}} -> tensor<1x8x2x2xf32, #disco.owned<axis 1 : 0 to 2 | 3 to 5 | 6 to 7>>
  %y = disco.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x3x2x2xf32>, tensor<8x3x1x1xf32>) -> tensor<1x8x2x2xf32>
  // CHECK: disco.conv {{.*}} -> tensor<1x6x2x2xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3 | 4 to 5>>
  %z = disco.conv %y, %g {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 2 : i64} : (tensor<1x8x2x2xf32>, tensor<6x4x1x1xf32>) -> tensor<1x6x2x2xf32>
  disco.output %z {name = "z", index = 0 : i64} : (tensor<1x6x2x2xf32>) -> ()
  return
}
}

// -----

// Pixel shuffle with r = 2: four channels make one, so they stay together, also in the convolution that makes them. Three
// such blocks over two nodes: 8 and 4 channels, not 6 and 6.
// CHECK-LABEL: func.func @pixel_shuffle
module attributes {disco.nodes = 2 : i64} {
func.func @pixel_shuffle() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x2x4x4xf32>
  %w = disco.constant dense<1.0> : tensor<12x2x1x1xf32> : tensor<12x2x1x1xf32>
  // CHECK: disco.conv {{.*}} -> tensor<1x12x4x4xf32, #disco.owned<axis 1 : 0 to 7 | 8 to 11>>
  %y = disco.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x2x4x4xf32>, tensor<12x2x1x1xf32>) -> tensor<1x12x4x4xf32>
  // CHECK: disco.rearrange {{.*}} -> tensor<1x3x8x8xf32, #disco.owned<axis 1 : 0 to 1 | 2>>
  %z = disco.rearrange %y {view = array<i64: 1, 3, 2, 2, 4, 4>, perm = array<i64: 0, 1, 4, 2, 5, 3>} : (tensor<1x12x4x4xf32>) -> tensor<1x3x8x8xf32>
  disco.output %z {name = "z", index = 0 : i64} : (tensor<1x3x8x8xf32>) -> ()
  return
}
}

// -----

// In DepthToSpace's other mode (DCR) the four channels of a block lie apart: 0, 3, 6, 9.
// CHECK-LABEL: func.func @pixel_shuffle_dcr
module attributes {disco.nodes = 2 : i64} {
func.func @pixel_shuffle_dcr() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x2x4x4xf32>
  %w = disco.constant dense<1.0> : tensor<12x2x1x1xf32> : tensor<12x2x1x1xf32>
  // CHECK: disco.conv {{.*}} -> tensor<1x12x4x4xf32, #disco.owned<axis 1 : 0 to 1, 3 to 4, 6 to 7, 9 to 10 | 2, 5, 8, 11>>
  %y = disco.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x2x4x4xf32>, tensor<12x2x1x1xf32>) -> tensor<1x12x4x4xf32>
  // CHECK: disco.rearrange {{.*}} -> tensor<1x3x8x8xf32, #disco.owned<axis 1 : 0 to 1 | 2>>
  %z = disco.rearrange %y {view = array<i64: 1, 2, 2, 3, 4, 4>, perm = array<i64: 0, 3, 4, 1, 5, 2>} : (tensor<1x12x4x4xf32>) -> tensor<1x3x8x8xf32>
  disco.output %z {name = "z", index = 0 : i64} : (tensor<1x3x8x8xf32>) -> ()
  return
}
}

// -----

// Flatten: the four features of a channel belong to its owner; the next product is dealt by itself.
// CHECK-LABEL: func.func @flatten
module attributes {disco.nodes = 2 : i64} {
func.func @flatten() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x2x2x2xf32>
  %w = disco.constant dense<1.0> : tensor<3x2x1x1xf32> : tensor<3x2x1x1xf32>
  %v = disco.constant dense<1.0> : tensor<12x4xf32> : tensor<12x4xf32>
  // CHECK: disco.conv {{.*}} -> tensor<1x3x2x2xf32, #disco.owned<axis 1 : 0 to 1 | 2>>
  %y = disco.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x2x2x2xf32>, tensor<3x2x1x1xf32>) -> tensor<1x3x2x2xf32>
  // CHECK: disco.rearrange {{.*}} -> tensor<1x12xf32, #disco.owned<axis 1 : 0 to 7 | 8 to 11>>
  %f = disco.rearrange %y {view = array<i64: 1, 3, 2, 2>, perm = array<i64: 0, 1, 2, 3>} : (tensor<1x3x2x2xf32>) -> tensor<1x12xf32>
  // CHECK: disco.matmul {{.*}} -> tensor<1x4xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>
  %z = disco.matmul %f, %v : (tensor<1x12xf32>, tensor<12x4xf32>) -> tensor<1x4xf32>
  disco.output %z {name = "z", index = 0 : i64} : (tensor<1x4xf32>) -> ()
  return
}
}

// -----

// Preprocessing is the root's, here rank 1; what only outputs read is not preprocessing and is dealt.
// CHECK-LABEL: func.func @preprocessing
module attributes {disco.nodes = 2 : i64, disco.root = 1 : i64} {
func.func @preprocessing() {
  // CHECK: disco.input {{.*}} -> tensor<1x4x2x2xf32, #disco.owned<axis 1 :  | 0 to 3>>
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x4x2x2xf32>
  %mean = disco.constant dense<0.5> : tensor<f32> : tensor<f32>
  %w = disco.constant dense<1.0> : tensor<2x4x1x1xf32> : tensor<2x4x1x1xf32>
  // CHECK: disco.binary {{.*}} -> tensor<1x4x2x2xf32, #disco.owned<axis 1 :  | 0 to 3>>
  %m = disco.binary %x, %mean {kind = 1 : i32} : (tensor<1x4x2x2xf32>, tensor<f32>) -> tensor<1x4x2x2xf32>
  // CHECK: disco.conv {{.*}} -> tensor<1x2x2x2xf32, #disco.owned<axis 1 : 0 | 1>>
  %y = disco.conv %m, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x4x2x2xf32>, tensor<2x4x1x1xf32>) -> tensor<1x2x2x2xf32>
  // CHECK: disco.unary {{.*}} -> tensor<1x4x2x2xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>
  %s = disco.unary %x {act = #disco.act<exp>} : (tensor<1x4x2x2xf32>) -> tensor<1x4x2x2xf32>
  disco.output %y {name = "y", index = 0 : i64} : (tensor<1x2x2x2xf32>) -> ()
  disco.output %s {name = "s", index = 1 : i64} : (tensor<1x4x2x2xf32>) -> ()
  return
}
}

// -----

// Softmax over the channels has no axis to divide along: the tensor is whole, on the root.
// CHECK-LABEL: func.func @whole
module attributes {disco.nodes = 2 : i64} {
func.func @whole() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x3xf32>
  %w = disco.constant dense<1.0> : tensor<3x4xf32> : tensor<3x4xf32>
  // CHECK: disco.matmul {{.*}} -> tensor<1x4xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>
  %y = disco.matmul %x, %w : (tensor<1x3xf32>, tensor<3x4xf32>) -> tensor<1x4xf32>
  // CHECK: disco.softmax {{.*}} -> tensor<1x4xf32, #disco.owned<whole : 0 | >>
  %s = disco.softmax %y {axis = 1 : i64, count = 1 : i64} : (tensor<1x4xf32>) -> tensor<1x4xf32>
  disco.output %s {name = "s", index = 0 : i64} : (tensor<1x4xf32>) -> ()
  return
}
}

// -----

// Three heads of two features over two nodes: queries, keys and values are cut between heads, 4 and 2, never inside one.
// CHECK-LABEL: func.func @attention
module attributes {disco.nodes = 2 : i64} {
func.func @attention() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<5x6xf32>
  %wq = disco.constant dense<1.0> : tensor<6x6xf32> : tensor<6x6xf32>
  // CHECK-COUNT-3: disco.matmul {{.*}} -> tensor<5x6xf32, #disco.owned<axis 1 : 0 to 3 | 4 to 5>>
  %q = disco.matmul %x, %wq {disco.tensor = "q"} : (tensor<5x6xf32>, tensor<6x6xf32>) -> tensor<5x6xf32>
  %k = disco.matmul %x, %wq {disco.tensor = "k"} : (tensor<5x6xf32>, tensor<6x6xf32>) -> tensor<5x6xf32>
  %v = disco.matmul %x, %wq {disco.tensor = "v"} : (tensor<5x6xf32>, tensor<6x6xf32>) -> tensor<5x6xf32>
  // CHECK-COUNT-2: disco.rearrange {{.*}} -> tensor<3x5x2xf32, #disco.owned<axis 0 : 0 to 1 | 2>>
  // CHECK: disco.rearrange {{.*}} -> tensor<3x2x5xf32, #disco.owned<axis 0 : 0 to 1 | 2>>
  %qh = disco.rearrange %q {view = array<i64: 5, 3, 2>, perm = array<i64: 1, 0, 2>} : (tensor<5x6xf32>) -> tensor<3x5x2xf32>
  %vh = disco.rearrange %v {view = array<i64: 5, 3, 2>, perm = array<i64: 1, 0, 2>} : (tensor<5x6xf32>) -> tensor<3x5x2xf32>
  %kh = disco.rearrange %k {view = array<i64: 5, 3, 2>, perm = array<i64: 1, 2, 0>} : (tensor<5x6xf32>) -> tensor<3x2x5xf32>
  // CHECK: disco.matmul {{.*}} -> tensor<3x5x5xf32, #disco.owned<axis 0 : 0 to 1 | 2>>
  %s = disco.matmul %qh, %kh : (tensor<3x5x2xf32>, tensor<3x2x5xf32>) -> tensor<3x5x5xf32>
  // CHECK: disco.softmax {{.*}} -> tensor<3x5x5xf32, #disco.owned<axis 0 : 0 to 1 | 2>>
  %p = disco.softmax %s {axis = 2 : i64, count = 1 : i64} : (tensor<3x5x5xf32>) -> tensor<3x5x5xf32>
  // CHECK: disco.matmul {{.*}} -> tensor<3x5x2xf32, #disco.owned<axis 0 : 0 to 1 | 2>>
  %o = disco.matmul %p, %vh : (tensor<3x5x5xf32>, tensor<3x5x2xf32>) -> tensor<3x5x2xf32>
  // CHECK: disco.rearrange {{.*}} -> tensor<5x6xf32, #disco.owned<axis 1 : 0 to 3 | 4 to 5>>
  %c = disco.rearrange %o {view = array<i64: 3, 5, 2>, perm = array<i64: 1, 0, 2>} : (tensor<3x5x2xf32>) -> tensor<5x6xf32>
  // CHECK: disco.matmul {{.*}} -> tensor<5x6xf32, #disco.owned<axis 1 : 0 to 2 | 3 to 5>>
  %y = disco.matmul %c, %wq : (tensor<5x6xf32>, tensor<6x6xf32>) -> tensor<5x6xf32>
  disco.output %y {name = "y", index = 0 : i64} : (tensor<5x6xf32>) -> ()
  return
}
}

// -----

// A softmax over the channels that feeds an output only: the root gathers once what it would get anyway,
// and puts the output together.
// CHECK-LABEL: func.func @output_of_softmax
module attributes {disco.nodes = 2 : i64} {
func.func @output_of_softmax() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x3x4x4xf32>
  %w = disco.constant dense<1.0> : tensor<2x3x1x1xf32> : tensor<2x3x1x1xf32>
  %a = disco.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x3x4x4xf32>, tensor<2x3x1x1xf32>) -> tensor<1x2x4x4xf32>
  %b = disco.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x3x4x4xf32>, tensor<2x3x1x1xf32>) -> tensor<1x2x4x4xf32>
  // CHECK: disco.softmax {{.*}} -> tensor<1x2x4x4xf32, #disco.owned<whole : 0 | >>
  %s = disco.softmax %b {axis = 1 : i64, count = 1 : i64} : (tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  // CHECK: disco.concat {{.*}}#disco.owned<whole : 0 | >
  %c = disco.concat %a, %s {axis = 1 : i64} : (tensor<1x2x4x4xf32>, tensor<1x2x4x4xf32>) -> tensor<1x4x4x4xf32>
  disco.output %c {name = "c", index = 0 : i64} : (tensor<1x4x4x4xf32>) -> ()
  return
}
}

// -----

// One channel of a head and what is made of it, with the channel last: all of it stays with its owner.
// CHECK-LABEL: func.func @one_map
// CHECK: disco.unary {{.*}} -> tensor<1x1x6x6xf32, #disco.owned<axis 1 :  | 0>>
// CHECK: disco.pool {{.*}} -> tensor<1x1x6x6xf32, #disco.owned<axis 1 :  | 0>>
// CHECK: disco.rearrange {{.*}} -> tensor<1x6x6x1xf32, #disco.owned<axis 3 :  | 0>>
// CHECK: disco.rearrange {{.*}} -> tensor<1x6x6x1xf32, #disco.owned<axis 3 :  | 0>>
// CHECK: disco.binary {{.*}} -> tensor<1x6x6x1xf32, #disco.owned<axis 3 :  | 0>>
module attributes {disco.nodes = 2 : i64} {
func.func @one_map() {
  %i = disco.input {index = 0 : i64, name = "i"} : () -> tensor<1x3x6x6xf32>
  %w = disco.constant dense<1.0> : tensor<4x3x1x1xf32> : tensor<4x3x1x1xf32>
  %x = disco.conv %i, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x3x6x6xf32>, tensor<4x3x1x1xf32>) -> tensor<1x4x6x6xf32>
  %c = disco.slice %x {starts = array<i64: 0, 3, 0, 0>, steps = array<i64: 1, 1, 1, 1>} : (tensor<1x4x6x6xf32>) -> tensor<1x1x6x6xf32>
  %s = disco.unary %c {act = #disco.act<sigmoid>} : (tensor<1x1x6x6xf32>) -> tensor<1x1x6x6xf32>
  %p = disco.pool %s {kind = 0 : i32, kernel = array<i64: 3, 3>, strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>} : (tensor<1x1x6x6xf32>) -> tensor<1x1x6x6xf32>
  %q = disco.rearrange %p {view = array<i64: 1, 1, 6, 6>, perm = array<i64: 0, 1, 2, 3>} : (tensor<1x1x6x6xf32>) -> tensor<1x6x6x1xf32>
  %t = disco.rearrange %s {view = array<i64: 1, 1, 6, 6>, perm = array<i64: 0, 1, 2, 3>} : (tensor<1x1x6x6xf32>) -> tensor<1x6x6x1xf32>
  %y = disco.binary %t, %q {kind = 2 : i32} : (tensor<1x6x6x1xf32>, tensor<1x6x6x1xf32>) -> tensor<1x6x6x1xf32>
  disco.output %y {index = 0 : i64, name = "y"} : (tensor<1x6x6x1xf32>) -> ()
  return
}
}
