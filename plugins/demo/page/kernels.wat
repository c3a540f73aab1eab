;; The layers of the network in WebAssembly: float32, four numbers at a time.
;; All arguments are places in memory (in bytes) and numbers of things. kernels.js does the same.
(module
  (memory (export "memory") 32)

  ;; A convolution with windows of 5 x 5: in [channels, width, width], weights [outputs, channels, 5, 5],
  ;; biases [outputs], out [outputs, width - 4, width - 4]. width - 4 is a multiple of 4.
  (func (export "convolve")
    (param $in i32) (param $weights i32) (param $biases i32) (param $out i32)
    (param $channels i32) (param $width i32) (param $outputs i32)
    (local $side i32) (local $row i32) (local $o i32) (local $y i32) (local $x i32) (local $c i32)
    (local $dy i32) (local $dx i32) (local $w i32) (local $from i32) (local $to i32)
    (local $weight v128) (local $bias v128)
    (local $a v128) (local $b v128) (local $d v128) (local $e v128) ;; sums of four rows
    (local.set $side (i32.sub (local.get $width) (i32.const 4)))
    (local.set $row (i32.shl (local.get $width) (i32.const 2)))
    (loop $each_output
      (local.set $bias (v128.load32_splat (local.get $biases)))
      (local.set $y (i32.const 0))
      (loop $four_rows
        (local.set $x (i32.const 0))
        (loop $four_columns
          (local.set $a (local.get $bias)) (local.set $b (local.get $bias))
          (local.set $d (local.get $bias)) (local.set $e (local.get $bias))
          (local.set $w (local.get $weights))
          (local.set $c (i32.const 0))
          (loop $each_channel
            (local.set $dy (i32.const 0))
            (loop $each_line
              (local.set $from (i32.add (local.get $in) (i32.shl (i32.add (local.get $x)
                (i32.mul (local.get $width) (i32.add (i32.add (local.get $y) (local.get $dy))
                  (i32.mul (local.get $c) (local.get $width))))) (i32.const 2))))
              (local.set $dx (i32.const 5))
              (loop $each_weight
                (local.set $weight (v128.load32_splat (local.get $w)))
                (local.set $to (local.get $from))
                (local.set $a (f32x4.add (local.get $a)
                  (f32x4.mul (local.get $weight) (v128.load (local.get $to)))))
                (local.set $to (i32.add (local.get $to) (local.get $row)))
                (local.set $b (f32x4.add (local.get $b)
                  (f32x4.mul (local.get $weight) (v128.load (local.get $to)))))
                (local.set $to (i32.add (local.get $to) (local.get $row)))
                (local.set $d (f32x4.add (local.get $d)
                  (f32x4.mul (local.get $weight) (v128.load (local.get $to)))))
                (local.set $to (i32.add (local.get $to) (local.get $row)))
                (local.set $e (f32x4.add (local.get $e)
                  (f32x4.mul (local.get $weight) (v128.load (local.get $to)))))
                (local.set $w (i32.add (local.get $w) (i32.const 4)))
                (local.set $from (i32.add (local.get $from) (i32.const 4)))
                (br_if $each_weight (local.tee $dx (i32.sub (local.get $dx) (i32.const 1)))))
              (local.set $dy (i32.add (local.get $dy) (i32.const 1)))
              (br_if $each_line (i32.lt_u (local.get $dy) (i32.const 5))))
            (local.set $c (i32.add (local.get $c) (i32.const 1)))
            (br_if $each_channel (i32.lt_u (local.get $c) (local.get $channels))))
          (local.set $to (i32.add (local.get $out) (i32.shl (i32.add (local.get $x)
            (i32.mul (local.get $side) (i32.add (local.get $y)
              (i32.mul (local.get $o) (local.get $side))))) (i32.const 2))))
          (v128.store (local.get $to) (local.get $a))
          (local.set $to (i32.add (local.get $to) (i32.shl (local.get $side) (i32.const 2))))
          (v128.store (local.get $to) (local.get $b))
          (local.set $to (i32.add (local.get $to) (i32.shl (local.get $side) (i32.const 2))))
          (v128.store (local.get $to) (local.get $d))
          (local.set $to (i32.add (local.get $to) (i32.shl (local.get $side) (i32.const 2))))
          (v128.store (local.get $to) (local.get $e))
          (local.set $x (i32.add (local.get $x) (i32.const 4)))
          (br_if $four_columns (i32.lt_u (local.get $x) (local.get $side))))
        (local.set $y (i32.add (local.get $y) (i32.const 4)))
        (br_if $four_rows (i32.lt_u (local.get $y) (local.get $side))))
      (local.set $weights (local.get $w))
      (local.set $biases (i32.add (local.get $biases) (i32.const 4)))
      (local.set $o (i32.add (local.get $o) (i32.const 1)))
      (br_if $each_output (i32.lt_u (local.get $o) (local.get $outputs)))))

  ;; The largest of each 2 x 2: in [rows, width], an even number of both, out [rows / 2, width / 2].
  (func (export "pool") (param $in i32) (param $out i32) (param $rows i32) (param $width i32)
    (local $end i32) (local $row i32)
    (local.set $row (i32.shl (local.get $width) (i32.const 2)))
    (loop $two_rows
      (local.set $end (i32.add (local.get $in) (local.get $row)))
      (loop $two_columns
        (f32.store (local.get $out) (f32.max
          (f32.max (f32.load (local.get $in)) (f32.load offset=4 (local.get $in)))
          (f32.max (f32.load (i32.add (local.get $in) (local.get $row)))
            (f32.load offset=4 (i32.add (local.get $in) (local.get $row))))))
        (local.set $out (i32.add (local.get $out) (i32.const 4)))
        (local.set $in (i32.add (local.get $in) (i32.const 8)))
        (br_if $two_columns (i32.lt_u (local.get $in) (local.get $end))))
      (local.set $in (i32.add (local.get $in) (local.get $row)))
      (br_if $two_rows (local.tee $rows (i32.sub (local.get $rows) (i32.const 2))))))

  ;; A dense layer: in [inputs], a multiple of 4, weights [outputs, inputs], biases and out [outputs].
  ;; With relu, what is negative becomes 0.
  (func (export "dense")
    (param $in i32) (param $weights i32) (param $biases i32) (param $out i32)
    (param $inputs i32) (param $outputs i32) (param $relu i32)
    (local $from i32) (local $end i32) (local $sum v128) (local $total f32)
    (loop $each_output
      (local.set $sum (v128.const f32x4 0 0 0 0))
      (local.set $from (local.get $in))
      (local.set $end (i32.add (local.get $in) (i32.shl (local.get $inputs) (i32.const 2))))
      (loop $four_inputs
        (local.set $sum (f32x4.add (local.get $sum)
          (f32x4.mul (v128.load (local.get $from)) (v128.load (local.get $weights)))))
        (local.set $weights (i32.add (local.get $weights) (i32.const 16)))
        (local.set $from (i32.add (local.get $from) (i32.const 16)))
        (br_if $four_inputs (i32.lt_u (local.get $from) (local.get $end))))
      (local.set $total (f32.add (f32.load (local.get $biases)) (f32.add
        (f32.add (f32x4.extract_lane 0 (local.get $sum)) (f32x4.extract_lane 1 (local.get $sum)))
        (f32.add (f32x4.extract_lane 2 (local.get $sum)) (f32x4.extract_lane 3 (local.get $sum))))))
      (f32.store (local.get $out) (select (f32.max (local.get $total) (f32.const 0))
        (local.get $total) (local.get $relu)))
      (local.set $biases (i32.add (local.get $biases) (i32.const 4)))
      (local.set $out (i32.add (local.get $out) (i32.const 4)))
      (br_if $each_output (local.tee $outputs (i32.sub (local.get $outputs) (i32.const 1)))))))
