; Goal: a function that returns in its own region is refused, with a sentence.
; Fails: -passes=belay-mark
; CHECK: belay: the function returns in a region; call stop_ckpt() before

declare void @belay_start_ckpt_once()

define void @forgetful() {
  call void @belay_start_ckpt_once()
  ret void
}
