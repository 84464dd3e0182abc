package worker

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/dingdag/dingdag/store"
)

// taskLog is the log of one attempt: a file of its own, secrets masked.
type taskLog struct {
	*slog.Logger
	out    *logOutput
	report func(error)
	// done tells [LogJournal] that the log is closed; nil tells nobody.
	done func()
}

// LogPath is where the log of a try of an instance lies below the log folder, as in Airflow; try 0
// is the one that the instance has.
func LogPath(r *store.Run, in *store.Instance, try int) string {
	p := filepath.Join(r.LogFolder(), "task_id="+in.TaskID)
	if in.MapIndex >= 0 {
		p = filepath.Join(p, "map_index="+strconv.Itoa(in.MapIndex))
	}
	return filepath.Join(p, "attempt="+strconv.Itoa(cmp.Or(try, in.Try))+".log")
}

// openLog opens the log of an attempt for appending: an attempt that was interrupted
// goes on in the same file.
func (w *Worker) openLog(path string) (*taskLog, error) {
	full := filepath.Join(w.o.Render.LogDir, path)
	done := func() {}
	if w.o.Journal != nil {
		var err error
		if done, err = w.o.Journal.Begin(path); err != nil {
			return nil, fmt.Errorf("open task log: %w", err)
		}
	}
	f, err := os.OpenFile(full, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640) //nolint:gosec // below the log folder; the group may read logs
	// A folder that is empty may be removed with old logs before there is something in it.
	for again := 0; os.IsNotExist(err) && again < 3; again++ {
		if err = os.MkdirAll(filepath.Dir(full), 0o750); err == nil {
			f, err = os.OpenFile(full, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640) //nolint:gosec // as above
		}
	}
	if err != nil {
		done()
		return nil, fmt.Errorf("open task log: %w", err)
	}
	out := &logOutput{file: f, copy: w.o.TaskOutput, task: taskOf(path), written: w.o.Written}
	h := &lineHandler{out: out, mask: w.o.Masker.Mask, clock: w.o.Clock}
	return &taskLog{Logger: slog.New(h), out: out, done: done, report: func(err error) {
		w.o.Log.Error("a task log has a hole: lines could not be written", "log", full, "error", err)
	}}, nil
}

// taskOf is the task id in the path of a log.
func taskOf(path string) string {
	for part := range strings.SplitSeq(filepath.ToSlash(path), "/") {
		if id, ok := strings.CutPrefix(part, "task_id="); ok {
			return id
		}
	}
	return ""
}

// close ends the log. Lines that were lost, on a full disk for instance, must be known
// somewhere: the engine's own log says so.
func (l *taskLog) close() {
	if l.out == nil {
		return
	}
	if err := l.out.close(); err != nil {
		l.report(err)
	}
	if l.done != nil {
		l.done()
	}
}

// logOutput is the file of a log, and what receives a copy of its lines.
type logOutput struct {
	mu   sync.Mutex
	file *os.File
	copy io.Writer // nil for none; its lines name their task
	task string
	// written is told how much was written; nil for nobody.
	written func(bytes int)
	err     error // the first error of the file
}

func (o *logOutput) write(line string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	n, err := io.WriteString(o.file, line)
	if o.written != nil {
		o.written(n)
	}
	if o.err == nil {
		o.err = err
	}
	if o.copy != nil {
		_, cerr := io.WriteString(o.copy, o.task+" "+line)
		err = errors.Join(err, cerr)
	}
	return err
}

func (o *logOutput) close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return errors.Join(o.err, o.file.Close())
}

// line writes one line for people.
func (l *taskLog) line(level slog.Level, text string) {
	l.Log(context.Background(), level, text) //nolint:sloglint // a sentence, not a record
}

// lineHandler writes Airflow's classic lines: [time] LEVEL - message key=value.
type lineHandler struct {
	out   *logOutput
	mask  func(string) string
	clock func() time.Time
	attrs []slog.Attr
	group string
}

func (h *lineHandler) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelInfo }

func (h *lineHandler) Handle(_ context.Context, r slog.Record) error {
	var b bytes.Buffer
	b.Grow(64 + len(r.Message))
	b.WriteByte('[')
	b.Write(h.clock().UTC().AppendFormat(nil, "2006-01-02T15:04:05.000Z07:00"))
	b.WriteString("] ")
	b.WriteString(r.Level.String())
	b.WriteString(" - ")
	b.WriteString(r.Message)
	for _, a := range h.attrs {
		writeAttr(&b, h.group, a)
	}
	r.Attrs(func(a slog.Attr) bool {
		writeAttr(&b, h.group, a)
		return true
	})
	return h.out.write(h.mask(b.String()) + "\n")
}

func writeAttr(b *bytes.Buffer, group string, a slog.Attr) {
	b.WriteByte(' ')
	b.WriteString(group)
	b.WriteString(a.Key)
	b.WriteByte('=')
	s := a.Value.Resolve().String()
	if s == "" || strings.ContainsAny(s, " \t\n\"=") && !isJSON(s) {
		s = strconv.Quote(s)
	}
	b.WriteString(s)
}

// isJSON reports whether s is an object or list of JSON on one line, which people can read
// as it is and no longer in quotes, with each of its own quotes escaped.
func isJSON(s string) bool {
	return (s[0] == '{' || s[0] == '[') && !strings.Contains(s, "\n") && json.Valid([]byte(s))
}

func (h *lineHandler) WithAttrs(as []slog.Attr) slog.Handler {
	c := *h
	c.attrs = append(append([]slog.Attr(nil), h.attrs...), as...)
	return &c
}

func (h *lineHandler) WithGroup(name string) slog.Handler {
	c := *h
	c.group += name + "."
	return &c
}
