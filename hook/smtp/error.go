package smtp

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/textproto"
	"strconv"
	"strings"
	"time"
)

// Kind says what can be done about an [Error].
type Kind string

// The kinds of errors.
const (
	// KindInvalid is a mail or a connection that is wrong as it is. Nothing was sent.
	KindInvalid Kind = "invalid"
	// KindAuth is a login that the server does not accept.
	KindAuth Kind = "auth"
	// KindRefused is a mail that the server will not take (5xx).
	KindRefused Kind = "refused"
	// KindUnavailable is a server that could not be reached, hung up before the mail was
	// whole, or asks to come again (4xx).
	KindUnavailable Kind = "unavailable"
	// KindUncertain is a whole mail whose answer was lost: it may have arrived.
	KindUncertain Kind = "uncertain"
)

var (
	errNoStartTLS = errors.New("the server offers no STARTTLS")
	errNoAuth     = errors.New("the server offers no way to log in that is known here")
)

// Error is a mail that came to nothing. It shows no credentials. It is a
// callbacks.DeliveryError.
type Error struct {
	// Server is host and port, empty when it did not come so far. Stage is the command.
	Server, Stage string
	Kind          Kind
	// Code is that of the server's answer, 0 when there was none.
	Code int
	// Err is the cause.
	Err error
}

// Error says where and at which command, and what went wrong.
func (e *Error) Error() string {
	if e.Server == "" {
		return "mail: " + e.Err.Error()
	}
	return fmt.Sprintf("mail through %s: %s: %v", e.Server, e.Stage, e.Err)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Answer returns the code of the server's answer, if there was one.
func (e *Error) Answer() (status int, code string) {
	if e.Code != 0 {
		code = strconv.Itoa(e.Code)
	}
	return 0, code
}

// Retryable reports whether another try may help and does no harm.
func (e *Error) Retryable() bool { return e.Kind == KindUnavailable }

// Uncertain reports whether the mail may have arrived.
func (e *Error) Uncertain() bool { return e.Kind == KindUncertain }

// RetryDelay is a minute when the server asks to come again, as greylisting does.
func (e *Error) RetryDelay() time.Duration {
	if e.Kind == KindUnavailable && e.Code != 0 {
		return time.Minute
	}
	return 0
}

// stageError is an error with the command at which it came.
type stageError struct {
	stage string
	err   error
}

func (e *stageError) Error() string { return e.stage + ": " + e.err.Error() }
func (e *stageError) Unwrap() error { return e.err }

// reply shows an answer of the server as it came, in one line.
func reply(err error) error {
	if answer, ok := err.(*textproto.Error); ok { //nolint:errorlint // what is around it stays
		return &replyError{answer}
	}
	return err
}

type replyError struct{ answer *textproto.Error }

func (e *replyError) Error() string {
	return fmt.Sprintf("%d %s", e.answer.Code, strings.Join(strings.Fields(e.answer.Msg), " "))
}
func (e *replyError) Unwrap() error { return e.answer }

// explain makes an [*Error] of what a session gave.
func (s *Server) explain(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	out := &Error{Server: s.Address(), Kind: KindUnavailable, Err: err}
	if at, ok := errors.AsType[*stageError](err); ok {
		out.Stage, out.Err = at.stage, reply(at.err)
	}
	if answer, ok := errors.AsType[*textproto.Error](err); ok {
		out.Code = answer.Code
	}
	_, noTLS := errors.AsType[tls.RecordHeaderError](err)
	switch {
	case errors.Is(err, errNoStartTLS), noTLS:
		out.Kind = KindInvalid
	case out.Stage == "AUTH" && (out.Code >= 500 || out.Code == 0 && !disconnected(err) && ctx.Err() == nil):
		out.Kind = KindAuth
	case out.Code >= 500:
		out.Kind = KindRefused
	case out.Code == 0 && out.Stage == stageEnd:
		out.Kind = KindUncertain
	}
	if ctx.Err() != nil && out.Code == 0 {
		out.Err = fmt.Errorf("stopped: %w", context.Cause(ctx))
	}
	return out
}

// Remedy says what to do about the error, as far as it tells; else it is empty.
func (e *Error) Remedy() string {
	_, noTLS := errors.AsType[tls.RecordHeaderError](e.Err)
	_, badCert := errors.AsType[*tls.CertificateVerificationError](e.Err)
	_, unknown := errors.AsType[x509.UnknownAuthorityError](e.Err)
	switch {
	case noTLS:
		return `the server does not start with TLS on this port: set "disable_ssl": true in the extra for STARTTLS (usually port 587), or use port 465`
	case errors.Is(e.Err, errNoStartTLS):
		return `set "disable_ssl": false in the extra for TLS from the start (usually port 465); only in a network that you trust "disable_tls": true`
	case badCert || unknown:
		return `the certificate is not of this host or authority: use the name in it as host; "ssl_context": "none" in the extra accepts any, for tests only`
	case errors.Is(e.Err, errNoAuth):
		return "remove login and password if the server needs none here, or use the port and encryption at which it lets people log in"
	case e.Kind == KindAuth:
		return "check login and password; many providers require an app password, created in the account's settings"
	case e.Kind == KindUncertain:
		return "check whether the mail arrived before sending it again"
	case e.Code == 0 && e.Kind == KindUnavailable:
		return "check host and port and the network; many networks let no mail out at port 25"
	case e.Stage == "MAIL FROM":
		return "use a from_email that this login may send as"
	case e.Stage == "RCPT TO" && e.Kind == KindRefused:
		return "check the receivers, and that the server relays for this login"
	case e.Kind == KindUnavailable:
		return "the server asks to come again later"
	}
	return ""
}
