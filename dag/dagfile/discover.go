package dagfile

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/dingdag/dingdag/dag"
)

// File is one DAG file to read, with the defaults files that apply to it.
type File struct {
	path     string
	defaults []string
	// root is the DAGs folder.
	root string
}

// Path is where the file lies, below the path that was searched.
func (s File) Path() string { return s.path }

// Stamp describes the state of the files on disk, to see whether they have changed: size,
// time and inode of each. written is when the newest of them was.
func (s File) Stamp() (stamp string, written time.Time, err error) {
	b := make([]byte, 0, 200)
	for i := range len(s.defaults) + 1 {
		path := s.path
		if i > 0 {
			path = s.defaults[i-1]
		}
		info, err := os.Stat(path)
		if err != nil {
			return "", written, fmt.Errorf("look at the file: %w", err)
		}
		b = append(append(b, path...), ' ')
		b = append(strconv.AppendInt(b, info.Size(), 10), ' ')
		b = append(strconv.AppendInt(b, info.ModTime().UnixNano(), 10), ' ')
		if state, ok := info.Sys().(*syscall.Stat_t); ok {
			b = strconv.AppendUint(b, state.Ino, 10)
		}
		b = append(b, '\n')
		if info.ModTime().After(written) {
			written = info.ModTime()
		}
	}
	return string(b), written, nil
}

// finder searches directories for DAG files.
type finder struct {
	root   string
	syntax IgnoreSyntax
	// all lists defaults files too.
	all     bool
	visited map[string]bool
	sources []File
	found   dag.Diagnostics
}

// discover lists the DAG files at and below the paths, in sorted order, and with all the
// defaults files among them.
func discover(paths []string, root string, syntax IgnoreSyntax, all bool) ([]File, dag.Diagnostics) {
	var sources []File
	var found dag.Diagnostics
	for _, path := range paths {
		f := &finder{root: root, syntax: syntax, all: all, visited: map[string]bool{}}
		f.start(filepath.Clean(path))
		sources = append(sources, f.sources...)
		found = append(found, f.found...)
	}
	slices.SortFunc(sources, func(a, b File) int { return strings.Compare(a.path, b.path) })
	sources = slices.CompactFunc(sources, func(a, b File) bool { return a.path == b.path })
	return sources, found
}

func (f *finder) report(severity dag.Severity, path, format string, args ...any) {
	f.found = append(f.found, dag.Diagnostic{File: path, Severity: severity, Text: fmt.Sprintf(format, args...)})
}

func (f *finder) start(path string) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		f.report(dag.Error, path, "read the path: %s", errorText(err))
	case info.IsDir():
		above := f.place(path)
		var rules []ignoreRules
		for _, dir := range above[:len(above)-1] {
			rules = f.readIgnore(dir, rules)
		}
		f.directory(path, rules)
	default:
		f.place(filepath.Dir(path))
		f.add(path, findDefaults(filepath.Dir(path), f.root))
	}
}

// place settles the root, which is the directory itself unless it lies in the root that
// was asked for. It returns the root and the directories from there to the given one.
func (f *finder) place(dir string) []string {
	above, ok := ancestors(dir, f.root)
	if f.root == "" || !ok {
		f.root = dir
		return []string{dir}
	}
	f.root = above[0]
	return above
}

// ancestors lists the directories from root down to dir, spelt as dir is; ok is false
// when dir does not lie in root.
func ancestors(dir, root string) (list []string, ok bool) {
	absDir, err := filepath.Abs(dir)
	if err != nil {
		return nil, false
	}
	absRoot, err := filepath.Abs(root)
	if err != nil {
		return nil, false
	}
	inside, err := filepath.Rel(absRoot, absDir)
	if err != nil || !filepath.IsLocal(inside) {
		return nil, false
	}
	list = []string{dir}
	for ; inside != "."; inside = filepath.Dir(inside) {
		dir = filepath.Join(dir, "..")
		list = append(list, dir)
	}
	slices.Reverse(list)
	return list, true
}

func (f *finder) add(path string, defaults []string) {
	if !f.all && slices.Contains(defaultsNames, filepath.Base(path)) {
		return
	}
	f.sources = append(f.sources, File{path, defaults, f.root})
}

// directory searches one directory. Hidden entries are left out; a symbolic link is
// followed once, and only within the root.
func (f *finder) directory(dir string, rules []ignoreRules) {
	resolved, err := filepath.EvalSymlinks(dir)
	if err != nil {
		f.report(dag.Error, dir, "read the directory: %s", errorText(err))
		return
	}
	if f.visited[resolved] {
		return
	}
	f.visited[resolved] = true
	entries, err := os.ReadDir(dir)
	if err != nil {
		f.report(dag.Error, dir, "read the directory: %s", errorText(err))
		return
	}
	rules = f.readIgnore(dir, rules)
	whole, err := filepath.Abs(dir)
	if err != nil {
		f.report(dag.Error, dir, "find the directory: %s", errorText(err))
		return
	}
	defaults := findDefaults(dir, f.root)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		path := filepath.Join(dir, e.Name())
		isDir := e.IsDir()
		if e.Type()&os.ModeSymlink != 0 {
			info, err := os.Stat(path)
			switch {
			case err != nil:
				f.report(dag.Warning, path, "the symbolic link leads nowhere")
				continue
			case !staysIn(path, f.root):
				f.report(dag.Warning, path, "the symbolic link leaves the DAG folder: not followed")
				continue
			}
			isDir = info.IsDir()
		}
		extension := filepath.Ext(path)
		switch {
		case ignored(rules, filepath.Join(whole, e.Name()), isDir):
		case isDir:
			f.directory(path, rules)
		case extension == ".yaml" || extension == ".yml":
			f.add(path, defaults)
		}
	}
}
