package cli_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func cmdWaitLine(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 2, "waitline FILE PATTERN")
	pattern, err := regexp.Compile(`(?m)` + args[1])
	ts.Check(err)
	ts.Check(waitLine(ts.MkAbs(args[0]), pattern))
}

// waitLine reads a file again and again until it has what is wanted.
func waitLine(path string, pattern *regexp.Regexp) error {
	ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
	defer cancel()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for {
		b, err := os.ReadFile(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if pattern.Match(b) {
			return nil
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return fmt.Errorf("no %q in %s:\n%s", pattern, path, b)
		}
	}
}
