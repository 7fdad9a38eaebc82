// Every node sends to the next rank first, and takes first what the one before sends.
// RUN: %opt --disco-assign-owners --disco-derive-masks --disco-insert-exchanges --disco-split-into-shards %s | FileCheck %s

module attributes {disco.nodes = 3 : i64} {
func.func @main() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x4xf32>
  %v = disco.constant dense<1.0> : tensor<4x6xf32> : tensor<4x6xf32>
  %w = disco.constant dense<1.0> : tensor<6x6xf32> : tensor<6x6xf32>
  %h = disco.matmul %x, %v {disco.tensor = "h"} : (tensor<1x4xf32>, tensor<4x6xf32>) -> tensor<1x6xf32>
  %y = disco.matmul %h, %w {disco.tensor = "y"} : (tensor<1x6xf32>, tensor<6x6xf32>) -> tensor<1x6xf32>
  disco.output %y {name = "y", index = 0 : i64} : (tensor<1x6xf32>) -> ()
  return
}
}
// CHECK: module @node0
// CHECK: disco.send {{.*}}"h"{{.*}} to = 1
// CHECK: disco.post {from = 2
// CHECK: disco.send {{.*}}"h"{{.*}} to = 2
// CHECK: disco.post {from = 1
// CHECK: module @node1
// CHECK: disco.send {{.*}}"h"{{.*}} to = 2
// CHECK: disco.send {{.*}}"h"{{.*}} to = 0
// CHECK: module @node2
// CHECK: disco.send {{.*}}"h"{{.*}} to = 0
// CHECK: disco.send {{.*}}"h"{{.*}} to = 1
