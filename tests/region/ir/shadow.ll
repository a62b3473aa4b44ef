; Goal: the naive log comes first and leaves out no more than the function's own variables: not what
; a region has allocated, nor what was logged before; and it does not get in the other's way.
; Run: -passes=belay-instrument -belay-shadow
; Run: -passes=belay-instrument,belay-redundant,belay-lower -belay-shadow
; Run: -passes=belay-instrument

declare ptr @malloc(i64)

; CHECK: @llvm.global_ctors = appending global {{.*}}ptr @__belay_shadow_on
; CHECK3-NOT: __belay_shadow

; CHECK-LABEL: define void @twice.ckpt(
; CHECK:         call void @__belay_shadow_write(ptr %p, i64 4, ptr @belay.text
; CHECK-NEXT:    call void @__belay_log_4(ptr %p)
; CHECK-NEXT:    store i32 1, ptr %p
; CHECK-NEXT:    call void @__belay_shadow_write(ptr %p, i64 4, ptr @belay.text
; CHECK-NEXT:    store i32 2, ptr %p
; CHECK-LABEL: define void @born.ckpt(
; CHECK:         call void @__belay_shadow_write(ptr %made, i64 8, ptr @belay.text
; CHECK-NEXT:    store i64 1, ptr %made
; CHECK-LABEL: define void @local.ckpt(
; CHECK-NOT:     call
; CHECK:         ret void
; CHECK-LABEL: define void @loop.ckpt(

; CHECK2-LABEL: define void @loop.ckpt(
; CHECK2:       again:
; CHECK2:         call void @__belay_shadow_write(
; CHECK2-NOT:     store ptr {{.*}}belay_log_top
; CHECK2:         br i1
define void @twice(ptr %p) {
  store i32 1, ptr %p
  store i32 2, ptr %p
  ret void
}

define void @born() {
  %made = call ptr @malloc(i64 8)
  store i64 1, ptr %made
  ret void
}

define void @local() {
  %own = alloca i64
  store volatile i64 1, ptr %own
  ret void
}

define void @loop(ptr %p) {
entry:
  br label %again
again:
  %i = phi i64 [ 0, %entry ], [ %next, %again ]
  %at = getelementptr i64, ptr %p, i64 %i
  store i64 %i, ptr %at
  %next = add i64 %i, 1
  %more = icmp ult i64 %next, 10
  br i1 %more, label %again, label %done
done:
  ret void
}
