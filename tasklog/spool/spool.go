// Package spool brings the logs of tries from the log folder of a machine into a log store. What is not there yet is in a
// journal in the log folder, from before the first line is written, so that the next process finds it after a crash. Nobody
// waits for it: a try is over although the store cannot be reached, and its log stays in the log folder until it can.
package spool

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/dingdag/dingdag/tasklog"
)

// journalDir is the folder of the journal, below the log folder. No DAG's folder has this name.
const journalDir = ".unsent"

// DefaultAtOnce is how many parts are on their way into the store at once.
const DefaultAtOnce = 4

// The pauses after which a store that fails is tried again: each is twice as long as the one before.
const (
	firstPause = time.Second
	lastPause  = time.Minute
)

// Options are what a [Spool] works on. All but Keep, Grace, AtOnce and Log are required.
type Options struct {
	// Dir is the log folder, Node the name of this machine.
	Dir, Node string
	Store     tasklog.Store
	// Keep keeps the files that are in the store in the log folder too, until they are removed with old logs.
	Keep bool
	// Grace is how long [Spool.Run] goes on for what is not in the store when its context ends; 0 is not at all.
	Grace time.Duration
	// AtOnce is how many parts are sent at once; 0 is [DefaultAtOnce].
	AtOnce int
	Clock  func() time.Time
	// Log is the log of the process; nil discards it.
	Log *slog.Logger
}

// Spool is the journal of one log folder, which one process at a time may have. It is safe for concurrent use.
type Spool struct {
	o    Options
	lock *os.File
	wake chan struct{} // full when somebody who sends may have something to do

	mu    sync.Mutex
	logs  map[string]*log // those with parts that are not in the store
	ready []*part         // parts that have ended and that nobody sends, in the order in which they ended
	count int             // parts that have ended and are not in the store
	// pause is how long the store is left alone after a failure, until when; 0 while it works.
	pause time.Duration
	until time.Time
}

// log is a log with parts that are not in the store.
type log struct {
	name  string
	parts []*part // in their order
}

// part is one of them.
type part struct {
	log *log
	// The entry in the journal.
	Name  string `json:"name"`
	Start int64  `json:"start"`
	From  int64  `json:"from"`

	to    int64     // where it ends in the file; -1 while it grows
	since time.Time // when it ended; zero while it grows
	users int       // who writes it
	entry string
}

// Open opens the journal of a log folder, which is made unless it is there. What an earlier process has left is sent by
// [Spool.Run]. It is an error when another process has it open.
func Open(o Options) (*Spool, error) {
	o.AtOnce = cmp.Or(o.AtOnce, DefaultAtOnce)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Spool{o: o, logs: map[string]*log{}, wake: make(chan struct{}, 1)}
	if err := os.MkdirAll(s.journal(), 0o750); err != nil {
		return nil, fmt.Errorf("make the journal of task logs: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(s.journal(), "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the journal of task logs: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("lock the journal of task logs %s: another process writes task logs into %s: give each one a home folder of its own", f.Name(), o.Dir), f.Close())
	}
	s.lock = f
	if err := s.read(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return s, nil
}

func (s *Spool) journal() string { return filepath.Join(s.o.Dir, journalDir) }

// read reads what an earlier process has left: all of it has ended.
func (s *Spool) read() error {
	entries, err := os.ReadDir(s.journal())
	if err != nil {
		return fmt.Errorf("read the journal of task logs: %w", err)
	}
	for _, e := range entries {
		if e.Name() == "lock" {
			continue
		}
		p := &part{entry: filepath.Join(s.journal(), e.Name())}
		b, err := os.ReadFile(p.entry)
		if err != nil {
			return fmt.Errorf("read the journal of task logs: %w", err)
		}
		if err = json.Unmarshal(b, p); err == nil {
			err = tasklog.CheckName(p.Name)
		}
		if err != nil { // it was being written when the process died: before the first line of the log
			s.o.Log.Warn("an entry in the journal of task logs cannot be read and is dropped", "file", p.entry, "error", err)
			if err := os.Remove(p.entry); err != nil {
				return fmt.Errorf("drop an entry in the journal of task logs: %w", err)
			}
			continue
		}
		s.add(p)
	}
	for _, l := range s.logs {
		slices.SortFunc(l.parts, func(p, q *part) int { return cmp.Or(cmp.Compare(p.From, q.From), cmp.Compare(p.Start, q.Start)) })
		end, written, err := s.look(l.name)
		if err != nil {
			return err
		}
		for _, p := range slices.Backward(l.parts) {
			p.to = max(end, p.From)
			end = p.From
			s.ended(p, written)
		}
	}
	slices.SortFunc(s.ready, func(p, q *part) int { return cmp.Compare(p.Start, q.Start) })
	return nil
}

// add adds a part to its log.
func (s *Spool) add(p *part) {
	l := s.logs[p.Name]
	if l == nil {
		l = &log{name: p.Name}
		s.logs[p.Name] = l
	}
	p.log = l
	l.parts = append(l.parts, p)
}

// ended says that a part is to be sent, since a moment.
func (s *Spool) ended(p *part, since time.Time) {
	p.since = since
	s.ready = append(s.ready, p)
	s.count++
	s.signal()
}

func (s *Spool) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// size is how long the file of a log is; 0 where there is none.
func (s *Spool) size(name string) (int64, error) {
	size, _, err := s.look(name)
	return size, err
}

// look is how long the file of a log is, and when it was written last; zero where there is none.
func (s *Spool) look(name string) (int64, time.Time, error) {
	info, err := os.Stat(filepath.Join(s.o.Dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, time.Time{}, nil
	}
	if err != nil {
		return 0, time.Time{}, fmt.Errorf("look for a task log: %w", err)
	}
	return info.Size(), info.ModTime(), nil
}

// Begin says that somebody is about to open a log to write behind what is in its file. Whoever does calls done once the log is
// closed, or could not be opened. Until then the file is not removed.
func (s *Spool) Begin(name string) (done func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, err := s.begin(filepath.ToSlash(name))
	if err != nil {
		return nil, err
	}
	p.users++
	return sync.OnceFunc(func() { s.end(p) }), nil
}

func (s *Spool) begin(name string) (*part, error) {
	if err := tasklog.CheckName(name); err != nil {
		return nil, err
	}
	from, err := s.size(name)
	if err != nil {
		return nil, err
	}
	p := &part{Name: name, Start: s.o.Clock().UnixMilli(), From: from, to: -1}
	if l := s.logs[name]; l != nil {
		last := l.parts[len(l.parts)-1]
		if last.to < 0 {
			return last, nil // two write it at once: that is one part
		}
		p.Start = max(p.Start, last.Start+1)
	}
	sum := sha256.Sum256([]byte(name))
	p.entry = filepath.Join(s.journal(), strconv.FormatInt(p.Start, 10)+"-"+hex.EncodeToString(sum[:8])+".json")
	b, err := json.Marshal(p)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(p.entry, b, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("note in the journal of task logs: %w", err), unlessGone(os.Remove(p.entry)))
	}
	s.add(p)
	return p, nil
}

func (s *Spool) end(p *part) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.users--; p.users > 0 {
		return
	}
	size, err := s.size(p.Name)
	if err != nil {
		s.o.Log.Error("a task log stays in its file until the next start", "log", filepath.Join(s.o.Dir, p.Name), "error", err)
		return
	}
	if p.to = max(size, p.From); p.to == p.From { // nothing was written
		s.drop(p)
		return
	}
	s.ended(p, s.o.Clock())
}

// drop forgets a part that is in the store, or that there is not.
func (s *Spool) drop(p *part) {
	if err := unlessGone(os.Remove(p.entry)); err != nil {
		s.o.Log.Error("a task log is sent again at the next start: its entry in the journal cannot be removed", "file", p.entry, "error", err)
	}
	p.log.parts = slices.DeleteFunc(p.log.parts, func(q *part) bool { return p == q })
	if len(p.log.parts) > 0 {
		return
	}
	delete(s.logs, p.Name)
	if s.o.Keep {
		return
	}
	file := filepath.Join(s.o.Dir, p.Name)
	if err := unlessGone(os.Remove(file)); err != nil {
		s.o.Log.Error("a task log that is in the log store cannot be removed", "log", file, "error", err)
	}
	for dir := filepath.Dir(p.Name); dir != "."; dir = filepath.Dir(dir) {
		if os.Remove(filepath.Join(s.o.Dir, dir)) != nil {
			return // there is something else in it
		}
	}
}

func unlessGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Held is what this machine has of a log, see [tasklog.Local].
func (s *Spool) Held(name string) (tasklog.Held, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h, err := tasklog.Dir(s.o.Dir).Held(name)
	if l := s.logs[filepath.ToSlash(name)]; l != nil && h.Size >= 0 {
		for _, p := range l.parts {
			to := p.to
			if to < 0 {
				to = max(h.Size, p.From)
			}
			h.Unsent = append(h.Unsent, tasklog.Span{Start: p.Start, From: p.From, To: to})
		}
	}
	return h, err
}

// Waiting is how many parts have ended and are not in the store yet.
func (s *Spool) Waiting() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count
}

// Backlog is how many parts have ended and are not in the store yet, and for how long the first of them has waited for that.
func (s *Spool) Backlog() (parts int, oldest time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.o.Clock()
	for _, l := range s.logs {
		for _, p := range l.parts {
			if !p.since.IsZero() {
				oldest = max(oldest, now.Sub(p.since))
			}
		}
	}
	return s.count, oldest
}

// Close closes the journal. What is not in the store stays in it.
func (s *Spool) Close() error { return s.lock.Close() }

// Run sends what has ended into the store until ctx ends, and then for at most the grace. The rest stays in the journal.
func (s *Spool) Run(ctx context.Context) {
	send, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	work := make(chan *part)
	idle := make(chan struct{}, 1) // says that one was sent, or was not
	var all sync.WaitGroup
	for range s.o.AtOnce {
		all.Go(func() {
			for p := range work {
				s.result(p, s.send(send, p))
				select {
				case idle <- struct{}{}:
				default:
				}
			}
		})
	}
	s.dispatch(ctx, work, idle, func() bool { return true })
	grace := time.AfterFunc(s.o.Grace, cancel)
	s.dispatch(send, work, idle, func() bool { return s.o.Grace > 0 && s.Waiting() > 0 })
	close(work)
	all.Wait()
	grace.Stop()
	if n := s.Waiting(); n > 0 {
		s.o.Log.Warn("task logs are not in the log store; they stay in the log folder and are sent after the next start", "logs", n, "dir", s.o.Dir, "store", s.o.Store.String())
	}
}

// dispatch hands out parts while more says so, until ctx ends.
func (s *Spool) dispatch(ctx context.Context, work chan<- *part, idle <-chan struct{}, more func() bool) {
	for ctx.Err() == nil && more() {
		p, wait := s.next()
		if p != nil {
			select {
			case work <- p:
			case <-idle:
				s.giveBack(p)
			case <-ctx.Done():
				s.giveBack(p)
			}
			continue
		}
		again := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-s.wake:
		case <-idle:
		case <-again.C:
		}
		again.Stop()
	}
}

// longest is for how long nobody looks for something to send when nothing is said to have ended.
const longest = time.Hour

// next is the next part to send, or how long to wait for one.
func (s *Spool) next() (*part, time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.ready) == 0 {
		return nil, longest
	}
	if wait := time.Until(s.until); s.pause > 0 && wait > 0 {
		return nil, wait
	}
	p := s.ready[0]
	s.ready = s.ready[1:]
	return p, 0
}

func (s *Spool) giveBack(p *part) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ready = append([]*part{p}, s.ready...)
}

// send puts a part into the store. A file that is gone was removed with old logs.
func (s *Spool) send(ctx context.Context, p *part) error {
	f, err := os.Open(filepath.Join(s.o.Dir, p.Name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("send a task log: %w", err)
	}
	defer func() { _ = f.Close() }() // it was only read
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("send a task log: %w", err)
	}
	to := min(p.to, info.Size())
	if to <= p.From {
		return nil
	}
	at := tasklog.Part{Start: time.UnixMilli(p.Start).UTC(), Node: s.o.Node, Size: to - p.From}
	return s.o.Store.Put(ctx, p.Name, at, io.NewSectionReader(f, p.From, to-p.From))
}

// result notes what became of sending a part.
func (s *Spool) result(p *part, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		if s.pause > 0 {
			s.pause = 0
			s.o.Log.Info("task logs go into the log store again", "store", s.o.Store.String())
		}
		s.count--
		s.drop(p)
		return
	}
	s.ready = append(s.ready, p)
	if errors.Is(err, context.Canceled) {
		return
	}
	if s.pause == 0 {
		s.o.Log.Error("a task log cannot be brought into the log store; it stays in the log folder and is tried again", "log", filepath.Join(s.o.Dir, p.Name),
			"store", s.o.Store.String(), "waiting", s.count, "error", strings.TrimSpace(err.Error()))
	}
	if !time.Now().Before(s.until) { //nolint:forbidigo // a pause is of the machine's clock; others that failed at the same time make it no longer
		s.pause = min(max(2*s.pause, firstPause), lastPause)
		s.until = time.Now().Add(s.pause) //nolint:forbidigo // as above
	}
}
