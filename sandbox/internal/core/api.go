package core

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// maxAPIBody bounds the requests to the sandbox's own API, in bytes.
const maxAPIBody = 64 << 10

// API adds a route to the sandbox's own JSON API. Browsers may use it from the
// sandbox's own pages only, so that no web page steers somebody's sandbox behind his back.
func (c *Core) API(pattern string, handle func(*http.Request) (any, error)) {
	c.mux.Handle(pattern, http.NewCrossOriginProtection().Handler(apiHandler(handle)))
}

// routeAPI adds what concerns no single family.
func (c *Core) routeAPI() {
	c.API("GET /sandbox/api/messages", c.Inbox.apiMessages)
	c.API("GET /sandbox/api/messages/{id}", c.Inbox.apiMessage)
	c.API("DELETE /sandbox/api/messages", func(*http.Request) (any, error) {
		c.Inbox.Clear()
		return struct{}{}, nil
	})
	c.API("GET /sandbox/api/attempts", APIList("attempts", c.Inbox.Attempts))
	c.API("GET /sandbox/api/calls", APIList("calls", func() []string { return Names(c.calls) }))
	c.API("GET /sandbox/api/faults", APIList("faults", c.Faults.Faults))
	c.API("POST /sandbox/api/faults", APIAdd(func(f Fault) (any, error) {
		if err := c.Faults.AddFault(f); err != nil {
			return nil, err
		}
		return Object{"faults": NotNil(c.Faults.Faults())}, nil
	}))
	c.API("DELETE /sandbox/api/faults", func(*http.Request) (any, error) {
		c.Faults.ClearFaults()
		return struct{}{}, nil
	})
	c.API("GET /sandbox/api/apps", APIList("apps", c.Apps.Apps))
	c.API("POST /sandbox/api/apps", APIAdd(func(a App) (any, error) { return a, c.Apps.AddApp(a) }))
	c.API("PUT /sandbox/api/apps/{key}", c.Apps.apiUpdate)
	c.API("DELETE /sandbox/api/apps/{key}/tokens", func(r *http.Request) (any, error) {
		return Object{"expired": c.Apps.ExpireTokens(r.PathValue("key"))}, nil
	})
	c.mux.HandleFunc("GET /sandbox/api/events", c.Inbox.events)
	c.mux.HandleFunc("/sandbox/api/", func(w http.ResponseWriter, r *http.Request) {
		writeAPI(w, http.StatusNotFound, apiError{"no such path or method: " + r.Method + " " + r.URL.Path})
	})
}

type apiError struct {
	Error string `json:"error"`
}

func apiHandler(handle func(*http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		result, err := handle(r)
		if err == nil {
			writeAPI(w, http.StatusOK, result)
			return
		}
		writeAPI(w, apiStatus(err), apiError{err.Error()})
	}
}

// apiStatus turns an error into a status. Every error of this API is the client's.
func apiStatus(err error) int {
	switch {
	case errors.Is(err, ErrNotFound):
		return http.StatusNotFound
	case errors.Is(err, ErrExists):
		return http.StatusConflict
	default:
		return http.StatusBadRequest
	}
}

func writeAPI(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", contentTypeJSON)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(Encode(v), '\n')) // an error means that the client is gone
}

// APIList answers a list under a name.
func APIList[T any](name string, list func() []T) func(*http.Request) (any, error) {
	return func(*http.Request) (any, error) { return Object{name: NotNil(list())}, nil }
}

// APIAdd reads a value and adds it.
func APIAdd[T any](add func(T) (any, error)) func(*http.Request) (any, error) {
	return func(r *http.Request) (any, error) {
		var in T
		if err := ReadAPI(r, &in); err != nil {
			return nil, err
		}
		return add(in)
	}
}

func (in *Inbox) apiMessages(r *http.Request) (any, error) {
	f, err := filterOf(r)
	if err != nil {
		return nil, err
	}
	found := in.Messages(f)
	q := r.URL.Query()
	if !q.Has("limit") {
		return Object{"messages": NotNil(found)}, nil
	}
	limit, err := countOf(q, "limit")
	if err != nil {
		return nil, err
	}
	offset, err := countOf(q, "offset")
	if err != nil {
		return nil, err
	}
	total := len(found)
	slices.Reverse(found)
	from := min(offset, total)
	return Object{"messages": NotNil(found[from : from+min(limit, total-from)]), "total": total}, nil
}

// countOf is a number of the query, 0 unless it is there.
func countOf(q url.Values, name string) (int, error) {
	text := q.Get(name)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%s must be a number that is not negative, not %q", name, text)
	}
	return n, nil
}

// filterOf reads a [Filter] from the query: robot, type, text, conversation, after.
func filterOf(r *http.Request) (Filter, error) {
	q := r.URL.Query()
	f := Filter{Robot: q.Get("robot"), Type: q.Get("type"), Text: q.Get("text"), Conversation: q.Get("conversation")}
	if after := q.Get("after"); after != "" {
		id, err := strconv.Atoi(after)
		if err != nil {
			return f, fmt.Errorf("after must be a message id, not %q", after)
		}
		f.After = id
	}
	return f, nil
}

func (in *Inbox) apiMessage(r *http.Request) (any, error) {
	id, err := strconv.Atoi(r.PathValue("id"))
	if err != nil {
		return nil, fmt.Errorf("message %q: %w", r.PathValue("id"), ErrNotFound)
	}
	return in.Message(id)
}

// apiUpdate replaces the whole app; the key is the path's.
func (s *Apps) apiUpdate(r *http.Request) (any, error) {
	var app App
	if err := ReadAPI(r, &app); err != nil {
		return nil, err
	}
	app.AppKey = r.PathValue("key")
	return app, s.UpdateApp(app)
}

// ReadAPI reads the body of a request to the API and refuses unknown keys.
func ReadAPI(r *http.Request, into any) error {
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxAPIBody))
	if err != nil {
		return fmt.Errorf("read the request: %w", err)
	}
	if err := DecodeStrict(body, into); err != nil {
		return fmt.Errorf("read the request: %w", err)
	}
	return nil
}

// DecodeStrict reads one JSON value and refuses unknown keys.
func DecodeStrict(data []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more follows after the JSON value")
	}
	return nil
}

// Duration is text in JSON: "1m30s".
type Duration time.Duration

// MarshalText writes the duration as [time.Duration.String] does.
func (d Duration) MarshalText() ([]byte, error) {
	return []byte(time.Duration(d).String()), nil
}

// UnmarshalText reads what [time.ParseDuration] reads.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	*d = Duration(v)
	return err
}
