// Command dingtalk lists the calls of DingTalk's app API in docs/dingtalk.md: which operators
// make each of them, which tests hold it, and how sure its facts are. All of it is read from
// the code: the directives of package hook, what operators call, and the names in their tests.
package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
)

//go:generate go run . ../..

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "dingtalk:", err)
		os.Exit(1)
	}
}

// run writes the page of the module in the folder that the arguments name.
func run(ctx context.Context, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("want the folder of the module, got %d arguments", len(args))
	}
	old, text, err := listed(ctx, args[0])
	if err != nil || bytes.Equal(old, text) { // an unchanged file keeps its time
		return err
	}
	return os.WriteFile(page(args[0]), text, 0o644) //nolint:gosec // a page for everybody
}

func page(root string) string { return filepath.Join(root, "docs", "dingtalk.md") }

// The table stands between these lines of the page.
const begins, ends = "<!-- calls: written by go generate -->\n", "<!-- end of calls -->\n"

// listed is the page as it is, and with the table of today.
func listed(ctx context.Context, root string) (old, text []byte, err error) {
	if old, err = os.ReadFile(page(root)); err != nil {
		return nil, nil, err
	}
	before, rest, found := bytes.Cut(old, []byte(begins))
	_, after, ended := bytes.Cut(rest, []byte(ends))
	if !found || !ended {
		return nil, nil, fmt.Errorf("%s has no lines %q and %q", page(root), begins, ends)
	}
	calls, err := read(ctx, root)
	if err != nil {
		return nil, nil, err
	}
	return old, bytes.Join([][]byte{before, []byte(begins), []byte(table(calls)), []byte(ends), after}, nil), nil
}
