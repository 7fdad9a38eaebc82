// No statistics where sums have one order: the features are gathered.
// RUN: discoc-opt --disco-assign-owners --disco-divide-reductions %s | FileCheck %s

module attributes {disco.exact_order, disco.nodes = 2 : i64} {
  func.func @main() {
    %i = disco.input {index = 0 : i64, name = "x"} : () -> tensor<5x4xf32>
    %w = disco.constant dense<1.0> : tensor<4x4xf32> : tensor<4x4xf32>
    %x = disco.matmul %i, %w : (tensor<5x4xf32>, tensor<4x4xf32>) -> tensor<5x4xf32>
    %m = disco.softmax %x {axis = 1 : i64, count = 1 : i64} : (tensor<5x4xf32>) -> tensor<5x4xf32>
    disco.output %m {index = 0 : i64, name = "y"} : (tensor<5x4xf32>) -> ()
    return
  }
}
// CHECK-NOT: route_kind
// CHECK: disco.softmax {{.*}} -> tensor<5x4xf32, #disco.owned<{{.*}}>>
// CHECK-NOT: route_kind
// CHECK-NOT: disco.reduce
// CHECK: disco.output
