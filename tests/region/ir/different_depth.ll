; Goal: where it is not known which region a stop is of, it is refused, with the ways out.
; Fails: -passes=belay-mark
; CHECK: belay: reached from regions of different depth
; CHECK-SAME: end each in a catch (...) of its own, or use belay::attempt() or belay::undo_guard

declare void @belay_start_ckpt_once()
declare void @belay_stop_ckpt(i32)
declare void @work()
declare i32 @__gxx_personality_v0(...)

; The handler of the outer try statement is entered from both regions.
define void @ambiguous() personality ptr @__gxx_personality_v0 {
  call void @belay_start_ckpt_once()
  invoke void @work() to label %inner unwind label %handler
inner:
  call void @belay_start_ckpt_once()
  invoke void @work() to label %done unwind label %handler
done:
  call void @belay_stop_ckpt(i32 0)
  call void @belay_stop_ckpt(i32 0)
  ret void
handler:
  %thrown = landingpad { ptr, i32 } catch ptr null
  call void @belay_stop_ckpt(i32 1)
  ret void
}
