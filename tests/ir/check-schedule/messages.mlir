// One right program of two nodes, and the faults that are planted into it, one at a time.
//
// RUN: discoc-opt --disco-check-schedule %s -o /dev/null
//
// A message is missing at either end, or nobody waits for it.
// RUN: sed -e '/%%s1 =/d' -e '/flush %%s1/d' %s | not discoc-opt --disco-check-schedule 2>&1 | FileCheck %s --check-prefix=NOT-SENT
// NOT-SENT: error: message 1 is posted by node 1, but no node sends it
// RUN: sed -e '/%%p1 =/d' -e '/%%r1 =/d' -e '/%%z1 =/d' %s | not discoc-opt --disco-check-schedule 2>&1 | FileCheck %s --check-prefix=NOT-POSTED
// NOT-POSTED: error: message 1 is sent by node 0, but no node posts a buffer for it
// RUN: sed -e '/%%r1 =/d' -e '/%%z1 =/d' %s | not discoc-opt --disco-check-schedule 2>&1 | FileCheck %s --check-prefix=NOT-AWAITED
// NOT-AWAITED: error: message 1 is never waited for
//
// A message is there twice.
// RUN: sed -e 's/^\(.*\)%%s1 = \(.*\)$/&\n\1%%dup = \2/' %s | not discoc-opt --disco-check-schedule 2>&1 | FileCheck %s --check-prefix=SENT-TWICE
// SENT-TWICE: error: message 1 is sent twice
// RUN: sed -e 's/^\(.*\)%%p1 = \(.*\)$/&\n\1%%dup = \2/' %s | not discoc-opt --disco-check-schedule 2>&1 | FileCheck %s --check-prefix=POSTED-TWICE
// POSTED-TWICE: error: message 1 is posted twice
// RUN: sed -e 's/^\(.*\)%%r1 = \(.*\)$/&\n\1%%dup = \2/' %s | not discoc-opt --disco-check-schedule 2>&1 | FileCheck %s --check-prefix=RECEIVED-TWICE
// RECEIVED-TWICE: error: message 1 is received twice
//
// Two messages of one pair are swapped: by their numbers, or by the order of their buffers.
// RUN: sed -e '/%%p0 =/s/message = 0/message = 9/' -e '/%%p1 =/s/message = 1/message = 0/' -e '/%%p0 =/s/message = 9/message = 1/' %s | not discoc-opt --disco-check-schedule 2>&1 | FileCheck %s --check-prefix=SWAPPED-NUMBERS
// SWAPPED-NUMBERS: error: message 0 carries other channels than node 1 expects: [#disco.part<"x" : axis 1 : 0 to 1>] against [#disco.part<"x" : axis 1 : 1 to 2>]
// RUN: sed -e '/%%p0 =/{h;d;}' -e '/%%p1 =/G' %s | not discoc-opt --disco-check-schedule 2>&1 | FileCheck %s --check-prefix=SWAPPED-ORDER
// SWAPPED-ORDER: error: node 1 posts message 1 where node 0 sends message 0
//
// A message goes elsewhere than its buffer expects.
// RUN: sed -e '/%%p1 =/s/from = 0/from = 1/' %s | not discoc-opt --disco-check-schedule 2>&1 | FileCheck %s --check-prefix=WRONG-SENDER
// WRONG-SENDER: error: message 1 goes from node 0 to node 1, but node 1 expects it from node 1
// RUN: sed -e '/%%s1 =/s/to = 1/to = 0/' %s | not discoc-opt --disco-check-schedule 2>&1 | FileCheck %s --check-prefix=WRONG-RECEIVER
// WRONG-RECEIVER: error: message 1 goes from node 0 to node 0, but node 1 expects it from node 0
//
// A buffer one byte short: the receiver's own parts do not fit into it. Short by a channel, consistently: the sender's do not.
// RUN: sed -e '/%%p1 =/s/message<8>/message<7>/' -e '/%%r1 =/s/message<8>/message<7>/' %s | not discoc-opt --disco-check-schedule 2>&1 | FileCheck %s --check-prefix=BYTE-SHORT
// BYTE-SHORT: error: 'disco.recv' op the parts need 8 bytes, the buffer has 7
// RUN: sed -e '/%%p1 =/s/message<8>/message<4>/' -e '/%%r1 =/{s/message<8>/message<4>/;s/1 to 2/1/g;s/1x2x/1x1x/}' -e '/%%z1 =/d' %s | not discoc-opt --disco-check-schedule 2>&1 | FileCheck %s --check-prefix=SHORT
// SHORT: error: message 1 has 8 bytes, its receive buffer 4
//
// A wrong channel list of the right length: in the send, in the receive, in what the receive says that it brings, and at both
// ends alike, which the reader's weights betray.
// RUN: sed -e '/%%s1 =/s/1 to 2/0, 2/' %s | not discoc-opt --disco-check-schedule 2>&1 | FileCheck %s --check-prefix=SEND-CHANNELS
// SEND-CHANNELS: error: message 1 carries other channels than node 1 expects: [#disco.part<"x" : axis 1 : 0, 2>] against [#disco.part<"x" : axis 1 : 1 to 2>]
// RUN: sed -e '/%%r1 =/s/1 to 2/0, 2/g' -e '/%%z1 =/s/1 to 2/0, 2/' %s | not discoc-opt --disco-check-schedule 2>&1 | FileCheck %s --check-prefix=RECV-CHANNELS
// RECV-CHANNELS: error: message 1 carries other channels than node 1 expects: [#disco.part<"x" : axis 1 : 1 to 2>] against [#disco.part<"x" : axis 1 : 0, 2>]
// RUN: sed -e '/%%r1 =/s/local<axis 1 : 1 to 2>/local<axis 1 : 0, 2>/' -e '/%%z1 =/s/1 to 2/0, 2/' %s | not discoc-opt --disco-check-schedule 2>&1 | FileCheck %s --check-prefix=RECV-TYPE
// RECV-TYPE: error: message 1 brings the channels #disco.set<1 to 2>, but the tensor is said to hold others
// RUN: sed -e '/%%[sr]1 =/s/1 to 2/0, 2/g' -e '/%%z1 =/s/1 to 2/0, 2/' %s | not discoc-opt --disco-check-schedule 2>&1 | FileCheck %s --check-prefix=BOTH-CHANNELS
// BOTH-CHANNELS: error: reads other channels than those for which its weights are
// The wrong tensor of the right size.
// RUN: sed -e '/%%s1 =/s/"x"/"y"/' %s | not discoc-opt --disco-check-schedule 2>&1 | FileCheck %s --check-prefix=TENSOR
// TENSOR: error: message 1 carries other channels than node 1 expects: [#disco.part<"y" : axis 1 : 1 to 2>] against [#disco.part<"x" : axis 1 : 1 to 2>]
//
// A wrong channel list in a contraction: which of the buffer's channels it reads, in which order, and which weights it has.
// RUN: sed -e '/%%z0 =/s/channels = array<i64: 1>/channels = array<i64: 0>/' %s | not discoc-opt --disco-check-schedule 2>&1 | FileCheck %s --check-prefix=CHANNELS
// RUN: sed -e '/%%z1 =/s/{}/{channels = array<i64: 1, 0>}/' %s | not discoc-opt --disco-check-schedule 2>&1 | FileCheck %s --check-prefix=CHANNELS
// RUN: sed -e '/%%w0 =/s/axis 0 : 1/axis 0 : 2/' %s | not discoc-opt --disco-check-schedule 2>&1 | FileCheck %s --check-prefix=CHANNELS
// CHANNELS: error: reads other channels than those for which its weights are
//
// Flushes: a send that is still under way at the end, or when the next one starts; a flush of what is not under way.
// RUN: sed -e '/flush %%s1/d' %s | not discoc-opt --disco-check-schedule 2>&1 | FileCheck %s --check-prefix=NO-FLUSH
// NO-FLUSH: error: message 1 is still under way when the inference ends
// RUN: sed -e '/flush %%s0/d' %s | not discoc-opt --disco-check-schedule 2>&1 | FileCheck %s --check-prefix=UNDER-WAY
// UNDER-WAY: error: message 1 is sent before message 0 to the same node is flushed
// RUN: sed -e 's/^.*flush %%s0.*$/&\n&/' %s | not discoc-opt --disco-check-schedule 2>&1 | FileCheck %s --check-prefix=TWO-FLUSHES
// TWO-FLUSHES: error: message 0 is flushed, but it is not under way
// RUN: sed -e 's/@infer()/@infer(%%b: !disco.message<8>)/' -e 's/flush %%s0/flush %%b/' %s | not discoc-opt --disco-check-schedule 2>&1 | FileCheck %s --check-prefix=FOREIGN
// FOREIGN: error: its buffer is not one of a send or a post

module {
module @node0 attributes {disco.rank = 0 : i64} {
func.func @infer() {
  %c = disco.constant dense<1.0> : tensor<1x3xf32> : tensor<1x3xf32>
  %x = disco.unary %c {act = #disco.act<relu>} : (tensor<1x3xf32>) -> tensor<1x3xf32, #disco.local<axis 1 : 0 to 2>>
  %s0 = disco.send %x {to = 1 : i64, message = 0 : i64, parts = [#disco.part<"x" : axis 1 : 0 to 1>]} : (tensor<1x3xf32, #disco.local<axis 1 : 0 to 2>>) -> !disco.message<8>
  disco.flush %s0 : (!disco.message<8>) -> ()
  %s1 = disco.send %x {to = 1 : i64, message = 1 : i64, parts = [#disco.part<"x" : axis 1 : 1 to 2>]} : (tensor<1x3xf32, #disco.local<axis 1 : 0 to 2>>) -> !disco.message<8>
  disco.flush %s1 : (!disco.message<8>) -> ()
  return
}
}
module @node1 attributes {disco.rank = 1 : i64} {
func.func @infer() {
  %w0 = disco.constant dense<1.0> : tensor<3x2xf32> view [#disco.local<axis 0 : 1>] : tensor<1x2xf32>
  %w1 = disco.constant dense<1.0> : tensor<3x2xf32> view [#disco.local<axis 0 : 1 to 2>] : tensor<2x2xf32>
  %p0 = disco.post {from = 0 : i64, message = 0 : i64} : () -> !disco.message<8>
  %p1 = disco.post {from = 0 : i64, message = 1 : i64} : () -> !disco.message<8>
  %r0 = disco.recv %p0 {parts = [#disco.part<"x" : axis 1 : 0 to 1>]} : (!disco.message<8>) -> tensor<1x2xf32, #disco.local<axis 1 : 0 to 1>>
  %z0 = disco.matmul %r0, %w0 {channels = array<i64: 1>} : (tensor<1x2xf32, #disco.local<axis 1 : 0 to 1>>, tensor<1x2xf32>) -> tensor<1x2xf32, #disco.local<axis 1 : 0 to 1>>
  %r1 = disco.recv %p1 {parts = [#disco.part<"x" : axis 1 : 1 to 2>]} : (!disco.message<8>) -> tensor<1x2xf32, #disco.local<axis 1 : 1 to 2>>
  %z1 = disco.matmul %r1, %w1 {} : (tensor<1x2xf32, #disco.local<axis 1 : 1 to 2>>, tensor<2x2xf32>) -> tensor<1x2xf32, #disco.local<axis 1 : 0 to 1>>
  return
}
}
}
