package smtp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"os"
	"slices"
	"strings"
	"syscall"

	gosmtp "github.com/wneessen/go-mail/smtp"
)

// Refusal is a receiver that the server did not take.
type Refusal struct {
	// Address is the receiver's, Reason the answer of the server.
	Address, Reason string
}

// String is the address and the reason.
func (r Refusal) String() string { return r.Address + ": " + r.Reason }

// Send sends one mail. When the server refuses some receivers but not all, the others get
// the mail, and the refusals are returned without an error. The error is an [*Error].
func (s *Server) Send(ctx context.Context, m Mail) ([]Refusal, error) {
	if m.From == "" {
		m.From = s.From
	}
	if m.From == "" {
		return nil, &Error{Kind: KindInvalid, Err: fmt.Errorf(
			"no sender: give from_email, or set it in the extra of connection %q", s.ConnID)}
	}
	c, err := m.compose()
	if err != nil {
		return nil, &Error{Kind: KindInvalid, Err: err}
	}
	var refused []Refusal
	err = s.session(ctx, func(client *gosmtp.Client) error {
		refused, err = deliver(client, c)
		return err
	})
	return refused, err
}

// Check gets in, as before a mail, and asks nothing more. The error is an [*Error].
func (s *Server) Check(ctx context.Context) error {
	return s.session(ctx, func(client *gosmtp.Client) error { return wrap("NOOP", client.Noop()) })
}

// session gets in and lets do speak. A server that hangs up while we get in is asked
// retry_limit times (Airflow, SmtpHook.get_conn).
func (s *Server) session(ctx context.Context, do func(*gosmtp.Client) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for attempt := 1; ; attempt++ {
		client, hangUp, err := s.connect(ctx)
		if err == nil {
			if err = do(client); err == nil {
				_ = client.Quit() // the mail is taken; nothing depends on the farewell
			}
			hangUp()
			return s.explain(ctx, err)
		}
		if !disconnected(err) || attempt >= s.extra.RetryLimit || ctx.Err() != nil {
			return s.explain(ctx, err)
		}
	}
}

// disconnected reports whether the server hung up.
func disconnected(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET)
}

// connect dials, greets, encrypts and logs in. What it returns ends with ctx.
func (s *Server) connect(ctx context.Context) (_ *gosmtp.Client, _ func(), err error) {
	dialer := &net.Dialer{Timeout: s.extra.Timeout}
	conn, err := dialer.DialContext(ctx, "tcp", s.Address())
	if err != nil {
		return nil, nil, &stageError{"connect", err}
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	hangUp := func() {
		stop()
		_ = conn.Close()
	}
	defer func() {
		if err != nil {
			hangUp()
		}
	}()
	paced := &pacedConn{Conn: conn, timeout: s.extra.Timeout}
	var line net.Conn = paced
	if !s.extra.DisableSSL {
		encrypted := tls.Client(paced, s.tlsConfig())
		if err := encrypted.HandshakeContext(ctx); err != nil {
			return nil, nil, &stageError{"TLS", err}
		}
		line = encrypted
	}
	client, err := gosmtp.NewClient(line, s.host)
	if err != nil {
		return nil, nil, &stageError{"greeting", err}
	}
	if err := client.Hello(localName()); err != nil {
		return nil, nil, &stageError{"EHLO", err}
	}
	if s.extra.DisableSSL && !s.extra.DisableTLS {
		if offered, _ := client.Extension("STARTTLS"); !offered {
			return nil, nil, &stageError{"STARTTLS", errNoStartTLS}
		}
		if err := client.StartTLS(s.tlsConfig()); err != nil {
			return nil, nil, &stageError{"STARTTLS", err}
		}
	}
	return client, hangUp, s.authenticate(client)
}

// localName is how we introduce ourselves.
func localName() string {
	name, err := os.Hostname()
	if err != nil || name == "" || strings.ContainsAny(name, " \t\r\n") {
		return "localhost"
	}
	return name
}

// authenticate logs in by the first way that the server offers and we know. As in Airflow
// that takes login and password.
func (s *Server) authenticate(client *gosmtp.Client) error {
	if s.login == "" || s.password == "" {
		return nil
	}
	password := s.password.Reveal()
	_, offered := client.Extension("AUTH")
	ways := strings.Fields(strings.ToUpper(offered))
	// Who switches encryption off twice wants the password to go as it is.
	plain := s.extra.DisableSSL && s.extra.DisableTLS || !s.extra.DisableSSL
	for _, way := range []struct {
		name string
		auth gosmtp.Auth
	}{
		{"SCRAM-SHA-256", gosmtp.ScramSHA256Auth(s.login, password)},
		{"SCRAM-SHA-1", gosmtp.ScramSHA1Auth(s.login, password)},
		{"CRAM-MD5", gosmtp.CRAMMD5Auth(s.login, password)},
		{"PLAIN", gosmtp.PlainAuth("", s.login, password, s.host, plain)},
		{"LOGIN", gosmtp.LoginAuth(s.login, password, s.host, plain)},
	} {
		if slices.Contains(ways, way.name) {
			return wrap("AUTH", client.Auth(way.auth))
		}
	}
	return &stageError{"AUTH", errNoAuth}
}

// deliver hands one mail over.
func deliver(client *gosmtp.Client, c *composed) (refused []Refusal, err error) {
	if err := client.Mail("<" + c.from + ">"); err != nil {
		return nil, &stageError{"MAIL FROM", err}
	}
	var why error
	for _, to := range c.to {
		err := client.Rcpt("<" + to + ">")
		if err == nil {
			continue
		}
		answer, ok := errors.AsType[*textproto.Error](err)
		if !ok {
			return nil, &stageError{"RCPT TO", err}
		}
		refused = append(refused, Refusal{to, reply(answer).Error()})
		if why == nil || answer.Code < 500 { // one that may be taken later is worth a retry
			why = fmt.Errorf("<%s>: %w", to, reply(err))
		}
	}
	if len(refused) == len(c.to) {
		return nil, &stageError{"RCPT TO", why}
	}
	w, err := client.Data()
	if err != nil {
		return nil, &stageError{"DATA", err}
	}
	if _, err := w.Write(c.text); err != nil {
		return nil, &stageError{"send the text", err}
	}
	if err := w.Close(); err != nil {
		return nil, &stageError{stageEnd, err}
	}
	return refused, nil
}

// stageEnd is after the last byte of the mail: without an answer nobody knows.
const stageEnd = "end of the text"

func wrap(stage string, err error) error {
	if err == nil {
		return nil
	}
	return &stageError{stage, err}
}
