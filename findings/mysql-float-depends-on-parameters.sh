#!/usr/bin/env bash
# What github.com/go-sql-driver/mysql 1.10.1 returns for a FLOAT depends on whether the statement has parameters. Without any, the
# server (MariaDB 10.11 of Debian) writes the value as text with six digits: 16777215 comes as 1.67772e+07. With a parameter it
# is prepared, the value travels in binary, and all of it comes. Both are a float32. A BIGINT UNSIGNED above 2^63 is a uint64 without
# parameters and text with one. DOUBLE and DECIMAL are the same both ways.
#
# Why it matters: "SELECT amount FROM t WHERE id = 7" and "… WHERE id = ?" give two sums, and a check that compares a copied table
# with its source fails, or passes, by how its SQL is written. f * 1 is computed as DOUBLE and comes whole both ways. Clients
# that put parameters into the text, as Python's mysqlclient does, have six digits always.
set -euo pipefail
dir=$(mktemp -d)
server=
trap '[ -z "$server" ] || { kill "$server"; wait "$server" || true; }; rm -rf "$dir"' EXIT
command -v mariadbd >/dev/null || { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y mariadb-server >/dev/null; }
mkdir "$dir/data"
mariadb-install-db --no-defaults --user=root --datadir="$dir/data" --auth-root-authentication-method=normal >/dev/null 2>&1
mariadbd --no-defaults --user=root --datadir="$dir/data" --socket="$dir/s" --pid-file="$dir/pid" --skip-networking >"$dir/log" 2>&1 &
server=$!
for _ in $(seq 100); do
	mariadb-admin --no-defaults -uroot --socket="$dir/s" ping >/dev/null 2>&1 && break
	sleep 0.1
done
cd "$dir"
cat >go.mod <<'GO'
module finding

go 1.26
GO
cat >main.go <<'GO'
package main

import (
	"context"
	"database/sql"
	"fmt"
	"os"

	_ "github.com/go-sql-driver/mysql"
)

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	ctx := context.Background()
	db, err := sql.Open("mysql", "root@unix("+os.Args[1]+")/")
	check(err)
	c, err := db.Conn(ctx)
	check(err)
	for _, q := range []string{"CREATE DATABASE d", "USE d", "CREATE TABLE t (id INT, f FLOAT, d DOUBLE, n DECIMAL(12,2), u BIGINT UNSIGNED)",
		"INSERT INTO t VALUES (7, 16777215, 16777215, 16777215, 18446744073709551615)"} {
		_, err = c.ExecContext(ctx, q)
		check(err)
	}
	one := func(what, q string, args ...any) {
		var v any
		check(c.QueryRowContext(ctx, q, args...).Scan(&v))
		if b, ok := v.([]byte); ok {
			fmt.Printf("%s: text %s\n", what, b)
			return
		}
		fmt.Printf("%s: %T %v\n", what, v, v)
	}
	for _, x := range []string{"f", "f * 1", "d", "n", "u"} {
		one(x+" without parameters", "SELECT "+x+" FROM t WHERE id = 7")
		one(x+" with one", "SELECT "+x+" FROM t WHERE id = ?", 7)
	}
}
GO
go get github.com/go-sql-driver/mysql@v1.10.1 >/dev/null 2>&1
echo "server $(mariadbd --no-defaults --version | grep -o '10\.11')"
go run . "$dir/s" | tee seen
diff seen - <<'SEEN'
f without parameters: float32 1.67772e+07
f with one: float32 1.6777215e+07
f * 1 without parameters: float64 1.6777215e+07
f * 1 with one: float64 1.6777215e+07
d without parameters: float64 1.6777215e+07
d with one: float64 1.6777215e+07
n without parameters: text 16777215.00
n with one: text 16777215.00
u without parameters: uint64 18446744073709551615
u with one: text 18446744073709551615
SEEN
echo 'as recorded'
