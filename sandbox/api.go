package sandbox

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strconv"
	"time"
)

// maxAPIBody bounds the requests to the sandbox's own API, in bytes.
const maxAPIBody = 64 << 10

// routeAPI adds the sandbox's own JSON API. Browsers may use it from the sandbox's
// own pages only, so that no web page steers somebody's sandbox behind his back.
func (s *Server) routeAPI() {
	guard := http.NewCrossOriginProtection()
	routes := map[string]func(*http.Request) (any, error){
		"GET /sandbox/api/messages":       s.apiMessages,
		"GET /sandbox/api/messages/{id}":  s.apiMessage,
		"DELETE /sandbox/api/messages":    s.apiClear,
		"GET /sandbox/api/attempts":       s.apiAttempts,
		"GET /sandbox/api/robots":         s.apiRobots,
		"POST /sandbox/api/robots":        s.apiAddRobot,
		"PUT /sandbox/api/robots/{token}": s.apiUpdateRobot,
		"GET /sandbox/api/faults":         s.apiFaults,
		"POST /sandbox/api/faults":        s.apiAddFault,
		"DELETE /sandbox/api/faults":      s.apiClearFaults,
	}
	maps.Copy(routes, s.officeRoutes())
	for pattern, handle := range routes {
		s.mux.Handle(pattern, guard.Handler(apiHandler(handle)))
	}
	s.mux.HandleFunc("GET /sandbox/api/events", s.events)
	s.mux.HandleFunc("/sandbox/api/", func(w http.ResponseWriter, r *http.Request) {
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
	_, _ = w.Write(append(encode(v), '\n')) // an error means that the client is gone
}

func (s *Server) apiMessages(r *http.Request) (any, error) {
	f, err := filterOf(r)
	if err != nil {
		return nil, err
	}
	return map[string]any{"messages": notNil(s.Messages(f))}, nil
}

// filterOf reads a [Filter] from the query: robot, type, text, after.
func filterOf(r *http.Request) (Filter, error) {
	q := r.URL.Query()
	f := Filter{Robot: q.Get("robot"), Type: q.Get("type"), Text: q.Get("text")}
	if after := q.Get("after"); after != "" {
		id, err := strconv.Atoi(after)
		if err != nil {
			return f, fmt.Errorf("after must be a message id, not %q", after)
		}
		f.After = id
	}
	return f, nil
}

func (s *Server) apiMessage(r *http.Request) (any, error) {
	id, err := strconv.Atoi(r.PathValue("id"))
	if err != nil {
		return nil, fmt.Errorf("message %q: %w", r.PathValue("id"), ErrNotFound)
	}
	return s.Message(id)
}

func (s *Server) apiClear(*http.Request) (any, error) {
	s.Clear()
	return struct{}{}, nil
}

func (s *Server) apiAttempts(*http.Request) (any, error) {
	return map[string]any{"attempts": notNil(s.Attempts())}, nil
}

func (s *Server) apiRobots(*http.Request) (any, error) {
	return map[string]any{"robots": notNil(s.Robots())}, nil
}

func (s *Server) apiAddRobot(r *http.Request) (any, error) {
	var robot Robot
	if err := readAPI(r, &robot); err != nil {
		return nil, err
	}
	return s.AddRobot(robot)
}

// apiUpdateRobot replaces the whole robot; the token is the path's.
func (s *Server) apiUpdateRobot(r *http.Request) (any, error) {
	var robot Robot
	if err := readAPI(r, &robot); err != nil {
		return nil, err
	}
	robot.Token = r.PathValue("token")
	return s.UpdateRobot(robot)
}

func (s *Server) apiFaults(*http.Request) (any, error) {
	return map[string]any{"faults": notNil(s.Faults())}, nil
}

func (s *Server) apiAddFault(r *http.Request) (any, error) {
	var fault Fault
	if err := readAPI(r, &fault); err != nil {
		return nil, err
	}
	if err := s.AddFault(fault); err != nil {
		return nil, err
	}
	return s.apiFaults(r)
}

func (s *Server) apiClearFaults(*http.Request) (any, error) {
	s.ClearFaults()
	return struct{}{}, nil
}

// notNil makes an empty list "[]" and not "null".
func notNil[T any](in []T) []T {
	if in == nil {
		return []T{}
	}
	return in
}

func readAPI(r *http.Request, into any) error {
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxAPIBody))
	if err != nil {
		return fmt.Errorf("read the request: %w", err)
	}
	if err := decodeStrict(body, into); err != nil {
		return fmt.Errorf("read the request: %w", err)
	}
	return nil
}

// decodeStrict reads one JSON value and refuses unknown keys.
func decodeStrict(data []byte, into any) error {
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

// duration is text in JSON: "1m30s".
type duration time.Duration

// MarshalText writes the duration as [time.Duration.String] does.
func (d duration) MarshalText() ([]byte, error) {
	return []byte(time.Duration(d).String()), nil
}

// UnmarshalText reads what [time.ParseDuration] reads.
func (d *duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	*d = duration(v)
	return err
}
