package pages

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/web/pages/live"
	"github.com/dingdag/dingdag/web/pages/logs"
)

const (
	// logWindow is how much of a log a page shows at once, in bytes.
	logWindow = 64 << 10
	// mostHits is how many lines a search shows.
	mostHits = 200
	// maxSearch is how long a text to search for may be.
	maxSearch = 200
	// logLook is how often a log that is being written is looked at.
	logLook = time.Second
)

// logData is the log of a try.
type logData struct {
	logs.Window

	// Note says that there is none, and why.
	Note string
	// Self is the address of the log, without its query; Try the number of the try.
	Self string
	Try  int
	// Grows says that the try is not over.
	Grows bool
	// Search is what is looked for, with the lines that have it.
	Search string
	Hits   []logs.Hit
	More   bool
}

// atWork are the states in which the last try of an instance may write more into its log.
var atWork = []string{"running", "restarting", "deferred", "up_for_reschedule"} //nolint:gochecknoglobals // a constant

// openLog is an open log.
type openLog struct {
	io.ReaderAt
	io.Closer

	size int64
	run  bool // whether the try is not over
}

// openLog opens the log of a try. Its error wraps [api.ErrNotFound] when there is none.
func (v *view) openLog(q api.TryQuery) (*openLog, error) {
	l, err := v.overview.API().Log(v.ctx(), q)
	if err != nil {
		return nil, err
	}
	text, err := l.Open(v.ctx())
	if err != nil {
		return nil, err
	}
	return &openLog{text, text, text.Size(), slices.Contains(atWork, string(l.State))}, nil
}

// logOf is the piece of a log that is asked for by the query of the page: from a place on, by default its end, or what is found
// in it.
func (v *view) logOf(q api.TryQuery, self string) (d *logData, err error) {
	d = &logData{Self: self + "/log", Try: q.Try}
	from := int64(-logWindow)
	if text := v.r.URL.Query().Get("from"); text != "" {
		if from, err = strconv.ParseInt(text, 10, 64); err != nil || from < 0 {
			return nil, &refusedError{http.StatusUnprocessableEntity, "error.from", nil}
		}
	}
	if d.Search = v.r.URL.Query().Get("find"); len(d.Search) > maxSearch {
		return nil, &refusedError{http.StatusUnprocessableEntity, "error.find", nil}
	}
	l, err := v.openLog(q)
	if errors.Is(err, api.ErrNotFound) {
		d.Note = v.Said(err)
		return d, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	d.Grows = l.run
	if d.Window, err = logs.Read(l, l.size, from, logWindow, true); err != nil {
		return nil, err
	}
	if d.Search == "" {
		return d, nil
	}
	d.Hits, d.More, err = logs.Search(v.ctx(), l, l.size, d.Search, mostHits)
	return d, err
}

// EarlierFrom is where the window before this one begins.
func (d *logData) EarlierFrom() int64 { return max(0, d.From-logWindow) }

// tryOf is the try that the path and the query name.
func (v *view) tryOf(dagID string) (api.TryQuery, error) {
	q := api.TryQuery{DAGID: dagID, RunID: v.r.PathValue("run_id"), TaskID: v.r.PathValue("task_id")}
	var err error
	if q.MapIndex, err = v.instance(); err != nil {
		return q, err
	}
	if text := v.r.URL.Query().Get("try_number"); text != "" {
		if q.Try, err = strconv.Atoi(text); err != nil || q.Try < 1 {
			return q, &refusedError{http.StatusUnprocessableEntity, "error.try", nil}
		}
	}
	return q, nil
}

// showLog sends the whole log as text, which may be long.
func showLog(v *view) (err error) {
	h, err := v.head()
	if err != nil {
		return err
	}
	q, err := v.tryOf(h.ID)
	if err != nil {
		return err
	}
	l, err := v.openLog(q)
	if err != nil {
		return err
	}
	defer func() {
		if cerr := l.Close(); cerr != nil {
			v.p.o.Log.Debug("close a log", "error", cerr) // it was only read
		}
	}()
	v.w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	v.w.Header().Set("Content-Length", strconv.FormatInt(l.size, 10))
	if _, err := io.Copy(&patient{v.w, http.NewResponseController(v.w)}, io.NewSectionReader(l, 0, l.size)); err != nil {
		v.p.o.Log.Debug("send a log", "error", err) // nobody is left to tell
	}
	return nil
}

// patient writes for as long as the other side takes something.
type patient struct {
	io.Writer

	stream *http.ResponseController
}

// Write writes a piece.
func (p *patient) Write(b []byte) (int, error) {
	if err := p.stream.SetWriteDeadline(time.Now().Add(live.EventTime)); err != nil && !errors.Is(err, http.ErrNotSupported) { //nolint:forbidigo // a deadline is of the machine's clock
		return 0, err
	}
	return p.Writer.Write(b)
}

// piece is what has been added to a log.
type piece struct {
	Text string `json:"text"`
	To   int64  `json:"to"`
}

// showLogEvents sends what is added to a log until its try is over (server-sent events).
func showLogEvents(v *view) error {
	h, err := v.head()
	if err != nil {
		return err
	}
	q, err := v.tryOf(h.ID)
	if err != nil {
		return err
	}
	from, err := strconv.ParseInt(v.r.URL.Query().Get("from"), 10, 64)
	if err != nil || from < 0 {
		return &refusedError{http.StatusUnprocessableEntity, "error.from", nil}
	}
	if id := v.r.Header.Get("Last-Event-ID"); id != "" { // it goes on after a loss of the connection
		if n, err := strconv.ParseInt(id, 10, 64); err == nil && n >= from {
			from = n
		}
	}
	leave, ended, err := v.p.o.Changes.Enter(v.ctx())
	if err != nil {
		v.w.Header().Set("Retry-After", "30")
		http.Error(v.w, err.Error(), http.StatusServiceUnavailable)
		return nil
	}
	defer leave()
	v.w.Header().Set("Content-Type", "text/event-stream")
	v.w.Header().Set("X-Accel-Buffering", "no")
	out := &patient{v.w, http.NewResponseController(v.w)}
	if _, err := io.WriteString(out, "retry: 2000\n\n"); err != nil {
		return nil
	}
	ctx, cancel := v.streaming()
	defer cancel()
	tick := time.NewTicker(logLook)
	defer tick.Stop()
	for {
		over, err := v.sendPieces(q, &from, out)
		if err != nil {
			v.p.o.Log.Debug("follow a log", "error", v.p.masked(err)) // the page asks again
			return nil
		}
		if over {
			_, _ = io.WriteString(out, "event: over\ndata: \n\n")
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ended:
			return nil
		case <-tick.C:
		}
	}
}

// sendPieces sends what is behind a place, and moves that. over says that no more will come.
func (v *view) sendPieces(q api.TryQuery, from *int64, out *patient) (over bool, err error) {
	l, err := v.openLog(q)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	for *from < l.size {
		w, err := logs.Read(l, l.size, *from, logWindow, false)
		if err != nil {
			return false, err
		}
		if w.To <= *from {
			break
		}
		data, err := json.Marshal(piece{w.Text, w.To})
		if err != nil {
			return false, err
		}
		if _, err := fmt.Fprintf(out, "id: %d\ndata: %s\n\n", w.To, data); err != nil {
			return false, err
		}
		*from = w.To
	}
	return !l.run, out.stream.Flush()
}
