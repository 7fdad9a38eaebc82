// What has no element does not travel: every node makes the operand that it needs.
// RUN: discoc-opt --disco-pipeline %s | FileCheck %s

// CHECK: module @node1
// CHECK: %[[ROWS:.*]] = disco.constant {{.*}}: tensor<1x0xf32>
// CHECK: %[[ALL:.*]] = disco.constant {{.*}}: tensor<3x0xf32>
// CHECK: disco.matmul %[[ALL]], %[[ROWS]] {{.*}}-> tensor<3x1xf32
// CHECK: module @node2
// CHECK: disco.matmul {{.*}}-> tensor<3x1xf32
module attributes {disco.nodes = 3 : i64} {
func.func @main() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<3x0xf32>
  %y = disco.matmul %x, %x {disco.tensor = "y", trans_b} : (tensor<3x0xf32>, tensor<3x0xf32>) -> tensor<3x3xf32>
  disco.output %y {name = "y", index = 0 : i64} : (tensor<3x3xf32>) -> ()
  return
}
}
