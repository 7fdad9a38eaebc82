// Every diagnostic of disco-divide-reductions.
// RUN: discoc-opt --disco-divide-reductions --verify-diagnostics %s

#two = #disco.owned<axis 1 : 0 to 1 | 2 to 3>
module attributes {disco.exact_order, disco.nodes = 2 : i64} {
  func.func @main() {
    %x = disco.input {index = 0 : i64, name = "x"} : () -> tensor<5x4xf32, #two>
    // expected-error@+1 {{the owner map divides the axis that is reduced, which has no exact order; state another map for it, or compile without --exact-order}}
    %y = disco.softmax %x {axis = 1 : i64, count = 1 : i64} : (tensor<5x4xf32, #two>) -> tensor<5x4xf32, #two>
    disco.output %y {index = 0 : i64, name = "y"} : (tensor<5x4xf32, #two>) -> ()
    return
  }
}
