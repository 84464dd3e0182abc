#!/usr/bin/env bash
# A pattern of a JSON Schema means something else to Python's jsonschema (4.10.3 of Debian) than to validators in Go
# (github.com/santhosh-tekuri/jsonschema/v6 6.0.3) and to JavaScript (node 20), whose regular expressions the specification names. To
# Python \d is a digit of any script, so that ２０２６ from a Chinese keyboard fits ^\d{4}$, and $ is also before a line break at the end.
# int() of Python takes both for 2026.
#
# Why it matters: a param of an Airflow DAG with this pattern passes the form with full-width digits and with a pasted line break, and only the
# path, the partition or the SQL that is made of it names nothing. Dingdag, and forms in a browser, refuse both: write [0-9], and look at
# DAGs that come from Airflow before somebody is used to typing so.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
if ! /usr/bin/python3 -c 'import jsonschema' 2>/dev/null || ! command -v node >/dev/null; then
	apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y python3-jsonschema nodejs >/dev/null
fi
cat >go.mod <<'GO'
module finding

go 1.26
GO
cat >main.go <<'GO'
package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

func main() {
	schema, err := jsonschema.UnmarshalJSON(strings.NewReader(os.Args[1]))
	if err != nil {
		panic(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("s.json", schema); err != nil {
		panic(err)
	}
	s, err := c.Compile("s.json")
	if err != nil {
		panic(err)
	}
	for _, text := range os.Args[2:] {
		fmt.Print(" ", s.Validate(text) == nil)
	}
	fmt.Println()
}
GO
go get github.com/santhosh-tekuri/jsonschema/v6@v6.0.3 >/dev/null 2>&1
cat >finding.py <<'PY'
import json
import sys

import jsonschema

schema = json.loads(sys.argv[1])
print("", *(str(jsonschema.Draft7Validator(schema).is_valid(text)).lower() for text in sys.argv[2:]))
PY
cat >finding.mjs <<'JS'
const [schema, ...texts] = process.argv.slice(2)
const pattern = new RegExp(JSON.parse(schema).pattern, 'u')
console.log('', ...texts.map((text) => pattern.test(text)))
JS
{
	for pattern in '^\\d{4}$' '^[0-9]{4}$'; do
		schema="{\"type\": \"string\", \"pattern\": \"$pattern\"}"
		echo "$pattern python:$(/usr/bin/python3 finding.py "$schema" 2026 ２０２６ $'2026\n')"
		echo "$pattern go:$(go run . "$schema" 2026 ２０２６ $'2026\n')"
		echo "$pattern node:$(node finding.mjs "$schema" 2026 ２０２６ $'2026\n')"
	done
} | tee seen
diff seen - <<'SEEN'
^\\d{4}$ python: true true true
^\\d{4}$ go: true false false
^\\d{4}$ node: true false false
^[0-9]{4}$ python: true false true
^[0-9]{4}$ go: true false false
^[0-9]{4}$ node: true false false
SEEN
echo 'as recorded'
