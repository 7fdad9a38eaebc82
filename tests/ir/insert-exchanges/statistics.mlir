// Features travel before they are normalised: statistics are waited for once, at both ends.
// RUN: discoc-opt --disco-divide-reductions --disco-insert-exchanges --split-input-file %s | FileCheck %s --check-prefix=WHOLE
// RUN: discoc-opt --disco-divide-reductions --disco-insert-exchanges --disco-split-into-shards --disco-schedule --split-input-file %s | FileCheck %s

#two = #disco.owned<axis 1 : 0 to 2 | 3>
#all = #disco.owned<whole : 0 | 0>

// A layer normalisation. The statistics leave first: they are few bytes, and each node works on with its own channels.
// WHOLE: %[[X:.*]] = disco.matmul
// WHOLE: disco.exchange %{{.*}} routes [#disco.route<1 -> 0 : 0>] {kind = 2 : i32
// WHOLE: %[[E:.*]] = disco.exchange %[[X]] routes [#disco.route<0 -> 1 : 0, 2>]
// WHOLE: %[[C:.*]] = disco.binary %[[X]], %[[M:.*]] {kind = 1 : i32}
// WHOLE: %[[N:.*]] = disco.binary %[[C]], %[[V:.*]] {kind = 3 : i32}
// WHOLE: %[[Y:.*]] = disco.binary %[[G:.*]], %[[N]] {
// WHOLE: %[[RC:.*]] = disco.binary %[[E]], %[[M]] {kind = 1 : i32} : (tensor<5x4xf32, #disco.held<axis 1 :  | 0, 2>>
// WHOLE: %[[RN:.*]] = disco.binary %[[RC]], %[[V]] {kind = 3 : i32}
// WHOLE: %[[RY:.*]] = disco.binary %[[G]], %[[RN]] {kind = 2 : i32}
// WHOLE: disco.merge own %[[Y]] remote(%[[RY]])

// Few features come with the statistics; they are normalised with the gains of their own channels, behind the receiver's own part.
// CHECK: module @node1
// CHECK: %[[R:.*]]:2 = disco.recv {{.*}}"mean of node 0" : statistic{{.*}}"x" : axis 1 : 0, 2
// CHECK: %[[OWN:.*]] = disco.matmul
// CHECK: disco.binary %[[R]]#1
// CHECK: disco.binary
// CHECK: %[[L:.*]] = disco.binary %{{.*}}, %{{.*}} : (tensor<2xf32>, tensor<5x2xf32
// CHECK: disco.matmul %[[L]], %{{.*}} init %[[OWN]]
module attributes {disco.nodes = 2 : i64} {
  func.func @main() {
    %i = disco.input {index = 0 : i64, name = "i"} : () -> tensor<5x4xf32, #disco.owned<axis 1 : 0 to 3 | >>
    %w0 = disco.constant dense<1.0> : tensor<4x4xf32> : tensor<4x4xf32>
    %x = disco.matmul %i, %w0 {mask = [#disco.route<0 -> 0 : 0 to 3>, #disco.route<0 -> 1 : 0 to 3>], disco.tensor = "x"} : (tensor<5x4xf32, #disco.owned<axis 1 : 0 to 3 | >>, tensor<4x4xf32>) -> tensor<5x4xf32, #two>
    %m = disco.reduce %x {axes = array<i64: 1>, keepdims, kind = 0 : i32, disco.tensor = "mean"} : (tensor<5x4xf32, #two>) -> tensor<5x1xf32, #all>
    %c = disco.binary %x, %m {kind = 1 : i32} : (tensor<5x4xf32, #two>, tensor<5x1xf32, #all>) -> tensor<5x4xf32, #two>
    %s = disco.binary %c, %c {kind = 2 : i32} : (tensor<5x4xf32, #two>, tensor<5x4xf32, #two>) -> tensor<5x4xf32, #two>
    %v = disco.reduce %s {axes = array<i64: 1>, keepdims, kind = 0 : i32} : (tensor<5x4xf32, #two>) -> tensor<5x1xf32, #all>
    %n = disco.binary %c, %v {kind = 3 : i32} : (tensor<5x4xf32, #two>, tensor<5x1xf32, #all>) -> tensor<5x4xf32, #two>
    %g = disco.constant dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32> : tensor<4xf32>
    %y = disco.binary %g, %n {kind = 2 : i32, disco.tensor = "y"} : (tensor<4xf32>, tensor<5x4xf32, #two>) -> tensor<5x4xf32, #two>
    %w = disco.constant dense<1.0> : tensor<4x2xf32> : tensor<4x2xf32>
    %z = disco.matmul %y, %w {mask = [#disco.route<0 -> 1 : 0, 2>, #disco.route<1 -> 1 : 3>]} : (tensor<5x4xf32, #two>, tensor<4x2xf32>) -> tensor<5x2xf32, #disco.owned<axis 1 : | 0 to 1>>
    return
  }
}

// -----

#two = #disco.owned<axis 1 : 0 to 2 | 3>
#all = #disco.owned<whole : 0 | 0>

// An RMS normalisation: what it divides by is with every node; the operand of the division leaves.
// WHOLE-LABEL: func.func @rms
// WHOLE: %[[X:.*]] = disco.matmul
// WHOLE: disco.exchange {{.*}} {kind = 2 : i32
// WHOLE: disco.exchange {{.*}} {kind = 2 : i32
// WHOLE: %[[E:.*]] = disco.exchange %[[X]] routes [#disco.route<0 -> 1 : 0, 2>]
// WHOLE: %[[R:.*]] = disco.unary {{.*}}sqrt
// WHOLE: %[[N:.*]] = disco.binary %[[X]], %[[R]] {kind = 3 : i32}
// WHOLE: %[[Y:.*]] = disco.binary %[[N]], %[[G:.*]] {
// WHOLE: %[[RN:.*]] = disco.binary %[[E]], %[[R]] {kind = 3 : i32}
// WHOLE: %[[RY:.*]] = disco.binary %[[RN]], %[[G]] {kind = 2 : i32}
// WHOLE-NOT: disco.exchange
// WHOLE: disco.merge own %[[Y]] remote(%[[RY]])
module attributes {disco.nodes = 2 : i64} {
  func.func @rms() {
    %i = disco.input {index = 0 : i64, name = "i"} : () -> tensor<5x4xf32, #disco.owned<axis 1 : 0 to 3 | >>
    %w0 = disco.constant dense<1.0> : tensor<4x4xf32> : tensor<4x4xf32>
    %x = disco.matmul %i, %w0 {mask = [#disco.route<0 -> 0 : 0 to 3>, #disco.route<0 -> 1 : 0 to 3>], disco.tensor = "x"} : (tensor<5x4xf32, #disco.owned<axis 1 : 0 to 3 | >>, tensor<4x4xf32>) -> tensor<5x4xf32, #two>
    %s = disco.binary %x, %x {kind = 2 : i32} : (tensor<5x4xf32, #two>, tensor<5x4xf32, #two>) -> tensor<5x4xf32, #two>
    %v = disco.reduce %s {axes = array<i64: 1>, keepdims, kind = 0 : i32} : (tensor<5x4xf32, #two>) -> tensor<5x1xf32, #all>
    %r = disco.unary %v {act = #disco.act<sqrt>} : (tensor<5x1xf32, #all>) -> tensor<5x1xf32, #all>
    %n = disco.binary %x, %r {kind = 3 : i32} : (tensor<5x4xf32, #two>, tensor<5x1xf32, #all>) -> tensor<5x4xf32, #two>
    %g = disco.constant dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32> : tensor<4xf32>
    %y = disco.binary %n, %g {kind = 2 : i32, disco.tensor = "y"} : (tensor<5x4xf32, #two>, tensor<4xf32>) -> tensor<5x4xf32, #two>
    %w = disco.constant dense<1.0> : tensor<4x2xf32> : tensor<4x2xf32>
    %z = disco.matmul %y, %w {mask = [#disco.route<0 -> 1 : 0, 2>, #disco.route<1 -> 1 : 3>]} : (tensor<5x4xf32, #two>, tensor<4x2xf32>) -> tensor<5x2xf32, #disco.owned<axis 1 : | 0 to 1>>
    return
  }
}

// -----

#two = #disco.owned<axis 1 : 0 to 2 | 3>

// A softmax over divided channels: they leave before maximum, exponential and sum, which the receiver makes again of them.
// WHOLE-LABEL: func.func @softmax
// WHOLE: %[[X:.*]] = disco.matmul
// WHOLE: %[[E:.*]] = disco.exchange %[[X]] routes [#disco.route<0 -> 1 : 0, 2>]
// WHOLE: %[[D:.*]] = disco.binary %[[E]], %{{.*}} {kind = 1 : i32}
// WHOLE: %[[P:.*]] = disco.unary %[[D]] {act = #disco.act<exp>}
// WHOLE: %[[RY:.*]] = disco.binary %[[P]], %{{.*}} {kind = 3 : i32}
// WHOLE-NOT: disco.exchange
// WHOLE: disco.merge own %{{.*}} remote(%[[RY]])
module attributes {disco.nodes = 2 : i64} {
  func.func @softmax() {
    %i = disco.input {index = 0 : i64, name = "i"} : () -> tensor<5x4xf32, #disco.owned<axis 1 : 0 to 3 | >>
    %w0 = disco.constant dense<1.0> : tensor<4x4xf32> : tensor<4x4xf32>
    %x = disco.matmul %i, %w0 {mask = [#disco.route<0 -> 0 : 0 to 3>, #disco.route<0 -> 1 : 0 to 3>], disco.tensor = "x"} : (tensor<5x4xf32, #disco.owned<axis 1 : 0 to 3 | >>, tensor<4x4xf32>) -> tensor<5x4xf32, #two>
    %y = disco.softmax %x {axis = 1 : i64, count = 1 : i64, disco.tensor = "y"} : (tensor<5x4xf32, #two>) -> tensor<5x4xf32, #two>
    %w = disco.constant dense<1.0> : tensor<4x2xf32> : tensor<4x2xf32>
    %z = disco.matmul %y, %w {mask = [#disco.route<0 -> 1 : 0, 2>, #disco.route<1 -> 1 : 3>]} : (tensor<5x4xf32, #two>, tensor<4x2xf32>) -> tensor<5x2xf32, #disco.owned<axis 1 : | 0 to 1>>
    return
  }
}
