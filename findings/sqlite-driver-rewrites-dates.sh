#!/usr/bin/env bash
# modernc.org/sqlite 1.60.1 (Go): text in a column declared DATE, DATETIME or TIMESTAMP does not
# come back as it is stored. The driver reads it as a time, and the text of that time is another:
# 2024-01-02T09:00:00Z becomes 2024-01-02 09:00:00 +0000 UTC, or without the zone in whatever form
# the program prints. No option turns this off; an expression such as max(at) gives the stored text.
#
# Why it matters: a watermark that a task reads from a row and binds into the next query does not
# find that row again, while the same query through max() does. Dingdag reads the stored text.
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
	"database/sql"
	"fmt"

	_ "modernc.org/sqlite"
)

func main() {
	db, err := sql.Open("sqlite", ":memory:")
	check(err)
	db.SetMaxOpenConns(1)
	_, err = db.Exec("CREATE TABLE t (at DATETIME); INSERT INTO t VALUES ('2024-01-02T09:00:00Z')")
	check(err)
	var column, expression any
	check(db.QueryRow("SELECT at, max(at) FROM t").Scan(&column, &expression))
	var found int
	check(db.QueryRow("SELECT count(*) FROM t WHERE at = ?", column).Scan(&found))
	fmt.Printf("column: %T\nexpression: %T %v\nfound again: %d\n", column, expression, expression, found)
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
EOF
go get modernc.org/sqlite@v1.60.1 >/dev/null 2>&1
go run . | tee out
diff out - <<'EOF'
column: time.Time
expression: string 2024-01-02T09:00:00Z
found again: 0
EOF
echo "as found"
