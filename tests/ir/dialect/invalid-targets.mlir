// What a cluster and its parts cannot be.
// RUN: discoc-opt --split-input-file --verify-diagnostics %s

// expected-error@+1 {{no level of instructions: "x86-64-v9"}}
module attributes {a.part = #disco.target<arch = "x86-64", levels = ["x86-64-v9"], vector = 32, caches = [], clock = 0.0, cycles = {}>} {}

// -----

// expected-error@+1 {{level "armv8-a" is none of "x86-64"}}
module attributes {a.part = #disco.target<arch = "x86-64", levels = ["armv8-a"], vector = 32, caches = [], clock = 0.0, cycles = {}>} {}

// -----

// expected-error@+1 {{a vector, a clock or a cache of a target is negative}}
module attributes {a.part = #disco.target<arch = "x86-64", levels = ["x86-64-v3"], vector = 32, caches = [], clock = -1.0, cycles = {}>} {}

// -----

// expected-error@+1 {{a vector, a clock or a cache of a target is negative}}
module attributes {a.part = #disco.target<arch = "x86-64", levels = ["x86-64-v3"], vector = 32, caches = [0], clock = 0.0, cycles = {}>} {}

// -----

// expected-error@+1 {{the cycles of "f32" are no f64 from 0 up}}
module attributes {a.part = #disco.target<arch = "x86-64", levels = ["x86-64-v3"], vector = 32, caches = [], clock = 0.0, cycles = {f32 = 6 : i64}>} {}

// -----

// expected-error@+1 {{a memory has a name, the kind "flash" or "ram", an address, a size and the names of what it holds}}
module attributes {a.part = #disco.memory<name = "m", kind = "ram", address = -64, size = 64, holds = ["arena"]>} {}

// -----

// expected-error@+1 {{unknown kind of link "tcp"}}
module attributes {a.part = #disco.port<name = "p", kind = "tcp", bandwidth = 0.0, latency = 0.0>} {}

// -----

// expected-error@+1 {{unknown kind of link "smoke"}}
module attributes {a.part = #disco.link<ends = [0, 1], kind = "smoke", ports = [], bandwidth = 0.0, latency = 0.0>} {}

// -----

// expected-error@+1 {{bandwidth and latency are f64 from 0 up}}
module attributes {a.part = #disco.link<ends = [0, 1], kind = "tcp", ports = [], bandwidth = 0.0, latency = -1.0>} {}

// -----

// expected-error@+1 {{memories and ports of a board are lists of #disco.memory and #disco.port}}
module attributes {a.part = #disco.board<name = "b", reference = "b", title = "b", status = "emulated", target = #disco.target<arch = "x86-64", levels = [], vector = 0, caches = [], clock = 0.0, cycles = {}>, memories = [1], ports = [#disco.port<name = "uart0", kind = "uart", bandwidth = 0.0, latency = 0.0>], stack = 64, toolchain = {}, build = {}, bounds = {}>} {}

// -----

// expected-error@+1 {{two memories of a board hold "arena"}}
module attributes {a.part = #disco.board<name = "b", reference = "b", title = "b", status = "emulated", target = #disco.target<arch = "x86-64", levels = [], vector = 0, caches = [], clock = 0.0, cycles = {}>, memories = [#disco.memory<name = "m", kind = "ram", address = 0, size = 64, holds = ["arena"]>, #disco.memory<name = "n", kind = "ram", address = 64, size = 64, holds = ["arena"]>], ports = [#disco.port<name = "uart0", kind = "uart", bandwidth = 0.0, latency = 0.0>], stack = 64, toolchain = {}, build = {}, bounds = {}>} {}

// -----

// expected-error@+1 {{the stack of a board is negative}}
module attributes {a.part = #disco.board<name = "b", reference = "b", title = "b", status = "emulated", target = #disco.target<arch = "x86-64", levels = [], vector = 0, caches = [], clock = 0.0, cycles = {}>, memories = [], ports = [#disco.port<name = "uart0", kind = "uart", bandwidth = 0.0, latency = 0.0>], stack = -8, toolchain = {}, build = {}, bounds = {}>} {}

// -----

// expected-error@+1 {{the device of a node is a #disco.board or a #disco.target}}
module attributes {a.part = #disco.node<name = "n", address = "", listen = "", device = "linux", hops = []>} {}

// -----

// expected-error@+1 {{the ends of a link are two ranks, rising; more only at a switch}}
module attributes {a.part = #disco.link<ends = [1, 0], kind = "tcp", ports = [], bandwidth = 0.0, latency = 0.0>} {}

// -----

// expected-error@+1 {{the ends of a link are two ranks, rising; more only at a switch}}
module attributes {a.part = #disco.link<ends = [0, 1, 2], kind = "tcp", ports = [], bandwidth = 0.0, latency = 0.0>} {}

// -----

// expected-error@+1 {{a link has the name of one port an end, and over TCP none}}
module attributes {a.part = #disco.link<ends = [0, 1], kind = "uart", ports = [], bandwidth = 0.0, latency = 0.0>} {}

// -----

// expected-error@+1 {{a cluster is a list of #disco.node, at least one, and one of #disco.link}}
module attributes {a.part = #disco.cluster<nodes = [], links = []>} {}

// -----

// expected-error@+1 {{a link joins node 1 of a cluster of 1}}
module attributes {a.part = #disco.cluster<nodes = [#disco.node<name = "n", address = "", listen = "", device = #disco.target<arch = "x86-64", levels = [], vector = 0, caches = [], clock = 0.0, cycles = {}>, hops = []>], links = [#disco.link<ends = [0, 1], kind = "tcp", ports = [], bandwidth = 0.0, latency = 0.0>]>} {}

// -----

// expected-error@+1 {{the board "b" has no port "eth0"}}
module attributes {a.part = #disco.cluster<nodes = [#disco.node<name = "n", address = "", listen = "", device = #disco.board<name = "b", reference = "b", title = "b", status = "emulated", target = #disco.target<arch = "x86-64", levels = [], vector = 0, caches = [], clock = 0.0, cycles = {}>, memories = [], ports = [#disco.port<name = "uart0", kind = "uart", bandwidth = 0.0, latency = 0.0>], stack = 64, toolchain = {}, build = {}, bounds = {}>, hops = []>, #disco.node<name = "n", address = "", listen = "", device = #disco.target<arch = "x86-64", levels = [], vector = 0, caches = [], clock = 0.0, cycles = {}>, hops = []>], links = [#disco.link<ends = [0, 1], kind = "uart", ports = ["eth0", "wire0"], bandwidth = 0.0, latency = 0.0>]>} {}

// -----

// expected-error@+1 {{the hops of node 0 are not a port and a node for every node of the cluster}}
module attributes {a.part = #disco.cluster<nodes = [#disco.node<name = "n", address = "", listen = "", device = #disco.board<name = "b", reference = "b", title = "b", status = "emulated", target = #disco.target<arch = "x86-64", levels = [], vector = 0, caches = [], clock = 0.0, cycles = {}>, memories = [], ports = [#disco.port<name = "uart0", kind = "uart", bandwidth = 0.0, latency = 0.0>], stack = 64, toolchain = {}, build = {}, bounds = {}>, hops = []>, #disco.node<name = "n", address = "", listen = "", device = #disco.target<arch = "x86-64", levels = [], vector = 0, caches = [], clock = 0.0, cycles = {}>, hops = []>], links = [#disco.link<ends = [0, 1], kind = "uart", ports = ["uart0", "wire0"], bandwidth = 0.0, latency = 0.0>]>} {}

// -----

// expected-error@+1 {{the hops of node 1 are not a port and a node for every node of the cluster}}
module attributes {a.part = #disco.cluster<nodes = [#disco.node<name = "n", address = "", listen = "", device = #disco.board<name = "b", reference = "b", title = "b", status = "emulated", target = #disco.target<arch = "x86-64", levels = [], vector = 0, caches = [], clock = 0.0, cycles = {}>, memories = [], ports = [#disco.port<name = "uart0", kind = "uart", bandwidth = 0.0, latency = 0.0>], stack = 64, toolchain = {}, build = {}, bounds = {}>, hops = [-1, -1, 0, 1]>, #disco.node<name = "n", address = "", listen = "", device = #disco.target<arch = "x86-64", levels = [], vector = 0, caches = [], clock = 0.0, cycles = {}>, hops = [1, 0, -1, -1]>], links = [#disco.link<ends = [0, 1], kind = "uart", ports = ["uart0", "wire0"], bandwidth = 0.0, latency = 0.0>]>} {}

// -----

// expected-error@+1 {{'disco.cluster' is no #disco.cluster}}
module attributes {disco.cluster = "two hosts"} {}

// -----

// expected-error@+1 {{has a cluster of 1 nodes, and is for 2}}
module attributes {disco.nodes = 2 : i64, disco.cluster = #disco.cluster<nodes = [#disco.node<name = "n", address = "", listen = "", device = #disco.target<arch = "x86-64", levels = [], vector = 0, caches = [], clock = 0.0, cycles = {}>, hops = []>], links = []>} {}

// -----

// expected-error@+1 {{no kernel of the runtime stub: "conv_fast"}}
module attributes {a.part = #disco.kernel<name = "conv_fast", scratch = 0>} {}

// -----

// expected-error@+1 {{the scratch memory of a kernel is negative}}
module attributes {a.part = #disco.kernel<name = "conv_rows", scratch = -1>} {}

// -----

func.func @f(%x: tensor<4xf32>) {
  // expected-error@+1 {{'disco.kernel' is no #disco.kernel}}
  %0 = disco.unary %x {act = #disco.act<relu>, disco.kernel = "unary"} : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

// expected-error@+1 {{only a UART has a baud}}
module attributes {a.part = #disco.link<ends = [0, 1], kind = "tcp", ports = [], bandwidth = 0.0, latency = 0.0, baud = 9600>} {}
