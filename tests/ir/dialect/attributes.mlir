// Every attribute and type prints as it was written, and is read back the same.
// RUN: discoc-opt --mlir-print-local-scope %s | discoc-opt --mlir-print-local-scope | FileCheck %s
// RUN: discoc-opt --mlir-print-op-generic %s | discoc-opt --mlir-print-local-scope | FileCheck %s

// CHECK-LABEL: module @sets
module @sets attributes {
  // CHECK-SAME: a.empty = #disco.set<>
  a.empty = #disco.set<>,
  // CHECK-SAME: a.one = #disco.set<7>
  a.one = #disco.set<7>,
  // CHECK-SAME: a.several = #disco.set<0 to 3, 7, 9 to 10>
  a.several = #disco.set<0 to 3, 7, 9 to 10>,
  // A range of one index is written without `to`.
  // CHECK-SAME: a.single_range = #disco.set<5>
  a.single_range = #disco.set<5 to 5>
} {}

// CHECK-LABEL: module @layouts
module @layouts attributes {
  // CHECK-SAME: b.held = #disco.held<axis 1 :  | 0, 3 | 0 to 3>
  b.held = #disco.held<axis 1 : | 0, 3 | 0 to 3>,
  // CHECK-SAME: b.local = #disco.local<axis 2 : 1, 3>
  b.local = #disco.local<axis 2 : 1, 3>,
  // CHECK-SAME: b.local_lies = #disco.local<axis 1 : 0, 3 lies #disco.physical<dims [0, 2, 1]>>
  b.local_lies = #disco.local<axis 1 : 0, 3 lies #disco.physical<dims [0, 2, 1]>>,
  // CHECK-SAME: b.local_whole = #disco.local<whole : 0>
  b.local_whole = #disco.local<whole : 0>,
  // CHECK-SAME: b.owned = #disco.owned<axis 1 : 0 to 3 | 4 to 7>
  b.owned = #disco.owned<axis 1 : 0 to 3 | 4 to 7>,
  // CHECK-SAME: b.owned_scattered = #disco.owned<axis 0 : 0, 2, 4 |  | 1, 3>
  b.owned_scattered = #disco.owned<axis 0 : 0, 2, 4 | | 1, 3>,
  // CHECK-SAME: b.whole = #disco.owned<whole : 0 | >
  b.whole = #disco.owned<whole : 0 | >
} {}

// CHECK-LABEL: module @physical
module @physical attributes {
  // CHECK-SAME: p.all = #disco.physical<dims [0, 1 by 8, 2, 1] borders [2 : 1 + 1] pitch [2 : 16] order 1 [1, 0, 2] copies 2>
  p.all = #disco.physical<dims [0, 1 by 8, 2, 1] borders [2 : 1 + 1] pitch [2 : 16] order 1 [1, 0, 2] copies 2>,
  // CHECK-SAME: p.borders = #disco.physical<dims [0, 1] borders [0 : 1 + 0, 1 : 0 + 2]>
  p.borders = #disco.physical<dims [0, 1] borders [0 : 1 + 0, 1 : 0 + 2]>,
  // CHECK-SAME: p.rows = #disco.physical<dims [0, 1 by 4, 1 by 2, 1]>
  p.rows = #disco.physical<dims [0, 1 by 4, 1 by 2, 1 by 1]>,
  // CHECK-SAME: p.scalar = #disco.physical<dims []>
  p.scalar = #disco.physical<dims []>
} {}

// CHECK-LABEL: module @routes
module @routes attributes {
  // CHECK-SAME: c.part = #disco.part<"conv1" : axis 1 : 0, 3>
  c.part = #disco.part<"conv1" : axis 1 : 0, 3>,
  // CHECK-SAME: c.part_name = #disco.part<"a \22quoted\22 name" : axis 0 : 1>
  c.part_name = #disco.part<"a \22quoted\22 name" : axis 0 : 1>,
  // CHECK-SAME: c.part_root = #disco.part<"x" : root whole : 0>
  c.part_root = #disco.part<"x" : root whole : 0>,
  // CHECK-SAME: c.route = #disco.route<0 -> 1 : 0, 3>
  c.route = #disco.route<0 -> 1 : 0, 3>
} {}

// CHECK-LABEL: module @functions
module @functions attributes {
  // CHECK-SAME: d.clip = #disco.act<clip, 0.000000e+00, 6.000000e+00>
  d.clip = #disco.act<clip, 0.0, 6.0>,
  // Parameters keep all their digits: 1/6 is not a short decimal.
  // CHECK-SAME: d.hard_sigmoid = #disco.act<hard_sigmoid, 0.16666666666666666, 5.000000e-01>
  d.hard_sigmoid = #disco.act<hard_sigmoid, 1.66666666666666657e-01, 0.5>,
  // Infinities have no digits: they are written as bits.
  // CHECK-SAME: d.infinite = #disco.act<clip, 0xFFF0000000000000, 0x7FF0000000000000>
  d.infinite = #disco.act<clip, 0xFFF0000000000000, 0x7FF0000000000000>,
  // CHECK-SAME: d.leaky = #disco.act<leaky_relu, -1.000000e-01, 0.000000e+00>
  d.leaky = #disco.act<leaky_relu, -0.1, 0.0>,
  // CHECK-SAME: d.relu = #disco.act<relu>
  d.relu = #disco.act<relu>
} {}

// CHECK-LABEL: module @kinds
module @kinds attributes {
  // CHECK-SAME: #disco.act<identity>, #disco.act<relu>, #disco.act<clip>, #disco.act<sigmoid>, #disco.act<hard_sigmoid>
  // CHECK-SAME: #disco.act<hard_swish>, #disco.act<tanh>, #disco.act<leaky_relu>, #disco.act<silu>, #disco.act<elu>
  // CHECK-SAME: #disco.act<softplus>, #disco.act<softsign>, #disco.act<selu>, #disco.act<erf>, #disco.act<exp>
  // CHECK-SAME: #disco.act<log>, #disco.act<sqrt>, #disco.act<abs>, #disco.act<neg>, #disco.act<floor>
  // CHECK-SAME: #disco.act<ceil>, #disco.act<round>, #disco.act<reciprocal>, #disco.act<sign>, #disco.act<sin>
  // CHECK-SAME: #disco.act<cos>, #disco.act<not>, #disco.act<gelu>, #disco.act<mish>, #disco.act<thresholded_relu>
  e.kinds = [#disco.act<identity>, #disco.act<relu>, #disco.act<clip>, #disco.act<sigmoid>, #disco.act<hard_sigmoid>,
             #disco.act<hard_swish>, #disco.act<tanh>, #disco.act<leaky_relu>, #disco.act<silu>, #disco.act<elu>,
             #disco.act<softplus>, #disco.act<softsign>, #disco.act<selu>, #disco.act<erf>, #disco.act<exp>,
             #disco.act<log>, #disco.act<sqrt>, #disco.act<abs>, #disco.act<neg>, #disco.act<floor>,
             #disco.act<ceil>, #disco.act<round>, #disco.act<reciprocal>, #disco.act<sign>, #disco.act<sin>,
             #disco.act<cos>, #disco.act<not>, #disco.act<gelu>, #disco.act<mish>, #disco.act<thresholded_relu>]
} {}

// CHECK-LABEL: module @types
module @types attributes {
  // CHECK-SAME: f.message = !disco.message<2048>
  f.message = !disco.message<2048>
} {}
