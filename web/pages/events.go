package pages

import (
	"context"
	"errors"
	"net/http"

	"github.com/dingdag/dingdag/web/pages/live"
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
	switch err := v.p.o.Changes.Serve(v.w, v.r, topic, v.p.o.StreamTime); {
	case errors.Is(err, live.ErrFull):
		v.w.Header().Set("Retry-After", "30")
		http.Error(v.w, "too many pages follow changes: reload this one now and then", http.StatusServiceUnavailable)
	case err != nil:
		v.p.o.Log.Debug("tell a page of changes", "error", err) // it is gone
	}
	return nil
}
