package web

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
)

const (
	typeJSON = "application/json"
	typeText = "text/plain; charset=utf-8"
	typeHTML = "text/html; charset=utf-8"
)

// send writes an answer. Its length tells a HEAD what a GET would get.
func (s *Server) send(w http.ResponseWriter, status int, contentType string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if _, err := w.Write(body); err != nil {
		s.o.Log.Debug("answer a request", "error", err) // nobody is left to tell
	}
}

// sendJSON writes an answer in JSON.
func (s *Server) sendJSON(w http.ResponseWriter, status int, value any) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		s.o.Log.Error("answer a request", "error", err)
		http.Error(w, "the answer cannot be written: the log says why", http.StatusInternalServerError)
		return
	}
	s.send(w, status, typeJSON, b.Bytes())
}

// failure is an error in Airflow's form. Airflow has the text of a path that nobody serves under error,
// all others under detail; clients find either.
type failure struct {
	Detail string `json:"detail"`
	Error  string `json:"error,omitempty"`
}

// fail writes an error: as JSON below /api, else as text.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, status int, text string) {
	if !strings.HasPrefix(r.URL.Path, "/api/") {
		s.send(w, status, typeText, []byte(text+"\n"))
		return
	}
	f := failure{Detail: text}
	if status == http.StatusNotFound {
		f.Error = text
	}
	s.sendJSON(w, status, f)
}
