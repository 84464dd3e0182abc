package browse

import (
	"bytes"
	"context"
	"io"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/store"
)

// Log is the log of a try. Who gets one closes it.
type Log struct {
	io.ReadSeekCloser

	// Size is how long it is now.
	Size int64
	// Complete says that nothing more comes.
	Complete bool
	// Source is where it lies.
	Source string
}

type nothing struct{ *bytes.Reader }

func (nothing) Close() error { return nil }

// Log opens the log of a try. The one of a task that has not started is empty; that of a task whose file is
// gone is an error that wraps [api.ErrNotFound].
func (b *Browser) Log(ctx context.Context, dagID, runID, taskID string, mapIndex, try int) (*Log, error) {
	in, err := b.Instance(ctx, dagID, runID, taskID, mapIndex)
	if err != nil {
		return nil, err
	}
	if try > in.Try {
		return nil, store.Missing("TaskInstance not found: try %d of task %s has not begun", try, taskID)
	}
	empty := &Log{ReadSeekCloser: nothing{bytes.NewReader(nil)}, Complete: in.State.Finished()}
	if in.Try == 0 || try == 0 {
		return empty, nil
	}
	l, err := b.o.API.Log(ctx, api.TryQuery{DAGID: dagID, RunID: runID, TaskID: taskID, MapIndex: mapIndex, Try: try})
	if err != nil {
		return nil, err
	}
	text, err := l.Open(ctx)
	if err != nil {
		return nil, err
	}
	complete := try < in.Try || in.State.Finished()
	return &Log{text, text.Size(), complete, l.Name()}, nil
}

// tail is how far back the end of the last line is looked for.
const tail = 64 << 10

// LastLine is where the last whole line behind a place ends. A line that is longer than 64 KiB ends anywhere.
func (l *Log) LastLine(from int64) (int64, error) {
	start := max(from, l.Size-tail)
	if _, err := l.Seek(start, io.SeekStart); err != nil {
		return 0, err
	}
	b, err := io.ReadAll(io.LimitReader(l, l.Size-start))
	if err != nil {
		return 0, err
	}
	if _, err := l.Seek(from, io.SeekStart); err != nil {
		return 0, err
	}
	if i := bytes.LastIndexByte(b, '\n'); i >= 0 {
		return start + int64(i) + 1, nil
	}
	if start > from {
		return l.Size, nil
	}
	return from, nil
}
