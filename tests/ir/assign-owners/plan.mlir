// Choices that are given, not made.
// RUN: %opt --disco-assign-owners %s | FileCheck %s

module attributes {disco.nodes = 2 : i64, disco.plan = [
  {name = "x", shape = array<i64: 1, 4>, owners = #disco.owned<axis 1 : 0 to 3 | >, reason = ""},
  {name = "a", shape = array<i64: 1, 4>, owners = #disco.owned<axis 1 : 3 | 0 to 2>, reason = ""},
  {name = "", shape = array<i64: 1, 4>, owners = #disco.owned<whole : 0 | 0>, reason = "for a test"},
  {name = "y", shape = array<i64: 1, 4>, owners = #disco.owned<whole : | 0>, reason = ""}]} {
func.func @main() {
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x4xf32>
  // CHECK: disco.unary {{.*}}-> tensor<1x4xf32, #disco.owned<axis 1 : 3 | 0 to 2>>
  %a = disco.unary %x {act = #disco.act<relu>, disco.tensor = "a"} : (tensor<1x4xf32>) -> tensor<1x4xf32>
  // CHECK: disco.unary {{.*}}disco.replicated = "for a test"{{.*}}-> tensor<1x4xf32, #disco.owned<whole : 0 | 0>>
  %b = disco.unary %a {act = #disco.act<exp>} : (tensor<1x4xf32>) -> tensor<1x4xf32>
  // CHECK: disco.unary {{.*}}-> tensor<1x4xf32, #disco.owned<whole : | 0>>
  %y = disco.unary %b {act = #disco.act<neg>, disco.tensor = "y"} : (tensor<1x4xf32>) -> tensor<1x4xf32>
  disco.output %y {name = "y", index = 0 : i64} : (tensor<1x4xf32>) -> ()
  return
}
}
