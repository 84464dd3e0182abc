package core

import (
	"cmp"
	"regexp"
	"time"
)

// Attempt is a request to one of DingTalk's calls, accepted or not.
type Attempt struct {
	// ID counts from 1 and goes on after a clear.
	ID       int       `json:"id"`
	Time     time.Time `json:"time"`
	Call     string    `json:"call"`
	RemoteIP string    `json:"remote_ip"`
	// Method, Path and Query are as they were sent: percent-encoded, without the base
	// address. Tokens and secrets in the query are written as "***".
	Method string `json:"method"`
	Path   string `json:"path"`
	Query  string `json:"query,omitempty"`
	// Robot is a name; empty for an unknown token and for calls of apps.
	Robot string `json:"robot,omitempty"`
	// App is the name of the app that called; empty for an unknown token and for robots.
	App string `json:"app,omitempty"`
	// Status is the HTTP status; zero when the connection was cut before the call.
	Status int `json:"status,omitempty"`
	// Code and Reason are the errcode and errmsg of the call, even when a fault kept
	// them from the client. What the gateway wraps in 88 is told by the inner code.
	Code   int    `json:"code"`
	Reason string `json:"reason,omitempty"`
	// ErrorCode is the code of a refusal in the new generation: "InvalidAuthentication".
	ErrorCode string `json:"error_code,omitempty"`
	// Ignored are parameters that the call does not know. DingTalk says nothing of them.
	Ignored []string `json:"ignored,omitempty"`
	// MessageID is the message that came of it; zero for none.
	MessageID int `json:"message_id,omitempty"`
	// Duplicate says that the msgUuid was seen before: answered ok, not delivered.
	Duplicate bool `json:"duplicate,omitempty"`
	// Fault is the fault that hit the request.
	Fault FaultKind `json:"fault,omitempty"`
	// Bytes is the size of the body, of which Body holds at most the first 20000, and
	// nothing when there is a secret in it.
	Bytes int    `json:"bytes"`
	Body  string `json:"body"`
}

func newAttempt(c Call, req *Request, a Answer, fault Fault) Attempt {
	body := req.Raw[:min(len(req.Raw), maxLoggedBody)]
	if c.Private {
		body = nil
	}
	return Attempt{
		Time:      req.At,
		Call:      c.Name,
		RemoteIP:  req.IP.String(),
		Method:    req.Method,
		Path:      req.URL.EscapedPath(),
		Query:     maskQuery(req.URL.RawQuery),
		Robot:     a.Note.Robot,
		App:       a.Note.App,
		Ignored:   a.Note.Ignored,
		Status:    a.Status,
		Code:      a.Note.Code,
		ErrorCode: a.Note.ErrorCode,
		Reason:    a.Note.Reason,
		MessageID: a.Note.MessageID,
		Duplicate: a.Note.Duplicate,
		Fault:     fault.Kind,
		Bytes:     len(req.Raw),
		Body:      string(body),
	}
}

var secretInQuery = regexp.MustCompile(`\b(access_token|appsecret|session|sign)=[^&]*`)

func maskQuery(query string) string {
	return secretInQuery.ReplaceAllString(query, "$1=***")
}

// Sender is the name of the robot or app; empty for an unknown token.
func (a Attempt) Sender() string { return cmp.Or(a.Robot, a.App) }

// Refused tells whether the call was not done.
func (a Attempt) Refused() bool {
	return a.Code != 0 || a.ErrorCode != "" || a.Fault.prevents()
}

// maxLoggedBody is how much of a body is kept, in bytes.
const maxLoggedBody = 20000
