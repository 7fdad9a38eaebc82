// boot.S - the image definition that the boot ROM of the RP2350 looks for in the first 4 KB of flash
// SPDX-License-Identifier: Apache-2.0
//
// A block (data sheet, 5.9): which kind of image this is, and where its vector table lies. It is the only one, so its loop leads to itself.
    .syntax unified
    .section .boot, "a", %progbits
    .balign 256
board_image_definition:
    .word 0xffffded3            // begins a block
    .word 0x10210142            // item: a program for the RP2350, Arm, in secure state
    .word 0x00000203            // item of two words: the vector table, from which stack and reset vector are taken
    .word board_vectors
    .word 0x000003ff            // last item: three words of items
    .word 0                     // the next block lies 0 bytes from here
    .word 0xab123579            // ends a block
