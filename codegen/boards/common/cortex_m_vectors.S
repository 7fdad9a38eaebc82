// cortex_m_vectors.S - vector table and fault entry of Cortex-M boards
// SPDX-License-Identifier: Apache-2.0
    .syntax unified
    .section .vectors, "a", %progbits
    .balign 512
    .globl board_vectors
board_vectors:
    .word board_stack_high
    .word board_reset
    .word board_nmi             // the watchdog, where a board has one
    .word board_fault_entry     // hard
    .word board_fault_entry     // memory
    .word board_fault_entry     // bus
    .word board_fault_entry     // usage
    .word board_fault_entry     // secure
    .word 0
    .word 0
    .word 0
    .word board_unexpected      // SVC
    .word board_unexpected      // debug monitor
    .word 0
    .word board_unexpected      // PendSV
    .word board_tick
    .rept BOARD_IRQS
    .word board_irq
    .endr

// r0 = the frame that the processor pushed; null when the stack has no room for it, and then the
// stack begins again at its top: nothing of the program goes on.
    .section .text.board_fault_entry, "ax", %progbits
    .thumb
    .globl board_fault_entry
    .thumb_func
    .type board_fault_entry, %function
board_fault_entry:
    mov r0, sp
    ldr r1, =board_stack_low
    cmp r0, r1
    bhs 1f
    ldr r1, =board_stack_high
    mov sp, r1
    movs r0, #0
1:  ldr r1, =board_fault_frame
    bx r1
    .size board_fault_entry, . - board_fault_entry
