; Goal: one leading log where several would save the same bytes, and no fewer than that.
; Run: -passes=belay-redundant
; Run: -passes=belay-redundant -belay-no-promotion
; Run: -passes=belay-redundant -belay-no-redundant

@a = global i32 0

declare void @__belay_log_4(ptr) nounwind
declare void @__belay_log_8(ptr) nounwind
declare void @__belay_log_checked(ptr, i64) nounwind
declare void @__belay_enter() nounwind
declare i32 @__belay_leave(i32) nounwind
declare void @callee()
declare i32 @setjmp(ptr) returns_twice

; The seed's own example: under if (C), behind it, and once more.
; CHECK-LABEL: @seed(
; CHECK-NEXT:    call void @__belay_log_4(ptr @a)
; CHECK-NEXT:    br i1
; CHECK-NOT:     __belay_log_4
; CHECK:         ret void
; CHECK2-LABEL: @seed(
; CHECK2:       then:
; CHECK2-NEXT:    call void @__belay_log_4
; CHECK2:       join:
; CHECK2-NEXT:    call void @__belay_log_4
; CHECK2-NOT:     __belay_log_4
; CHECK2:         ret void
; CHECK3-LABEL: @seed(
; CHECK3-COUNT-3: call void @__belay_log_4
; CHECK3:         ret void
define void @seed(i1 %c) {
  br i1 %c, label %then, label %join
then:
  call void @__belay_log_4(ptr @a)
  store i32 1, ptr @a
  br label %join
join:
  call void @__belay_log_4(ptr @a)
  store i32 2, ptr @a
  call void @callee()
  call void @__belay_log_4(ptr @a)
  store i32 3, ptr @a
  ret void
}

; Both sides of a branch; the address is computed on each.
; CHECK-LABEL: @both_sides(
; CHECK-NEXT:    [[AT:%.*]] = getelementptr [4 x i32], ptr %p, i64 %i
; CHECK-NEXT:    [[AT2:%.*]] = getelementptr i8, ptr [[AT]], i64 4
; CHECK-NEXT:    call void @__belay_log_4(ptr [[AT2]])
; CHECK-NOT:     __belay_log_4
; CHECK:         ret void
define void @both_sides(i1 %c, ptr %p, i64 %i) {
  br i1 %c, label %then, label %else
then:
  %row1 = getelementptr inbounds [4 x i32], ptr %p, i64 %i
  %at1 = getelementptr inbounds i8, ptr %row1, i64 4
  call void @__belay_log_4(ptr %at1)
  store i32 1, ptr %at1
  br label %join
else:
  %row2 = getelementptr inbounds [4 x i32], ptr %p, i64 %i
  %at2 = getelementptr inbounds i8, ptr %row2, i64 4
  call void @__belay_log_4(ptr %at2)
  store i32 2, ptr %at2
  br label %join
join:
  ret void
}

; What only some paths log stays there: the address may be none at all on the others.
; CHECK-LABEL: @one_side(
; CHECK-NEXT:    br i1
; CHECK:       then:
; CHECK-NEXT:    call void @__belay_log_4
define void @one_side(i1 %c, ptr %p) {
  br i1 %c, label %then, label %join
then:
  call void @__belay_log_4(ptr %p)
  store i32 1, ptr %p
  br label %join
join:
  ret void
}

; Nor does it move over a call: that may end the program, or write there and mean it.
; CHECK-LABEL: @over_call(
; CHECK-NEXT:    call void @callee()
; CHECK-NEXT:    br i1
; CHECK:       then:
; CHECK-NEXT:    call void @__belay_log_4
; CHECK:       join:
; CHECK-NEXT:    call void @callee()
; CHECK-NEXT:    call void @__belay_log_4
define void @over_call(i1 %c, ptr %p) {
  call void @callee()
  br i1 %c, label %then, label %join
then:
  call void @__belay_log_4(ptr %p)
  store i32 1, ptr %p
  br label %join
join:
  call void @callee()
  call void @__belay_log_4(ptr %p)
  store i32 1, ptr %p
  ret void
}

; Nor over what takes a lock.
; CHECK-LABEL: @over_atomic(
; CHECK-NEXT:    br i1
; CHECK:       join:
; CHECK-NEXT:    load atomic
; CHECK-NEXT:    call void @__belay_log_4
define void @over_atomic(i1 %c, ptr %p, ptr %lock) {
  br i1 %c, label %then, label %join
then:
  call void @__belay_log_4(ptr %p)
  store i32 1, ptr %p
  br label %join
join:
  %held = load atomic i32, ptr %lock acquire, align 4
  call void @__belay_log_4(ptr %p)
  store i32 1, ptr %p
  ret void
}

; Before a loop for all of its rounds, if each of them logs.
; CHECK-LABEL: @loop(
; CHECK:         call void @__belay_log_8(ptr %sum)
; CHECK-NEXT:    br label %body
; CHECK:       body:
; CHECK-NOT:     __belay_log_8
; CHECK:         call void @__belay_log_4(ptr %at)
define void @loop(ptr %sum, ptr %p, i64 %n) {
entry:
  br label %body
body:
  %i = phi i64 [ 0, %entry ], [ %next, %body ]
  call void @__belay_log_8(ptr %sum)
  store i64 %i, ptr %sum
  %at = getelementptr i32, ptr %p, i64 %i
  call void @__belay_log_4(ptr %at)
  store i32 0, ptr %at
  %next = add i64 %i, 1
  %more = icmp ult i64 %next, %n
  br i1 %more, label %body, label %done
done:
  ret void
}

; A loop that may never be left gives no certainty about what is behind it.
; CHECK-LABEL: @behind_loop(
; CHECK:         br i1 %c, label %then, label %spin
; CHECK:       then:
; CHECK-NEXT:    call void @__belay_log_4
; CHECK:       join:
; CHECK-NEXT:    call void @__belay_log_4
define void @behind_loop(i1 %c, i1 %d, ptr %p) {
  br i1 %c, label %then, label %spin
then:
  call void @__belay_log_4(ptr %p)
  store i32 1, ptr %p
  br label %spin
spin:
  br i1 %d, label %spin, label %join
join:
  call void @__belay_log_4(ptr %p)
  store i32 1, ptr %p
  ret void
}

; The same name in another round of a loop is another address.
; CHECK-LABEL: @rounds(
; CHECK:       body:
; CHECK:         call void @__belay_log_8(ptr %node)
; CHECK-NOT:     __belay_log_8
; CHECK:       done:
define void @rounds(ptr %first) {
entry:
  br label %body
body:
  %node = phi ptr [ %first, %entry ], [ %next, %body ]
  %next = load ptr, ptr %node
  call void @__belay_log_8(ptr %node)
  store ptr null, ptr %node
  %end = icmp eq ptr %next, null
  br i1 %end, label %done, label %body
done:
  ret void
}

; A wider log serves a narrower one, not the reverse.
; CHECK-LABEL: @widths(
; CHECK-NEXT:    call void @__belay_log_8(ptr %p)
; CHECK-NEXT:    getelementptr
; CHECK-NEXT:    getelementptr
; CHECK-NEXT:    call void @__belay_log_4(ptr %q)
; CHECK-NEXT:    call void @__belay_log_8(ptr %q)
; CHECK-NEXT:    ret void
define void @widths(ptr %p) {
  call void @__belay_log_8(ptr %p)
  %second = getelementptr i8, ptr %p, i64 4
  call void @__belay_log_4(ptr %second)
  call void @__belay_log_4(ptr %p)
  %q = getelementptr i8, ptr %p, i64 16
  call void @__belay_log_4(ptr %q)
  call void @__belay_log_8(ptr %q)
  call void @__belay_log_4(ptr %q)
  ret void
}

; Another region knows nothing of it: neither behind its start, nor behind its end.
; CHECK-LABEL: @regions(
; CHECK-COUNT-3: call void @__belay_log_4
; CHECK-NOT:     __belay_log_4
; CHECK:         ret void
define void @regions(ptr %p) {
  call void @__belay_enter()
  call void @__belay_log_4(ptr %p)
  call void @__belay_log_4(ptr %p)
  call void @__belay_enter()
  call void @__belay_log_4(ptr %p)
  call void @__belay_log_4(ptr %p)
  %1 = call i32 @__belay_leave(i32 0)
  call void @__belay_log_4(ptr %p)
  call void @__belay_log_4(ptr %p)
  %2 = call i32 @__belay_leave(i32 0)
  ret void
}

; Control may come back to a setjmp after a rewind, when the log is empty again.
; CHECK-LABEL: @jumps(
; CHECK-COUNT-2: call void @__belay_log_4
; CHECK:         ret void
define void @jumps(ptr %p, ptr %buffer) {
  call void @__belay_log_4(ptr %p)
  %1 = call i32 @setjmp(ptr %buffer) returns_twice
  call void @__belay_log_4(ptr %p)
  ret void
}

; Where code may also run outside of regions, what is put in front looks for itself.
; CHECK-LABEL: @maybe(
; CHECK-NEXT:    call void @__belay_log_checked(ptr %p, i64 4)
; CHECK-NEXT:    br i1
; CHECK-NOT:     __belay_log_
; CHECK:         ret void
define void @maybe(i1 %c, ptr %p) {
  br i1 %c, label %then, label %join
then:
  call void @__belay_log_checked(ptr %p, i64 4)
  store i32 1, ptr %p
  br label %join
join:
  call void @__belay_log_checked(ptr %p, i64 4)
  store i32 1, ptr %p
  ret void
}
