// Where the cluster says how fast its links are, time decides: two contractions read the same features, which travel in one message, their sums in two.
// RUN: sed -e 's/LATENCY/0.0/' %s | %opt --disco-choose-partial-sums | FileCheck %s --check-prefix=BYTES
// RUN: sed -e 's/LATENCY/1.0e-3/' %s | %opt --disco-choose-partial-sums | FileCheck %s --check-prefix=TIME

#in = #disco.owned<axis 1 : 0 to 9 | 10 to 19>
#out = #disco.owned<axis 1 : 0 to 3 | 4 to 7>
#host = #disco.target<arch = "x86_64", levels = [], vector = 32, caches = [], clock = 0.0, cycles = {}>

// BYTES-LABEL: @main
// BYTES-COUNT-2: disco.accumulate
// TIME-LABEL: @main
// TIME-NOT: disco.accumulate
module attributes {disco.nodes = 2 : i64, disco.cluster = #disco.cluster<
    nodes = [#disco.node<name = "a", address = "", listen = "", device = #host, hops = []>,
             #disco.node<name = "b", address = "", listen = "", device = #host, hops = []>],
    links = [#disco.link<ends = [0, 1], kind = "tcp", ports = [], bandwidth = 1.0e6, latency = LATENCY>]>} {
func.func @main(%x: tensor<1x20xf32, #in>) {
  %w = disco.constant dense<1.0> : tensor<20x8xf32> : tensor<20x8xf32>
  %y = disco.matmul %x, %w {mask = [#disco.route<0 -> 0 : 0 to 9>, #disco.route<1 -> 0 : 10 to 19>, #disco.route<0 -> 1 : 0 to 9>, #disco.route<1 -> 1 : 10 to 19>]} : (tensor<1x20xf32, #in>, tensor<20x8xf32>) -> tensor<1x8xf32, #out>
  %z = disco.matmul %x, %w {mask = [#disco.route<0 -> 0 : 0 to 9>, #disco.route<1 -> 0 : 10 to 19>, #disco.route<0 -> 1 : 0 to 9>, #disco.route<1 -> 1 : 10 to 19>]} : (tensor<1x20xf32, #in>, tensor<20x8xf32>) -> tensor<1x8xf32, #out>
  return
}
}
