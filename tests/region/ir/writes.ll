; Goal: whatever writes memory has the right log in front of it, and what nobody can log is refused.
; Run: -passes=belay-instrument
; Run: -passes=belay-instrument -belay-buffer=hash

; CHECK-LABEL: define void @plain(
; CHECK-NEXT:    store i8 1, ptr %p
; CHECK-NEXT:    ret void

; CHECK-LABEL: define void @scalars.ckpt(
; CHECK:         call void @__belay_log_1(ptr %p)
; CHECK-NEXT:    store i8
; CHECK:         call void @__belay_log_2(ptr %q)
; CHECK-NEXT:    store i16
; CHECK:         call void @__belay_log_8(ptr %r)
; CHECK-NEXT:    store double
; CHECK:         call void @__belay_log_bytes(ptr %s, i64 32)
; CHECK-NEXT:    store <4 x i64>
; CHECK2-LABEL: define void @scalars.ckpt(
; CHECK2:        call void @__belay_log_first(ptr %p, i64 1)
; CHECK2:        call void @__belay_log_first(ptr %q, i64 2)
define void @scalars(ptr %p, ptr %q, ptr %r, ptr %s) {
  store i8 1, ptr %p
  store i16 1, ptr %q
  store double 1.0, ptr %r
  store <4 x i64> zeroinitializer, ptr %s
  ret void
}

; CHECK-LABEL: define void @atomics.ckpt(
; CHECK:         call void @__belay_log_4(ptr %p)
; CHECK-NEXT:    atomicrmw
; CHECK:         call void @__belay_log_8(ptr %q)
; CHECK-NEXT:    cmpxchg
define void @atomics(ptr %p, ptr %q) {
  %1 = atomicrmw add ptr %p, i32 1 seq_cst
  %2 = cmpxchg ptr %q, i64 0, i64 1 seq_cst seq_cst
  ret void
}

declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)
; CHECK-LABEL: define void @ranges.ckpt(
; CHECK:         call void @__belay_log_bytes(ptr %p, i64 %n)
; CHECK-NEXT:    call void @llvm.memcpy
; CHECK:         call void @__belay_log_bytes(ptr %q, i64 100)
; CHECK-NEXT:    call void @llvm.memset
define void @ranges(ptr %p, ptr %q, i64 %n) {
  call void @llvm.memcpy.p0.p0.i64(ptr %p, ptr %q, i64 %n, i1 false)
  call void @llvm.memset.p0.i64(ptr %q, i8 0, i64 100, i1 false)
  ret void
}

declare void @llvm.masked.store.v2i64.p0(<2 x i64>, ptr, i32, <2 x i1>)
; CHECK-LABEL: define void @masked.ckpt(
; CHECK-COUNT-2: call void @__belay_log_if(ptr {{.*}}, i64 8, i32
; CHECK:         call void @llvm.masked.store
define void @masked(ptr %p, <2 x i64> %v, <2 x i1> %m) {
  call void @llvm.masked.store.v2i64.p0(<2 x i64> %v, ptr %p, i32 8, <2 x i1> %m)
  ret void
}

declare void @llvm.masked.compressstore.v2i64(<2 x i64>, ptr, <2 x i1>)
declare void @llvm.x86.avx2.maskstore.q(ptr, <2 x i64>, <2 x i64>)
declare void @llvm.x86.sse2.maskmov.dqu(<16 x i8>, <16 x i8>, ptr)
declare void @llvm.x86.avx512.mask.scatterdiv4.si(ptr, <2 x i1>, <2 x i64>, <4 x i32>, i32)
; CHECK-LABEL: define void @partly.ckpt(
; CHECK:         [[ONES:%.*]] = call i64 @llvm.vector.reduce.add.v2i64
; CHECK-NEXT:    [[BYTES:%.*]] = mul i64 [[ONES]], 8
; CHECK-NEXT:    call void @__belay_log_bytes(ptr %p, i64 [[BYTES]])
; CHECK-NEXT:    call void @llvm.masked.compressstore
; CHECK-COUNT-2: call void @__belay_log_if(ptr {{.*}}, i64 8, i32
; CHECK-NEXT:    call void @llvm.x86.avx2.maskstore
; CHECK-COUNT-16: call void @__belay_log_if(ptr {{.*}}, i64 1, i32
; CHECK-NEXT:    call void @llvm.x86.sse2.maskmov
; CHECK:         [[AT:%.*]] = mul <2 x i64> %i, <i64 4, i64 4>
; CHECK-NEXT:    getelementptr i8, ptr %p, <2 x i64> [[AT]]
; CHECK-COUNT-2: call void @__belay_log_if(ptr {{.*}}, i64 4, i32
; CHECK-NEXT:    call void @llvm.x86.avx512.mask.scatter
define void @partly(ptr %p, <2 x i64> %v, <2 x i1> %m, <2 x i64> %i, <16 x i8> %b, <4 x i32> %w) {
  call void @llvm.masked.compressstore.v2i64(<2 x i64> %v, ptr %p, <2 x i1> %m)
  call void @llvm.x86.avx2.maskstore.q(ptr %p, <2 x i64> %i, <2 x i64> %v)
  call void @llvm.x86.sse2.maskmov.dqu(<16 x i8> %b, <16 x i8> %b, ptr %p)
  call void @llvm.x86.avx512.mask.scatterdiv4.si(ptr %p, <2 x i1> %m, <2 x i64> %i, <4 x i32> %w, i32 4)
  ret void
}

; CHECK-LABEL: define void @assembly.ckpt(
; CHECK:         call void @__belay_unknown_code(
; CHECK-NEXT:    call void asm sideeffect "nop"
define void @assembly() {
  call void asm sideeffect "nop", "~{memory}"()
  ret void
}

; The function itself, which code outside of regions calls, is as it was.
define void @plain(ptr %p) {
  store i8 1, ptr %p
  ret void
}

declare i64 @llvm.x86.rdtsc()
declare void @llvm.x86.sse2.pause()
declare void @llvm.aarch64.hint(i32)
declare void @llvm.x86.sse.stmxcsr(ptr)
declare void @llvm.x86.xsave(ptr, i32, i32)
; CHECK-LABEL: define i64 @registers.ckpt(
; CHECK-NOT:     call void @__belay_unknown_code
; CHECK:         call void @__belay_log_4(ptr %p)
; CHECK-NEXT:    call void @llvm.x86.sse.stmxcsr
; CHECK:         call void @__belay_unknown_code
; CHECK-NEXT:    call void @llvm.x86.xsave
define i64 @registers(ptr %p) {
  %now = call i64 @llvm.x86.rdtsc()
  call void @llvm.x86.sse2.pause()
  call void @llvm.aarch64.hint(i32 1)
  call void @llvm.x86.sse.stmxcsr(ptr %p)
  call void @llvm.x86.xsave(ptr %p, i32 0, i32 0)
  ret i64 %now
}
