; Goal: where an unseen rollback may write, the optimiser believes in no visible stores alone.
; Run: -passes=belay-mark,globalopt
; Run: -passes=belay-mark,globalopt,belay-instrument

@hidden = internal global i32 1
declare void @belay_start_ckpt_once()
declare void @belay_stop_ckpt(i32)
declare noalias ptr @malloc(i64) allockind("alloc,uninitialized")

; CHECK: @hidden = internal global i32 1
; CHECK: declare ptr @belay.hidden.malloc(i64)
; CHECK2: @hidden = internal global i32 1
; CHECK2-NOT: @llvm.compiler.used
; CHECK2: declare ptr @malloc(i64)
define i32 @read() {
  %block = call noalias ptr @malloc(i64 4)
  call void @belay_start_ckpt_once()
  call void @belay_stop_ckpt(i32 1)
  %x = load i32, ptr @hidden
  ret i32 %x
}
