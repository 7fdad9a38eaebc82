// Every node keeps what it owns of a state, in one op at the end; a state that another takes over as it is, is copied before.
// RUN: %opt --disco-insert-exchanges --disco-split-into-shards %s | FileCheck %s

module attributes {disco.nodes = 2 : i64} {
func.func @main() {
  %a = disco.state {disco.tensor = "a"} : () -> tensor<1x4xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>
  %b = disco.state {disco.tensor = "b"} : () -> tensor<1x4xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>
  %c = disco.state {disco.tensor = "c"} : () -> tensor<1x3xf32, #disco.owned<axis 1 : | 0 to 2>>
  %y = disco.unary %c {disco.tensor = "y", act = #disco.act<relu>} : (tensor<1x3xf32, #disco.owned<axis 1 : | 0 to 2>>) -> tensor<1x3xf32, #disco.owned<axis 1 : 0 | 1 to 2>>
  disco.keep %b, %a, %y in %a, %b, %c : (tensor<1x4xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>, tensor<1x4xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>, tensor<1x3xf32, #disco.owned<axis 1 : 0 | 1 to 2>>, tensor<1x4xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>, tensor<1x4xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>, tensor<1x3xf32, #disco.owned<axis 1 : | 0 to 2>>) -> ()
  return
}
}
// CHECK: module @node0
// CHECK: %[[A:.+]] = disco.state {disco.tensor = "a"} : () -> tensor<1x2xf32, #disco.local<axis 1 : 0 to 1>>
// CHECK: %[[B:.+]] = disco.state {disco.tensor = "b"}
// CHECK-NOT: disco.tensor = "c"
// CHECK: %[[Y:.+]] = disco.unary %{{.+}} {act = #disco.act<relu>, disco.tensor = "y"}
// CHECK: disco.send %[[Y]]
// CHECK: %[[B1:.+]] = disco.unary %[[B]] {act = #disco.act<identity>}
// CHECK: %[[A1:.+]] = disco.unary %[[A]] {act = #disco.act<identity>}
// CHECK: disco.keep %[[B1]], %[[A1]] in %[[A]], %[[B]]
// CHECK: module @node1
// CHECK: %[[C:.+]] = disco.state {disco.tensor = "c"} : () -> tensor<1x3xf32, #disco.local<axis 1 : 0 to 2>>
// CHECK: %[[RECV:.+]] = disco.recv
// CHECK: disco.keep %{{.+}}, %{{.+}}, %{{.+}} in %{{.+}}, %{{.+}}, %[[C]]
