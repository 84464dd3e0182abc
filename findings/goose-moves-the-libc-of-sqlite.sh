#!/usr/bin/env bash
# goose 3.30.1 moves modernc.org/libc away from the version that modernc.org/sqlite was translated for. sqlite 1.62.0
# names libc 1.80.1, goose 3.30.1 names 1.80.2, and Go takes the newer one for a program that uses both. The program
# builds and runs; the documentation of modernc.org/sqlite asks for the very version that its go.mod names.
#
# Why it matters: a store that is read and written by translated C code over another C library than it was translated
# for is untested ground, and nobody sees the difference in a build. Dingdag stays at goose 3.28.0, and a test compares
# the two versions.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >go.mod <<'EOF'
module finding

go 1.26
EOF
libc() { go list -m -f '{{.Version}}' modernc.org/libc; }
go get modernc.org/sqlite@v1.62.0 >/dev/null 2>&1
alone=$(libc)
go get github.com/pressly/goose/v3@v3.28.0 >/dev/null 2>&1
beside28=$(libc)
go get github.com/pressly/goose/v3@v3.30.1 >/dev/null 2>&1
beside30=$(libc)
echo "libc with sqlite 1.62.0 alone: $alone, with goose 3.28.0: $beside28, with goose 3.30.1: $beside30; sqlite is $(go list -m -f '{{.Version}}' modernc.org/sqlite)"
[ "$alone $beside28 $beside30" = "v1.80.1 v1.80.1 v1.80.2" ]
