package stream

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
)

const (
	// backlog is how many frames of one connection wait to be accepted.
	backlog = 64
	// A connection that another one follows is closed when nothing came for drainIdle, or
	// after drainMost.
	drainIdle, drainMost = 10 * time.Second, time.Minute
)

var (
	errDead    = errors.New("the gateway does not answer pings any more")
	errHangUp  = errors.New("the gateway hung up")
	errStopped = errors.New("stopped")
)

// link is one connection.
type link struct {
	s     *session
	conn  *websocket.Conn
	since time.Time
	// frames wait to be accepted.
	frames chan *frame
	// leaving is closed when the gateway asks for another connection in place of this one,
	// ended when nothing more can come; err says why.
	leaving, ended chan struct{}
	err            error
	leave          sync.Once
	// last is when the last frame came, in nanoseconds; busy says that the next one waits for
	// room among the frames; useful that something was delivered.
	last         atomic.Int64
	busy, useful atomic.Bool
	dead         atomic.Bool
}

// start begins to read a connection. It ends with ctx.
func (s *session) start(ctx context.Context, conn *websocket.Conn) *link {
	l := &link{
		s: s, conn: conn, since: s.Now(), frames: make(chan *frame, backlog),
		leaving: make(chan struct{}), ended: make(chan struct{}),
	}
	l.last.Store(l.since.UnixNano())
	s.links.Go(func() { l.read(ctx) })
	s.links.Go(func() { l.accept(ctx) })
	s.links.Go(func() { l.watch(ctx) })
	return l
}

// lasted reports that the connection was of use, or there for some time.
func (l *link) lasted() bool { return l.useful.Load() || l.s.Now().Sub(l.since) >= healthy }

// asked reports whether the gateway has asked for another connection.
func (l *link) asked() bool {
	select {
	case <-l.leaving:
		return true
	default:
		return false
	}
}

func (l *link) over() bool {
	select {
	case <-l.ended:
		return true
	default:
		return false
	}
}

// read takes frames until the connection ends. It reads with a context of its own, as one that
// ends would break the connection off without a word.
func (l *link) read(ctx context.Context) {
	defer close(l.frames)
	defer close(l.ended)
	defer l.conn.CloseNow() //nolint:errcheck // it has ended
	reading := context.WithoutCancel(ctx)
	for {
		_, data, err := l.conn.Read(reading)
		if err != nil {
			l.err = l.reason(ctx, err)
			return
		}
		l.last.Store(l.s.Now().UnixNano())
		f, err := parseFrame(data)
		if err != nil {
			l.s.Log.LogAttrs(ctx, slog.LevelWarn, "stream: a frame is not understood", slog.String("error", err.Error()))
			continue
		}
		if f.Type == typeSystem {
			l.system(ctx, f)
			continue
		}
		l.useful.Store(true)
		l.busy.Store(true)
		select {
		case l.frames <- f:
		case <-ctx.Done():
			l.err = errStopped
			return
		}
		l.busy.Store(false)
	}
}

func (l *link) reason(ctx context.Context, err error) error {
	var closed websocket.CloseError
	switch {
	case ctx.Err() != nil:
		return errStopped
	case l.dead.Load():
		return errDead
	case errors.As(err, &closed):
		return closed
	}
	return errHangUp
}

// system answers pings and notes that the gateway wants to close. Other topics say nothing new.
func (l *link) system(ctx context.Context, f *frame) {
	switch f.topic() {
	case "ping":
		l.write(ctx, f.answer(codeOK, "OK", f.Data))
	case "disconnect":
		l.s.Log.LogAttrs(ctx, slog.LevelInfo, "stream: the gateway asks for another connection")
		l.leave.Do(func() { close(l.leaving) })
	}
}

// accept accepts and acknowledges frames in their order.
func (l *link) accept(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case f, ok := <-l.frames:
			if !ok {
				return
			}
			a, acknowledged := l.s.take(ctx, f)
			if a != nil {
				l.write(ctx, a)
			}
			if acknowledged != nil {
				acknowledged()
			}
		}
	}
}

// write sends an answer. When it cannot, the connection is about to end, and what was not
// acknowledged comes again.
func (l *link) write(ctx context.Context, a *answer) {
	data, err := json.Marshal(a)
	if err == nil {
		writing, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
		defer cancel()
		err = l.conn.Write(writing, websocket.MessageText, data)
	}
	if err != nil && ctx.Err() == nil {
		l.s.Log.LogAttrs(ctx, slog.LevelDebug, "stream: an answer did not leave", slog.String("error", err.Error()))
	}
}

// watch pings the gateway, and says goodbye when ctx ends.
func (l *link) watch(ctx context.Context) {
	t := time.NewTicker(l.s.Ping)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			l.end()
			return
		case <-l.ended:
			return
		case <-t.C:
		}
		if l.busy.Load() {
			continue // nobody reads the answer to a ping now
		}
		waiting, cancel := context.WithTimeout(ctx, l.s.Pong)
		err := l.conn.Ping(waiting)
		cancel()
		if err != nil && ctx.Err() == nil && !l.busy.Load() && !l.over() {
			l.dead.Store(true)
			_ = l.conn.CloseNow() // it is broken off either way
			return
		}
	}
}

// end closes the connection, with a word to the gateway if it listens.
func (l *link) end() {
	_ = l.conn.Close(websocket.StatusNormalClosure, "") // it is closed either way
}

// drain lets the gateway finish over a connection that another one follows.
func (l *link) drain() {
	l.s.links.Go(func() {
		t := time.NewTicker(time.Second)
		defer t.Stop()
		began := l.s.Now()
		for {
			select {
			case <-l.ended:
				return
			case <-t.C:
			}
			now := l.s.Now()
			if now.Sub(began) >= drainMost || now.UnixNano()-l.last.Load() >= int64(drainIdle) {
				l.end()
				return
			}
		}
	})
}

// take accepts a frame. It returns what to answer, if anything, and what to call after that, if
// the frame is to be handled.
func (s *session) take(ctx context.Context, f *frame) (a *answer, acknowledged func()) {
	r, err := f.read(s.Now())
	switch {
	case errors.Is(err, errTopic):
		return f.answer(codeNotFound, "no handler for the topic", `{"response":null}`), nil
	case err != nil:
		s.Log.LogAttrs(ctx, slog.LevelWarn, "stream: what came is not understood", slog.String("topic", f.topic()), slog.String("error", err.Error()))
		return f.answer(codeBad, err.Error(), `{"response":null}`), nil
	}
	s.accepting.Lock()
	defer s.accepting.Unlock()
	if ctx.Err() != nil {
		return nil, nil
	}
	if s.Handle != nil && !s.queue.room() {
		s.Log.LogAttrs(ctx, slog.LevelWarn, "stream: too much waits for handlers, DingTalk delivers again later", slog.String("id", r.Key()))
		return f.later(), nil
	}
	first := false
	err = guard(func() (err error) {
		first, err = s.keep(ctx, r)
		return err
	})
	switch {
	case err != nil:
		s.Log.LogAttrs(ctx, slog.LevelError, "stream: what came cannot be kept, DingTalk delivers again later", slog.String("id", r.Key()), slog.String("error", err.Error()))
		return f.later(), nil
	case !first || s.Handle == nil:
		return f.ok(), nil
	}
	return f.ok(), s.queue.add(r)
}

// keep is Accept or the memory.
func (s *session) keep(ctx context.Context, r *Received) (bool, error) {
	if s.Accept != nil {
		return s.Accept(ctx, r)
	}
	return s.seen.add(r.Key()), nil
}
