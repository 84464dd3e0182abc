package templatefile

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/internal/filestate"
)

// What a version of a DAG may have of template files. Each may have [MaxBytes].
const (
	// MaxFiles is how many there may be.
	MaxFiles = 500
	// MaxTotal is how many bytes they may have together.
	MaxTotal = 16 << 20
	// MaxEntries is how many files and folders are looked at where the name of a file is a template.
	MaxEntries = 10_000
)

// Collector reads template files while a DAG is loaded, and takes them for its version. Its zero value is ready for use.
type Collector struct {
	folders Folders
	used    bool
	files   map[string]dag.TemplateFile
	total   int
	partial bool
	left    leftOut
	meant   map[string][]string
	looked  map[string]bool
	seen    []Seen
	newest  time.Time
}

// In sets the folders that the files are in from now on.
func (c *Collector) In(f Folders) { c.folders = f }

// Use notes that a field of the DAG names files, or may do so once it is rendered.
func (c *Collector) Use() { c.used = true }

// Files are those for the version, nil where no field names any.
func (c *Collector) Files() *dag.TemplateFiles {
	if !c.used {
		return nil
	}
	out := &dag.TemplateFiles{Partial: c.partial}
	for _, name := range slices.Sorted(maps.Keys(c.files)) {
		out.Files = append(out.Files, c.files[name])
	}
	return out
}

// Read returns the text of a file that the DAG names, and takes it for the version.
func (c *Collector) Read(name string) (string, error) {
	_, text, err := c.folders.find(name, c.look)
	if err == nil {
		c.take(key(name), &text)
	}
	return text, err
}

// Candidate returns the text of a file that the DAG may name, and takes it for the version. That one cannot be read, which the
// version remembers, matters only when it is named.
func (c *Collector) Candidate(name string) (text string, ok bool) {
	text, err := c.Read(name)
	if err != nil {
		c.take(key(name), nil)
	}
	return text, err == nil
}

// take takes a file, without a text one that cannot be read.
func (c *Collector) take(name string, text *string) {
	if _, twice := c.files[name]; twice {
		return
	}
	f := dag.TemplateFile{Name: name}
	if text != nil {
		f = dag.NewTemplateFile(name, *text)
		c.total += len(*text)
	}
	if len(c.files) >= MaxFiles || c.total > MaxTotal {
		if text != nil {
			c.total -= len(*text)
		}
		c.leave(name)
		return
	}
	if c.files == nil {
		c.files = map[string]dag.TemplateFile{}
	}
	c.files[name] = f
}

// key is the name of a file in a version.
func key(name string) string { return path.Clean(filepath.ToSlash(name)) }

// Meant are the names of the files that a name with templates in it may turn out to be: those that begin and end like it. Hidden files,
// and those in hidden folders, are not meant.
func (c *Collector) Meant(name string) []string {
	if found, ok := c.meant[name]; ok {
		return found
	}
	if c.meant == nil {
		c.meant = map[string][]string{}
	}
	c.meant[name] = c.search(name)
	return c.meant[name]
}

func (c *Collector) search(name string) []string {
	begin, end := ends(filepath.ToSlash(name))
	folder, base := path.Split(begin)
	folder = path.Clean(folder)
	if !filepath.IsLocal(folder) {
		return nil // rendered, it is refused
	}
	s := &search{c: c, begin: path.Join(folder, "x"), end: end}
	s.begin = strings.TrimSuffix(s.begin, "x") + base
	for _, dir := range c.folders {
		s.below(dir, folder)
	}
	slices.Sort(s.found)
	return slices.Compact(s.found)
}

// ends are the text before the first template in a name, and that after the last one.
func ends(name string) (begin, end string) {
	begin, end = name, name
	for _, open := range []string{"{{", "{%", "{#"} {
		begin, _, _ = strings.Cut(begin, open)
	}
	for _, shut := range []string{"}}", "%}", "#}"} {
		if i := strings.LastIndex(end, shut); i >= 0 {
			end = end[i+len(shut):]
		}
	}
	return begin, end
}

// search looks for files below the folders.
type search struct {
	c          *Collector
	begin, end string
	entries    int
	found      []string
}

func (s *search) below(dir, folder string) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		s.c.look(dir)
		return
	}
	defer root.Close() //nolint:errcheck // nothing was written
	s.walk(root, dir, folder)
}

func (s *search) walk(root *os.Root, dir, folder string) {
	s.c.look(filepath.Join(dir, folder))
	entries, err := fs.ReadDir(root.FS(), folder)
	if err != nil {
		return // it is not there, or is no folder
	}
	for _, e := range entries {
		if s.entries++; s.entries == MaxEntries+1 {
			s.c.leave(fmt.Sprintf("what lies behind the first %d files and folders", MaxEntries))
		}
		if s.entries > MaxEntries {
			return
		}
		name := path.Join(folder, e.Name())
		isFolder := e.IsDir()
		if e.Type()&fs.ModeSymlink != 0 {
			if info, err := root.Stat(name); err == nil && info.IsDir() {
				isFolder = true
			}
		}
		switch {
		case strings.HasPrefix(e.Name(), "."):
		case !isFolder:
			if len(name) >= len(s.begin)+len(s.end) && strings.HasPrefix(name, s.begin) && strings.HasSuffix(name, s.end) {
				s.found = append(s.found, name)
			}
		case !strings.HasPrefix(name+"/", s.begin):
		case e.IsDir():
			s.walk(root, dir, name)
		default:
			s.c.leave(name + "/, a symbolic link")
		}
	}
}

// leave notes that something is not in the version.
func (c *Collector) leave(what string) {
	c.partial = true
	c.left.add(what)
}

// LeftOut says what was left out since it was asked last, "" for nothing.
func (c *Collector) LeftOut() string {
	text := c.left.String()
	c.left = leftOut{}
	return text
}

// leftOut are things that were left out.
type leftOut struct {
	first []string
	count int
}

func (l *leftOut) add(what string) {
	const shown = 3
	if l.count++; len(l.first) < shown {
		l.first = append(l.first, what)
	}
}

// String lists the first of them, "" for none.
func (l *leftOut) String() string {
	text := strings.Join(l.first, ", ")
	if more := l.count - len(l.first); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// Bound says what a version may have, for people.
func Bound() string {
	return fmt.Sprintf("a version of a DAG has at most %d template files, each of at most %d bytes and %d bytes together", MaxFiles, MaxBytes, MaxTotal)
}

// Seen is the state of a path that was looked at.
type Seen struct{ path, state string }

// Same reports whether it is as it was.
func (s Seen) Same() bool { state, _ := stateOf(s.path); return state == s.state }

// stateOf is "" for a path where nothing is.
func stateOf(path string) (state string, written time.Time) {
	b, written, err := filestate.Append(nil, path)
	if err != nil {
		return "", written
	}
	return string(b), written
}

// look notes the state of a path before it is read.
func (c *Collector) look(path string) {
	if c.looked[path] {
		return
	}
	if c.looked == nil {
		c.looked = map[string]bool{}
	}
	c.looked[path] = true
	state, written := stateOf(path)
	c.seen = append(c.seen, Seen{path, state})
	if written.After(c.newest) {
		c.newest = written
	}
}

// Seen are the paths that were looked at, also those where nothing was. Newest is when the newest of them was written.
func (c *Collector) Seen() (all []Seen, newest time.Time) { return c.seen, c.newest }

// Folders are those that the files are in.
func (c *Collector) Folders() Folders { return c.folders }
