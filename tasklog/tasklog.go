// Package tasklog is where the logs of tries are: on the machine whose process writes them, and in a
// [Store] once they are written. A log has a name, which is its path below the log folder as in Airflow,
// and parts: a try that is interrupted, or whose sensor looks again later, goes on in the same log,
// perhaps on another machine. A [Reader] puts the parts together, wherever they are.
//
// tasklog/spool brings what a process has written into a store, tasklog/live shows it to other machines
// until then, tasklog/folder and tasklog/database are stores.
package tasklog

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// ErrNone says that there is no such log, or no such part of one.
var ErrNone = errors.New("there is no such task log")

// Part is a piece of a log that one machine wrote without another one between.
type Part struct {
	// Start is when the machine began to write it, in whole milliseconds by its own clock. Parts are in this order.
	Start time.Time
	// Node is the machine.
	Node string
	// Size is how long it is, in bytes.
	Size int64
}

// Compare orders parts as they are read.
func (p Part) Compare(q Part) int {
	return cmp.Or(p.Start.Compare(q.Start), cmp.Compare(p.Node, q.Node))
}

// is reports whether two parts are the same one.
func (p Part) is(q Part) bool { return p.Compare(q) == 0 }

// Store keeps logs for all machines. It is safe for concurrent use, also by several processes.
type Store interface {
	// Put keeps a part of a log, of which Size bytes are read. When there is one with its Start and Node already, this
	// takes its place. Others see all of it or nothing. A store may leave out the middle of what is too long for it,
	// and says so in its place.
	Put(ctx context.Context, name string, p Part, text io.Reader) error
	// Parts returns the parts of a log in their order, with the sizes that can be read; none is no error.
	Parts(ctx context.Context, name string) ([]Part, error)
	// ReadAt reads from a part as an [io.ReaderAt] does. Its error wraps [ErrNone] when the part is gone.
	ReadAt(ctx context.Context, name string, p Part, b []byte, off int64) (int, error)
	// Remove removes the parts of the logs below a folder that began before a moment, and says how many. A folder that
	// is not there is no error.
	Remove(ctx context.Context, folder string, before time.Time) (int, error)
	// Count is how many parts are below a folder.
	Count(ctx context.Context, folder string) (int, error)
	// String is the place of the store for people, without secrets.
	String() string
	Close() error
}

const suffix = ".log"

// CheckName returns an error unless a text is the name of a log: a path below the log folder that ends in .log, with / between
// its parts, of which the first does not begin with a dot.
func CheckName(name string) error {
	base, ok := strings.CutSuffix(name, suffix)
	if !ok || path.Base(base) == "." || CheckFolder(name) != nil {
		return fmt.Errorf("%q is no name of a task log", name)
	}
	return nil
}

// CheckFolder returns an error unless a text is a path below the log folder, as in [CheckName].
func CheckFolder(folder string) error {
	if folder == "" || strings.HasPrefix(folder, ".") || !filepath.IsLocal(folder) || path.Clean(folder) != folder || strings.Contains(folder, "\x00") {
		return fmt.Errorf("%q is no path below the log folder", folder)
	}
	return nil
}

// PartName is the name of a part of a log where each is a file or object of its own: for attempt=1.log it is
// attempt=1.1767225600000.NODE.log in the same folder, with the start in milliseconds.
func PartName(name string, p Part) string {
	return PartPrefix(name) + fmt.Sprintf("%013d", p.Start.UnixMilli()) + "." + url.PathEscape(p.Node) + suffix
}

// PartPrefix is what the names of all parts of a log begin with.
func PartPrefix(name string) string { return strings.TrimSuffix(name, suffix) + "." }

// ParsePart reads what [PartName] wrote, also of any other log in the folder; ok says whether it did.
func ParsePart(partName string) (name string, p Part, ok bool) {
	dir, base := path.Split(partName)
	base, ok = strings.CutSuffix(base, suffix)
	if !ok {
		return "", Part{}, false
	}
	// A map index or a try has no dot, a node may have some: the start is the first part that is a moment.
	log, rest, ok := strings.Cut(base, ".")
	start, node, more := strings.Cut(rest, ".")
	ms, err := strconv.ParseInt(start, 10, 64)
	if !ok || !more || err != nil || len(start) < 13 {
		return "", Part{}, false
	}
	if node, err = url.PathUnescape(node); err != nil {
		return "", Part{}, false
	}
	return dir + log + suffix, Part{Start: time.UnixMilli(ms).UTC(), Node: node}, true
}
