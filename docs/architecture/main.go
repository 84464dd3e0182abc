// Command architecture draws the rooms of this module and the arrows between them, as go list
// reports them, into docs/images/architecture.svg, and lists the arrows in docs/architecture.md.
package main

import (
	"context"
	"fmt"
	"os"
)

func main() {
	if err := write(context.Background(), "."); err != nil {
		fmt.Fprintln(os.Stderr, "architecture:", err)
		os.Exit(1)
	}
}

// write brings the page and the picture of the module in a folder up to date.
func write(ctx context.Context, root string) error {
	h, err := read(ctx, root)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(page(root))
	if err != nil {
		return err
	}
	text, err = h.listed(text)
	if err != nil {
		return err
	}
	if err := os.WriteFile(page(root), text, 0o644); err != nil { //nolint:gosec // a page for everybody
		return err
	}
	return os.WriteFile(picture(root), h.draw(), 0o644) //nolint:gosec // as above
}
