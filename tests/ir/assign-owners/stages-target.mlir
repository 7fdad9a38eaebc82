// Stretches of layers take about the same time: a node with three times the clock has three of four layers.
// RUN: sed -e 's/CLOCKS/3.0e8/' %s | %opt --disco-assign-owners | FileCheck %s --check-prefixes=CHECK,FAST
// RUN: sed -e 's/CLOCKS/1.0e8/' %s | %opt --disco-assign-owners | FileCheck %s --check-prefixes=CHECK,ALIKE

#a = #disco.target<arch = "armv7e-m", levels = [], vector = 0, caches = [], clock = CLOCKS, cycles = {f32 = 5.0}>
#b = #disco.target<arch = "armv7e-m", levels = [], vector = 0, caches = [], clock = 1.0e8, cycles = {f32 = 5.0}>

module attributes {disco.nodes = 2 : i64, disco.strategy = "stages", disco.cluster = #disco.cluster<
    nodes = [#disco.node<name = "a", address = "", listen = "", device = #a, hops = []>,
             #disco.node<name = "b", address = "", listen = "", device = #b, hops = []>], links = []>} {
// CHECK-LABEL: @main
func.func @main() {
  %w = disco.constant dense<1.0> : tensor<4x4x3x3xf32> : tensor<4x4x3x3xf32>
  %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x4x8x8xf32>
  // CHECK: disco.conv {{.*}}-> tensor<1x4x8x8xf32, #disco.owned<axis 1 : 0 to 3 | >>
  %c1 = disco.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x4x8x8xf32>, tensor<4x4x3x3xf32>) -> tensor<1x4x8x8xf32>
  // FAST: disco.conv {{.*}}-> tensor<1x4x8x8xf32, #disco.owned<axis 1 : 0 to 3 | >>
  // ALIKE: disco.conv {{.*}}-> tensor<1x4x8x8xf32, #disco.owned<axis 1 : 0 to 3 | >>
  %c2 = disco.conv %c1, %w {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x4x8x8xf32>, tensor<4x4x3x3xf32>) -> tensor<1x4x8x8xf32>
  // FAST: disco.conv {{.*}}-> tensor<1x4x8x8xf32, #disco.owned<axis 1 : 0 to 3 | >>
  // ALIKE: disco.conv {{.*}}-> tensor<1x4x8x8xf32, #disco.owned<axis 1 : | 0 to 3>>
  %c3 = disco.conv %c2, %w {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x4x8x8xf32>, tensor<4x4x3x3xf32>) -> tensor<1x4x8x8xf32>
  // FAST: disco.conv {{.*}}-> tensor<1x4x8x8xf32, #disco.owned<axis 1 : | 0 to 3>>
  // ALIKE: disco.conv {{.*}}-> tensor<1x4x8x8xf32, #disco.owned<axis 1 : | 0 to 3>>
  %c4 = disco.conv %c3, %w {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x4x8x8xf32>, tensor<4x4x3x3xf32>) -> tensor<1x4x8x8xf32>
  disco.output %c4 {name = "y", index = 0 : i64} : (tensor<1x4x8x8xf32>) -> ()
  return
}
}
