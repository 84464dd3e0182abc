// Package pagetest keeps the tables of pages that tests write.
package pagetest

import (
	"os"
	"strings"
	"testing"
)

// Table compares what stands on a page between two marks with a table, or with write puts the
// table there. how says what to call for that.
func Table(t *testing.T, path, begin, end, table string, write bool, how string) {
	t.Helper()
	text, err := os.ReadFile(path) //nolint:gosec // a page of this repository
	if err != nil {
		t.Fatal(err)
	}
	head, rest, begun := strings.Cut(string(text), begin)
	got, tail, ended := strings.Cut(rest, end)
	switch {
	case !begun || !ended:
		t.Fatalf("%s has no place for the table, between %q and %q", path, begin, end)
	case write:
		if err := os.WriteFile(path, []byte(head+begin+table+end+tail), 0o600); err != nil { //nolint:gosec // as above
			t.Fatal(err)
		}
	case got != table:
		t.Errorf("%s: %s writes it anew; it has\n%s\nand the program says\n%s", path, how, got, table)
	}
}
