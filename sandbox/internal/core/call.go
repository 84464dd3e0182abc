package core

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

// Call is one endpoint of DingTalk. Most are declared as an [Endpoint].
type Call struct {
	// Name is what fault switches and the log of attempts call it: "robot.send".
	Name string
	// Pattern is its path for [http.ServeMux]. Only paths of the new generation have a
	// method in it: to the others a wrong method is no wrong path.
	Pattern string
	// Generation is how it writes errors.
	Generation Generation
	// Private keeps the body out of the log of attempts: it holds a secret or a file.
	Private bool
	// Decide does the work with the lock held and must not wait.
	Decide func(*Request) Answer
}

// Request is an HTTP request that was read whole.
type Request struct {
	*http.Request
	// At is when it came, by the sandbox's clock.
	At time.Time
	IP netip.Addr
	// Raw is the body.
	Raw []byte
	// Token is the access token in the query; empty when there is none.
	Token string
}

// Answer is what to send back, and what the log of attempts notes about it.
type Answer struct {
	Status      int
	ContentType string
	Body        []byte
	Note        Note
	// Silence is how long the client waits before the connection ends without an answer.
	Silence time.Duration
}

// Note is the part of an [Attempt] that only the call knows. The fields are those of
// the same names there.
type Note struct {
	Robot     string
	App       string
	Code      int
	ErrorCode string
	Reason    string
	MessageID int
	Duplicate bool
	Ignored   []string
}

func (c *Core) serveCall(call Call) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		req, err := c.read(r)
		if err != nil {
			http.Error(w, "read the request: "+err.Error(), http.StatusBadRequest)
			return
		}
		a, fault := c.decide(call, req)
		send(r.Context(), w, a, fault)
	}
}

func (c *Core) read(r *http.Request) (*Request, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxRead))
	if err != nil {
		return nil, fmt.Errorf("body: %w", err)
	}
	addr, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return nil, fmt.Errorf("remote address: %w", err)
	}
	return &Request{
		Request: r,
		At:      c.now(),
		IP:      addr.Addr().Unmap(),
		Raw:     body,
		Token:   r.URL.Query().Get("access_token"),
	}, nil
}

// decide works out the answer and records the attempt, both in one step. The fault
// is the one that applies; its Kind is empty when none does.
func (c *Core) decide(call Call, req *Request) (Answer, Fault) {
	c.mu.Lock()
	defer c.mu.Unlock()
	fault := c.Faults.take(call, req.Token)
	var a Answer
	if fault.Kind.prevents() {
		a = fault.answer(call.Generation)
	} else {
		a = call.Decide(req)
	}
	if a.Note.Robot == "" {
		a.Note.Robot = c.Robots.Name(req.Token)
	}
	c.Inbox.addAttempt(newAttempt(call, req, a, fault))
	return a, fault
}

// send writes the answer as far as the fault lets it.
func send(ctx context.Context, w http.ResponseWriter, a Answer, fault Fault) {
	switch fault.Kind {
	case FaultCut, FaultAnswerLost:
		panic(http.ErrAbortHandler)
	case FaultBrokenJSON:
		a.Body = a.Body[:len(a.Body)/2]
	case FaultSlow:
		if !wait(ctx, fault.Delay) {
			panic(http.ErrAbortHandler)
		}
	default: // the others are in the answer already
	}
	if a.Silence > 0 {
		wait(ctx, a.Silence)
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Content-Type", a.ContentType)
	w.WriteHeader(a.Status)
	_, _ = w.Write(a.Body) // an error means that the client is gone
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
	a := LegacyAnswer(404, "请求的URI地址不存在")
	switch generationOf(r.URL.Path) {
	case Modern:
		a = Fail(http.StatusNotFound, "InvalidAction.NotFound",
			"Specified api is not found, please check your url and method.").Answer(Modern)
	case Topapi:
		name := strings.ReplaceAll(strings.TrimPrefix(r.URL.Path, "/topapi/"), "/", ".")
		a.Body = Encode(Object{
			"errcode": 22, "errmsg": "Invalid method[" + name + "]",
			"sub_msg": "不合法ApiName，请检查接口地址", "request_id": requestID(),
		})
	case Plain:
	}
	send(r.Context(), w, a, Fault{})
}

// IsJSON tells whether a Content-Type header says JSON, with or without a charset.
func IsJSON(contentType string) bool {
	mediaType, _, _ := strings.Cut(contentType, ";")
	return strings.EqualFold(strings.TrimSpace(mediaType), "application/json")
}
