package hook

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
	"time"
)

// newTransport returns a transport that keeps enough connections for many senders
// and few enough seconds to be ahead of the server's own closing: a request that
// meets a connection which the server has just closed ends as uncertain.
func newTransport(n network) (*http.Transport, error) {
	t := &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: n.connectTimeout, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:    n.connectTimeout,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           128,
		MaxIdleConnsPerHost:    32,
		IdleConnTimeout:        30 * time.Second,
		MaxResponseHeaderBytes: maxAnswerBytes,
		// Answers are shorter than a gzip header is worth.
		DisableCompression: true,
	}
	if n.proxy != "" {
		proxy, err := url.Parse(n.proxy)
		if err != nil {
			return nil, errors.New("extra.proxy cannot be read as a URL")
		}
		t.Proxy = http.ProxyURL(proxy)
	}
	if n.skipVerify {
		t.TLSClientConfig = &tls.Config{InsecureSkipVerify: true} //nolint:gosec // the connection's extra.verify asks for it
	}
	return t, nil
}

// noRedirect hands a redirect to the caller: following it would turn the POST into
// a GET or carry the token to another host.
func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// progress watches how far one attempt got. A request can only have left once the
// transport has a connection for it.
type progress struct {
	asked, connected atomic.Bool
	trace            httptrace.ClientTrace
}

// watch returns a context that reports to the returned progress.
func watch(ctx context.Context) (context.Context, *progress) {
	p := &progress{}
	p.trace.GetConn = func(string) { p.asked.Store(true) }
	p.trace.GotConn = func(httptrace.GotConnInfo) { p.connected.Store(true) }
	return httptrace.WithClientTrace(ctx, &p.trace), p
}

// left reports whether the request may have left. A transport that does not report
// its progress gets no benefit of the doubt.
func (p *progress) left() bool { return p.connected.Load() || !p.asked.Load() }

const stoppedBefore = "stopped before the request left"

// transportError judges a request that got no answer. limit is the time that the
// attempt had.
func transportError(ctx context.Context, err error, left bool, limit time.Duration) *Error {
	if urlErr, ok := errors.AsType[*url.Error](err); ok {
		err = urlErr.Err
	}
	e := &Error{Kind: KindUncertain, Err: err}
	if !left || beforeConnection(err) {
		e.Kind, e.again = KindUnavailable, true
	}
	switch {
	case ctx.Err() != nil:
		e.Err, e.again = context.Cause(ctx), false
		e.Message = stoppedBefore
		if e.Kind == KindUncertain {
			e.Message = "stopped while waiting for the answer"
		}
	case errors.Is(err, context.DeadlineExceeded) && e.Kind == KindUncertain:
		e.Message = "no answer within " + limit.String()
	case e.Kind == KindUncertain:
		e.Message = "the connection broke before an answer came"
	default:
		e.Message = "could not connect"
	}
	return e
}

// beforeConnection reports errors that only happen while there is no connection to
// write to. The transport dials a second time only when nothing was written to the
// first connection, so these say "not sent" even after there was a connection.
func beforeConnection(err error) bool {
	var (
		opErr   *net.OpError
		dnsErr  *net.DNSError
		certErr *tls.CertificateVerificationError
		hostErr x509.HostnameError
		recErr  tls.RecordHeaderError
	)
	if errors.As(err, &opErr) && (opErr.Op == "dial" || opErr.Op == "proxyconnect") {
		return true
	}
	return errors.As(err, &dnsErr) || errors.As(err, &certErr) || errors.As(err, &hostErr) || errors.As(err, &recErr)
}
