package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// suite is a package with benchmarks, as a program of its own.
type suite struct {
	dir, binary string
	args        []string
}

// build compiles the benchmarks of a folder.
func build(ctx context.Context, into, dir string, args ...string) (suite, error) {
	s := suite{dir: dir, binary: filepath.Join(into, filepath.Base(dir)+".test"), args: args}
	cmd := exec.CommandContext(ctx, "go", "test", "-c", "-o", s.binary, "./"+dir) //nolint:gosec // a folder of ours
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return suite{}, fmt.Errorf("build the benchmarks of %s: %w", dir, err)
	}
	return s, nil
}

// run measures one figure in a fresh process, so that no figure pays for what another left in
// memory, with its files below tmp.
func (s suite) run(ctx context.Context, bench, tmp string) ([]byte, error) {
	names := strings.Split("Benchmark"+bench, "/")
	for i, n := range names {
		names[i] = "^" + regexp.QuoteMeta(n) + "$"
	}
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, s.binary, append([]string{"-test.run", "^$", "-test.bench", strings.Join(names, "/")}, s.args...)...) //nolint:gosec // built by us
	cmd.Dir, cmd.Env = s.dir, append(os.Environ(), "TMPDIR="+tmp)
	cmd.Stdout, cmd.Stderr = io.MultiWriter(&out, os.Stderr), os.Stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("benchmark %s: %w", bench, err)
	}
	if !bytes.HasPrefix(out.Bytes(), []byte("goos")) {
		return nil, fmt.Errorf("there is no benchmark %s", bench)
	}
	return out.Bytes(), nil
}

// benches are the benchmarks that the rows need and that match, each once, floors beside their
// results.
func benches(only *regexp.Regexp) (all []string) {
	seen := map[string]bool{"": true}
	for _, r := range rows() {
		for _, name := range []string{r.result.bench, r.floor.bench} {
			if !seen[name] && only.MatchString(name) {
				seen[name] = true
				all = append(all, name)
			}
		}
	}
	return all
}

// measure runs every benchmark so many times, in turn, and returns what they print.
func measure(ctx context.Context, only *regexp.Regexp, count int, tmp string) (out bytes.Buffer, err error) {
	into, err := os.MkdirTemp("", "benchmarks-")
	if err != nil {
		return out, err
	}
	defer func() { _ = os.RemoveAll(into) }()
	engine, err := build(ctx, into, "bench", "-test.benchtime", "1x", "-test.timeout", "30m")
	if err != nil {
		return out, err
	}
	hook, err := build(ctx, into, "hook", "-test.benchmem")
	if err != nil {
		return out, err
	}
	for range count {
		for _, name := range benches(only) {
			s := engine
			if ofHook.MatchString(name) {
				s = hook
			}
			text, err := s.run(ctx, name, tmp)
			if err != nil {
				return out, err
			}
			out.Write(text)
		}
	}
	return out, nil
}

// ofHook matches the benchmarks that lie with the hook.
var ofHook = regexp.MustCompile(`^(Send|NetHTTP|App|ColdToken|AppendRows)`)
