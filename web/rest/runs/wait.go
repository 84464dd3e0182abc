package runs

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/dingdag/dingdag/api/browse"
	"github.com/dingdag/dingdag/web/rest"
)

// Changes tells of changes of runs as they happen.
type Changes interface {
	// Follow calls begin at once, tell after changes of a run, and idle when nothing has changed for a time, until ctx ends,
	// this process stops or one of them fails, whose error it returns. It fails before begin when too many follow changes.
	Follow(ctx context.Context, dagID, runID string, begin, tell func() error, quiet time.Duration, idle func() error) error
}

// shortest and longest are the bounds of how often a run is looked at that nothing is told of.
const (
	shortest = 500 * time.Millisecond
	longest  = time.Hour
)

var errFinished = errors.New("the run has finished")

// wait sends a line with the state of a run at once, whenever it has changed, and after each interval, until the run has
// finished.
func (c *calls) wait(ctx context.Context, in *struct {
	named

	Interval float64  `query:"interval" required:"true" exclusiveMinimum:"0"`
	Result   []string `query:"result"`
},
) (*rest.Raw, error) {
	if _, err := c.browse.Run(ctx, in.DAGID, in.DagRunID); err != nil {
		return nil, err
	}
	every := longest
	if in.Interval < longest.Seconds() {
		every = max(time.Duration(in.Interval*float64(time.Second)), shortest)
	}
	return &rest.Raw{Write: func(w http.ResponseWriter) {
		s := &states{c: c, ctx: ctx, w: w, stream: http.NewResponseController(w), dagID: in.DAGID, runID: in.DagRunID, results: in.Result, every: every}
		err := c.o.Changes.Follow(ctx, in.DAGID, in.DagRunID, s.line, s.changed, every, s.line)
		switch {
		case err != nil && !s.begun:
			w.Header().Set("Retry-After", "30")
			http.Error(w, `{"detail":"too many wait for changes: ask again later, or read the run now and then"}`, http.StatusServiceUnavailable)
		case err != nil && !errors.Is(err, errFinished):
			c.logger.Debug("tell of the state of a run", "error", err) // nobody is left to tell
		}
	}}, nil
}

// states are the lines about a run.
type states struct {
	c            *calls
	ctx          context.Context //nolint:containedctx // that of one request
	w            http.ResponseWriter
	stream       *http.ResponseController
	dagID, runID string
	results      []string
	every        time.Duration

	begun bool
	last  string
	at    time.Time
}

// changed sends a line if the state is another one, or the last line is old.
func (s *states) changed() error {
	r, err := s.c.browse.Run(s.ctx, s.dagID, s.runID)
	if err != nil {
		return err
	}
	if string(r.State) == s.last && s.c.clock().Before(s.at.Add(s.every)) {
		return nil
	}
	return s.send(r)
}

func (s *states) line() error {
	r, err := s.c.browse.Run(s.ctx, s.dagID, s.runID)
	if err != nil {
		return err
	}
	return s.send(r)
}

// send writes a line; its error is errFinished after the last one.
func (s *states) send(r *browse.Run) error {
	line := struct {
		State   string            `json:"state"`
		Results map[string]string `json:"results,omitempty"`
	}{State: string(r.State)}
	if r.State.Finished() && len(s.results) > 0 {
		values, err := s.c.browse.Results(s.ctx, r, s.results)
		if err != nil {
			return err
		}
		line.Results = map[string]string{}
		for id, v := range values {
			line.Results[id] = browse.PythonJSON(v)
		}
	}
	b, err := json.Marshal(line)
	if err != nil {
		return err
	}
	if !s.begun {
		s.w.Header().Set("Content-Type", typeLines)
		s.w.Header().Set("X-Accel-Buffering", "no")
		s.begun = true
	}
	if err := s.stream.SetWriteDeadline(time.Now().Add(slowLine)); err != nil && !errors.Is(err, http.ErrNotSupported) { //nolint:forbidigo // a deadline is of the machine's clock
		return err
	}
	if _, err := s.w.Write(append(b, '\n')); err != nil {
		return err
	}
	if err := s.stream.Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	s.last, s.at = line.State, s.c.clock()
	if r.State.Finished() {
		return errFinished
	}
	return nil
}
