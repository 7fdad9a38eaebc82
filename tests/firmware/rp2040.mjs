// rp2040.mjs - Picos in rp2040js: images are booted from their UF2 files, UARTs are wires, and the desk answers
// SPDX-License-Identifier: Apache-2.0
//
// usage: node rp2040.mjs MODULE.js JOB.json
//
// MODULE.js is rp2040js. It has no boot ROM, no SPI slave and no baud timing: this harness loads the UF2's blocks into flash, does what
// the boot ROM does (CRC-32 of 252 bytes, copy of 256 to SRAM, jump), steps all chips within 10 us of each other, and delivers bytes
// at the baud rate that the sender's divider gives; what finds a queue of 32 bytes full is lost and counted.
//
// JOB.json: {"seconds": N, "quantum_ns": 5000, "chips": [{"uf2": FILE, "desk": UART or absent: through another chip, "arguments": TEXT, "files": {NAME: PATH}}],
//            "wires": [[chip, uart, chip, uart], ...], "lose": share of bytes that no wire delivers}
// Standard output: one JSON object: for every chip exit, console, clock, baud rates, lost bytes, microseconds, written files.

import { readFileSync, writeFileSync } from 'node:fs';

const { RP2040, ConsoleLogger, LogLevel } = await import(process.argv[2]);
const job = JSON.parse(readFileSync(process.argv[3], 'utf8'));

// ---- what the boot ROM does

function loadUf2(chip, file) {
  const data = readFileSync(file);
  const count = data.length / 512;
  for (let i = 0; i < count; ++i) {
    const word = (at) => data.readUInt32LE(i * 512 + at);
    if (word(0) !== 0x0a324655 || word(4) !== 0x9e5d5157 || word(508) !== 0x0ab16f30) throw new Error(`block ${i}: magic`);
    if (!(word(8) & 0x2000) || word(28) !== 0xe48bff56) throw new Error(`block ${i}: family`);
    if (word(16) !== 256 || word(12) % 256 || word(20) !== i || word(24) !== count) throw new Error(`block ${i}: layout`);
    chip.flash.set(data.subarray(i * 512 + 32, i * 512 + 288), word(12) - 0x10000000);
  }
}

function crc32(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte << 24;
    for (let i = 0; i < 8; ++i) crc = crc & 0x80000000 ? (crc << 1) ^ 0x04c11db7 : crc << 1;
  }
  return crc >>> 0;
}

function boot(chip) {
  const stage = chip.flash.slice(0, 256);
  const want = new DataView(stage.buffer).getUint32(252, true);
  if (crc32(stage.subarray(0, 252)) !== want) throw new Error('the second stage has a wrong checksum');
  chip.sram.set(stage, 0x41f00);
  chip.core.SP = 0x20041f00;
  chip.core.LR = 0;
  chip.core.PC = 0x20041f00;
}

// ---- packets on the desk's UART: COBS, and a CRC-32 behind them

function encode(bytes) {
  const out = [];
  let at = 0;
  out.push(1);
  let code = 1;
  for (let i = 0; i < bytes.length; ++i) {
    if (bytes[i]) {
      out.push(bytes[i]);
      ++code;
    }
    if (!bytes[i] || (code === 255 && i + 1 < bytes.length)) {
      out[at] = code;
      at = out.length;
      out.push(1);
      code = 1;
    }
  }
  out[at] = code;
  out.push(0);
  return out;
}

function decode(frame) {
  const out = [];
  for (let at = 0; at < frame.length; ) {
    const code = frame[at++];
    for (let i = 1; i < code && at < frame.length; ++i) out.push(frame[at++]);
    if (code < 255 && at < frame.length) out.push(0);
  }
  return Uint8Array.from(out);
}

function crcOfLink(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let i = 0; i < 8; ++i) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return ~crc >>> 0;
}

class Desk {
  constructor(spec, send) {
    Object.assign(this, { spec, send, frame: [], console: '', exit: null, files: [], answer: null, sequence: -1, requests: 0, repeated: 0 });
  }

  byte(value) {
    if (value) return void this.frame.push(value);
    const packet = decode(this.frame);
    this.frame = [];
    if (packet.length < 12) return;
    if (crcOfLink(packet.subarray(0, -4)) !== new DataView(packet.buffer).getUint32(packet.length - 4, true)) return;
    const answer = this.take(packet.slice(0, -4));
    if (!answer) return;
    const sealed = new Uint8Array(answer.length + 4);
    sealed.set(answer);
    new DataView(sealed.buffer).setUint32(answer.length, crcOfLink(answer), true);
    for (const byte of encode(sealed)) this.send(byte);
  }

  // The answer to a packet, both without their CRC; null: there is none.
  take(packet) {
    const value = new DataView(packet.buffer).getUint32(4, true);
    const what = String.fromCharCode(packet[0]);
    const body = packet.slice(8);
    if (what === 'V') {
      const inner = this.behind(value)?.take(body);
      return inner ? this.packed(packet, { result: value, data: inner }) : null;
    }
    ++this.requests;
    if (packet[1] === this.sequence && what !== 'H') ++this.repeated;
    else this.answer = this.serve(what, packet[2], value, body);
    this.sequence = packet[1];
    return this.packed(packet, this.answer);
  }

  packed(request, { result = 0, data = [] }) {
    const packet = new Uint8Array(8 + data.length);
    packet.set([request[0] | 0x80, request[1], 0, 0]);
    new DataView(packet.buffer).setUint32(4, result >>> 0, true);
    packet.set(data, 8);
    return packet;
  }

  // The desk of a chip that has no UART to it.
  behind(rank) {
    return nodes[rank]?.spec.desk === undefined ? nodes[rank]?.desk : null;
  }

  serve(what, handle, value, data) {
    const text = Buffer.from(data).toString('latin1');
    const file = this.files[handle];
    switch (what) {
      case 'H':
        this.files = [];
        return {};
      case 'C':
        return { data: Buffer.from(this.spec.arguments ?? 'shard', 'latin1').subarray(value, value + (handle || 128)) };
      case 'O': {
        const path = this.spec.files?.[text];
        if (!path) return { result: -1 };
        this.files.push({ path, at: 0, bytes: value === 1 ? readFileSync(path) : [], written: value !== 1 });
        return { result: this.files.length - 1 };
      }
      case 'X':
        if (file?.written) writeFileSync(file.path, Buffer.from(file.bytes));
        return {};
      case 'S':
        return { result: file ? file.bytes.length : -1 };
      case 'R': {
        if (!file) return { result: -1 };
        const part = file.bytes.subarray(file.at, file.at + value);
        file.at += part.length;
        return { result: part.length, data: part };
      }
      case 'W':
        if (!file) return { result: -1 };
        file.bytes.push(...data);
        return { result: data.length };
      case 'K':
        if (file) file.at = value;
        return { result: file ? 0 : -1 };
      case 'P':
        this.console += text;
        return {};
      case 'E':
        this.exit = value | 0;
        return {};
    }
    return { result: -1 };
  }
}

// ---- wires

// Drawn, but the same in every run.
let state = 1;
function chance(share) {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state < share * 0x100000000;
}

class Wire {
  // One direction: `from` and `to` are UARTs of chips; what is sent leaves after the bytes before it.
  constructor(chip, uart, deliver) {
    Object.assign(this, { chip, uart, deliver, queue: [], free: 0, bytes: 0 });
  }

  send(byte) {
    const nanos = this.chip.clock.nanos;
    this.free = Math.max(this.free, nanos) + 1e10 / this.uart.baudRate; // ten bits
    this.queue.push([this.free, byte]);
    ++this.bytes;
  }

  step(nanos) {
    while (this.queue.length && this.queue[0][0] <= nanos) {
      const byte = this.queue.shift()[1];
      if (!(job.lose && chance(job.lose))) this.deliver(byte);
    }
  }
}

class Node {
  constructor(spec) {
    this.spec = spec;
    this.chip = new RP2040();
    this.chip.logger = new ConsoleLogger(LogLevel.Error, false);
    this.chip.onBreak = (code) => {
      throw new Error(`bkpt ${code}`);
    };
    loadUf2(this.chip, spec.uf2);
    boot(this.chip);
    this.lost = [0, 0];
    this.wires = [];
  }

  feed(index, byte) {
    const uart = this.chip.uart[index];
    if (!uart.enabled) return; // hears nothing yet
    if (uart.rxFIFO.full) ++this.lost[index];
    else uart.feedByte(byte);
  }

  addDesk() {
    const index = this.spec.desk;
    const uart = this.chip.uart[index];
    const down = new Wire(this.chip, uart, (byte) => this.feed(index, byte));
    this.desk = new Desk(this.spec, (byte) => down.send(byte));
    const up = new Wire(this.chip, uart, (byte) => this.desk.byte(byte));
    uart.onByte = (byte) => up.send(byte);
    this.wires.push(down, up);
  }

  // Until its clock says `nanos`.
  run(nanos) {
    const { chip } = this;
    const { clock, core } = chip;
    while (clock.nanos < nanos) {
      // rp2040js does not end a WFI for what was pending before it, or for SysTick.
      if (core.waiting && (core.pendingSystick || core.pendingInterrupts & core.enabledInterrupts)) {
        core.waiting = false;
        core.interruptsUpdated = true;
      }
      if (core.waiting) {
        const next = clock.nanosToNextAlarm;
        clock.tick(next > 0 ? Math.min(next, nanos - clock.nanos) : nanos - clock.nanos);
      } else {
        clock.tick(core.executeInstruction() * (1e9 / chip.clkSys));
      }
    }
    for (const wire of this.wires) wire.step(nanos);
  }
}

function join(nodes, [a, uartOfA, b, uartOfB]) {
  for (const [from, index, to, other] of [[a, uartOfA, b, uartOfB], [b, uartOfB, a, uartOfA]]) {
    const wire = new Wire(nodes[from].chip, nodes[from].chip.uart[index], (byte) => nodes[to].feed(other, byte));
    nodes[from].chip.uart[index].onByte = (byte) => wire.send(byte);
    nodes[from].wires.push(wire);
    nodes[from].link = wire;
  }
}

const nodes = job.chips.map((spec) => new Node(spec));
for (const node of nodes) {
  if (node.spec.desk !== undefined) node.addDesk();
  else node.desk = new Desk(node.spec);
}
for (const wire of job.wires ?? []) join(nodes, wire);
const quantum = job.quantum_ns ?? 5000;
let nanos = 0;
let problem = null;
try {
  while (nanos < job.seconds * 1e9 && nodes.some((node) => node.desk && node.desk.exit === null)) {
    nanos += quantum;
    for (const node of nodes) node.run(nanos);
  }
} catch (error) {
  problem = String(error.stack ?? error);
}
console.log(JSON.stringify({
  problem,
  micros: nanos / 1000,
  chips: nodes.map(({ chip, desk, lost, link }) => ({
    exit: desk?.exit ?? null,
    console: desk?.console ?? '',
    requests: desk?.requests ?? 0,
    repeated: desk?.repeated ?? 0,
    clock: chip.clkSys,
    baud: chip.uart.map((uart) => uart.baudRate),
    lost,
    link_bytes: link?.bytes ?? 0,
    pc: chip.core.PC >>> 0,
  })),
}));
