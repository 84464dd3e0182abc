package remote

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/dingdag/dingdag/cli/internal/show"
	"github.com/dingdag/dingdag/cli/internal/signals"
)

const (
	// stalled is how long a client may read nothing, as one whose output is in a pager, before its command ends.
	stalled = 10 * time.Minute
	// pingEvery keeps proxies from closing a connection on which nothing is said.
	pingEvery = 20 * time.Second
)

// errClient says that the other end is gone.
var errClient = errors.New("the client is gone")

// session is a connection on which a command runs.
type session struct {
	conn *websocket.Conn
	// gone ends with the connection.
	gone  context.Context //nolint:containedctx // the life of the connection
	leave context.CancelCauseFunc
	// interrupt ends the command, as Ctrl-C does.
	interrupt context.CancelFunc

	asking chan struct{} // holds a token while something is asked

	mu       sync.Mutex
	open     *question // nil for none
	last     int       // the ID of the last question
	consoles [3]show.Console
}

// question is what the client was asked.
type question struct {
	id      int
	answers chan Message
	over    chan struct{} // closed when nobody waits for an answer any more
}

// The consoles of a session.
const (
	consoleIn = iota
	consoleOut
	consoleErr
)

func newSession(ctx context.Context, conn *websocket.Conn, interrupt context.CancelFunc) *session {
	s := &session{conn: conn, interrupt: interrupt, asking: make(chan struct{}, 1)}
	s.gone, s.leave = context.WithCancelCause(ctx)
	return s
}

// listen takes what the client says until it is gone.
func (s *session) listen() {
	defer s.interrupt()
	for {
		var m Message
		if err := Receive(s.gone, s.conn, &m); err != nil {
			dismiss(s.conn, err)
			s.leave(errClient)
			return
		}
		switch m.Type {
		case Cancel:
			s.interrupt()
		case Resize:
			s.mu.Lock()
			for i := range s.consoles {
				if s.consoles[i].Width > 0 && m.Code > 0 && m.Code <= maxWidth {
					s.consoles[i].Width = m.Code
				}
			}
			s.mu.Unlock()
		case Answer:
			s.mu.Lock()
			q := s.open
			s.mu.Unlock()
			if q == nil || q.id != m.ID {
				continue // whoever asked has gone on
			}
			select {
			case q.answers <- m:
			case <-q.over:
			case <-s.gone.Done():
				return
			}
		default:
			dismiss(s.conn, &strangeError{websocket.StatusPolicyViolation, "a message has a type that the protocol of commands has not"})
			s.leave(errClient)
			return
		}
	}
}

// ping keeps the connection from looking idle until ctx ends, and notices an end that has gone silently.
func (s *session) ping(ctx context.Context) {
	t := time.NewTicker(pingEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		wait, cancel := context.WithTimeout(ctx, stalled)
		err := s.conn.Ping(wait)
		cancel()
		if err != nil && ctx.Err() == nil {
			s.leave(errClient)
			s.interrupt()
			return
		}
	}
}

// send sends a message. A client that reads nothing holds it up.
func (s *session) send(m Message) error {
	if s.gone.Err() != nil { // a write may succeed nevertheless
		return errClient
	}
	ctx, cancel := context.WithTimeout(s.gone, stalled)
	defer cancel()
	if err := Send(ctx, s.conn, m); err != nil {
		s.leave(errClient)
		s.interrupt()
		return errClient
	}
	return nil
}

// ask asks the client something, with the messages of a question, and returns what it answers: at most most bytes.
func (s *session) ask(ctx context.Context, most int, ms ...Message) (answer Message, err error) {
	select {
	case s.asking <- struct{}{}:
		defer func() { <-s.asking }()
	case <-ctx.Done():
		return answer, ctx.Err()
	case <-s.gone.Done():
		return answer, errClient
	}
	q := &question{answers: make(chan Message), over: make(chan struct{})}
	defer close(q.over)
	s.mu.Lock()
	s.last++
	q.id, s.open = s.last, q
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.open = nil
		s.mu.Unlock()
	}()
	for _, m := range ms {
		m.ID = q.id
		if err := s.send(m); err != nil { //nolint:contextcheck // a session outlives what the command may take
			return answer, err
		}
	}
	var data []byte
	for {
		select {
		case answer = <-q.answers:
		case <-ctx.Done():
			return answer, ctx.Err()
		case <-s.gone.Done():
			return answer, errClient
		}
		if data = append(data, answer.Data...); len(data) > most {
			return answer, errors.New("the client answers more than it was asked for")
		}
		if !answer.More {
			break
		}
	}
	if answer.Data = data; answer.Error != "" {
		return answer, errors.New(answer.Error)
	}
	return answer, nil
}

// console is what is at one end of the client.
func (s *session) console(i int) show.Console {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.consoles[i]
}

// output is standard output or error of the client.
type output struct {
	s    *session
	kind string
	end  int
}

// Write implements [io.Writer]. It returns when the client has room for more.
func (o *output) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for _, m := range Pieces(Message{Type: o.kind}, p) {
		m.More = false
		if err := o.s.send(m); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

// Console implements [show.Consoler].
func (o *output) Console() show.Console { return o.s.console(o.end) }

// input is standard input of the client, which is read when the command reads.
type input struct {
	s    *session
	ctx  context.Context //nolint:containedctx // of the command, which a reader cannot be given
	rest []byte
	end  bool
}

// Read implements [io.Reader].
func (in *input) Read(p []byte) (int, error) {
	for len(in.rest) == 0 {
		if in.end {
			return 0, io.EOF
		}
		a, err := in.s.ask(in.ctx, Chunk, Message{Type: AskInput})
		if err != nil {
			return 0, err
		}
		in.rest, in.end = a.Data, a.End
	}
	n := copy(p, in.rest)
	in.rest = in.rest[n:]
	return n, nil
}

// Console implements [show.Consoler].
func (in *input) Console() show.Console { return in.s.console(consoleIn) }

// ReadHidden implements [show.LineReader].
func (in *input) ReadHidden(ctx context.Context) ([]byte, error) {
	a, err := in.s.ask(ctx, Chunk, Message{Type: AskLine})
	if ctx.Err() != nil {
		err = signals.ErrInterrupted
	}
	return a.Data, err
}

// files are those of the client.
type files struct{ s *session }

// Read implements [show.Files].
func (f files) Read(ctx context.Context, name string) ([]byte, error) {
	a, err := f.s.ask(ctx, show.MaxFile, Message{Type: AskRead, Name: name})
	return a.Data, err
}

// Write implements [show.Files].
func (f files) Write(ctx context.Context, name string, data []byte) error {
	_, err := f.s.ask(ctx, 0, Pieces(Message{Type: AskWrite, Name: name}, data)...)
	return err
}

// Edit implements [show.Files].
func (f files) Edit(ctx context.Context, name string, text []byte) (show.Edit, error) {
	a, err := f.s.ask(ctx, 0, Pieces(Message{Type: AskEdit, Name: name}, text)...)
	return &edit{f.s, a.Name}, err
}

// edit is an edit at the client.
type edit struct {
	s    *session
	path string
}

// Path implements [show.Edit].
func (e *edit) Path() string { return e.path }

// Open implements [show.Edit].
func (e *edit) Open(ctx context.Context) ([]byte, error) {
	a, err := e.s.ask(ctx, show.MaxFile, Message{Type: AskOpen})
	if !errors.Is(err, errClient) && ctx.Err() == nil {
		e.path = a.Name
	}
	return a.Data, err
}

// Discard implements [show.Edit].
func (e *edit) Discard(ctx context.Context) error {
	_, err := e.s.ask(ctx, 0, Message{Type: AskDiscard})
	return err
}
