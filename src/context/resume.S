// System V x86-64: rdi is the context, laid out as ResumeContext in resume.h.
    .text
    .globl belay_save_context
    .hidden belay_save_context
    .type belay_save_context, @function
belay_save_context:
    mov %rbx, 0(%rdi)
    mov %rbp, 8(%rdi)
    mov %r12, 16(%rdi)
    mov %r13, 24(%rdi)
    mov %r14, 32(%rdi)
    mov %r15, 40(%rdi)
    lea 8(%rsp), %rax
    mov %rax, 48(%rdi)
    mov (%rsp), %rax
    mov %rax, 56(%rdi)
    xor %eax, %eax
    ret
    .size belay_save_context, . - belay_save_context

    .globl belay_resume_context
    .hidden belay_resume_context
    .type belay_resume_context, @function
belay_resume_context:
    mov 0(%rdi), %rbx
    mov 8(%rdi), %rbp
    mov 16(%rdi), %r12
    mov 24(%rdi), %r13
    mov 32(%rdi), %r14
    mov 40(%rdi), %r15
    mov 48(%rdi), %rsp
    mov $1, %eax
    jmp *56(%rdi)
    .size belay_resume_context, . - belay_resume_context

// long belay_call_on_stack(void* top, long (*function)(void*), void* argument, uint64_t* frame)
// Calls the function on another stack. What the caller would miss lies in `frame` on its own stack:
// belay_return_to() comes back through it, however often, as long as that memory is what it was.
    .globl belay_call_on_stack
    .hidden belay_call_on_stack
    .type belay_call_on_stack, @function
belay_call_on_stack:
    .cfi_startproc
    push %rbp
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %rbp, 0
    push %rbx
    push %r12
    push %r13
    push %r14
    push %r15
    sub $16, %rsp
    stmxcsr 0(%rsp)
    fnstcw 8(%rsp)
    mov %rsp, (%rcx)
    mov %rsp, %rbp
    .cfi_def_cfa %rbp, 72
    .cfi_offset %rbp, -16
    mov %rdi, %rsp
    and $-16, %rsp
    mov %rdx, %rdi
    call *%rsi
    mov %rbp, %rsp
    jmp 1f
    .cfi_endproc
    .size belay_call_on_stack, . - belay_call_on_stack

// void belay_return_to(uint64_t frame, long value)
    .globl belay_return_to
    .hidden belay_return_to
    .type belay_return_to, @function
belay_return_to:
    mov %rdi, %rsp
    mov %rsi, %rax
1:
    ldmxcsr 0(%rsp)
    fldcw 8(%rsp)
    add $16, %rsp
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbx
    pop %rbp
    ret
    .size belay_return_to, . - belay_return_to

// long belay_interruptible_call(long number, const long args[6], void* outer, const uint64_t* mask)
// A system call made for the program inside Belay's signal handler, with the program's signal mask.
// Belay's signal may interrupt it again, between `begin` and `return`, and finds `outer` in rbx.
// The mask is set in here because a signal frame returned from before the call would make the
// kernel forget what restart_syscall(2) is to continue.
    .globl belay_interruptible_call
    .hidden belay_interruptible_call
    .globl belay_interruptible_begin
    .hidden belay_interruptible_begin
    .globl belay_interruptible_return
    .hidden belay_interruptible_return
    .type belay_interruptible_call, @function
belay_interruptible_call:
    .cfi_startproc
    push %rbx
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %rbx, 0
    push %r12
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %r12, 0
    push %r13
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %r13, 0
    mov %rdx, %rbx
    mov %rdi, %r12
    mov %rsi, %r13
belay_interruptible_begin:
    mov $14, %eax               // rt_sigprocmask(SIG_SETMASK, mask, NULL, 8)
    mov $2, %edi
    mov %rcx, %rsi
    xor %edx, %edx
    mov $8, %r10d
    syscall
    mov %r12, %rax
    mov 0(%r13), %rdi
    mov 8(%r13), %rsi
    mov 16(%r13), %rdx
    mov 24(%r13), %r10
    mov 32(%r13), %r8
    mov 40(%r13), %r9
    syscall
belay_interruptible_return:
    pop %r13
    .cfi_adjust_cfa_offset -8
    .cfi_restore %r13
    pop %r12
    .cfi_adjust_cfa_offset -8
    .cfi_restore %r12
    pop %rbx
    .cfi_adjust_cfa_offset -8
    .cfi_restore %rbx
    ret
    .cfi_endproc
    .size belay_interruptible_call, . - belay_interruptible_call

// The frame that rt_sigaction(2) wants to return through. Unwinders know these nine bytes.
    .globl belay_signal_return
    .hidden belay_signal_return
    .type belay_signal_return, @function
    nop
belay_signal_return:
    mov $15, %rax
    syscall
    .size belay_signal_return, . - belay_signal_return
    .section .note.GNU-stack,"",@progbits
