#!/usr/bin/env bash
# Big5 has two readings. Python's codec big5 (3.11) and golang.org/x/text 0.43.0, which follows the
# Encoding Standard of the browsers, give other characters for 260 valid pairs of bytes: 11 symbols
# of the rows A1 and A2 (A145 is • in Python, ‧ in browsers), and all of the rows C6 and C7, where
# Python has Japanese kana and the standard has ①, ⑴, ⅰ, radicals and kana at other places.
# Neither of them reports anything.
#
# Why it matters: a report in Big5 that a task fetches says ① in the browser and ヾ in Python. Dingdag
# follows Python in the rows A1 and A2 and the browsers in C6 and C7.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >go.mod <<'EOF'
module finding

go 1.25
EOF
cat >main.go <<'EOF'
package main

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"os"
	"strings"

	"golang.org/x/text/encoding/traditionalchinese"
)

func main() {
	rows := map[string]int{}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		pair, want, _ := strings.Cut(lines.Text(), " ")
		raw, err := hex.DecodeString(pair)
		if err != nil {
			panic(err)
		}
		got, err := traditionalchinese.Big5.NewDecoder().Bytes(raw)
		if err != nil {
			panic(err)
		}
		if string(got) != want {
			rows[pair[:2]]++
		}
		if pair == "a145" || pair == "c6a1" {
			fmt.Printf("%s: Python %s, Go %s\n", pair, want, got)
		}
	}
	fmt.Println(rows)
}
EOF
go get golang.org/x/text@v0.43.0 >/dev/null 2>&1
command -v python3 >/dev/null || apt-get install -qq -y python3 >/dev/null
python3 - >pairs <<'EOF'
for a in range(0xa1, 0xfa):
    for b in range(0x40, 0xff):
        try:
            text = bytes([a, b]).decode("big5")
        except UnicodeDecodeError:
            continue
        if len(text) == 1:
            print(f"{a:02x}{b:02x} {text}")
EOF
python3 --version
PYTHONIOENCODING=utf-8 go run . <pairs | tee out
diff out - <<'EOF'
a145: Python •, Go ‧
c6a1: Python ヾ, Go ①
map[a1:6 a2:5 c6:94 c7:155]
EOF
echo "as found"
