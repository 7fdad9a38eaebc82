// cortex_m_vectors.S - vector table and fault entry of Cortex-M boards
// SPDX-License-Identifier: Apache-2.0
    .syntax unified
    .section .vectors, "a", %progbits
    // The power of two that holds the table.
    .if BOARD_IRQS > 112
    .balign 1024
    .elseif BOARD_IRQS > 48
    .balign 512
    .else
    .balign 256
    .endif
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

// board_fault_frame(the frame that the processor pushed; null when there was no room for it). Room
// for that function itself is left in any case: the stack begins again at its top.
    .section .text.board_fault_entry, "ax", %progbits
    .thumb
    .globl board_fault_entry
    .thumb_func
    .type board_fault_entry, %function
board_fault_entry:
    mov r0, sp
    ldr r1, =board_stack_low + 64
    cmp r0, r1
    bhs 1f
    ldr r1, =board_stack_high
    mov sp, r1
    movs r0, #0
1:  ldr r1, =board_fault_frame
    bx r1
    .size board_fault_entry, . - board_fault_entry

// board_fault_on_top(code, address): board_fault with a whole stack, whatever is left of it.
    .section .text.board_fault_on_top, "ax", %progbits
    .globl board_fault_on_top
    .thumb_func
    .type board_fault_on_top, %function
board_fault_on_top:
    ldr r2, =board_stack_high
    mov sp, r2
    ldr r2, =board_fault_named
    bx r2
    .size board_fault_on_top, . - board_fault_on_top
