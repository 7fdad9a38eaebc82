// The division rule of every kind of op, as text.
// RUN: discoc-opt --disco-print-divisions %s | FileCheck %s

module attributes {disco.nodes = 2 : i64} {
func.func @rules(%x: tensor<1x8x4x4xf32>, %m: tensor<6x8xf32>, %i: tensor<3xi64>, %s: tensor<1x8x1x1xf32>) {
  %w = disco.constant dense<1.0> : tensor<4x8x3x3xf32> : tensor<4x8x3x3xf32>
  %g = disco.constant dense<1.0> : tensor<8x4x1x1xf32> : tensor<8x4x1x1xf32>
  %b = disco.constant dense<1.0> : tensor<8x5xf32> : tensor<8x5xf32>
  %v = disco.constant dense<1.0> : tensor<5xf32> : tensor<5xf32>

  // CHECK: disco.arg_extreme {{.*}}disco.division = "0 = (0 same); 2 = (2 same); 3 = (3 same)"
  %arg = disco.arg_extreme %x {axis = 1 : i64} : (tensor<1x8x4x4xf32>) -> tensor<1x1x4x4xi64>
  // CHECK: disco.binary {{.*}}disco.division = "0 = (0 same, 0 same); 1 = (1 same, 1 same); 2 = (2 same, whole); 3 = (3 same, whole)"
  %binary = disco.binary %x, %s {kind = 0 : i32} : (tensor<1x8x4x4xf32>, tensor<1x8x1x1xf32>) -> tensor<1x8x4x4xf32>
  // CHECK: disco.concat {{.*}}disco.division = "0 = (0 minus 0 below 6, 0 minus 6 below 6); 1 = (1 same, 1 same)"
  %concat = disco.concat %m, %m {axis = 0 : i64} : (tensor<6x8xf32>, tensor<6x8xf32>) -> tensor<12x8xf32>
  // CHECK: disco.conv {{.*}}disco.division = "1 = (contracted 1, 0 same)"
  %conv = disco.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x8x4x4xf32>, tensor<4x8x3x3xf32>) -> tensor<1x4x4x4xf32>
  // CHECK: disco.conv {{.*}}disco.division = "1 = (contracted 1 shared 2 of 1x2x4 to 1x2x4, 0 same)"
  %grouped = disco.conv %x, %g {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 2 : i64} : (tensor<1x8x4x4xf32>, tensor<8x4x1x1xf32>) -> tensor<1x8x4x4xf32>
  // CHECK: disco.gather {{.*}}disco.division = "0 = (whole, 0 same); 1 = (1 same, whole)"
  %gather = disco.gather %m, %i {axis = 0 : i64} : (tensor<6x8xf32>, tensor<3xi64>) -> tensor<3x8xf32>
  // CHECK: disco.matmul {{.*}}disco.division = "1 = (contracted 1, 1 same, 0 same)"
  %matmul = disco.matmul %m, %b bias %v : (tensor<6x8xf32>, tensor<8x5xf32>, tensor<5xf32>) -> tensor<6x5xf32>
  // CHECK: disco.rearrange {{.*}}disco.division = "0 = following (0 same); 1 = (1 shared 8 of 1x8x16 to 1x8x1)"
  %flat = disco.rearrange %x {view = array<i64: 8, 16>, perm = array<i64: 0, 1>} : (tensor<1x8x4x4xf32>) -> tensor<1x128xf32>
  // CHECK: disco.rearrange {{.*}}disco.division = "0 = (0 shared 6 of 1x6x1 to 1x6x1); 1 = (1 list 0, 4, 1, 5, 2, 6, 3, 7)"
  %shuffle = disco.rearrange %m {view = array<i64: 6, 2, 4>, perm = array<i64: 0, 2, 1>} : (tensor<6x8xf32>) -> tensor<6x8xf32>
  // CHECK: disco.rearrange {{.*}}disco.division = "0 = (0 shared 6 of 8x6x1 to 1x6x1) or (1 shared 8 of 1x8x6 to 1x8x1)"
  %joined = disco.rearrange %m {view = array<i64: 6, 8>, perm = array<i64: 1, 0>} : (tensor<6x8xf32>) -> tensor<48xf32>
  // CHECK: disco.reduce {{.*}}disco.division = "0 = (0 same)"
  %reduce = disco.reduce %m {kind = 0 : i32, axes = array<i64: 1>} : (tensor<6x8xf32>) -> tensor<6xf32>
  // CHECK: disco.select {{.*}}disco.division = "0 = (0 same); 1 = (1 list 3, 0)"
  %select = disco.select %m {axis = 1 : i64, indices = array<i64: 3, 0>} : (tensor<6x8xf32>) -> tensor<6x2xf32>
  // CHECK: disco.slice {{.*}}disco.division = "0 = (0 same); 1 = (1 list 2, 4, 6)"
  %slice = disco.slice %m {starts = array<i64: 0, 2>, steps = array<i64: 1, 2>} : (tensor<6x8xf32>) -> tensor<6x3xf32>
  // CHECK: disco.softmax {{.*}}disco.division = "0 = (0 same)"
  %softmax = disco.softmax %m {axis = 1 : i64, count = 1 : i64} : (tensor<6x8xf32>) -> tensor<6x8xf32>
  return
}
}
