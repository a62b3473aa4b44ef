; Goal: locals of the function with the markers go back without any log, as registers.
; Run: -passes=belay-mark,sroa,simplifycfg,belay-instrument
; Run: -passes=belay-mark,sroa,belay-instrument -belay-no-shadows

declare void @belay_start_ckpt_once()
declare void @belay_stop_ckpt(i32)
declare i32 @belay_ckpt_depth()

; CHECK-LABEL: define i32 @count(
; CHECK-NOT:     alloca
; CHECK-NOT:     __belay_log
; CHECK:         call void @__belay_enter()
; CHECK:         [[UNDONE:%.*]] = call i32 @__belay_leave(i32 %rollback)
; CHECK:         icmp ne i32 [[UNDONE]], 0
; CHECK:         select i1
; CHECK:         ret i32
; CHECK2-LABEL: define i32 @count(
; CHECK2:        alloca i32
; CHECK2:        call void @__belay_pin(
; CHECK2:        call void @__belay_enter()
; CHECK2-NEXT:   call void @__belay_log_4(
define i32 @count(i32 %rollback) {
  %x = alloca i32
  store i32 5, ptr %x
  call void @belay_start_ckpt_once()
  store i32 6, ptr %x
  call void @belay_stop_ckpt(i32 %rollback)
  %result = load i32, ptr %x
  ret i32 %result
}

; A large one stays in memory and is logged.
; CHECK-LABEL: define void @large(
; CHECK:         call void @__belay_enter()
; CHECK:         call void @__belay_log_1(
define void @large(i64 %i) {
  %x = alloca [4000 x i8]
  %at = getelementptr i8, ptr %x, i64 %i
  store i8 5, ptr %at
  call void @belay_start_ckpt_once()
  store i8 6, ptr %at
  call void @belay_stop_ckpt(i32 1)
  ret void
}

; What would be copied too often is logged: of nine arrays at eight starts the last.
; CHECK-LABEL: define void @often(
; CHECK-COUNT-1: call void @__belay_pin(ptr %i)
; CHECK-NOT:     call void @__belay_pin(
; CHECK:         ret void
define void @often() {
  %a = alloca [8 x i64]
  %b = alloca [8 x i64]
  %c = alloca [8 x i64]
  %d = alloca [8 x i64]
  %e = alloca [8 x i64]
  %f = alloca [8 x i64]
  %g = alloca [8 x i64]
  %h = alloca [8 x i64]
  %i = alloca [8 x i64]
  store volatile i64 1, ptr %a
  store volatile i64 1, ptr %b
  store volatile i64 1, ptr %c
  store volatile i64 1, ptr %d
  store volatile i64 1, ptr %e
  store volatile i64 1, ptr %f
  store volatile i64 1, ptr %g
  store volatile i64 1, ptr %h
  store volatile i64 1, ptr %i
  call void @belay_start_ckpt_once()
  store volatile i64 2, ptr %a
  call void @belay_stop_ckpt(i32 1)
  call void @belay_start_ckpt_once()
  store volatile i64 2, ptr %b
  call void @belay_stop_ckpt(i32 1)
  call void @belay_start_ckpt_once()
  store volatile i64 2, ptr %c
  call void @belay_stop_ckpt(i32 1)
  call void @belay_start_ckpt_once()
  store volatile i64 2, ptr %d
  call void @belay_stop_ckpt(i32 1)
  call void @belay_start_ckpt_once()
  store volatile i64 2, ptr %e
  call void @belay_stop_ckpt(i32 1)
  call void @belay_start_ckpt_once()
  store volatile i64 2, ptr %f
  call void @belay_stop_ckpt(i32 1)
  call void @belay_start_ckpt_once()
  store volatile i64 2, ptr %g
  call void @belay_stop_ckpt(i32 1)
  call void @belay_start_ckpt_once()
  store volatile i64 2, ptr %h
  call void @belay_stop_ckpt(i32 1)
  ret void
}
