// Constants do not grow: what stands for a large tensor is stored in the shape of what it is made of.
// RUN: %opt --disco-simplify --split-input-file %s | FileCheck %s

// The expanded operand is a constant like any other: it reads as [1, 3, 1] and is worth 3 numbers.
// CHECK-LABEL: func.func @expanded
func.func @expanded() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x3x40xf32>
  %k = disco.constant dense<[[[1.0], [2.0], [3.0]]]> : tensor<1x3x1xf32> : tensor<1x3x1xf32>
  %one = disco.constant dense<1.0> : tensor<1x3x40xf32> : tensor<1x3x40xf32>
  // CHECK: %[[K:.+]] = disco.constant dense<{{\[}}{{\[}}[2.000000e+00], [3.000000e+00], [4.000000e+00]]]> : tensor<1x3x1xf32> : tensor<1x3x40xf32>
  // CHECK: disco.binary %{{.+}}, %[[K]]
  %e = disco.expand %k : (tensor<1x3x1xf32>) -> tensor<1x3x40xf32>
  %s = disco.binary %e, %one {kind = 0 : i32} : (tensor<1x3x40xf32>, tensor<1x3x40xf32>) -> tensor<1x3x40xf32>
  %y = disco.binary %x, %s {kind = 0 : i32} : (tensor<1x3x40xf32>, tensor<1x3x40xf32>) -> tensor<1x3x40xf32>
  disco.output %y {name = "y", index = 0 : i64} : (tensor<1x3x40xf32>) -> ()
  return
}

// -----

// A row and a column make more than they are: the product is computed when it is read. 64 numbers are few enough.
// CHECK-LABEL: func.func @products
func.func @products() {
  %row = disco.constant dense_resource<row> : tensor<1x65xf32> : tensor<1x65xf32>
  %column = disco.constant dense<[[1.0], [2.0]]> : tensor<2x1xf32> : tensor<2x1xf32>
  // CHECK: %[[SMALL:.+]] = disco.constant dense<{{.+}}> : tensor<2x32xf32> : tensor<2x32xf32>
  // CHECK: %[[LARGE:.+]] = disco.binary
  // CHECK: disco.output %[[LARGE]]
  %large = disco.binary %row, %column {kind = 2 : i32} : (tensor<1x65xf32>, tensor<2x1xf32>) -> tensor<2x65xf32>
  disco.output %large {name = "large", index = 0 : i64} : (tensor<2x65xf32>) -> ()
  %short = disco.slice %row {starts = array<i64: 0, 0>, steps = array<i64: 1, 1>} : (tensor<1x65xf32>) -> tensor<1x32xf32>
  // CHECK: disco.output %[[SMALL]]
  %small = disco.binary %short, %column {kind = 2 : i32} : (tensor<1x32xf32>, tensor<2x1xf32>) -> tensor<2x32xf32>
  disco.output %small {name = "small", index = 1 : i64} : (tensor<2x32xf32>) -> ()
  return
}
{-#
  dialect_resources: {
    builtin: {
      row: "0x040000000000803F0000004000004040000080400000A0400000C0400000E0400000004100001041000020410000304100004041000050410000604100007041000080410000884100009041000098410000A0410000A8410000B0410000B8410000C0410000C8410000D0410000D8410000E0410000E8410000F0410000F84100000042000004420000084200000C4200001042000014420000184200001C4200002042000024420000284200002C4200003042000034420000384200003C4200004042000044420000484200004C4200005042000054420000584200005C4200006042000064420000684200006C4200007042000074420000784200007C420000804200008242"
    }
  }
#-}

// -----

// Weights whose rows are all the same: the sum of x stands for its product with each column.
// CHECK-LABEL: func.func @same_rows
func.func @same_rows() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<2x32768xf32>
  %w = disco.constant dense<0.5> : tensor<32768x32768xf32> : tensor<32768x32768xf32>
  // CHECK: %[[C:.+]] = disco.constant dense<5.000000e-01> : tensor<1xf32> : tensor<1xf32>
  // CHECK: %[[S:.+]] = disco.reduce %{{.+}} {axes = array<i64: 1>, keepdims, kind = 1 : i32}
  // CHECK: %[[P:.+]] = disco.binary %[[S]], %[[C]] {kind = 2 : i32}
  // CHECK: disco.expand %[[P]] : (tensor<2x1xf32>) -> tensor<2x32768xf32>
  %y = disco.matmul %x, %w : (tensor<2x32768xf32>, tensor<32768x32768xf32>) -> tensor<2x32768xf32>
  disco.output %y {name = "y", index = 0 : i64} : (tensor<2x32768xf32>) -> ()
  return
}

// -----

// Weights whose columns are all the same: one of them is computed, and the bias makes them differ.
// CHECK-LABEL: func.func @same_columns
func.func @same_columns() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<2x3xf32>
  %c = disco.constant dense<[[1.0], [2.0], [3.0]]> : tensor<3x1xf32> : tensor<3x1xf32>
  %b = disco.input {name = "b", index = 1 : i64} : () -> tensor<50xf32>
  // CHECK: %[[C:.+]] = disco.constant dense<{{\[}}[1.000000e+00], [2.000000e+00], [3.000000e+00]]> : tensor<3x1xf32>
  // CHECK: %[[ONE:.+]] = disco.matmul %{{.+}}, %[[C]] : (tensor<2x3xf32>, tensor<3x1xf32>) -> tensor<2x1xf32>
  // CHECK: disco.binary %[[ONE]], %{{.+}} {kind = 0 : i32} : (tensor<2x1xf32>, tensor<50xf32>) -> tensor<2x50xf32>
  %w = disco.expand %c : (tensor<3x1xf32>) -> tensor<3x50xf32>
  %y = disco.matmul %x, %w bias %b : (tensor<2x3xf32>, tensor<3x50xf32>, tensor<50xf32>) -> tensor<2x50xf32>
  disco.output %y {name = "y", index = 0 : i64} : (tensor<2x50xf32>) -> ()
  return
}
