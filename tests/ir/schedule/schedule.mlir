// Waits sink to the first reader, sends that are ready together travel together, a send is flushed before the next one.
// RUN: %opt --disco-schedule --split-input-file %s | FileCheck %s

// The own part of the sum runs before the wait. Messages are renumbered without gaps.
// CHECK-LABEL: module @node0
module {
module @node0 attributes {disco.rank = 0 : i64} {
func.func @infer() {
  %c = disco.constant dense<1.0> : tensor<1x2xf32> : tensor<1x2xf32>
  %x = disco.unary %c {act = #disco.act<relu>} : (tensor<1x2xf32>) -> tensor<1x2xf32, #disco.local<axis 1 : 0 to 1>>
  // CHECK: %[[S:.+]] = disco.send {{.*}}message = 0
  // CHECK-NEXT: disco.flush %[[S]]
  // CHECK-NEXT: return
  %s = disco.send %x {to = 1 : i64, message = 7 : i64, parts = [#disco.part<"x" : axis 1 : 0 to 1>]} : (tensor<1x2xf32, #disco.local<axis 1 : 0 to 1>>) -> !disco.message<8>
  return
}
}
// CHECK-LABEL: module @node1
module @node1 attributes {disco.rank = 1 : i64} {
func.func @infer() {
  %c = disco.constant dense<1.0> : tensor<1x2xf32> : tensor<1x2xf32>
  %w = disco.constant dense<1.0> : tensor<2x2xf32> : tensor<2x2xf32>
  // CHECK: %[[P:.+]] = disco.post {from = 0 : i64, message = 0 : i64}
  // CHECK-NEXT: %[[OWN:.+]] = disco.unary
  // CHECK-NEXT: %[[SUM:.+]] = disco.matmul %[[OWN]]
  // CHECK-NEXT: %[[R:.+]] = disco.recv %[[P]]
  // CHECK-NEXT: disco.matmul %[[R]], %{{.+}} init %[[SUM]]
  %p = disco.post {from = 0 : i64, message = 7 : i64} : () -> !disco.message<8>
  %r = disco.recv %p {parts = [#disco.part<"x" : axis 1 : 0 to 1>]} : (!disco.message<8>) -> tensor<1x2xf32, #disco.local<axis 1 : 0 to 1>>
  %x = disco.unary %c {act = #disco.act<relu>} : (tensor<1x2xf32>) -> tensor<1x2xf32, #disco.local<axis 1 : 2 to 3>>
  %a = disco.matmul %x, %w : (tensor<1x2xf32, #disco.local<axis 1 : 2 to 3>>, tensor<2x2xf32>) -> tensor<1x2xf32, #disco.local<axis 1 : 2 to 3>>
  %y = disco.matmul %r, %w init %a : (tensor<1x2xf32, #disco.local<axis 1 : 0 to 1>>, tensor<2x2xf32>, tensor<1x2xf32, #disco.local<axis 1 : 2 to 3>>) -> tensor<1x2xf32, #disco.local<axis 1 : 2 to 3>>
  return
}
}
}

// -----

// Two sends to one node with no arithmetic between them are one message, with the wider elements first, so that every part
// is aligned. The send to another node has its own message.
// CHECK-LABEL: module @node0
module {
module @node0 attributes {disco.rank = 0 : i64} {
func.func @infer() {
  %c = disco.constant dense<1.0> : tensor<1x1xf16> : tensor<1x1xf16>
  %d = disco.constant dense<1.0> : tensor<1x1xf32> : tensor<1x1xf32>
  // CHECK: %[[X:.+]] = disco.unary {{.*}}tensor<1x1xf16, #disco.local<axis 1 : 0>>
  // CHECK-NEXT: %[[Y:.+]] = disco.unary
  %x = disco.unary %c {act = #disco.act<relu>} : (tensor<1x1xf16>) -> tensor<1x1xf16, #disco.local<axis 1 : 0>>
  %y = disco.unary %d {act = #disco.act<relu>} : (tensor<1x1xf32>) -> tensor<1x1xf32, #disco.local<axis 1 : 5>>
  // CHECK-NEXT: %[[T:.+]] = disco.send %[[X]] {message = 1 : i64, parts = [#disco.part<"x" : axis 1 : 0>], to = 2 : i64}
  // CHECK-NEXT: %[[S:.+]] = disco.send %[[Y]], %[[X]] {message = 0 : i64, parts = [#disco.part<"y" : axis 1 : 5>, #disco.part<"x" : axis 1 : 0>], to = 1 : i64} {{.*}} -> !disco.message<6>
  // CHECK-DAG: disco.flush %[[S]]
  // CHECK-DAG: disco.flush %[[T]]
  %s = disco.send %x {to = 1 : i64, message = 0 : i64, parts = [#disco.part<"x" : axis 1 : 0>]} : (tensor<1x1xf16, #disco.local<axis 1 : 0>>) -> !disco.message<2>
  %t = disco.send %x {to = 2 : i64, message = 1 : i64, parts = [#disco.part<"x" : axis 1 : 0>]} : (tensor<1x1xf16, #disco.local<axis 1 : 0>>) -> !disco.message<2>
  %u = disco.send %y {to = 1 : i64, message = 2 : i64, parts = [#disco.part<"y" : axis 1 : 5>]} : (tensor<1x1xf32, #disco.local<axis 1 : 5>>) -> !disco.message<4>
  return
}
}
// The buffer is posted where the later of the two was, the wait is where the first reader of either is.
// CHECK-LABEL: module @node1
module @node1 attributes {disco.rank = 1 : i64} {
func.func @infer() {
  // CHECK: %[[P:.+]] = disco.post {from = 0 : i64, message = 0 : i64} : () -> !disco.message<6>
  // CHECK-NEXT: %[[R:.+]]:2 = disco.recv %[[P]] {parts = [#disco.part<"y" : axis 1 : 5>, #disco.part<"x" : axis 1 : 0>]} {{.*}} -> (tensor<1x1xf32, #disco.local<axis 1 : 5>>, tensor<1x1xf16, #disco.local<axis 1 : 0>>)
  // CHECK-NEXT: disco.cast %[[R]]#1
  // CHECK-NEXT: disco.unary %[[R]]#0
  %p = disco.post {from = 0 : i64, message = 0 : i64} : () -> !disco.message<2>
  %x = disco.recv %p {parts = [#disco.part<"x" : axis 1 : 0>]} : (!disco.message<2>) -> tensor<1x1xf16, #disco.local<axis 1 : 0>>
  %q = disco.post {from = 0 : i64, message = 2 : i64} : () -> !disco.message<4>
  %y = disco.recv %q {parts = [#disco.part<"y" : axis 1 : 5>]} : (!disco.message<4>) -> tensor<1x1xf32, #disco.local<axis 1 : 5>>
  %a = disco.cast %x : (tensor<1x1xf16, #disco.local<axis 1 : 0>>) -> tensor<1x1xf32, #disco.local<axis 1 : 0>>
  %b = disco.unary %y {act = #disco.act<relu>} : (tensor<1x1xf32, #disco.local<axis 1 : 5>>) -> tensor<1x1xf32, #disco.local<axis 1 : 5>>
  return
}
}
// CHECK-LABEL: module @node2
module @node2 attributes {disco.rank = 2 : i64} {
func.func @infer() {
  %p = disco.post {from = 0 : i64, message = 1 : i64} : () -> !disco.message<2>
  %x = disco.recv %p {parts = [#disco.part<"x" : axis 1 : 0>]} : (!disco.message<2>) -> tensor<1x1xf16, #disco.local<axis 1 : 0>>
  %a = disco.cast %x : (tensor<1x1xf16, #disco.local<axis 1 : 0>>) -> tensor<1x1xf32, #disco.local<axis 1 : 0>>
  return
}
}
}

// -----

// Arithmetic between two sends: the first should be on its way meanwhile. It is flushed before the second starts.
// CHECK-LABEL: module @node0
module {
module @node0 attributes {disco.rank = 0 : i64} {
func.func @infer() {
  %c = disco.constant dense<1.0> : tensor<1x1xf32> : tensor<1x1xf32>
  %x = disco.unary %c {act = #disco.act<relu>} : (tensor<1x1xf32>) -> tensor<1x1xf32, #disco.local<axis 1 : 0>>
  // CHECK: %[[S:.+]] = disco.send {{.*}}message = 0
  // CHECK-NEXT: disco.unary
  // CHECK-NEXT: disco.flush %[[S]]
  // CHECK-NEXT: %[[T:.+]] = disco.send {{.*}}message = 1
  // CHECK-NEXT: disco.flush %[[T]]
  // CHECK-NEXT: return
  %s = disco.send %x {to = 1 : i64, message = 0 : i64, parts = [#disco.part<"x" : axis 1 : 0>]} : (tensor<1x1xf32, #disco.local<axis 1 : 0>>) -> !disco.message<4>
  %y = disco.unary %x {act = #disco.act<exp>} : (tensor<1x1xf32, #disco.local<axis 1 : 0>>) -> tensor<1x1xf32, #disco.local<axis 1 : 0>>
  %t = disco.send %y {to = 1 : i64, message = 1 : i64, parts = [#disco.part<"y" : axis 1 : 0>]} : (tensor<1x1xf32, #disco.local<axis 1 : 0>>) -> !disco.message<4>
  return
}
}
// CHECK-LABEL: module @node1
module @node1 attributes {disco.rank = 1 : i64} {
func.func @infer() {
  // CHECK-COUNT-2: disco.post
  %p = disco.post {from = 0 : i64, message = 0 : i64} : () -> !disco.message<4>
  %x = disco.recv %p {parts = [#disco.part<"x" : axis 1 : 0>]} : (!disco.message<4>) -> tensor<1x1xf32, #disco.local<axis 1 : 0>>
  %q = disco.post {from = 0 : i64, message = 1 : i64} : () -> !disco.message<4>
  %y = disco.recv %q {parts = [#disco.part<"y" : axis 1 : 0>]} : (!disco.message<4>) -> tensor<1x1xf32, #disco.local<axis 1 : 0>>
  %a = disco.binary %x, %y {kind = 0 : i32} : (tensor<1x1xf32, #disco.local<axis 1 : 0>>, tensor<1x1xf32, #disco.local<axis 1 : 0>>) -> tensor<1x1xf32, #disco.local<axis 1 : 0>>
  return
}
}
}

// -----

// Nothing is computed between the two sends, but the receiver must have the first before it posts the second: it answers in
// between. They stay two messages.
// CHECK-LABEL: module @node0
module {
module @node0 attributes {disco.rank = 0 : i64} {
func.func @infer() {
  %c = disco.constant dense<1.0> : tensor<1x1xf32> : tensor<1x1xf32>
  %x = disco.unary %c {act = #disco.act<relu>} : (tensor<1x1xf32>) -> tensor<1x1xf32, #disco.local<axis 1 : 0>>
  // CHECK: disco.send {{.*}}message = 0
  // CHECK: disco.send {{.*}}message = 1
  %s = disco.send %x {to = 1 : i64, message = 0 : i64, parts = [#disco.part<"x" : axis 1 : 0>]} : (tensor<1x1xf32, #disco.local<axis 1 : 0>>) -> !disco.message<4>
  %t = disco.send %x {to = 1 : i64, message = 1 : i64, parts = [#disco.part<"x again" : axis 1 : 0>]} : (tensor<1x1xf32, #disco.local<axis 1 : 0>>) -> !disco.message<4>
  return
}
}
// CHECK-LABEL: module @node1
module @node1 attributes {disco.rank = 1 : i64} {
func.func @infer() {
  // CHECK: %[[P:.+]] = disco.post {{.*}}message = 0
  // CHECK-NEXT: disco.recv %[[P]]
  // CHECK-NEXT: disco.matmul
  // CHECK-NEXT: %[[Q:.+]] = disco.post {{.*}}message = 1
  // CHECK-NEXT: disco.recv %[[Q]]
  %w = disco.constant dense<1.0> : tensor<1x1xf32> : tensor<1x1xf32>
  %p = disco.post {from = 0 : i64, message = 0 : i64} : () -> !disco.message<4>
  %x = disco.recv %p {parts = [#disco.part<"x" : axis 1 : 0>]} : (!disco.message<4>) -> tensor<1x1xf32, #disco.local<axis 1 : 0>>
  %z = disco.matmul %x, %w : (tensor<1x1xf32, #disco.local<axis 1 : 0>>, tensor<1x1xf32>) -> tensor<1x1xf32, #disco.local<axis 1 : 0>>
  %q = disco.post {from = 0 : i64, message = 1 : i64} : () -> !disco.message<4>
  %y = disco.recv %q {parts = [#disco.part<"x again" : axis 1 : 0>]} : (!disco.message<4>) -> tensor<1x1xf32, #disco.local<axis 1 : 0>>
  %a = disco.binary %y, %z {kind = 0 : i32} : (tensor<1x1xf32, #disco.local<axis 1 : 0>>, tensor<1x1xf32, #disco.local<axis 1 : 0>>) -> tensor<1x1xf32, #disco.local<axis 1 : 0>>
  return
}
}
}

// -----

// A wait for another message between two sends keeps them apart: the second may depend on what was received.
// CHECK-LABEL: module @node0
module {
module @node0 attributes {disco.rank = 0 : i64} {
func.func @infer() {
  %c = disco.constant dense<1.0> : tensor<1x1xf32> : tensor<1x1xf32>
  %x = disco.unary %c {act = #disco.act<relu>} : (tensor<1x1xf32>) -> tensor<1x1xf32, #disco.local<axis 1 : 0>>
  %p = disco.post {from = 1 : i64, message = 2 : i64} : () -> !disco.message<4>
  // CHECK: %[[S:.+]] = disco.send {{.*}}message = 0
  // CHECK-NEXT: %[[R:.+]] = disco.recv
  // CHECK-NEXT: disco.flush %[[S]]
  // CHECK-NEXT: disco.send %[[R]] {message = 1
  %s = disco.send %x {to = 1 : i64, message = 0 : i64, parts = [#disco.part<"x" : axis 1 : 0>]} : (tensor<1x1xf32, #disco.local<axis 1 : 0>>) -> !disco.message<4>
  %r = disco.recv %p {parts = [#disco.part<"y" : axis 1 : 0>]} : (!disco.message<4>) -> tensor<1x1xf32, #disco.local<axis 1 : 0>>
  %t = disco.send %r {to = 1 : i64, message = 1 : i64, parts = [#disco.part<"y" : axis 1 : 0>]} : (tensor<1x1xf32, #disco.local<axis 1 : 0>>) -> !disco.message<4>
  return
}
}
// CHECK-LABEL: module @node1
module @node1 attributes {disco.rank = 1 : i64} {
func.func @infer() {
  // Both buffers are posted before either message is waited for.
  // CHECK: disco.post {{.*}}message = 0
  // CHECK: disco.post {{.*}}message = 1
  %p = disco.post {from = 0 : i64, message = 0 : i64} : () -> !disco.message<4>
  %q = disco.post {from = 0 : i64, message = 1 : i64} : () -> !disco.message<4>
  %c = disco.constant dense<1.0> : tensor<1x1xf32> : tensor<1x1xf32>
  %y = disco.unary %c {act = #disco.act<relu>} : (tensor<1x1xf32>) -> tensor<1x1xf32, #disco.local<axis 1 : 0>>
  %s = disco.send %y {to = 0 : i64, message = 2 : i64, parts = [#disco.part<"y" : axis 1 : 0>]} : (tensor<1x1xf32, #disco.local<axis 1 : 0>>) -> !disco.message<4>
  %x = disco.recv %p {parts = [#disco.part<"x" : axis 1 : 0>]} : (!disco.message<4>) -> tensor<1x1xf32, #disco.local<axis 1 : 0>>
  %z = disco.recv %q {parts = [#disco.part<"y" : axis 1 : 0>]} : (!disco.message<4>) -> tensor<1x1xf32, #disco.local<axis 1 : 0>>
  %a = disco.binary %x, %z {kind = 0 : i32} : (tensor<1x1xf32, #disco.local<axis 1 : 0>>, tensor<1x1xf32, #disco.local<axis 1 : 0>>) -> tensor<1x1xf32, #disco.local<axis 1 : 0>>
  return
}
}
}

// -----

// Two ops read one message. The second, with what it depends on, moves behind the first: its buffer is free before the next
// one is opened. What waits for another node stays where it is.
// CHECK-LABEL: module @node1
module {
module @node0 attributes {disco.rank = 0 : i64} {
func.func @infer() {
  %c = disco.constant dense<1.0> : tensor<1x64xf32> : tensor<1x64xf32>
  %x = disco.unary %c {act = #disco.act<relu>} : (tensor<1x64xf32>) -> tensor<1x64xf32, #disco.local<axis 1 : 0 to 63>>
  %s = disco.send %x {to = 1 : i64, message = 0 : i64, parts = [#disco.part<"x" : axis 1 : 0 to 63>]} : (tensor<1x64xf32, #disco.local<axis 1 : 0 to 63>>) -> !disco.message<256>
  %y = disco.unary %x {act = #disco.act<exp>} : (tensor<1x64xf32, #disco.local<axis 1 : 0 to 63>>) -> tensor<1x64xf32, #disco.local<axis 1 : 0 to 63>>
  %t = disco.send %y {to = 1 : i64, message = 1 : i64, parts = [#disco.part<"y" : axis 1 : 0 to 63>]} : (tensor<1x64xf32, #disco.local<axis 1 : 0 to 63>>) -> !disco.message<256>
  return
}
}
module @node1 attributes {disco.rank = 1 : i64} {
func.func @infer() {
  %w = disco.constant dense<1.0> : tensor<64x1xf32> : tensor<64x1xf32>
  %p = disco.post {from = 0 : i64, message = 0 : i64} : () -> !disco.message<256>
  %x = disco.recv %p {parts = [#disco.part<"x" : axis 1 : 0 to 63>]} : (!disco.message<256>) -> tensor<1x64xf32, #disco.local<axis 1 : 0 to 63>>
  // CHECK: %[[X:.+]] = disco.recv
  // CHECK-NEXT: disco.matmul %[[X]], {{.*}}disco.tensor = "first"
  %a = disco.matmul %x, %w {disco.tensor = "first"} : (tensor<1x64xf32, #disco.local<axis 1 : 0 to 63>>, tensor<64x1xf32>) -> tensor<1x1xf32, #disco.local<axis 1 : 0>>
  // CHECK-NEXT: disco.matmul %[[X]], {{.*}}disco.tensor = "second"
  // CHECK-NEXT: disco.post
  %q = disco.post {from = 0 : i64, message = 1 : i64} : () -> !disco.message<256>
  %y = disco.recv %q {parts = [#disco.part<"y" : axis 1 : 0 to 63>]} : (!disco.message<256>) -> tensor<1x64xf32, #disco.local<axis 1 : 0 to 63>>
  // CHECK-NEXT: disco.recv
  // CHECK-NEXT: disco.matmul
  %b = disco.matmul %y, %w init %a {disco.tensor = "third"} : (tensor<1x64xf32, #disco.local<axis 1 : 0 to 63>>, tensor<64x1xf32>, tensor<1x1xf32, #disco.local<axis 1 : 0>>) -> tensor<1x1xf32, #disco.local<axis 1 : 0>>
  %d = disco.matmul %x, %w {disco.tensor = "second"} : (tensor<1x64xf32, #disco.local<axis 1 : 0 to 63>>, tensor<64x1xf32>) -> tensor<1x1xf32, #disco.local<axis 1 : 0>>
  %e = disco.binary %b, %d {kind = 0 : i32} : (tensor<1x1xf32, #disco.local<axis 1 : 0>>, tensor<1x1xf32, #disco.local<axis 1 : 0>>) -> tensor<1x1xf32, #disco.local<axis 1 : 0>>
  return
}
}
}

// -----

// More features than a few do not hold up statistics: two messages. What is made of a message alone is made where it is read first.
// CHECK-LABEL: module @node0
module {
module @node0 attributes {disco.rank = 0 : i64} {
func.func @infer() {
  %c = disco.constant dense<1.0> : tensor<1x1xf32> : tensor<1x1xf32>
  %d = disco.constant dense<1.0> : tensor<1x2000xf32> : tensor<1x2000xf32>
  %m = disco.unary %c {act = #disco.act<relu>} : (tensor<1x1xf32>) -> tensor<1x1xf32, #disco.local<whole : 0>>
  %x = disco.unary %d {act = #disco.act<relu>} : (tensor<1x2000xf32>) -> tensor<1x2000xf32, #disco.local<axis 1 : 0 to 1999>>
  // CHECK: disco.send {{.*}}message = 0 {{.*}}statistic
  // CHECK: disco.send {{.*}}message = 1
  %s = disco.send %m {to = 1 : i64, message = 0 : i64, parts = [#disco.part<"m" : statistic whole : 0>]} : (tensor<1x1xf32, #disco.local<whole : 0>>) -> !disco.message<4>
  %t = disco.send %x {to = 1 : i64, message = 1 : i64, parts = [#disco.part<"x" : axis 1 : 0 to 1999>]} : (tensor<1x2000xf32, #disco.local<axis 1 : 0 to 1999>>) -> !disco.message<8000>
  return
}
}
// CHECK-LABEL: module @node1
module @node1 attributes {disco.rank = 1 : i64} {
func.func @infer() {
  // CHECK: disco.recv {{.*}}statistic
  // CHECK-NEXT: %[[N:.*]] = disco.unary
  // CHECK-NEXT: %[[X:.*]] = disco.recv
  // CHECK-NEXT: %[[Y:.*]] = disco.binary %[[X]]
  // CHECK-NEXT: disco.matmul %[[Y]]
  %w = disco.constant dense<1.0> : tensor<2000x1xf32> : tensor<2000x1xf32>
  %p = disco.post {from = 0 : i64, message = 0 : i64} : () -> !disco.message<4>
  %m = disco.recv %p {parts = [#disco.part<"m" : statistic whole : 0>]} : (!disco.message<4>) -> tensor<1x1xf32, #disco.local<whole : 0>>
  %q = disco.post {from = 0 : i64, message = 1 : i64} : () -> !disco.message<8000>
  %x = disco.recv %q {parts = [#disco.part<"x" : axis 1 : 0 to 1999>]} : (!disco.message<8000>) -> tensor<1x2000xf32, #disco.local<axis 1 : 0 to 1999>>
  %y = disco.binary %x, %m {kind = 1 : i32} : (tensor<1x2000xf32, #disco.local<axis 1 : 0 to 1999>>, tensor<1x1xf32, #disco.local<whole : 0>>) -> tensor<1x2000xf32, #disco.local<axis 1 : 0 to 1999>>
  %n = disco.unary %m {act = #disco.act<exp>} : (tensor<1x1xf32, #disco.local<whole : 0>>) -> tensor<1x1xf32, #disco.local<axis 1 : 0>>
  %z = disco.matmul %y, %w : (tensor<1x2000xf32, #disco.local<axis 1 : 0 to 1999>>, tensor<2000x1xf32>) -> tensor<1x1xf32, #disco.local<axis 1 : 0>>
  return
}
}
}
