// What a shard stores of a broadcast constant is what it is made of; its views name other axes only.
// RUN: %opt --disco-split-into-shards %s | FileCheck %s

module attributes {disco.nodes = 2 : i64} {
func.func @main() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x4x40xf32, #disco.owned<axis 1 : 0 to 3 | >>
  %k = disco.constant dense<[[[1.0], [2.0], [3.0], [4.0]]]> : tensor<1x4x1xf32> : tensor<1x4x40xf32>
  %few = disco.constant dense<[[[1.0], [2.0], [3.0], [4.0]]]> : tensor<1x4x1xf32> : tensor<1x4x2xf32>
  %xr = disco.exchange %x routes [#disco.route<0 -> 1 : 2 to 3>] {tensor = "x", root} : (tensor<1x4x40xf32, #disco.owned<axis 1 : 0 to 3 | >>) -> tensor<1x4x40xf32, #disco.held<axis 1 : | 2 to 3>>
  %xm = disco.merge own %x remote(%xr) {maps = [array<i64: 2, 2, 3, 3>]} : (tensor<1x4x40xf32, #disco.owned<axis 1 : 0 to 3 | >>, tensor<1x4x40xf32, #disco.held<axis 1 : | 2 to 3>>) -> tensor<1x4x40xf32, #disco.held<axis 1 : 0 to 1 | 2 to 3>>
  %y = disco.binary %xm, %k {disco.tensor = "y", kind = 0 : i32} : (tensor<1x4x40xf32, #disco.held<axis 1 : 0 to 1 | 2 to 3>>, tensor<1x4x40xf32>) -> tensor<1x4x40xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>
  %z = disco.unary %k {disco.tensor = "z", act = #disco.act<sin>} : (tensor<1x4x40xf32>) -> tensor<1x4x40xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>
  %v = disco.unary %few {disco.tensor = "v", act = #disco.act<sin>} : (tensor<1x4x2xf32>) -> tensor<1x4x2xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>
  return
}
}
// CHECK: module @node0
// 40 columns are 160 bytes a row, 320 in all: they are repeated.
// CHECK-DAG: %[[K:.+]] = disco.constant dense<{{.+}}> : tensor<1x4x1xf32> view [#disco.local<axis 1 : 0 to 1>] : tensor<1x2x1xf32>
// CHECK-DAG: %[[FEW:.+]] = disco.constant dense<{{.+}}> : tensor<1x4x2xf32> view [#disco.local<axis 1 : 0 to 1>] : tensor<1x2x2xf32>
// CHECK: disco.binary %{{.+}}, %[[K]] {{.*}}(tensor<1x2x40xf32, #disco.local<axis 1 : 0 to 1>>, tensor<1x2x1xf32>) -> tensor<1x2x40xf32
// An op that reads element by element gets a buffer, filled just before it.
// CHECK-NEXT: %[[E:.+]] = disco.expand %[[K]] : (tensor<1x2x1xf32>) -> tensor<1x2x40xf32, #disco.local<whole : 0>>
// CHECK-NEXT: disco.unary %[[E]]
// CHECK: disco.unary %[[FEW]]
// CHECK: module @node1
// CHECK-DAG: disco.constant dense<{{.+}}> : tensor<1x4x1xf32> view [#disco.local<axis 1 : 2 to 3>] : tensor<1x2x1xf32>
