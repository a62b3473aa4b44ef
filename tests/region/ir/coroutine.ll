; Goal: a region in a coroutine is refused, with a sentence.
; Fails: -passes=belay-mark
; CHECK: belay: a region in a coroutine

declare void @belay_start_ckpt_once()
declare void @belay_stop_ckpt(i32)

define void @suspends() presplitcoroutine {
  call void @belay_start_ckpt_once()
  call void @belay_stop_ckpt(i32 1)
  ret void
}
