#!/bin/sh
# other_compiler.sh COMPILER ORIGINAL ARGUMENT...: a compiler launcher that runs COMPILER in place
# of the project's own, so that single targets can be built with another one.
compiler=$1
shift 2
exec "$compiler" "$@"
