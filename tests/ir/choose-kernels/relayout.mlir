// Which kernel copies a tensor that shall lie otherwise: strided loops to rows where they say it, blocks from rows, any other way.
// RUN: %opt --disco-choose-kernels %s | FileCheck %s

#rows = #disco.local<axis 1 : 0 to 8>
#last = #disco.local<axis 1 : 0 to 8 lies #disco.physical<dims [0, 2, 3, 1]>>
#blocks = #disco.local<axis 1 : 0 to 8 lies #disco.physical<dims [0, 1 by 8, 2, 3, 1] borders [2 : 1 + 1]>>
#order = #disco.local<axis 1 : 0 to 8 lies #disco.physical<dims [0, 1, 2, 3] order 1 [8, 0, 1, 2, 3, 4, 5, 6, 7]>>

module {
module @node0 attributes {disco.rank = 0 : i64} {
func.func @infer(%x: tensor<1x9x2x2xf32, #rows>) {
  // CHECK: disco.relayout {{.*}}name = "relayout"
  %a = disco.relayout %x : (tensor<1x9x2x2xf32, #rows>) -> tensor<1x9x2x2xf32, #last>
  // CHECK: disco.relayout {{.*}}name = "rearrange"
  %b = disco.relayout %a : (tensor<1x9x2x2xf32, #last>) -> tensor<1x9x2x2xf32, #rows>
  // CHECK: disco.relayout {{.*}}name = "copy_blocks"
  %c = disco.relayout %b : (tensor<1x9x2x2xf32, #rows>) -> tensor<1x9x2x2xf32, #blocks>
  // CHECK: disco.relayout {{.*}}name = "relayout"
  %d = disco.relayout %c : (tensor<1x9x2x2xf32, #blocks>) -> tensor<1x9x2x2xf32, #rows>
  // CHECK: disco.relayout {{.*}}name = "relayout"
  %e = disco.relayout %a : (tensor<1x9x2x2xf32, #last>) -> tensor<1x9x2x2xf32, #order>
  return
}
}
}
