package v1

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// log answers with the text of a log, or with the text of a Python list of a host and a text. It is passed on as it comes: a
// log may be longer than the memory.
func (c *call) log() (any, error) {
	accept := c.r.Header.Get("Accept")
	plain := strings.HasPrefix(accept, "text/plain")
	if !plain && accept != "" && !strings.Contains(accept, "application/json") && !strings.Contains(accept, "*/*") {
		return nil, problem(http.StatusNotAcceptable, "only application/json and text/plain can be had")
	}
	q := c.query
	q.Del("limit")
	r, err := c.request(http.MethodGet, c.at(instancePath+"/logs/{try_number}"), q, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", "application/x-ndjson")
	out := &logWriter{to: c.w, plain: plain, header: http.Header{}, status: http.StatusOK}
	c.s.v2.ServeHTTP(out, r)
	if out.status >= http.StatusBadRequest {
		return nil, refused(&answer{status: out.status, body: out.held})
	}
	c.done = true
	out.end()
	return nil, nil //nolint:nilnil // it is written
}

// logWriter takes a log as lines of JSON and passes it on in the form of version 1.
type logWriter struct {
	to     http.ResponseWriter
	plain  bool
	header http.Header
	status int
	begun  bool
	held   bytes.Buffer // what is not a whole line yet, or an error
}

func (l *logWriter) Header() http.Header { return l.header }

// Unwrap lets deadlines through.
func (l *logWriter) Unwrap() http.ResponseWriter { return l.to }

func (l *logWriter) WriteHeader(status int) { l.status = status }

func (l *logWriter) Write(b []byte) (int, error) {
	l.held.Write(b)
	if l.status >= http.StatusBadRequest {
		return len(b), nil
	}
	if !l.begun {
		l.begin()
	}
	at := bytes.LastIndexByte(l.held.Bytes(), '\n')
	if at < 0 {
		return len(b), nil
	}
	w := bufio.NewWriter(l.to)
	for line := range bytes.Lines(l.held.Next(at + 1)) {
		if err := l.line(w, line); err != nil {
			return 0, err
		}
	}
	return len(b), w.Flush()
}

// begin writes what is before the text.
func (l *logWriter) begin() {
	l.begun = true
	if l.plain {
		l.to.Header().Set("Content-Type", "text/plain; charset=utf-8")
		l.to.WriteHeader(http.StatusOK)
		return
	}
	l.to.Header().Set("Content-Type", "application/json")
	l.to.WriteHeader(http.StatusOK)
	_, _ = io.WriteString(l.to, `{"content": "[('dingdag', '`) // nobody is left to tell
}

// line writes a line of the log: bookkeeping is left out.
func (l *logWriter) line(w io.Writer, line []byte) error {
	var of struct {
		Event     string `json:"event"`
		Timestamp string `json:"timestamp"`
		Level     string `json:"level"`
	}
	if err := json.Unmarshal(line, &of); err != nil {
		return fmt.Errorf("read a line of a log: %w", err)
	}
	text := of.Event
	if strings.HasPrefix(text, "::group::Log message source details") || text == "::endgroup::" && of.Timestamp == "" {
		return nil
	}
	if of.Timestamp != "" {
		text = "[" + of.Timestamp + "] " + strings.ToUpper(of.Level) + " - " + text
	}
	text += "\n"
	if !l.plain {
		text = strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\n", `\n`).Replace(text) // as Python writes it, then as JSON does
		quoted, err := json.Marshal(text)
		if err != nil {
			return err
		}
		text = string(quoted[1 : len(quoted)-1])
	}
	_, err := io.WriteString(w, text)
	return err
}

// end writes what is behind the text.
func (l *logWriter) end() {
	if !l.begun {
		l.begin()
	}
	if l.plain {
		return
	}
	token, err := json.Marshal(l.header.Get("Airflow-Continuation-Token"))
	if err != nil {
		token = []byte(`""`)
	}
	_, _ = fmt.Fprintf(l.to, `')]", "continuation_token": %s}`, token) // nobody is left to tell
}
