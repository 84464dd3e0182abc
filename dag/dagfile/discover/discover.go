package discover

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile/document"
	"github.com/dingdag/dingdag/dag/internal/filestate"
)

// File is one DAG file to read, with the files that apply to it.
type File struct {
	// Path is where it lies, below the path that was searched.
	Path string
	// Defaults are the paths of its defaults files, nearest first.
	Defaults []string
	// Operators are the paths of the files that define operators for it, nearest first.
	Operators []string
	// Root is the DAGs folder.
	Root string
}

// Stamp describes the state of the files on disk, to see whether they have changed: size,
// time and inode of each. written is when the newest of them was.
func (s File) Stamp() (stamp string, written time.Time, err error) {
	b := make([]byte, 0, 200)
	for i := range 1 + len(s.Defaults) + len(s.Operators) {
		path := s.Path
		switch {
		case i > len(s.Defaults):
			path = s.Operators[i-1-len(s.Defaults)]
		case i > 0:
			path = s.Defaults[i-1]
		}
		var at time.Time
		if b, at, err = filestate.Append(b, path); err != nil {
			return "", written, err
		}
		if at.After(written) {
			written = at
		}
	}
	return string(b), written, nil
}

// Options says where files are looked for, and which.
type Options struct {
	// Root bounds the search for defaults and ignore files and the targets of symbolic links,
	// for paths in it. Default, and for other paths: each path itself.
	Root string
	// Syntax is the language of .airflowignore files. Default [Glob].
	Syntax Syntax
	// Defaults lists the defaults files, too.
	Defaults bool
}

// finder searches directories for DAG files.
type finder struct {
	Options
	root    string
	visited map[string]bool
	sources []File
	found   dag.Diagnostics
}

// Files lists the DAG files at and below the paths, which are files and directories, sorted by
// their paths.
func Files(paths []string, o Options) ([]File, dag.Diagnostics) {
	var sources []File
	var found dag.Diagnostics
	for _, path := range paths {
		f := &finder{Options: o, root: o.Root, visited: map[string]bool{}}
		f.start(filepath.Clean(path))
		sources = append(sources, f.sources...)
		found = append(found, f.found...)
	}
	slices.SortFunc(sources, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	sources = slices.CompactFunc(sources, func(a, b File) bool { return a.Path == b.Path })
	return sources, found
}

func (f *finder) report(severity dag.Severity, path, format string, args ...any) {
	f.found = append(f.found, dag.Diagnostic{File: path, Severity: severity, Text: fmt.Sprintf(format, args...)})
}

func (f *finder) start(path string) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		f.report(dag.Error, path, "read the path: %s", document.ErrorText(err))
	case info.IsDir():
		above := f.place(path)
		var rules []ignoreRules
		for _, dir := range above[:len(above)-1] {
			rules = f.readIgnore(dir, rules)
		}
		f.directory(path, rules)
	default:
		f.place(filepath.Dir(path))
		f.add(path, f.applying(filepath.Dir(path)))
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

// applying are the files that apply to the DAG files of a directory.
func (f *finder) applying(dir string) File {
	return File{Defaults: findNamed(defaultsNames, dir, f.root), Operators: Operators(dir, f.root), Root: f.root}
}

func (f *finder) add(path string, with File) {
	if !f.Defaults && IsDefaults(path) || IsOperators(path) {
		return
	}
	with.Path = path
	f.sources = append(f.sources, with)
}

// directory searches one directory. Hidden entries are left out; a symbolic link is
// followed once, and only within the root.
func (f *finder) directory(dir string, rules []ignoreRules) {
	resolved, err := filepath.EvalSymlinks(dir)
	if err != nil {
		f.report(dag.Error, dir, "read the directory: %s", document.ErrorText(err))
		return
	}
	if f.visited[resolved] {
		return
	}
	f.visited[resolved] = true
	entries, err := os.ReadDir(dir)
	if err != nil {
		f.report(dag.Error, dir, "read the directory: %s", document.ErrorText(err))
		return
	}
	rules = f.readIgnore(dir, rules)
	whole, err := filepath.Abs(dir)
	if err != nil {
		f.report(dag.Error, dir, "find the directory: %s", document.ErrorText(err))
		return
	}
	with := f.applying(dir)
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		isDir, ok := f.follow(path, e)
		extension := filepath.Ext(path)
		switch {
		case !ok, len(rules) > 0 && ignored(rules, filepath.Join(whole, e.Name()), isDir):
		case isDir:
			f.directory(path, rules)
		case extension == ".yaml" || extension == ".yml":
			f.add(path, with)
		}
	}
}

// follow reports whether an entry is a directory; ok is false for a hidden one, and for a
// symbolic link that is not followed.
func (f *finder) follow(path string, e os.DirEntry) (isDir, ok bool) {
	if strings.HasPrefix(e.Name(), ".") {
		return false, false
	}
	if e.Type()&os.ModeSymlink == 0 {
		return e.IsDir(), true
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		f.report(dag.Warning, path, "the symbolic link leads nowhere")
		return false, false
	case !StaysIn(path, f.root):
		f.report(dag.Warning, path, "the symbolic link leaves the DAG folder: not followed")
		return false, false
	}
	return info.IsDir(), true
}
