// boot2.S - second stage of the RP2040's boot: makes the flash readable as memory
// SPDX-License-Identifier: Apache-2.0
//
// The boot ROM copies the first 256 bytes of flash to SRAM, compares the CRC-32 of 252 of them with the last word (data sheet,
// 2.8.1.3.1), and jumps here. Flash of the W25Q kind then answers Fast Read Quad I/O (0xEB) in continuous mode, at half of the system's
// clock: 66.5 MHz at 133 MHz. Registers of the SSI: data sheet, 4.10.13. `discoc build` says which checksum a changed source needs.
    .syntax unified
    .cpu cortex-m0plus
    .thumb
    .section .boot, "ax", %progbits
    .balign 256

    .equ ssi_control, 0x00
    .equ ssi_frames, 0x04
    .equ ssi_enable, 0x08
    .equ ssi_divider, 0x14
    .equ ssi_status, 0x28
    .equ ssi_data, 0x60
    .equ quad, 2 << 21          // SPI_FRF
    .equ bits32, 31 << 16       // DFS_32
    .equ bits8, 7 << 16
    .equ read_after, 3 << 8     // TMOD: what follows an instruction is only received
    .equ wait4, 4 << 11         // WAIT_CYCLES
    .equ command8, 2 << 8       // INST_L
    .equ address32, 8 << 2      // ADDR_L, in units of 4 bits: 24 of address, 8 of mode
    .equ command_single, 1      // TRANS_TYPE: the command on one wire, the address on four
    .equ all_quad, 2
    .equ continuous, 0xa0       // the mode that leaves the command out next time

boot2:
    ldr r4, =0x18000000         // SSI
    ldr r5, =0x40020000         // pads of the flash
    movs r0, #0x21              // clock: 8 mA, fast
    str r0, [r5, #4]
    ldr r0, [r5, #8]            // data: no Schmitt trigger, which would delay
    movs r1, #2
    bics r0, r1
    str r0, [r5, #8]
    str r0, [r5, #12]
    str r0, [r5, #16]
    str r0, [r5, #20]

    movs r6, #0
    movs r7, #1
    str r6, [r4, #ssi_enable]
    movs r0, #2
    str r0, [r4, #ssi_divider]
    movs r0, #0xf0              // data is sampled a system clock later
    str r7, [r4, r0]

    // Four wires, unless the flash knows already: bit 1 of its second status register.
    ldr r0, =bits8
    str r0, [r4, #ssi_control]
    str r7, [r4, #ssi_enable]
    movs r0, #0x35
    bl status_of
    lsrs r0, r0, #2
    bcs four_wires
    movs r0, #0x06              // writing is allowed
    str r0, [r4, #ssi_data]
    bl settle
    ldr r0, [r4, #ssi_data]
    movs r0, #0x31              // the second status register
    str r0, [r4, #ssi_data]
    movs r0, #2
    str r0, [r4, #ssi_data]
    bl settle
    ldr r0, [r4, #ssi_data]
    ldr r0, [r4, #ssi_data]
1:  movs r0, #0x05              // until it is written
    bl status_of
    lsrs r0, r0, #1
    bcs 1b

four_wires:
    // One read with a command, whose mode says that the next ones have none.
    str r6, [r4, #ssi_enable]
    ldr r0, =quad | bits32 | read_after
    str r0, [r4, #ssi_control]
    str r6, [r4, #ssi_frames]
    ldr r1, =0x180000f4         // SPI_CTRLR0
    ldr r0, =wait4 | command8 | address32 | command_single
    str r0, [r1]
    str r7, [r4, #ssi_enable]
    movs r0, #0xeb
    str r0, [r4, #ssi_data]
    movs r0, #continuous
    str r0, [r4, #ssi_data]
    bl settle
    str r6, [r4, #ssi_enable]
    ldr r0, =continuous << 24 | wait4 | address32 | all_quad
    str r0, [r1]
    str r7, [r4, #ssi_enable]

    // The program, by its vectors.
    ldr r0, =0x10000100
    ldr r1, =0xe000ed08         // VTOR
    str r0, [r1]
    ldmia r0!, {r1, r2}
    msr msp, r1
    bx r2

// r0: a command that reads a status register; r0 becomes what it says.
status_of:
    mov r3, lr
    str r0, [r4, #ssi_data]
    str r0, [r4, #ssi_data]     // while the answer comes
    bl settle
    ldr r0, [r4, #ssi_data]
    ldr r0, [r4, #ssi_data]
    bx r3

// Until everything has been sent.
settle:
    ldr r0, [r4, #ssi_status]
    lsrs r2, r0, #3             // the queue is empty
    bcc settle
    lsrs r0, r0, #1             // busy
    bcs settle
    bx lr

    .ltorg
    .org 252
    .word 0xe9f9c0fb            // CRC-32 of the 252 bytes before
