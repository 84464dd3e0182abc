package pages

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/dingdag/dingdag/web/pages/live"
)

const (
	// quietTime is how long a stream may be silent: proxies close those that are so for longer.
	quietTime = 15 * time.Second
	// eventTime is how long the other side may take for an event.
	eventTime = 10 * time.Second
)

// streaming is for as long as a stream may go on without asking whether whoever reads it may.
func (v *view) streaming() (context.Context, context.CancelFunc) {
	return context.WithTimeout(v.ctx(), v.p.o.StreamTime)
}

// showEvents tells a page that is open of changes of what it follows (server-sent events).
func showEvents(v *view) error {
	q := v.r.URL.Query()
	topic := live.Topic{DAGID: q.Get("dag_id"), RunID: q.Get("run_id")}
	if topic.DAGID != "" {
		v.r.SetPathValue("dag_id", topic.DAGID)
		if _, err := v.head(); err != nil {
			return err
		}
	}
	h := v.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no")
	stream := http.NewResponseController(v.w)
	write := func(text string) func() error {
		return func() error {
			if err := stream.SetWriteDeadline(time.Now().Add(eventTime)); err != nil && !errors.Is(err, http.ErrNotSupported) { //nolint:forbidigo // a deadline is of the machine's clock
				return err
			}
			if _, err := io.WriteString(v.w, text); err != nil {
				return err
			}
			return stream.Flush()
		}
	}
	begun := false
	begin := func(text string) func() error {
		return func() error { begun = true; return write(text)() }
	}
	ctx, cancel := v.streaming()
	defer cancel()
	err := v.p.o.Changes.Follow(ctx, topic, begin("retry: 2000\n\n"), begin("event: changed\ndata: \n\n"), quietTime, begin(": \n\n"))
	switch {
	case errors.Is(err, live.ErrFull) && !begun:
		h.Set("Retry-After", "30")
		http.Error(v.w, "too many pages follow changes: reload this one now and then", http.StatusServiceUnavailable)
	case err != nil:
		v.p.o.Log.Debug("tell a page of changes", "error", err) // it is gone
	}
	return nil
}
