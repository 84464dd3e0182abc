package tasklog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// Held is what a machine has of a log in its log folder.
type Held struct {
	// Folder tells log folders apart, so that one that machines share is known; empty where it is not known.
	Folder string `json:"folder"`
	// Size is how long the file is, -1 when there is none.
	Size int64 `json:"size"`
	// Unsent are the parts that are not in the store yet, or not all of them. Where there is no store there are none.
	Unsent []Span `json:"unsent"`
}

// Span is a part of a log in the file of the machine that has written it, or is still writing it.
type Span struct {
	// Start is when the part began, in milliseconds since 1970.
	Start int64 `json:"start"`
	// From and To are where it begins and ends in the file. To is the end of the file as it was when the span was
	// asked for, where the part still grows.
	From int64 `json:"from"`
	To   int64 `json:"to"`
}

// Local is the log folder of this machine.
type Local interface {
	// Held is what there is of a log.
	Held(name string) (Held, error)
}

// Nodes reads logs on other machines.
type Nodes interface {
	// Held is what a machine has of a log. Errors say why it cannot be asked; they wrap [ErrGone] when nobody is there.
	Held(ctx context.Context, node, name string) (Held, error)
	// ReadAt reads from its file as an [io.ReaderAt] does, in the log folder that [Held.Folder] names: processes of one machine
	// may have one each. Its error wraps [ErrNone] when the file is gone.
	ReadAt(ctx context.Context, node, folder, name string, b []byte, off int64) (int, error)
}

// ErrGone says that no process of a machine is at work.
var ErrGone = errors.New("no process of it is at work")

// NodeError says that a log, or a part of it, is on another machine that cannot be asked.
type NodeError struct {
	// Node is the machine.
	Node string
	Err  error
}

// Error says so.
func (e *NodeError) Error() string {
	return fmt.Sprintf("the task log is on %s, which cannot be asked: %v", e.Node, e.Err)
}

// Unwrap is why.
func (e *NodeError) Unwrap() error { return e.Err }

// Try names the log of a try, and what is known of where it is.
type Try struct {
	// Name is that of the log.
	Name string
	// Node is the machine that ran the try last, or runs it; empty when it is not known.
	Node string
}

// Options are what a [Reader] looks through. Dir is required.
type Options struct {
	// Dir is the log folder of this machine, Node its name.
	Dir, Node string
	// Local knows what of the folder is not in the store yet; nil is [Dir], for processes that run no tasks.
	Local Local
	// Store is the log store; nil for none.
	Store Store
	// Nodes asks other machines; nil asks none.
	Nodes Nodes
}

// Reader finds logs: in the log folder, on the machine that writes them, in the store. It keeps nothing between two
// calls and is safe for concurrent use.
type Reader struct{ o Options }

// NewReader returns a reader.
func NewReader(o Options) *Reader {
	if o.Local == nil {
		o.Local = Dir(o.Dir)
	}
	return &Reader{o}
}

// Elsewhere reports whether logs may be anywhere but in the log folder: otherwise nobody needs [Try.Node].
func (r *Reader) Elsewhere() bool { return r.o.Store != nil || r.o.Nodes != nil }

// Place is where in the log folder a log would be, for people.
func (r *Reader) Place(name string) string { return filepath.Join(r.o.Dir, name) }

// Open opens the log of a try. Its error wraps [ErrNone] when there is none, also when it was removed; it is a [*NodeError]
// when the log is on a machine that cannot be asked. ctx is used until the log is closed.
func (r *Reader) Open(ctx context.Context, t Try) (*Log, error) {
	if err := CheckName(filepath.ToSlash(t.Name)); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNone, err)
	}
	here, err := r.o.Local.Held(t.Name)
	if err != nil {
		return nil, err
	}
	away, lost := r.away(ctx, t, here)
	if r.o.Store == nil {
		return r.unstored(ctx, t, here, away, lost)
	}
	return r.stored(ctx, t, here, away, lost)
}

// away is what the machine of a try has, if that is another one, or another process of this one with a log folder of its own.
func (r *Reader) away(ctx context.Context, t Try, here Held) (Held, error) {
	same := t.Node == r.o.Node
	if t.Node == "" || r.o.Nodes == nil || same && here.Size >= 0 {
		return Held{Size: -1}, nil
	}
	h, err := r.o.Nodes.Held(ctx, t.Node, t.Name)
	if same && errors.Is(err, ErrGone) {
		return Held{Size: -1}, nil // there is no other process
	}
	if err != nil {
		return Held{Size: -1}, &NodeError{t.Node, err}
	}
	return h, nil
}

// unstored opens a log that is in files alone: that of the machine of the try, and what this one has noted about it.
func (r *Reader) unstored(ctx context.Context, t Try, here, away Held, lost error) (*Log, error) {
	shared := away.Folder != "" && away.Folder == here.Folder
	l := &Log{}
	if away.Size >= 0 && (!shared || here.Size < 0) {
		r.addRemote(ctx, l, t, away.Folder, Span{To: away.Size}, nil)
	}
	if here.Size < 0 {
		switch {
		case len(l.pieces) > 0:
			return l, nil
		case lost != nil:
			return nil, lost
		default:
			return nil, ErrNone
		}
	}
	return l, r.addFile(l, t.Name, Span{To: here.Size})
}

// located is a part with where it is.
type located struct {
	Part

	open func(l *Log) error
}

// stored opens a log of which parts are, or will be, in the store.
func (r *Reader) stored(ctx context.Context, t Try, here, away Held, lost error) (*Log, error) {
	kept, err := r.o.Store.Parts(ctx, t.Name) // after the machines were asked: a part goes from there to here
	if err != nil {
		if t.Node == r.o.Node && here.Size >= 0 {
			l := &Log{}
			return l, r.addFile(l, t.Name, Span{To: here.Size})
		}
		return nil, fmt.Errorf("look for a task log in %s: %w", r.o.Store, err)
	}
	var all []located
	known := func(p Part) bool { return slices.ContainsFunc(all, func(q located) bool { return q.is(p) }) }
	for _, p := range kept {
		all = append(all, located{p, func(l *Log) error {
			l.add(p.Size, r.block(p.Size, r.fromStore(ctx, t.Name, p)), nil)
			return nil
		}})
	}
	for _, s := range here.Unsent {
		if p := s.part(r.o.Node); !known(p) {
			all = append(all, located{p, func(l *Log) error { return r.addFile(l, t.Name, s) }})
		}
	}
	for _, s := range away.Unsent {
		if p := s.part(t.Node); !known(p) {
			all = append(all, located{p, func(l *Log) error {
				r.addRemote(ctx, l, t, away.Folder, s, &p)
				return nil
			}})
		}
	}
	l, sum := &Log{}, int64(0)
	for _, p := range all {
		sum += p.Size
	}
	mine := !slices.ContainsFunc(all, func(p located) bool { return p.Node != r.o.Node })
	theirs := slices.ContainsFunc(all, func(p located) bool { return p.Node == t.Node })
	switch {
	case lost != nil && !theirs: // otherwise its part is in the store, as parts are soon after they end
		return nil, lost
	case mine && here.Size >= sum && (len(all) > 0 || away.Size < 0):
		return l, r.addFile(l, t.Name, Span{To: here.Size}) // all of it is here, also what the store has left out
	case len(all) == 0 && away.Size >= 0: // it was written before there was a store
		r.addRemote(ctx, l, t, away.Folder, Span{To: away.Size}, nil)
		return l, nil
	case len(all) == 0:
		return nil, ErrNone
	}
	slices.SortFunc(all, func(p, q located) int { return p.Compare(q.Part) })
	for _, p := range all {
		if err := p.open(l); err != nil {
			return nil, errors.Join(err, l.Close())
		}
	}
	return l, nil
}

// addFile adds what is in the log folder.
func (r *Reader) addFile(l *Log, name string, s Span) error {
	f, err := os.Open(filepath.Join(r.o.Dir, name)) //nolint:gosec // the name was checked
	if errors.Is(err, fs.ErrNotExist) {
		return ErrNone
	}
	if err != nil {
		return fmt.Errorf("open a task log: %w", err)
	}
	l.add(s.To-s.From, io.NewSectionReader(f, s.From, s.To-s.From), f.Close)
	return nil
}

// addRemote adds what is on the machine of a try: a part, which may come into the store meanwhile, or nil for the file.
func (r *Reader) addRemote(ctx context.Context, l *Log, t Try, folder string, s Span, p *Part) {
	read := func(b []byte, off int64) (int, error) {
		n, err := r.o.Nodes.ReadAt(ctx, t.Node, folder, t.Name, b, s.From+off)
		if errors.Is(err, ErrNone) && p != nil {
			return r.o.Store.ReadAt(ctx, t.Name, *p, b, off)
		}
		return n, err
	}
	l.add(s.To-s.From, r.block(s.To-s.From, read), nil)
}

func (r *Reader) fromStore(ctx context.Context, name string, p Part) func([]byte, int64) (int, error) {
	return func(b []byte, off int64) (int, error) { return r.o.Store.ReadAt(ctx, name, p, b, off) }
}

func (r *Reader) block(size int64, read func([]byte, int64) (int, error)) io.ReaderAt {
	return &blocks{read: read, size: size}
}
