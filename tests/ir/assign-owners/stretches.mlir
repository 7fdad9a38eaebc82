// Layers are divided where that takes less time than not to, as much as each node is fast.
// RUN: sed -e 's/CLOCKA/1.0e8/; s/CLOCKB/1.0e8/' %s | %opt --disco-assign-owners | FileCheck %s --check-prefixes=CHECK,ALIKE
// RUN: sed -e 's/CLOCKA/1.0e8/; s/CLOCKB/3.0e8/' %s | %opt --disco-assign-owners | FileCheck %s --check-prefixes=CHECK,FASTER
// RUN: sed -e 's/CLOCKA/1.0e10/; s/CLOCKB/1.0e10/' %s | %opt --disco-assign-owners | FileCheck %s --check-prefixes=CHECK,FAST

#a = #disco.target<arch = "armv7e-m", levels = [], vector = 0, caches = [], clock = CLOCKA, cycles = {f32 = 5.0}>
#b = #disco.target<arch = "armv7e-m", levels = [], vector = 0, caches = [], clock = CLOCKB, cycles = {f32 = 5.0}>

module attributes {disco.nodes = 2 : i64, disco.strategy = "stretches", disco.cluster = #disco.cluster<
    nodes = [#disco.node<name = "a", address = "", listen = "", device = #a, hops = []>,
             #disco.node<name = "b", address = "", listen = "", device = #b, hops = []>], links = []>} {
// CHECK-LABEL: @main
func.func @main() {
  %w = disco.constant dense<1.0> : tensor<8x8x3x3xf32> : tensor<8x8x3x3xf32>
  // CHECK: disco.input {{.*}}#disco.owned<axis 1 : 0 to 7 | >
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x8x8x8xf32>
  // ALIKE: disco.conv {{.*}}-> tensor<1x8x8x8xf32, #disco.owned<axis 1 : 0 to 3 | 4 to 7>>
  // FASTER: disco.conv {{.*}}-> tensor<1x8x8x8xf32, #disco.owned<axis 1 : 0 to 1 | 2 to 7>>
  // FAST: disco.conv {{.*}}-> tensor<1x8x8x8xf32, #disco.owned<axis 1 : 0 to 7 | >>
  %c = disco.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x8x8x8xf32>, tensor<8x8x3x3xf32>) -> tensor<1x8x8x8xf32>
  disco.output %c {name = "y", index = 0 : i64} : (tensor<1x8x8x8xf32>) -> ()
  return
}
}
