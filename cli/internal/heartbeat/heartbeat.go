// Package heartbeat lets a service outside know that the scheduler schedules, so that somebody
// notices when it no longer does.
package heartbeat

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/engine"
	hookhttp "github.com/dingdag/dingdag/hook/http"
)

const (
	// timeout bounds one request, whatever the service does.
	timeout = 10 * time.Second
	// pause is the time between two looks whether the engine has got on.
	pause = time.Second
	// patience is how long it may not get on before that is in the log. A pass comes every 30 s.
	patience = 2 * time.Minute
)

// Options says whom to tell of what. All but Observe are required.
type Options struct {
	// URL is asked for with GET. Whoever knows it can send the sign of life in the scheduler's
	// place, so that neither its path nor its query is ever told.
	URL string
	// Interval is the time between two requests.
	Interval time.Duration
	// Progress is how far the engine has come.
	Progress func() engine.Progress
	Log      *slog.Logger
	// Observe, when set, is told what came of each request.
	Observe func(error)
}

// Run asks for the URL once the engine has got on since the last time, at most once in an
// interval, until ctx ends. An engine that hangs, whose store can't be written or of whose DAGs
// one can't be looked at does not get on. What goes wrong with a request is logged when it
// begins and when it ends, and holds up nothing.
func Run(ctx context.Context, o Options) {
	h := heart{Options: o, ping: func(ctx context.Context) error { return ping(ctx, o.URL, timeout) }}
	h.run(ctx)
}

// heart is what sends the signs of life.
type heart struct {
	Options
	ping func(context.Context) error

	// told is how far the engine had come at the last request.
	told engine.Progress
	// taken and failing say what the service made of the last request; neither holds at first.
	taken, failing bool
}

func (h *heart) run(ctx context.Context) {
	t := time.NewTicker(h.Interval)
	defer t.Stop()
	for {
		waited, ok := h.await(ctx)
		if !ok {
			return
		}
		if waited { // else it keeps the beat
			t.Reset(h.Interval)
		}
		h.tell(ctx)
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

// await returns once the engine has got on since the last request, and says whether that took time,
// or false when ctx ends.
func (h *heart) await(ctx context.Context) (waited, ok bool) {
	t := time.NewTicker(pause)
	defer t.Stop()
	took, held := time.Duration(0), false
	for {
		now := h.Progress()
		if now.Since(h.told) {
			if held {
				h.Log.Info("the scheduler works again, and so does its heartbeat")
			}
			h.told = now
			return took > 0, ctx.Err() == nil
		}
		if took >= patience && !held {
			held = true
			h.Log.Error("the heartbeat is held back, because the scheduler gets no further", "for", took,
				"beats", now.Beats-h.told.Beats, "passes", now.Passes-h.told.Passes, "rounds_of_outbox", now.Rounds-h.told.Rounds)
		}
		select {
		case <-ctx.Done():
			return true, false
		case <-t.C:
			took += pause
		}
	}
}

// tell sends one sign of life.
func (h *heart) tell(ctx context.Context) {
	err := h.ping(ctx)
	if h.Observe != nil && ctx.Err() == nil {
		h.Observe(err)
	}
	switch {
	case ctx.Err() != nil:
	case err != nil && !h.failing:
		h.taken, h.failing = false, true
		h.Log.Warn("the heartbeat is not taken", "url", bare(h.URL), "error", err)
	case err == nil && !h.taken:
		h.taken, h.failing = true, false
		h.Log.Info("the heartbeat is taken", "url", bare(h.URL))
	}
}

// bare is as much of the URL as may be told.
func bare(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// ping asks for a URL. An answer is good that has a status of 200 to 299 in the end, after redirects.
func ping(ctx context.Context, target string, limit time.Duration) error {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("no answer within %s", limit))
	defer cancel()
	redirects := 5
	r := hookhttp.Request{Method: http.MethodGet, Endpoint: target, ExtraOptions: &hookhttp.ExtraOptions{MaxRedirects: &redirects}}
	answer, err := r.Send(ctx, nowhere{})
	if he, ok := errors.AsType[*hookhttp.Error](err); ok {
		return he.Err // without the URL
	}
	if err != nil {
		return err
	}
	if answer.Status < 200 || answer.Status > 299 {
		return fmt.Errorf("answered %s", answer.StatusText)
	}
	return nil
}

// nowhere has a connection without a host: the endpoint of a request is the whole URL.
type nowhere struct{}

// Connection returns it.
func (nowhere) Connection(context.Context, string) (*connections.Connection, error) {
	return &connections.Connection{ID: "heartbeat_url", Type: "http"}, nil
}
