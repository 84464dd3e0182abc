// Package examples carries the example DAG files in the binary, for the demo and for
// people who want to copy them.
package examples

import "embed"

// Files holds the example DAG files, by name.
//
//go:embed *.yaml *.py
var Files embed.FS
