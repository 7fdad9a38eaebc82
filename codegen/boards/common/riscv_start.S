// riscv_start.S - start and traps of RISC-V boards
// SPDX-License-Identifier: Apache-2.0
    .section .vectors, "ax", @progbits
    .globl board_start
board_start:
    .option push
    .option norelax
    la gp, __global_pointer$
    .option pop
    la sp, board_stack_high
    la t0, board_trap_entry
    csrw mtvec, t0
    li t0, 0x2000           // floating point on, its state initial
    csrs mstatus, t0
    csrw fcsr, zero
    tail board_reset

// Saves what a C function may change, and calls board_trap(mcause, mepc, sp); its result is where
// to go on. A stack that is left begins again at its top: nothing of the program goes on then.
    .balign 4
    .globl board_trap_entry
board_trap_entry:
    csrw mscratch, t0
    la t0, board_stack_low + 256
    bltu sp, t0, 2f
    csrr t0, mscratch
    addi sp, sp, -144
    sw ra, 0(sp)
    sw t0, 4(sp)
    sw t1, 8(sp)
    sw t2, 12(sp)
    sw a0, 16(sp)
    sw a1, 20(sp)
    sw a2, 24(sp)
    sw a3, 28(sp)
    sw a4, 32(sp)
    sw a5, 36(sp)
    sw a6, 40(sp)
    sw a7, 44(sp)
    sw t3, 48(sp)
    sw t4, 52(sp)
    sw t5, 56(sp)
    sw t6, 60(sp)
    fsw ft0, 64(sp)
    fsw ft1, 68(sp)
    fsw ft2, 72(sp)
    fsw ft3, 76(sp)
    fsw ft4, 80(sp)
    fsw ft5, 84(sp)
    fsw ft6, 88(sp)
    fsw ft7, 92(sp)
    fsw fa0, 96(sp)
    fsw fa1, 100(sp)
    fsw fa2, 104(sp)
    fsw fa3, 108(sp)
    fsw fa4, 112(sp)
    fsw fa5, 116(sp)
    fsw fa6, 120(sp)
    fsw fa7, 124(sp)
    fsw ft8, 128(sp)
    fsw ft9, 132(sp)
    fsw ft10, 136(sp)
    fsw ft11, 140(sp)
    csrr a0, mcause
    csrr a1, mepc
    call board_trap
    lw ra, 0(sp)
    lw t0, 4(sp)
    lw t1, 8(sp)
    lw t2, 12(sp)
    lw a0, 16(sp)
    lw a1, 20(sp)
    lw a2, 24(sp)
    lw a3, 28(sp)
    lw a4, 32(sp)
    lw a5, 36(sp)
    lw a6, 40(sp)
    lw a7, 44(sp)
    lw t3, 48(sp)
    lw t4, 52(sp)
    lw t5, 56(sp)
    lw t6, 60(sp)
    flw ft0, 64(sp)
    flw ft1, 68(sp)
    flw ft2, 72(sp)
    flw ft3, 76(sp)
    flw ft4, 80(sp)
    flw ft5, 84(sp)
    flw ft6, 88(sp)
    flw ft7, 92(sp)
    flw fa0, 96(sp)
    flw fa1, 100(sp)
    flw fa2, 104(sp)
    flw fa3, 108(sp)
    flw fa4, 112(sp)
    flw fa5, 116(sp)
    flw fa6, 120(sp)
    flw fa7, 124(sp)
    flw ft8, 128(sp)
    flw ft9, 132(sp)
    flw ft10, 136(sp)
    flw ft11, 140(sp)
    addi sp, sp, 144
    mret

2:  la sp, board_stack_high
    csrr a0, mepc
    call board_stack_fault
