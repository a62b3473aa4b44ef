; Goal: a log of a scalar is a load, two stores and an add; neighbours share the log's top.
; Run: -passes=belay-lower
; Run: -passes=belay-lower -belay-no-inline
; Run: -passes=belay-lower -belay-no-loop-top

declare void @__belay_log_1(ptr) nounwind
declare void @__belay_log_4(ptr) nounwind
declare void @__belay_log_8(ptr) nounwind
declare void @callee()

; CHECK: @__belay_log_top = external thread_local(initialexec) global ptr

; 288230376151711744 is 4 << 56, and 576460752303423488 is 8 << 56.
; CHECK-LABEL: @two(
; CHECK:         [[SLOT:%.*]] = call ptr @llvm.threadlocal.address.p0(ptr @__belay_log_top)
; CHECK-NEXT:    [[TOP:%.*]] = load ptr, ptr [[SLOT]]
; CHECK-NEXT:    [[OLD:%.*]] = load i32, ptr %p, align 1
; CHECK:         [[WIDE:%.*]] = zext i32 [[OLD]] to i64
; CHECK:         store i64 [[WIDE]], ptr
; CHECK:         [[BITS:%.*]] = ptrtoint ptr %p to i64
; CHECK-NEXT:    [[TAG:%.*]] = or i64 [[BITS]], 288230376151711744
; CHECK:         store i64 [[TAG]]
; CHECK:         store i32 1, ptr %p
; CHECK-NOT:     @__belay_log_top
; CHECK:         or i64 {{.*}}, 576460752303423488
; CHECK:         [[END:%.*]] = getelementptr inbounds i8, ptr [[TOP]], i64 32
; CHECK-NEXT:    store ptr [[END]], ptr [[SLOT]]
; CHECK:         ret void
; CHECK2-LABEL: @two(
; CHECK2:        call void @__belay_log_4(ptr %p)
; CHECK2:        call void @__belay_log_8(ptr %q)
define void @two(ptr %p, ptr %q) {
  call void @__belay_log_4(ptr %p)
  store i32 1, ptr %p
  call void @__belay_log_8(ptr %q)
  store i64 1, ptr %q
  ret void
}

; A callee may log as well: the top is stored before the call and read again behind it.
; CHECK-LABEL: @around_call(
; CHECK:         load ptr, ptr [[SLOT:%.*]]
; CHECK:         store ptr {{.*}}, ptr [[SLOT]]
; CHECK:         call void @callee()
; CHECK:         load ptr, ptr [[SLOT2:%.*]]
; CHECK:         store ptr {{.*}}, ptr [[SLOT2]]
define void @around_call(ptr %p) {
  call void @__belay_log_1(ptr %p)
  store i8 1, ptr %p
  call void @callee()
  call void @__belay_log_1(ptr %p)
  store i8 2, ptr %p
  ret void
}

; A loop without calls keeps the top in a register.
; CHECK-LABEL: @loop(
; CHECK:         [[BEGIN:%.*]] = load ptr, ptr
; CHECK:       body:
; CHECK:         [[TOP:%.*]] = phi ptr [ [[BEGIN]], {{.*}} ], [ [[NEXT:%.*]], %body ]
; CHECK-NOT:     @__belay_log_top
; CHECK:         [[NEXT]] = getelementptr inbounds i8, ptr [[TOP]], i64 16
; CHECK-NOT:     @__belay_log_top
; CHECK:       done:
; CHECK:         store ptr [[NEXT]], ptr
; CHECK3-LABEL: @loop(
; CHECK3:       body:
; CHECK3:         @__belay_log_top
; CHECK3:       done:
; CHECK3-NEXT:    ret void
define void @loop(ptr %p, i64 %n) {
entry:
  br label %body
body:
  %i = phi i64 [ 0, %entry ], [ %next, %body ]
  %at = getelementptr i64, ptr %p, i64 %i
  call void @__belay_log_8(ptr %at)
  store i64 %i, ptr %at
  %next = add i64 %i, 1
  %more = icmp ult i64 %next, %n
  br i1 %more, label %body, label %done
done:
  ret void
}
