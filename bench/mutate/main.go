// Command mutate changes code in small ways, one at a time, and sees whether a test fails: a
// change that no test notices is a rule that no test holds. It is run from the project's folder:
//
//	go run ./bench/mutate [-share N] [-seed N] [-workers N] PACKAGES
//
// All changes are in one binary of the tests of each package, behind a switch, so that nothing
// is compiled for each of them, and only the tests whose way leads through a change are run, the
// quick ones first. A test that is slow may skip when testing.Short says so. The tests of all
// PACKAGES count for each of them: ./engine/... is tried by those of engine and of the packages
// below it.
//
// It negates comparisons, moves their boundaries and counts the other way. An interrupt ends it
// with a report of what was tried until then.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dingdag/dingdag/bench/mutate/mutant"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	share := flag.Float64("share", 1, "how much of the changes is tried, chosen at random: 0.2 is a fifth")
	seed := flag.Uint64("seed", 1, "another one chooses others")
	workers := flag.Int("workers", 2, "how many changes are tried at once")
	flag.Parse()
	if err := mutate(ctx, os.Stdout, flag.Args(), *share, *seed, *workers); err != nil {
		fmt.Fprintln(os.Stderr, "mutate:", err)
		os.Exit(1) //nolint:gocritic // the process ends
	}
}

// mutate tries changes of packages and reports what became of them.
func mutate(ctx context.Context, out io.Writer, patterns []string, share float64, seed uint64, workers int) error {
	if len(patterns) == 0 {
		return errors.New("name the packages to change, for instance ./timetable")
	}
	if share <= 0 || share > 1 || workers < 1 {
		return errors.New("-share is above 0 and at most 1, -workers at least 1")
	}
	ps, err := list(ctx, patterns)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "mutate-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a folder of its own among temporary files
	all, err := overlay(dir, ps)
	if err != nil {
		return err
	}
	ts, err := build(ctx, dir, ps)
	if err != nil {
		return err
	}
	if err := cover(ctx, dir, all, ts, workers); err != nil {
		return err
	}
	rand.New(rand.NewPCG(seed, seed)).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] }) //nolint:gosec // it hides nothing
	try(ctx, out, all[:int(float64(len(all))*share)], workers)
	return report(out, all)
}

// room is what go list says of a package.
type room struct {
	Dir          string   `json:"Dir"`          //nolint:tagliatelle // go list's name
	ImportPath   string   `json:"ImportPath"`   //nolint:tagliatelle // go list's name
	GoFiles      []string `json:"GoFiles"`      //nolint:tagliatelle // go list's name
	TestGoFiles  []string `json:"TestGoFiles"`  //nolint:tagliatelle // go list's name
	XTestGoFiles []string `json:"XTestGoFiles"` //nolint:tagliatelle // go list's name
}

func list(ctx context.Context, patterns []string) (out []room, err error) {
	cmd := exec.CommandContext(ctx, "go", append([]string{"list", "-json=Dir,ImportPath,GoFiles,TestGoFiles,XTestGoFiles"}, patterns...)...) //nolint:gosec // packages
	cmd.Stderr = os.Stderr
	text, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	for d := json.NewDecoder(text); ; {
		var p room
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("read what go list says: %w", err)
		}
		out = append(out, p)
	}
	if err := cmd.Wait(); err != nil {
		return nil, fmt.Errorf("go list %s: %w", strings.Join(patterns, " "), err)
	}
	return out, nil
}

// overlay writes the changed files of packages, and the file that puts them in place.
func overlay(dir string, ps []room) ([]*change, error) {
	var c changer
	replace := map[string]string{}
	here, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	for _, p := range ps {
		for _, name := range p.GoFiles {
			name = filepath.Join(p.Dir, name)
			src, err := os.ReadFile(name) //nolint:gosec // named by go list
			if err != nil {
				return nil, err
			}
			text, err := c.file(strings.TrimPrefix(name, here+string(filepath.Separator)), src)
			if err != nil {
				return nil, err
			}
			replace[name] = filepath.Join(dir, fmt.Sprintf("%d.go", len(replace)))
			if err := os.WriteFile(replace[name], text, 0o600); err != nil { //nolint:gosec // a folder of ours
				return nil, err
			}
		}
	}
	if len(c.all) >= mutant.Most {
		return nil, fmt.Errorf("%d changes are more than %d: name fewer packages", len(c.all), mutant.Most-1)
	}
	b, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return nil, err
	}
	return c.all, os.WriteFile(filepath.Join(dir, "overlay.json"), b, 0o600)
}

// report counts what became of the changes that were tried.
func report(out io.Writer, all []*change) error {
	count := map[fate]int{}
	for _, c := range all {
		count[c.fate]++
	}
	noticed := count[killed] + count[timedOut]
	share := 100.0
	if of := noticed + count[lived]; of > 0 {
		share = 100 * float64(noticed) / float64(of)
	}
	_, err := fmt.Fprintf(out, "%d of %d changes tried: %d killed, %d timed out, %d lived, %d not covered; %.2f %% noticed of those covered\n",
		len(all)-count[untried], len(all), count[killed], count[timedOut], count[lived], count[notCovered], share)
	return err
}

// sorted are tests, the quick ones first.
func sorted(ts []*test) []*test {
	return slices.SortedStableFunc(slices.Values(ts), func(a, b *test) int { return int(a.took - b.took) })
}
