// boot.S - what the boot ROM of the i.MX RT1062 reads before it starts anything
// SPDX-License-Identifier: Apache-2.0
//
// The first 8 KB of flash: how to read it (i.MX RT1060 reference manual, 9.6.3, FlexSPI NOR), and at 4 KB the image vector table with
// the boot data (9.7.1, 9.7.2). The flash of the Teensy 4.1 is a W25Q64: 8 MB, four wires.
    .syntax unified

    // One instruction of the FlexSPI's look-up table.
    .macro step opcode, pads, operand
    .hword \opcode << 10 | \pads << 8 | \operand
    .endm
    .equ single, 0
    .equ quad, 2
    .equ command, 0x01
    .equ row_address, 0x02
    .equ mode8, 0x07
    .equ read, 0x09
    .equ dummy, 0x0c

    .section .boot, "a", %progbits
    .balign 4096
board_flash_configuration:
    .word 0x42464346            // "FCFB"
    .word 0x56010000            // version 1.0 of "V"
    .word 0
    .byte 1, 3, 3, 0            // sampled by the strobe that comes back from its pad; select is held and set up for 3 clocks
    .org 0x40
    .word 0                     // no options of the controller
    .byte 1, 4, 6, 0            // serial NOR, four wires, 100 MHz, the usual order of the table
    .org 0x50
    .word 0x00800000            // bytes of the flash at A1
    .org 0x80                   // the first sequence: Fast Read Quad I/O
    step command, single, 0xeb
    step row_address, quad, 24
    step mode8, quad, 0xff      // no continuous mode
    step dummy, quad, 4
    step read, quad, 4
    .hword 0
    .org 0x1c0                  // of serial NOR
    .word 256                   // bytes of a page
    .word 4096                  // of a sector
    .word 1                     // other commands at 30 MHz
    .word 0
    .word 0x10000               // bytes of a block

    .org 0x1000
board_image_vectors:
    .word 0x432000d1            // tag, length 32, version 4.3
    .word board_vectors         // the stack's top and the entry
    .word 0
    .word 0                     // no device configuration data
    .word board_boot_data
    .word board_image_vectors
    .word 0                     // no command sequence: nothing is signed
    .word 0
board_boot_data:
    .word 0x60000000
    .word board_image_end - 0x60000000
    .word 0                     // no plug-in
    .org 0x2000
