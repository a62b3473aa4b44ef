; Goal: memory that the region itself has made is not logged: it is gone after a rollback.
; Run: -passes=belay-instrument
; Run: -passes=belay-instrument -belay-no-born

; CHECK-LABEL: define void @before_start(
; CHECK:         call void @__belay_enter()
; CHECK-NEXT:    call void @__belay_log_4(ptr %block)
; CHECK-NEXT:    store i32 2

declare noalias ptr @malloc(i64)
declare void @use(ptr)
declare ptr @unknown_source()

; CHECK-LABEL: define void @fresh.ckpt(
; CHECK:         [[BLOCK:%.*]] = call ptr @malloc.ckpt(i64 16)
; CHECK-NOT:     __belay_log
; CHECK:         ret void
; CHECK2-LABEL: define void @fresh.ckpt(
; CHECK2:        call void @__belay_log_4
define void @fresh() {
  %block = call ptr @malloc(i64 16)
  store i32 1, ptr %block
  %second = getelementptr i8, ptr %block, i64 8
  store i32 2, ptr %second
  call void @use(ptr %block)
  ret void
}

; A clone's own locals are below the region's frame.
; CHECK-LABEL: define void @local.ckpt(
; CHECK-NOT:     __belay_log
; CHECK:         ret void
define void @local() {
  %x = alloca i32
  store i32 1, ptr %x
  call void @use(ptr %x)
  ret void
}

; Either of two blocks, one of them older.
; CHECK-LABEL: define void @either.ckpt(
; CHECK:         call void @__belay_log_4(ptr %both)
define void @either(i1 %c) {
  %new = call ptr @malloc(i64 16)
  %old = call ptr @unknown_source()
  %both = select i1 %c, ptr %new, ptr %old
  store i32 1, ptr %both
  ret void
}

declare void @__belay_enter() nounwind
declare i32 @__belay_leave(i32) nounwind

; In a function with markers the block may be older than the region.
define void @before_start() {
  %block = call ptr @malloc(i64 16)
  store i32 1, ptr %block
  call void @__belay_enter()
  store i32 2, ptr %block
  %1 = call i32 @__belay_leave(i32 1)
  ret void
}
