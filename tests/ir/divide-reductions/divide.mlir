// Statistics travel instead of features.
// RUN: discoc-opt --disco-divide-reductions --split-input-file %s | FileCheck %s

#two = #disco.owned<axis 1 : 0 to 2 | 3>
#all = #disco.owned<whole : 0 | 0>

// A layer normalisation: mean and variance of each part in one message, merged in rank order.
module attributes {disco.nodes = 2 : i64} {
  func.func @main() {
    %x = disco.input {index = 0 : i64, name = "x"} : () -> tensor<5x4xf32, #two>
    %m = disco.reduce %x {axes = array<i64: 1>, keepdims, kind = 0 : i32, disco.tensor = "mean"} : (tensor<5x4xf32, #two>) -> tensor<5x1xf32, #all>
    %c = disco.binary %x, %m {kind = 1 : i32} : (tensor<5x4xf32, #two>, tensor<5x1xf32, #all>) -> tensor<5x4xf32, #two>
    %s = disco.binary %c, %c {kind = 2 : i32} : (tensor<5x4xf32, #two>, tensor<5x4xf32, #two>) -> tensor<5x4xf32, #two>
    %v = disco.reduce %s {axes = array<i64: 1>, keepdims, kind = 0 : i32} : (tensor<5x4xf32, #two>) -> tensor<5x1xf32, #all>
    %y = disco.binary %c, %v {kind = 3 : i32} : (tensor<5x4xf32, #two>, tensor<5x1xf32, #all>) -> tensor<5x4xf32, #two>
    disco.output %y {index = 0 : i64, name = "y"} : (tensor<5x4xf32, #two>) -> ()
    return
  }
}
// CHECK-LABEL: func.func @main
// CHECK: %[[A:.*]] = disco.select %{{.*}} {axis = 1 : i64, indices = array<i64: 0, 1, 2>} : {{.*}} -> tensor<5x3xf32, #disco.owned<axis 1 : 0 to 2 | >>
// CHECK: disco.reduce %[[A]] {{.*}} -> tensor<5x1xf32, #disco.owned<whole : 0 | >>
// CHECK: %[[S0:.*]] = disco.concat {{.*}} {axis = 1 : i64, disco.route_kind = 2 : i32, disco.tensor = "mean of node 0"} {{.*}} -> tensor<1x10xf32, #disco.owned<whole : 0 | >>
// CHECK: %[[S1:.*]] = disco.concat {{.*}} disco.tensor = "mean of node 1"} {{.*}} -> tensor<1x10xf32, #disco.owned<whole :  | 0>>
// CHECK: disco.concat %[[S0]], %[[S1]] {axis = 0 : i64} {{.*}} -> tensor<2x10xf32, #disco.owned<whole : 0 | 0>>
// CHECK: disco.constant dense<{{\[\[}}7.500000e-01], [2.500000e-01]]>
// CHECK-NOT: {kind = 2 : i32} : (tensor<5x4xf32
// CHECK: disco.output

// -----

// The largest of each row; what one node knows is one number a row.
#two = #disco.owned<axis 1 : 0 to 1 | 2 to 3>
module attributes {disco.nodes = 2 : i64} {
  func.func @main() {
    %x = disco.input {index = 0 : i64, name = "x"} : () -> tensor<5x4xf32, #two>
    %m = disco.reduce %x {axes = array<i64: 1>, kind = 2 : i32, disco.tensor = "most"} : (tensor<5x4xf32, #two>) -> tensor<5xf32, #disco.owned<whole : 0 | 0>>
    disco.output %m {index = 0 : i64, name = "y"} : (tensor<5xf32, #disco.owned<whole : 0 | 0>>) -> ()
    return
  }
}
// CHECK-LABEL: func.func @main
// CHECK: %[[ALL:.*]] = disco.concat {{.*}} -> tensor<2x5xf32, #disco.owned<whole : 0 | 0>>
// CHECK: disco.reduce %[[ALL]] {axes = array<i64: 0>, keepdims, kind = 2 : i32} {{.*}} -> tensor<1x5xf32, #disco.owned<whole : 0 | 0>>
// CHECK: disco.rearrange {{.*}}disco.tensor = "most"{{.*}} -> tensor<5xf32, #disco.owned<whole : 0 | 0>>

// -----

// A softmax over divided channels: the maximum and the sum of exponentials of each part.
#two = #disco.owned<axis 1 : 0 to 1 | 2 to 3>
module attributes {disco.nodes = 2 : i64} {
  func.func @main() {
    %x = disco.input {index = 0 : i64, name = "x"} : () -> tensor<5x4xf32, #two>
    %y = disco.softmax %x {axis = 1 : i64, count = 1 : i64, disco.tensor = "p"} : (tensor<5x4xf32, #two>) -> tensor<5x4xf32, #two>
    disco.output %y {index = 0 : i64, name = "y"} : (tensor<5x4xf32, #two>) -> ()
    return
  }
}
// CHECK-LABEL: func.func @main
// CHECK-NOT: disco.softmax
// CHECK: disco.unary {{.*}}exp
// CHECK: disco.binary {{.*}} {disco.tensor = "p", kind = 3 : i32} {{.*}} -> tensor<5x4xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 3>>
