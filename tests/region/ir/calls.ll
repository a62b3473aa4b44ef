; Goal: calls in regions go to clones; what has none is asked for when the program runs.
; Run: -passes=belay-instrument

@pointers = global [1 x ptr] [ptr @here]
; CHECK: @belay.clones = internal constant [{{[0-9]+}} x { ptr, ptr }]
; CHECK: @llvm.global_ctors

declare void @elsewhere()
declare i64 @strlen(ptr)
declare ptr @strcpy(ptr, ptr)

define void @here() {
  ret void
}

; CHECK-LABEL: define void @caller.ckpt(
; CHECK:         call void @here.ckpt()
; CHECK-NEXT:    call i64 @strlen(
; CHECK-NEXT:    call ptr @strcpy.ckpt(
; CHECK:         icmp eq ptr @elsewhere.ckpt, null
; CHECK:         call ptr @__belay_unknown_call(ptr @belay.text{{.*}}, ptr @elsewhere)
; CHECK:         [[EITHER:%.*]] = phi ptr
; CHECK-NEXT:    call void [[EITHER]]()
; CHECK:         call ptr @__belay_resolve(ptr %f, ptr @belay.site
; CHECK:         ret void
define void @caller(ptr %f, ptr %p) {
  call void @here()
  %1 = call i64 @strlen(ptr %p)
  %2 = call ptr @strcpy(ptr %p, ptr %p)
  call void @elsewhere()
  call void %f()
  ret void
}

; CHECK: declare extern_weak void @elsewhere.ckpt()
