package python

import (
	"context"
	_ "embed"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/standard/process"
)

// bootstrap reads the runner from a pipe, so that neither stands among the arguments of a process.
//
//go:embed bootstrap.py
var bootstrap string

//go:embed runner.py
var runner string

// maxMessage bounds what comes from the runner: an XCom, which the runner bounds at 1 MiB, and what is around it. JSON may write a byte as six.
const maxMessage = 8 << 20

// job is what the runner is told first.
type job struct {
	File   string   `json:"file,omitempty"`
	Module string   `json:"module,omitempty"`
	Name   string   `json:"name"`
	Paths  []string `json:"paths"`

	OpArgs        any            `json:"op_args"`
	OpKwargs      any            `json:"op_kwargs"`
	TemplatesDict map[string]any `json:"templates_dict"`
	Show          bool           `json:"show"`
	Keep          bool           `json:"keep"`
	Sensor        bool           `json:"sensor"`
	Context       map[string]any `json:"context"`
}

// message is what the runner says.
type message struct {
	Op string `json:"op"`
	// of a question
	TaskIDs    []string        `json:"task_ids"`
	Key        string          `json:"key"`
	DAGID      string          `json:"dag_id"`
	RunID      string          `json:"run_id"`
	Prior      bool            `json:"prior"`
	MapIndexes []int           `json:"map_indexes"`
	Value      json.RawMessage `json:"value"`
	ConnID     string          `json:"conn_id"`
	// of the last message
	Version string          `json:"version"`
	Result  json.RawMessage `json:"result"`
	None    bool            `json:"none"`
	Truth   *bool           `json:"truth"`
	Kind    string          `json:"kind"`
	Error   string          `json:"error"`
	Code    int             `json:"code"`
	At      string          `json:"at"`
}

// answer is what it hears.
type answer struct {
	Value   any    `json:"value,omitempty"`
	Missing string `json:"missing,omitempty"`
	Error   string `json:"error,omitempty"`
}

// session is one run of the runner.
type session struct {
	tc          *operator.TaskContext
	job         *job
	interpreter string
	// last is the last message, nil for none; broken is why the rest was not understood.
	last   *message
	broken error
}

// run starts the interpreter and answers the runner until it has ended.
func (s *session) run(ctx context.Context, p process.Program, out *process.Output) error {
	asked, asks, err := os.Pipe()
	if err != nil {
		return err
	}
	hears, told, err := os.Pipe()
	if err != nil {
		_, _ = asked.Close(), asks.Close() // nothing was written
		return err
	}
	p.Files = []*os.File{hears, asks}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	over := make(chan struct{})
	var talk sync.WaitGroup
	talk.Go(func() {
		defer close(over)
		s.talk(ctx, asked, told)
	})
	err = process.Run(ctx, s.tc, p, out)
	// Somebody whom the function left running may still hold the pipe.
	timer := time.NewTimer(time.Second)
	defer timer.Stop()
	select {
	case <-over:
	case <-timer.C:
	}
	cancel()
	_, _ = asked.Close(), told.Close() // what was said has been read, and nobody hears any more
	talk.Wait()
	return err
}

// talk tells the job and answers questions.
func (s *session) talk(ctx context.Context, from io.Reader, to io.WriteCloser) {
	defer to.Close() //nolint:errcheck // whoever does not hear has ended, as is told elsewhere
	first, err := json.Marshal(s.job)
	if err != nil {
		s.broken = fmt.Errorf("encode the arguments: %w", err)
		return
	}
	if tell(to, []byte(runner)) == nil {
		_ = tell(to, first) // an interpreter that ends before it hears says why itself
	}
	for {
		m, err := hear(from)
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, os.ErrClosed):
			return
		case err != nil:
			s.broken = err
			return
		case m.Op == "done", m.Op == "raised", m.Op == "old":
			s.last = m
			continue
		}
		b, err := json.Marshal(s.reply(ctx, m))
		if err != nil {
			b, _ = json.Marshal(answer{Error: err.Error()}) // a text always encodes
		}
		if tell(to, b) != nil {
			return // it ended without waiting for the answer
		}
	}
}

func tell(to io.Writer, text []byte) error {
	_, err := to.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(text))), text...)) //nolint:gosec // a job of 4 GiB does not fit into a DAG
	return err
}

// hear reads one message.
func hear(from io.Reader) (*message, error) {
	var head [4]byte
	if _, err := io.ReadFull(from, head[:]); err != nil {
		return nil, io.EOF // it has ended, however
	}
	length := binary.BigEndian.Uint32(head[:])
	if length > maxMessage {
		return nil, errForeign
	}
	text := make([]byte, length)
	if _, err := io.ReadFull(from, text); err != nil {
		return nil, io.EOF
	}
	m := &message{}
	if err := json.Unmarshal(text, m); err != nil || m.Op == "" {
		return nil, errForeign
	}
	return m, nil
}

var errForeign = errors.New("what came over its pipe is no message of the runner: the code of the task must not write to file descriptors that it has not opened")

// reply answers a question.
func (s *session) reply(ctx context.Context, m *message) answer {
	v, err := s.look(ctx, m)
	switch {
	case errors.Is(err, connections.ErrNotFound):
		return answer{Missing: err.Error()}
	case err != nil:
		return answer{Error: err.Error()}
	}
	return answer{Value: v}
}

var errNoStore = errors.New("there is no store here")

func (s *session) look(ctx context.Context, m *message) (any, error) {
	switch m.Op {
	case "variable":
		return s.tc.Variables.Variable(ctx, m.Key)
	case "connection":
		c, err := s.tc.Connections.Connection(ctx, m.ConnID)
		if err != nil {
			return nil, err
		}
		return connectionValues(c), nil
	case "xcom_push":
		return nil, s.tc.XCom.Push(m.Key, m.Value)
	case "xcom_pull":
		return s.pull(ctx, m)
	}
	if s.tc.Insight == nil {
		return nil, errNoStore
	}
	switch m.Op {
	case "previous":
		return s.tc.Insight.Previous()
	case "events":
		return s.tc.Insight.Events()
	}
	return nil, fmt.Errorf("the runner asks for %q, which is not known here", m.Op)
}

// pull has an element for each task: nil, or the value.
func (s *session) pull(ctx context.Context, m *message) (any, error) {
	var raws []json.RawMessage
	var err error
	if s.tc.Insight != nil {
		raws, err = s.tc.Insight.XComs(operator.XComQuery{TaskIDs: m.TaskIDs, Key: m.Key, DAGID: m.DAGID, RunID: m.RunID, PriorDates: m.Prior, MapIndexes: m.MapIndexes})
	} else {
		raws = make([]json.RawMessage, len(m.TaskIDs))
		for i, id := range m.TaskIDs {
			if raws[i], err = s.tc.XCom.Pull(ctx, id, m.Key); err != nil {
				break
			}
		}
	}
	if err != nil {
		return nil, fmt.Errorf("xcom_pull: %w", err)
	}
	out := make([]any, len(raws))
	for i, raw := range raws {
		if raw != nil {
			out[i] = map[string]any{"value": raw}
		}
	}
	return out, nil
}

// connectionValues are the arguments of Connection.
func connectionValues(c *connections.Connection) map[string]any {
	out := map[string]any{"conn_id": c.ID, "conn_type": c.Type, "description": c.Description, "host": c.Host, "login": c.Login, "schema": c.Schema, "port": c.Port}
	out["password"], out["extra"] = revealed(c.Password), revealed(c.Extra)
	return out
}

func revealed(s *connections.Secret) any {
	if s == nil {
		return nil
	}
	return s.Reveal()
}

// ended is the error of an interpreter that has said nothing last.
func ended(err error, out *process.Output) error {
	if err == nil {
		return fmt.Errorf("the interpreter ended with exit code 0 before the Python function returned, as os._exit does%s", out.Tail())
	}
	exit, ok := errors.AsType[*exec.ExitError](err)
	switch {
	case !ok:
		return fmt.Errorf("run Python: %w", err)
	case exit.Exited():
		return fmt.Errorf("the interpreter ended with exit code %d before the Python function returned%s", exit.ExitCode(), out.Tail())
	default:
		return fmt.Errorf("the interpreter ended by %v before the Python function returned%s", exit.ProcessState, out.Tail())
	}
}
