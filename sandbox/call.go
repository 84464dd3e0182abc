package sandbox

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"time"
)

// maxRead bounds what is read of a request body. It lies far above DingTalk's own
// limits, which the calls check themselves.
const maxRead = 32 << 20

// call is one endpoint of DingTalk.
type call struct {
	// name is what fault switches and the log of attempts call it: "robot.send".
	name string
	// pattern is its path for [http.ServeMux]. Only paths of the new generation have a
	// method in it: to the others a wrong method is no wrong path.
	pattern string
	// generation is how it writes errors.
	generation generation
	// private keeps the body out of the log of attempts: it holds a secret or a file.
	private bool
	// decide does the work with the server's lock held and must not wait.
	decide func(*Server, *request) answer
}

// request is an HTTP request that was read whole.
type request struct {
	*http.Request
	at    time.Time
	ip    netip.Addr
	body  []byte
	token string // the access token in the query; empty when there is none
}

// answer is what to send back, and what the log of attempts notes about it.
type answer struct {
	status      int
	contentType string
	body        []byte
	note        note
}

// note is the part of an [Attempt] that only the call knows.
type note struct {
	robot     string
	app       string
	code      int
	errorCode string
	reason    string
	messageID int
	duplicate bool
	ignored   []string
}

func (s *Server) serveCall(c call) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		req, err := s.read(r)
		if err != nil {
			http.Error(w, "read the request: "+err.Error(), http.StatusBadRequest)
			return
		}
		a, fault := s.decide(c, req)
		send(r.Context(), w, a, fault)
	}
}

func (s *Server) read(r *http.Request) (*request, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxRead))
	if err != nil {
		return nil, fmt.Errorf("body: %w", err)
	}
	addr, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return nil, fmt.Errorf("remote address: %w", err)
	}
	return &request{
		Request: r,
		at:      s.now(),
		ip:      addr.Addr().Unmap(),
		body:    body,
		token:   r.URL.Query().Get("access_token"),
	}, nil
}

// decide works out the answer and records the attempt, both in one step. The fault
// is the one that applies; its Kind is empty when none does.
func (s *Server) decide(c call, req *request) (answer, Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fault := s.takeFault(c, req.token)
	var a answer
	if fault.Kind.prevents() {
		a = fault.answer(c.generation)
	} else {
		a = c.decide(s, req)
	}
	if a.note.robot == "" {
		if r := s.robotByToken(req.token); r != nil {
			a.note.robot = r.Name
		}
	}
	s.inbox.addAttempt(newAttempt(c, req, a, fault))
	return a, fault
}

// send writes the answer as far as the fault lets it.
func send(ctx context.Context, w http.ResponseWriter, a answer, fault Fault) {
	switch fault.Kind {
	case FaultCut, FaultAnswerLost:
		panic(http.ErrAbortHandler)
	case FaultBrokenJSON:
		a.body = a.body[:len(a.body)/2]
	case FaultSlow:
		if !wait(ctx, fault.Delay) {
			panic(http.ErrAbortHandler)
		}
	default: // the others are in the answer already
	}
	w.Header().Set("Content-Type", a.contentType)
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // an error means that the client is gone
}

// wait returns false when ctx is done first.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// unknownPath answers as each of the two generations does. A known path with a wrong
// method of the new generation comes here, too.
func unknownPath(w http.ResponseWriter, r *http.Request) {
	a := legacyAnswer(404, "请求的URI地址不存在")
	switch generationOf(r.URL.Path) {
	case modern:
		a = fail(http.StatusNotFound, "InvalidAction.NotFound",
			"Specified api is not found, please check your url and method.").answer(modern)
	case topapi:
		name := strings.ReplaceAll(strings.TrimPrefix(r.URL.Path, "/topapi/"), "/", ".")
		a.body = encode(object{
			"errcode": 22, "errmsg": "Invalid method[" + name + "]",
			"sub_msg": "不合法ApiName，请检查接口地址", "request_id": requestID(),
		})
	case plain:
	}
	send(r.Context(), w, a, Fault{})
}

// isJSON tells whether a Content-Type header says JSON, with or without a charset.
func isJSON(contentType string) bool {
	mediaType, _, _ := strings.Cut(contentType, ";")
	return strings.EqualFold(strings.TrimSpace(mediaType), "application/json")
}
