package sensor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
)

// globber finds files by a pattern as Python's glob does: * ? [a-z] and [!a-z] within a
// name, and ** for any number of directories where recursive. A wildcard does not match
// a leading dot. Links to directories are followed, except by **.
//
// Nothing but directories is ever opened, so that a pipe or device cannot block it.
type globber struct {
	ctx       context.Context //nolint:containedctx // of one walk
	recursive bool
	// visit takes each path that matches. It returns fs.SkipAll to end the search.
	visit func(path string) error
	// unreadable takes the errors of directories that cannot be read.
	unreadable func(error)
}

// find visits what matches an absolute pattern.
func (g *globber) find(pattern string) error {
	parts := strings.FieldsFunc(pattern, func(r rune) bool { return r == filepath.Separator })
	root := filepath.VolumeName(pattern) + string(filepath.Separator)
	err := g.match(root, parts)
	if errors.Is(err, fs.SkipAll) {
		return nil
	}
	return err
}

func (g *globber) match(dir string, parts []string) error {
	if g.ctx.Err() != nil {
		return context.Cause(g.ctx)
	}
	if len(parts) == 0 {
		return g.visit(dir)
	}
	name, rest := parts[0], parts[1:]
	switch {
	case name == "**" && g.recursive:
		return g.matchDeep(dir, rest)
	case !strings.ContainsAny(name, "*?["):
		next := filepath.Join(dir, name)
		if _, err := os.Lstat(next); err != nil {
			g.tell(err)
			return nil
		}
		return g.match(next, rest)
	}
	for _, entry := range g.entries(dir) {
		ok, err := matchName(name, entry.Name())
		if err == nil && ok {
			err = g.match(filepath.Join(dir, entry.Name()), rest)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// matchDeep matches the rest of a pattern in dir and in every directory below it.
func (g *globber) matchDeep(dir string, rest []string) error {
	if err := g.match(dir, rest); err != nil {
		return err
	}
	for _, entry := range g.entries(dir) {
		if strings.HasPrefix(entry.Name(), ".") {
			continue
		}
		var err error
		next := filepath.Join(dir, entry.Name())
		switch {
		case entry.IsDir():
			err = g.matchDeep(next, rest)
		case len(rest) == 0:
			err = g.visit(next)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// entries lists a directory. What is none, or cannot be read, has no entries.
func (g *globber) entries(dir string) []fs.DirEntry {
	info, err := os.Stat(dir)
	if err != nil || !info.IsDir() {
		g.tell(err)
		return nil
	}
	entries, err := os.ReadDir(dir)
	g.tell(err)
	return entries
}

// tell passes on errors other than that something is not there.
func (g *globber) tell(err error) {
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) {
		g.unreadable(err)
	}
}

// matchName matches one name against a pattern without separators.
func matchName(pattern, name string) (bool, error) {
	if strings.HasPrefix(name, ".") && !strings.HasPrefix(pattern, ".") {
		return false, nil
	}
	// Go negates with ^ and escapes with \, both of which Python takes as they are.
	goPattern := strings.NewReplacer(`\`, `\\`, "[!", "[^", "[^", `[\^`).Replace(pattern)
	ok, err := path.Match(goPattern, name)
	if err != nil {
		return false, fmt.Errorf("pattern %q: %w", pattern, err)
	}
	return ok, nil
}
