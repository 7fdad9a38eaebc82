// One case for every diagnostic of the ops that move data between nodes.
// RUN: discoc-opt --split-input-file --verify-diagnostics %s

func.func @exchange_layouts(%x: tensor<4xf32>) {
  // expected-error@+1 {{'disco.exchange' op takes an owned tensor to a held one along the same axis}}
  %0 = disco.exchange %x routes [] {tensor = "x"} : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @exchange_axes(%x: tensor<4x4xf32, #disco.owned<axis 0 : 0 to 1 | 2 to 3>>) {
  // expected-error@+1 {{'disco.exchange' op takes an owned tensor to a held one along the same axis}}
  %0 = disco.exchange %x routes [] {tensor = "x"} : (tensor<4x4xf32, #disco.owned<axis 0 : 0 to 1 | 2 to 3>>) -> tensor<4x4xf32, #disco.held<axis 1 : | >>
  return
}

// -----

func.func @exchange_nodes(%x: tensor<4xf32, #disco.owned<axis 0 : 0 to 1 | 2 to 3>>) {
  // expected-error@+1 {{'disco.exchange' op takes an owned tensor to a held one along the same axis}}
  %0 = disco.exchange %x routes [] {tensor = "x"} : (tensor<4xf32, #disco.owned<axis 0 : 0 to 1 | 2 to 3>>) -> tensor<4xf32, #disco.held<axis 0 : | | >>
  return
}

// -----

func.func @exchange_to_itself(%x: tensor<4xf32, #disco.owned<axis 0 : 0 to 1 | 2 to 3>>) {
  // expected-error@+1 {{'disco.exchange' op a route joins two different nodes of the cluster}}
  %0 = disco.exchange %x routes [#disco.route<0 -> 0 : 1>] {tensor = "x"} : (tensor<4xf32, #disco.owned<axis 0 : 0 to 1 | 2 to 3>>) -> tensor<4xf32, #disco.held<axis 0 : 1 | >>
  return
}

// -----

func.func @exchange_rank(%x: tensor<4xf32, #disco.owned<axis 0 : 0 to 1 | 2 to 3>>) {
  // expected-error@+1 {{'disco.exchange' op a route joins two different nodes of the cluster}}
  %0 = disco.exchange %x routes [#disco.route<0 -> 2 : 1>] {tensor = "x"} : (tensor<4xf32, #disco.owned<axis 0 : 0 to 1 | 2 to 3>>) -> tensor<4xf32, #disco.held<axis 0 : | 1>>
  return
}

// -----

func.func @exchange_foreign(%x: tensor<4xf32, #disco.owned<axis 0 : 0 to 1 | 2 to 3>>) {
  // expected-error@+1 {{'disco.exchange' op node 0 sends channels that it does not own}}
  %0 = disco.exchange %x routes [#disco.route<0 -> 1 : 2>] {tensor = "x"} : (tensor<4xf32, #disco.owned<axis 0 : 0 to 1 | 2 to 3>>) -> tensor<4xf32, #disco.held<axis 0 : | 2>>
  return
}

// -----

func.func @exchange_delivers(%x: tensor<4xf32, #disco.owned<axis 0 : 0 to 1 | 2 to 3>>) {
  // expected-error@+1 {{'disco.exchange' op the routes do not deliver what node 1 is said to hold}}
  %0 = disco.exchange %x routes [#disco.route<0 -> 1 : 1>] {tensor = "x"} : (tensor<4xf32, #disco.owned<axis 0 : 0 to 1 | 2 to 3>>) -> tensor<4xf32, #disco.held<axis 0 : | 0 to 1>>
  return
}

// -----

func.func @assemble_lists(%x: tensor<3xf32, #disco.local<axis 0 : 0 to 2>>) {
  // expected-error@+1 {{'disco.assemble' op sources and channels must have one entry for each channel of the result}}
  %0 = disco.assemble %x {axis = 0 : i64, sources = array<i64: 0>, channels = array<i64: 0, 1>} : (tensor<3xf32, #disco.local<axis 0 : 0 to 2>>) -> tensor<2xf32, #disco.local<axis 0 : 0 to 1>>
  return
}

// -----

func.func @assemble_extent(%x: tensor<3xf32, #disco.local<axis 0 : 0 to 2>>) {
  // expected-error@+1 {{'disco.assemble' op sources and channels must have one entry for each channel of the result}}
  %0 = disco.assemble %x {axis = 0 : i64, sources = array<i64: 0>, channels = array<i64: 0>} : (tensor<3xf32, #disco.local<axis 0 : 0 to 2>>) -> tensor<2xf32, #disco.local<axis 0 : 0 to 1>>
  return
}

// -----

func.func @assemble_source(%x: tensor<3xf32, #disco.local<axis 0 : 0 to 2>>) {
  // expected-error@+1 {{'disco.assemble' op reads channel 0 of input 1, which does not exist}}
  %0 = disco.assemble %x {axis = 0 : i64, sources = array<i64: 1>, channels = array<i64: 0>} : (tensor<3xf32, #disco.local<axis 0 : 0 to 2>>) -> tensor<1xf32, #disco.local<axis 0 : 0>>
  return
}

// -----

func.func @assemble_channel(%x: tensor<3xf32, #disco.local<axis 0 : 0 to 2>>) {
  // expected-error@+1 {{'disco.assemble' op reads channel 3 of input 0, which does not exist}}
  %0 = disco.assemble %x {axis = 0 : i64, sources = array<i64: 0>, channels = array<i64: 3>} : (tensor<3xf32, #disco.local<axis 0 : 0 to 2>>) -> tensor<1xf32, #disco.local<axis 0 : 0>>
  return
}

// -----

func.func @send_parts(%x: tensor<2x3xf32, #disco.local<axis 0 : 0, 4>>) {
  // expected-error@+1 {{'disco.send' op needs one part for each tensor}}
  %0 = disco.send %x {to = 1 : i64, message = 0 : i64, parts = []} : (tensor<2x3xf32, #disco.local<axis 0 : 0, 4>>) -> !disco.message<12>
  return
}

// -----

func.func @send_foreign(%x: tensor<2x3xf32, #disco.local<axis 0 : 0, 4>>) {
  // expected-error@+1 {{'disco.send' op sends channels of "x" that the tensor does not hold}}
  %0 = disco.send %x {to = 1 : i64, message = 0 : i64, parts = [#disco.part<"x" : axis 0 : 1>]} : (tensor<2x3xf32, #disco.local<axis 0 : 0, 4>>) -> !disco.message<12>
  return
}

// -----

func.func @send_axis(%x: tensor<2x3xf32, #disco.local<axis 0 : 0, 4>>) {
  // expected-error@+1 {{'disco.send' op sends channels of "x" that the tensor does not hold}}
  %0 = disco.send %x {to = 1 : i64, message = 0 : i64, parts = [#disco.part<"x" : axis 1 : 0>]} : (tensor<2x3xf32, #disco.local<axis 0 : 0, 4>>) -> !disco.message<8>
  return
}

// -----

func.func @send_bytes(%x: tensor<2x3xf32, #disco.local<axis 0 : 0, 4>>) {
  // expected-error@+1 {{'disco.send' op the parts need 12 bytes, the buffer has 11}}
  %0 = disco.send %x {to = 1 : i64, message = 0 : i64, parts = [#disco.part<"x" : axis 0 : 4>]} : (tensor<2x3xf32, #disco.local<axis 0 : 0, 4>>) -> !disco.message<11>
  return
}

// -----

func.func @recv_parts() {
  %p = disco.post {from = 1 : i64, message = 0 : i64} : () -> !disco.message<12>
  // expected-error@+1 {{'disco.recv' op needs one part for each tensor}}
  %0 = disco.recv %p {parts = []} : (!disco.message<12>) -> tensor<1x3xf32, #disco.local<axis 0 : 4>>
  return
}

// -----

func.func @recv_channels() {
  %p = disco.post {from = 1 : i64, message = 0 : i64} : () -> !disco.message<24>
  // expected-error@+1 {{'disco.recv' op the tensor of "x" does not have the part's channels}}
  %0 = disco.recv %p {parts = [#disco.part<"x" : axis 0 : 0, 2, 4>]} : (!disco.message<24>) -> tensor<2x3xf32, #disco.local<axis 0 : 2, 4>>
  return
}

// -----

func.func @recv_bytes() {
  %p = disco.post {from = 1 : i64, message = 0 : i64} : () -> !disco.message<16>
  // expected-error@+1 {{'disco.recv' op the parts need 12 bytes, the buffer has 16}}
  %0 = disco.recv %p {parts = [#disco.part<"x" : axis 0 : 4>]} : (!disco.message<16>) -> tensor<1x3xf32, #disco.local<axis 0 : 4>>
  return
}

// -----

func.func @flush_of_a_tensor(%x: tensor<4xf32>) {
  // expected-error@+1 {{operand #0 must be the packed bytes of a message, in a buffer of the arena}}
  "disco.flush"(%x) : (tensor<4xf32>) -> ()
  return
}

// -----

// Axes that the tensors do not have.
func.func @assemble_axis(%x: tensor<3xf32, #disco.local<axis 0 : 0 to 2>>) {
  // expected-error@+1 {{'disco.assemble' op sources and channels must have one entry for each channel of the result}}
  %0 = disco.assemble %x {axis = 2 : i64, sources = array<i64: 0>, channels = array<i64: 0>} : (tensor<3xf32, #disco.local<axis 0 : 0 to 2>>) -> tensor<1xf32, #disco.local<axis 0 : 0>>
  return
}

// -----

func.func @recv_axis() {
  %p = disco.post {from = 1 : i64, message = 0 : i64} : () -> !disco.message<12>
  // expected-error@+1 {{'disco.recv' op the tensor of "x" does not have the part's channels}}
  %0 = disco.recv %p {parts = [#disco.part<"x" : axis 5 : 4>]} : (!disco.message<12>) -> tensor<1x3xf32, #disco.local<axis 0 : 4>>
  return
}
