// A layout that names more channels than its tensor has.
// RUN: discoc-opt --disco-check-schedule --verify-diagnostics %s

module {
module @node0 attributes {disco.rank = 0 : i64} {
func.func @infer() {
  %c = disco.constant dense<1.0> : tensor<1x2xf32> : tensor<1x2xf32>
  %w = disco.constant dense<1.0> : tensor<2x2xf32> : tensor<2x2xf32>
  %x = disco.unary %c {act = #disco.act<relu>} : (tensor<1x2xf32>) -> tensor<1x2xf32, #disco.local<axis 1 : 0 to 2>>
  // expected-error@+1 {{reads a tensor that is said to hold other channels than it has room for}}
  %y = disco.matmul %x, %w : (tensor<1x2xf32, #disco.local<axis 1 : 0 to 2>>, tensor<2x2xf32>) -> tensor<1x2xf32, #disco.local<axis 1 : 0 to 1>>
  return
}
}
}
