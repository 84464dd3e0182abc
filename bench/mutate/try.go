package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/dingdag/dingdag/bench/mutate/mutant"
)

// test is one test of a binary.
type test struct {
	binary, dir, name string
	took              time.Duration
}

// build builds the tests of packages and lists them.
func build(ctx context.Context, dir string, ps []room) (out []*test, err error) {
	for n, p := range ps {
		if len(p.TestGoFiles)+len(p.XTestGoFiles) == 0 {
			continue
		}
		bin := filepath.Join(dir, strconv.Itoa(n)+".test")
		cmd := exec.CommandContext(ctx, "go", "test", "-c", "-vet=off", "-overlay", filepath.Join(dir, "overlay.json"), "-o", bin, p.ImportPath) //nolint:gosec // a package
		if text, err := cmd.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("build the tests of %s: %w\n%s", p.ImportPath, err, text)
		}
		cmd = exec.CommandContext(ctx, bin, "-test.list", "^(Test|Example|Fuzz)") //nolint:gosec // built above
		cmd.Dir = p.Dir
		text, err := cmd.Output()
		if err != nil {
			return nil, fmt.Errorf("list the tests of %s: %w", p.ImportPath, err)
		}
		for name := range strings.FieldsSeq(string(text)) {
			out = append(out, &test{binary: bin, dir: p.Dir, name: name})
		}
	}
	return out, nil
}

// each calls fn for all, as many at once as there are workers, until ctx ends.
func each[T any](ctx context.Context, workers int, all []T, fn func(int, T)) {
	var wg sync.WaitGroup
	next := make(chan int)
	for range workers {
		wg.Go(func() {
			for n := range next {
				if ctx.Err() == nil {
					fn(n, all[n])
				}
			}
		})
	}
	for n := range all {
		next <- n
	}
	close(next)
	wg.Wait()
}

// cover runs each test alone, and notes which changes it meets and how long it takes.
func cover(ctx context.Context, dir string, all []*change, ts []*test, workers int) error {
	errs, seen := make([]error, len(ts)), make([][]byte, len(ts))
	each(ctx, workers, ts, func(n int, t *test) {
		file := filepath.Join(dir, fmt.Sprintf("seen-%d", n))
		began := time.Now() //nolint:forbidigo // a stopwatch
		if text, err := together(ctx, []*test{t}, 10*time.Minute, mutant.Seen+"="+file); err != nil {
			errs[n] = fmt.Errorf("%s fails without a change: %w\n%s", t.name, err, text)
			return
		}
		t.took = time.Since(began)
		if seen[n], errs[n] = os.ReadFile(file); errors.Is(errs[n], os.ErrNotExist) { //nolint:gosec // a folder of ours
			errs[n] = nil // it meets none
		}
	})
	for n, ids := range seen {
		for id := range bytes.FieldsSeq(ids) {
			i, err := strconv.Atoi(string(id))
			if err != nil {
				return err
			}
			all[i-1].metBy = append(all[i-1].metBy, ts[n])
		}
	}
	return errors.Join(append(errs, ctx.Err())...)
}

// together runs tests of one binary, up to the first that fails.
func together(ctx context.Context, ts []*test, timeout time.Duration, env string) ([]byte, error) {
	names := make([]string, len(ts))
	for n, t := range ts {
		names[n] = t.name
	}
	run := "^(" + strings.Join(names, "|") + ")$"
	cmd := exec.CommandContext(ctx, ts[0].binary, "-test.short", "-test.failfast", "-test.timeout", timeout.String(), "-test.run", run) //nolint:gosec // built by us
	// A property that fails is no news here, and a file of it would stay among the tests.
	cmd.Dir, cmd.Env = ts[0].dir, append(os.Environ(), "RAPID_NOFAILFILE=1", env)
	return cmd.CombinedOutput()
}

// fate is what became of a change.
type fate string

const (
	untried    fate = ""
	killed     fate = "KILLED"
	lived      fate = "LIVED"
	timedOut   fate = "TIMED OUT"
	notCovered fate = "NOT COVERED"
)

// try tries changes, and prints those that no test failed for.
func try(ctx context.Context, out io.Writer, all []*change, workers int) {
	var mu sync.Mutex
	each(ctx, workers, all, func(_ int, c *change) {
		f := c.try(ctx)
		if ctx.Err() != nil {
			return // what it stopped has failed for that
		}
		c.fate = f
		if f != killed {
			mu.Lock()
			defer mu.Unlock()
			_, _ = fmt.Fprintf(out, "%s %s:%d %s: %s\n", f, c.file, c.line, c.to, c.from)
		}
	})
}

// try runs the tests that meet a change, some at first and then more at once. One that hangs is
// given ten times what it takes, and a minute.
func (c *change) try(ctx context.Context) fate {
	if len(c.metBy) == 0 {
		return notCovered
	}
	of := map[string][]*test{}
	var binaries []string
	for _, t := range sorted(c.metBy) {
		if of[t.binary] == nil {
			binaries = append(binaries, t.binary)
		}
		of[t.binary] = append(of[t.binary], t)
	}
	for _, b := range binaries {
		for ts, some := of[b], 4; len(ts) > 0; some *= 4 {
			now := ts[:min(some, len(ts))]
			ts = ts[len(now):]
			timeout := time.Minute
			for _, t := range now {
				timeout += 10 * t.took
			}
			text, err := together(ctx, now, timeout, fmt.Sprintf("%s=%d", mutant.Current, c.id))
			if bytes.Contains(text, []byte("panic: test timed out after")) {
				return timedOut
			}
			if err != nil {
				return killed
			}
		}
	}
	return lived
}
