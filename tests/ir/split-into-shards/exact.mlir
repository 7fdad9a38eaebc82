// With an exact order a contraction is one part: own and received columns together, ascending.
// RUN: discoc-opt --pass-pipeline='builtin.module(disco-assign-owners,disco-derive-masks,disco-choose-partial-sums,disco-insert-exchanges,disco-split-into-shards)' %s | FileCheck %s

module attributes {disco.exact_order, disco.nodes = 2 : i64} {
  func.func @main() {
    %i = disco.input {index = 0 : i64, name = "x"} : () -> tensor<5x4xf32>
    %w = disco.constant dense<1.0> : tensor<4x4xf32> : tensor<4x4xf32>
    %x = disco.matmul %i, %w : (tensor<5x4xf32>, tensor<4x4xf32>) -> tensor<5x4xf32>
    %y = disco.matmul %x, %w : (tensor<5x4xf32>, tensor<4x4xf32>) -> tensor<5x4xf32>
    disco.output %y {index = 0 : i64, name = "y"} : (tensor<5x4xf32>) -> ()
    return
  }
}
// CHECK: module @node0
// CHECK: disco.recv
// CHECK: %[[ALL:.*]] = disco.assemble {{.*}} -> tensor<5x4xf32
// CHECK-NEXT: disco.matmul %[[ALL]], %{{[0-9]+}} :
// CHECK-NOT: disco.matmul
// CHECK: module @node1
