// Chains of rearrangements become one; zero padding moves into a convolution.
// RUN: %opt --disco-simplify --split-input-file %s | FileCheck %s

// A channel shuffle as frameworks export it: reshape, transpose, reshape.
// CHECK-LABEL: func.func @shuffle
func.func @shuffle() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x6x2x2xf32>
  // CHECK-NEXT: %[[X:.+]] = disco.input
  // CHECK-NEXT: %[[Y:.+]] = disco.rearrange %[[X]] {disco.tensor = "y", perm = array<i64: 0, 2, 1, 3, 4>, view = array<i64: 1, 2, 3, 2, 2>} : (tensor<1x6x2x2xf32>) -> tensor<1x6x2x2xf32>
  // CHECK-NEXT: disco.output %[[Y]]
  %a = disco.rearrange %x {view = array<i64: 1, 6, 2, 2>, perm = array<i64: 0, 1, 2, 3>} : (tensor<1x6x2x2xf32>) -> tensor<1x2x3x2x2xf32>
  %b = disco.rearrange %a {view = array<i64: 1, 2, 3, 2, 2>, perm = array<i64: 0, 2, 1, 3, 4>} : (tensor<1x2x3x2x2xf32>) -> tensor<1x3x2x2x2xf32>
  %y = disco.rearrange %b {view = array<i64: 1, 3, 2, 2, 2>, perm = array<i64: 0, 1, 2, 3, 4>, disco.tensor = "y"} : (tensor<1x3x2x2x2xf32>) -> tensor<1x6x2x2xf32>
  disco.output %y {name = "y", index = 0 : i64} : (tensor<1x6x2x2xf32>) -> ()
  return
}

// -----

// There and back again is nothing.
// CHECK-LABEL: func.func @inverse
func.func @inverse() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<2x3xf32>
  // CHECK-NEXT: %[[X:.+]] = disco.input
  // CHECK-NEXT: disco.output %[[X]]
  %a = disco.rearrange %x {view = array<i64: 2, 3>, perm = array<i64: 1, 0>} : (tensor<2x3xf32>) -> tensor<3x2xf32>
  %b = disco.rearrange %a {view = array<i64: 3, 2>, perm = array<i64: 1, 0>} : (tensor<3x2xf32>) -> tensor<2x3xf32>
  disco.output %b {name = "y", index = 0 : i64} : (tensor<2x3xf32>) -> ()
  return
}

// -----

// The borders of the second view cut a factor of the first: 6 x 4 seen as 8 x 3 does not refine. Two ops stay.
// CHECK-LABEL: func.func @no_refinement
func.func @no_refinement() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<4x6xf32>
  // CHECK: disco.rearrange
  // CHECK: disco.rearrange
  %a = disco.rearrange %x {view = array<i64: 4, 6>, perm = array<i64: 1, 0>} : (tensor<4x6xf32>) -> tensor<6x4xf32>
  %b = disco.rearrange %a {view = array<i64: 8, 3>, perm = array<i64: 1, 0>} : (tensor<6x4xf32>) -> tensor<3x8xf32>
  disco.output %b {name = "y", index = 0 : i64} : (tensor<3x8xf32>) -> ()
  return
}

// -----

// A copy that two readers share is made once; a view is free and may be made again.
// CHECK-LABEL: func.func @shared
func.func @shared() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<2x3xf32>
  // CHECK: %[[T:.+]] = disco.rearrange %[[X:.+]] {perm = array<i64: 1, 0>, view = array<i64: 2, 3>}
  // CHECK: disco.rearrange %[[T]]
  %a = disco.rearrange %x {view = array<i64: 2, 3>, perm = array<i64: 1, 0>} : (tensor<2x3xf32>) -> tensor<3x2xf32>
  %b = disco.rearrange %a {view = array<i64: 6>, perm = array<i64: 0>} : (tensor<3x2xf32>) -> tensor<6xf32>
  // CHECK: disco.rearrange %[[X]] {perm = array<i64: 0, 1>, view = array<i64: 2, 3>} : (tensor<2x3xf32>) -> tensor<1x2x3xf32>
  // CHECK: disco.rearrange %[[X]] {perm = array<i64: 0, 2, 1>, view = array<i64: 1, 2, 3>} : (tensor<2x3xf32>) -> tensor<1x3x2xf32>
  %v = disco.rearrange %x {view = array<i64: 2, 3>, perm = array<i64: 0, 1>} : (tensor<2x3xf32>) -> tensor<1x2x3xf32>
  %c = disco.rearrange %v {view = array<i64: 1, 2, 3>, perm = array<i64: 0, 2, 1>} : (tensor<1x2x3xf32>) -> tensor<1x3x2xf32>
  // CHECK: disco.output %[[T]]
  disco.output %a {name = "a", index = 0 : i64} : (tensor<3x2xf32>) -> ()
  disco.output %b {name = "b", index = 1 : i64} : (tensor<6xf32>) -> ()
  disco.output %v {name = "v", index = 2 : i64} : (tensor<1x2x3xf32>) -> ()
  disco.output %c {name = "c", index = 3 : i64} : (tensor<1x3x2xf32>) -> ()
  return
}

// -----

// A tensor whose owners are stated stays.
// CHECK-LABEL: func.func @stated
func.func @stated() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<2x3xf32>
  // CHECK: disco.rearrange {{.*}}disco.owners
  // CHECK: disco.rearrange
  %a = disco.rearrange %x {view = array<i64: 2, 3>, perm = array<i64: 1, 0>, disco.owners = #disco.owned<axis 1 : 0 | 1>} : (tensor<2x3xf32>) -> tensor<3x2xf32>
  %b = disco.rearrange %a {view = array<i64: 6>, perm = array<i64: 0>} : (tensor<3x2xf32>) -> tensor<6xf32>
  disco.output %b {name = "b", index = 0 : i64} : (tensor<6xf32>) -> ()
  return
}

// -----

// Zeros around the picture become pads of the convolution; ones, a channel of zeros and a mirror do not.
// CHECK-LABEL: func.func @pads
func.func @pads() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x1x4x4xf32>
  %w = disco.constant dense<1.0> : tensor<1x1x3x3xf32> : tensor<1x1x3x3xf32>
  // CHECK-NOT: disco.pad
  // CHECK: disco.conv %[[X:.+]], %{{.+}} {dilations = array<i64: 1, 1>, group = 1 : i64, pads = array<i64: 2, 1, 1, 3>
  %p = disco.pad %x {pads = array<i64: 0, 0, 1, 0, 0, 0, 0, 2>, mode = 0 : i32, value = 0.0 : f64} : (tensor<1x1x4x4xf32>) -> tensor<1x1x5x6xf32>
  %y = disco.conv %p, %w {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x1x5x6xf32>, tensor<1x1x3x3xf32>) -> tensor<1x1x5x6xf32>
  // CHECK: disco.pad {{.*}}value = 1.0
  %q = disco.pad %x {pads = array<i64: 0, 0, 1, 1, 0, 0, 1, 1>, mode = 0 : i32, value = 1.0 : f64} : (tensor<1x1x4x4xf32>) -> tensor<1x1x6x6xf32>
  %z = disco.conv %q, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x1x6x6xf32>, tensor<1x1x3x3xf32>) -> tensor<1x1x4x4xf32>
  // CHECK: disco.pad {{.*}}mode = 1
  %r = disco.pad %x {pads = array<i64: 0, 0, 1, 1, 0, 0, 1, 1>, mode = 1 : i32, value = 0.0 : f64} : (tensor<1x1x4x4xf32>) -> tensor<1x1x6x6xf32>
  %u = disco.conv %r, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x1x6x6xf32>, tensor<1x1x3x3xf32>) -> tensor<1x1x4x4xf32>
  // CHECK: disco.pad {{.*}} -> tensor<1x2x4x4xf32>
  %w2 = disco.constant dense<1.0> : tensor<1x2x3x3xf32> : tensor<1x2x3x3xf32>
  %s = disco.pad %x {pads = array<i64: 0, 1, 0, 0, 0, 0, 0, 0>, mode = 0 : i32, value = 0.0 : f64} : (tensor<1x1x4x4xf32>) -> tensor<1x2x4x4xf32>
  %v = disco.conv %s, %w2 {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x2x4x4xf32>, tensor<1x2x3x3xf32>) -> tensor<1x1x2x2xf32>
  disco.output %y {name = "y", index = 0 : i64} : (tensor<1x1x5x6xf32>) -> ()
  disco.output %z {name = "z", index = 1 : i64} : (tensor<1x1x4x4xf32>) -> ()
  disco.output %u {name = "u", index = 2 : i64} : (tensor<1x1x4x4xf32>) -> ()
  disco.output %v {name = "v", index = 3 : i64} : (tensor<1x1x2x2xf32>) -> ()
  return
}

// -----

// Taps that are 0 in every kernel are left out where the others are evenly far apart.
// CHECK-LABEL: func.func @taps
func.func @taps() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x1x8x8xf32>
  // CHECK: %[[W:.+]] = disco.constant dense<{{\[\[\[\[}}1.000000e+00, 2.000000e+00], [3.000000e+00, 4.000000e+00]]]]> : tensor<1x1x2x2xf32>
  // CHECK: disco.conv %{{.+}}, %[[W]] {dilations = array<i64: 2, 4>, group = 1 : i64, pads = array<i64: 1, 2, 1, 2>
  %w = disco.constant dense<[[[[1.0, 0.0, 2.0], [0.0, 0.0, 0.0], [3.0, 0.0, 4.0]]]]> : tensor<1x1x3x3xf32> : tensor<1x1x3x3xf32>
  %y = disco.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 1, 2, 1, 2>, dilations = array<i64: 1, 2>, group = 1 : i64} : (tensor<1x1x8x8xf32>, tensor<1x1x3x3xf32>) -> tensor<1x1x8x8xf32>
  // CHECK: disco.conv {{.+}} {dilations = array<i64: 1, 1>, {{.+}}tensor<1x1x3x3xf32>
  %v = disco.constant dense<[[[[1.0, 0.0, 2.0], [0.0, 5.0, 0.0], [3.0, 0.0, 4.0]]]]> : tensor<1x1x3x3xf32> : tensor<1x1x3x3xf32>
  %z = disco.conv %x, %v {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x1x8x8xf32>, tensor<1x1x3x3xf32>) -> tensor<1x1x8x8xf32>
  disco.output %y {name = "y", index = 0 : i64} : (tensor<1x1x8x8xf32>) -> ()
  disco.output %z {name = "z", index = 1 : i64} : (tensor<1x1x8x8xf32>) -> ()
  return
}

// -----

// What an op repeats itself is not repeated before it. An owner map that is stated keeps its tensor.
// CHECK-LABEL: func.func @expand
func.func @expand() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x1x4xf32>
  %y = disco.input {name = "y", index = 1 : i64} : () -> tensor<1x3x4xf32>
  // CHECK: %[[X:.+]] = disco.input {{.*}}name = "x"
  // CHECK: %[[Y:.+]] = disco.input {{.*}}name = "y"
  // CHECK-NEXT: %[[A:.+]] = disco.binary %[[Y]], %[[X]] {kind = 2 : i32}
  // CHECK-NEXT: %[[B:.+]] = disco.expand %[[X]]
  // CHECK-NEXT: disco.binary %[[B]], %[[A]]
  %a = disco.expand %x : (tensor<1x1x4xf32>) -> tensor<1x3x4xf32>
  %b = disco.binary %y, %a {kind = 2 : i32} : (tensor<1x3x4xf32>, tensor<1x3x4xf32>) -> tensor<1x3x4xf32>
  %c = disco.expand %x {disco.owners = #disco.owned<axis 1 : 0 | 1 to 2>} : (tensor<1x1x4xf32>) -> tensor<1x3x4xf32>
  %d = disco.binary %c, %b {kind = 0 : i32} : (tensor<1x3x4xf32>, tensor<1x3x4xf32>) -> tensor<1x3x4xf32>
  disco.output %d {name = "z", index = 0 : i64} : (tensor<1x3x4xf32>) -> ()
  return
}
