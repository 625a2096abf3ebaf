;; The kernel of `stepwell calibrate`: integers, branches and a mebibyte of memory, always the same work.
(component
  (core module $kernel
    (memory (export "memory") 17)
    (data (i32.const 64) "null")
    (global $next (mut i32) (i32.const 1114112))
    (func (export "realloc") (param i32 i32 i32) (param $size i32) (result i32)
      (i32.sub (global.get $next) (i32.and (i32.add (local.get $size) (i32.const 15)) (i32.const -8))))
    (func (export "handle") (param i32 i32) (result i32)
      (local $i i32) (local $x i64) (local $at i32)
      (local.set $x (i64.const 88172645463325252))
      (loop $again
        ;; xorshift64
        (local.set $x (i64.xor (local.get $x) (i64.shl (local.get $x) (i64.const 13))))
        (local.set $x (i64.xor (local.get $x) (i64.shr_u (local.get $x) (i64.const 7))))
        (local.set $x (i64.xor (local.get $x) (i64.shl (local.get $x) (i64.const 17))))
        (local.set $at
          (i32.add (i32.const 1024)
            (i32.and (i32.wrap_i64 (local.get $x)) (i32.const 0xFFFF8))))
        (if (i64.eqz (i64.and (local.get $x) (i64.const 3)))
          (then
            (i64.store (local.get $at) (local.get $x)))
          (else
            (local.set $x
              (i64.add (local.get $x) (i64.load (local.get $at))))))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if $again (i32.lt_u (local.get $i) (i32.const 4000000))))
      (i32.store (i32.const 16) (i32.const 0))
      (i32.store (i32.const 20) (i32.const 64))
      (i32.store (i32.const 24) (i32.const 4))
      (i32.const 16)))
  (core instance $kernel (instantiate $kernel))
  (type $failure (record (field "error" string) (field "cause" string)))
  (type $result (result string (error $failure)))
  (type $handle-type (func (param "event" string) (result $result)))
  (func $handle (type $handle-type)
    (canon lift (core func $kernel "handle") (memory (core memory $kernel "memory"))
      (realloc (core func $kernel "realloc"))))
  (component $shim
    (type $failure (record (field "error" string) (field "cause" string)))
    (import "failure" (type $imported (eq $failure)))
    (type $result (result string (error $imported)))
    (import "handle" (func $handle (param "event" string) (result $result)))
    (export $exported "failure" (type $failure))
    (type $answer (result string (error $exported)))
    (export "handle" (func $handle) (func (param "event" string) (result $answer))))
  (instance $handler
    (instantiate $shim (with "failure" (type $failure)) (with "handle" (func $handle))))
  (export "stepwell:task/handler@0.1.0" (instance $handler)))
