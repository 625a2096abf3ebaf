#!/bin/sh
# Builds checksum.c into ../target/c/checksum.wasm, with wit-bindgen and zig as a C compiler:
#   cargo install wit-bindgen-cli@0.61.1
#   pip install ziglang==0.17.1
set -eu
cd "$(dirname "$0")"
out=../target/c
# task.h and task.c, and the description of the world as an object file.
wit-bindgen c ../../wit --world task --out-dir "$out"
# A reactor: it has functions to call and no `main`.
python3 -m ziglang cc -target wasm32-wasi -mexec-model=reactor -O2 -s -Wl,-z,stack-size=131072 -Wall -Wextra \
    -I"$out" checksum.c "$out/task.c" "$out/task_component_type.o" -o "$out/checksum.wasm"
