package http

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// Kind says what can be done about an [Error].
type Kind string

// The kinds of errors.
const (
	// KindInvalid is a request or a connection that is wrong as it is. Nothing was sent.
	KindInvalid Kind = "invalid"
	// KindRefused is an answer that says that the request is wrong, such as 404.
	KindRefused Kind = "refused"
	// KindUnavailable is a service that did not take the request: it could not be reached,
	// or answered 429, 503 and their like. Also a lost answer where a repeat does no harm.
	KindUnavailable Kind = "unavailable"
	// KindUncertain is a request that left and whose answer was lost, on the way or between
	// a gateway and the service (502, 504): it may have arrived.
	KindUncertain Kind = "uncertain"
)

// Error is a request that came to nothing. It shows no credentials and no query. It is a
// callbacks.DeliveryError.
type Error struct {
	// Request is the method and the bare URL, empty when it did not come so far.
	Request string
	Kind    Kind
	// Status is that of the answer, 0 when there was none.
	Status int
	// Wait is the least time until the next try, as the service asks for, or 0.
	Wait time.Duration
	// Err is the cause.
	Err error
}

// Error says what was sent where, and what went wrong.
func (e *Error) Error() string {
	if e.Request == "" {
		return e.Err.Error()
	}
	return e.Request + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Answer returns the status of the answer, and no code.
func (e *Error) Answer() (status int, code string) { return e.Status, "" }

// Retryable reports whether another try may help and does no harm.
func (e *Error) Retryable() bool { return e.Kind == KindUnavailable }

// Uncertain reports whether the request may have arrived.
func (e *Error) Uncertain() bool { return e.Kind == KindUncertain }

// Throttled reports whether the service asks for a pause from whoever sent the request.
func (e *Error) Throttled() bool { return e.Status == http.StatusTooManyRequests }

// RetryDelay is the least time until the next try.
func (e *Error) RetryDelay() time.Duration { return e.Wait }

// Err is nil for a response with a status below 400, or with any when check_response is
// false. Otherwise it is an [*Error] with the begin of the text.
func (r *Response) Err() error {
	if r.unchecked || r.Status < http.StatusBadRequest {
		return nil
	}
	text := "answered " + r.StatusText
	if r.text != "" {
		text += ": " + r.Excerpt()
	}
	return &Error{Request: r.Request, Kind: r.kind(), Status: r.Status, Wait: r.retryAfter(), Err: errors.New(text)}
}

func (r *Response) kind() Kind {
	switch r.Status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return KindUnavailable
	case http.StatusBadGateway, http.StatusGatewayTimeout:
		if !r.repeatSafe {
			return KindUncertain
		}
	}
	if r.Status >= http.StatusInternalServerError {
		return KindUnavailable
	}
	return KindRefused
}

// retryAfter reads the header of that name. A date there counts for nothing.
func (r *Response) retryAfter() time.Duration {
	switch r.Status {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		seconds, err := strconv.Atoi(r.Header.Get("Retry-After"))
		if err == nil && seconds > 0 {
			return time.Duration(seconds) * time.Second
		}
	}
	return 0
}

// Excerpt is the begin of the text, at most 300 characters.
func (r *Response) Excerpt() string {
	const most = 300
	if runes := []rune(r.text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return r.text
}

// Remedy says what to do about the error, as far as its status tells; else it is empty.
func (e *Error) Remedy() string {
	switch e.Status {
	case 0:
		if e.Kind == KindInvalid {
			return ""
		}
		return "check the connection's schema, host and port, the proxy and the network"
	case http.StatusUnauthorized:
		return "check the connection's login and password, or its Authorization header in the extra"
	case http.StatusForbidden:
		return "the service knows who asks and refuses: ask for the permission, or use other credentials"
	case http.StatusNotFound:
		return "check the path: the connection's host and the endpoint are put together"
	case http.StatusMethodNotAllowed:
		return "use another method"
	case http.StatusProxyAuthRequired:
		return "put user and password of the proxy into the extra: proxies"
	case http.StatusTooManyRequests:
		return fmt.Sprintf("the service asks for fewer requests: wait %s", max(e.Wait, time.Minute))
	}
	if e.Status >= http.StatusInternalServerError {
		return "the service, or a proxy before it, is in trouble: try again later"
	}
	return ""
}
