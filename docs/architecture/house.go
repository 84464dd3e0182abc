package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

const module = "github.com/dingdag/dingdag"

// house is the rooms and what each of them imports of the others.
type house map[string]map[string]bool

// own are the packages below a room that are rooms of their own, with what lies below them; the
// others belong to the room of their first folder.
var own = []string{"dag/dagfile", "engine/alter", "engine/live", "engine/phase", "engine/plan", "engine/request", "engine/schedule", "engine/scheduler", "engine/tell", "engine/why", "owners/lookup", "store/sqlstore", "store/sqlite", "store/postgres"}

// contracts are the rooms whose subfolders implement them, and import what the contract must not.
var contracts = []string{"operator", "callbacks"}

// outside are the folders that are no part of the program.
var outside = []string{"bench", "docs", "dags"}

func page(root string) string    { return filepath.Join(root, "docs", "architecture.md") }
func picture(root string) string { return filepath.Join(root, "docs", "images", "architecture.svg") }

// read asks go list for the packages of a module. Tests, and packages for tests alone, do not count.
func read(ctx context.Context, root string) (house, error) {
	cmd := exec.CommandContext(ctx, "go", "list", "-json=ImportPath,Imports", "./...")
	cmd.Dir = root
	var problems bytes.Buffer
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w\n%s", err, problems.String())
	}
	h := house{}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct {
			ImportPath string   `json:"ImportPath"` //nolint:tagliatelle // go list's own key
			Imports    []string `json:"Imports"`    //nolint:tagliatelle // as above
		}
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return h, h.check()
		} else if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		h.add(p.ImportPath, p.Imports)
	}
}

// add takes a package and its imports in.
func (h house) add(path string, imports []string) {
	from, ok := roomOf(path)
	if !ok {
		return
	}
	if h[from] == nil {
		h[from] = map[string]bool{}
	}
	for _, i := range imports {
		if to, ok := roomOf(i); ok && to != from {
			h[from][to] = true
		}
	}
}

// check refuses rooms that import each other.
func (h house) check() error {
	state := map[string]int{} // 1 on the way, 2 done
	var visit func(room string) error
	visit = func(room string) error {
		state[room] = 1
		for to := range h[room] {
			if state[to] == 1 {
				return fmt.Errorf("rooms import each other: %s and %s", room, to)
			}
			if state[to] == 0 {
				if err := visit(to); err != nil {
					return err
				}
			}
		}
		state[room] = 2
		return nil
	}
	for _, room := range h.rooms() {
		if state[room] == 0 {
			if err := visit(room); err != nil {
				return err
			}
		}
	}
	return nil
}

// roomOf is the room of a package; false for one that is in none.
func roomOf(path string) (string, bool) {
	path, ours := strings.CutPrefix(path, module+"/")
	if !ours || strings.HasSuffix(path, "test") {
		return "", false
	}
	for _, room := range own {
		if path == room || strings.HasPrefix(path, room+"/") {
			return room, true
		}
	}
	first, below, _ := strings.Cut(path, "/")
	if below != "" && slices.Contains(contracts, first) {
		first += "/…"
	}
	return first, !slices.Contains(outside, first)
}

// rooms are the names of all rooms, in order.
func (h house) rooms() []string { return slices.Sorted(maps.Keys(h)) }

// height is how many arrows lie at most between a room and the floor.
func (h house) height(room string) int {
	n := 0
	for to := range h[room] {
		n = max(n, h.height(to)+1)
	}
	return n
}

// reaches reports whether a chain of arrows leads from one room to another.
func (h house) reaches(from, to string) bool {
	for next := range h[from] {
		if next == to || h.reaches(next, to) {
			return true
		}
	}
	return false
}

// drawn are the arrows of a room that no longer way says anyhow.
func (h house) drawn(room string) (out []string) {
	for _, to := range slices.Sorted(maps.Keys(h[room])) {
		if !slices.ContainsFunc(h.rooms(), func(by string) bool { return h[room][by] && h.reaches(by, to) }) {
			out = append(out, to)
		}
	}
	return out
}

const (
	begin = "<!-- arrows: written by make architecture -->\n"
	end   = "<!-- end of arrows -->\n"
)

// listed is the page with the arrows as they are.
func (h house) listed(text []byte) ([]byte, error) {
	before, rest, ok := bytes.Cut(text, []byte(begin))
	_, after, closed := bytes.Cut(rest, []byte(end))
	if !ok || !closed {
		return nil, fmt.Errorf("the page has no place for the arrows: %q and %q", begin, end)
	}
	var b bytes.Buffer
	b.Write(before)
	b.WriteString(begin + "\n| room | imports |\n| --- | --- |\n")
	for _, room := range h.rooms() {
		var to []string
		for _, name := range slices.Sorted(maps.Keys(h[room])) {
			to = append(to, "`"+name+"`")
		}
		fmt.Fprintf(&b, "| `%s` | %s |\n", room, strings.Join(to, ", "))
	}
	b.WriteString("\n" + end)
	b.Write(after)
	return b.Bytes(), nil
}
