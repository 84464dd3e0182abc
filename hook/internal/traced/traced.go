// Package traced makes spans of the requests that are sent, by the API of OpenTelemetry.
package traced

import (
	"context"
	"net/http"
	"net/url"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/trace"
)

// Transport makes a span of each request that is sent within one. Neither the query of its URL nor anything else that may be
// secret is in the span.
func Transport(next http.RoundTripper) http.RoundTripper {
	return &transport{next: next, traced: otelhttp.NewTransport(restoring{next})}
}

// transport sends requests without what is secret in their URLs through the instrumentation.
type transport struct {
	next   http.RoundTripper
	traced http.RoundTripper
}

type urlKey struct{}

// RoundTrip implements [http.RoundTripper].
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if !trace.SpanContextFromContext(r.Context()).IsValid() {
		return t.next.RoundTrip(r)
	}
	bare := r.Clone(context.WithValue(r.Context(), urlKey{}, r.URL))
	bare.URL = &url.URL{Scheme: r.URL.Scheme, Host: r.URL.Host, Path: r.URL.Path, RawPath: r.URL.RawPath}
	response, err := t.traced.RoundTrip(bare)
	if response != nil {
		response.Request = r
	}
	return response, err
}

// CloseIdleConnections is what [http.Client] looks for.
func (t *transport) CloseIdleConnections() {
	if c, ok := t.next.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// restoring gives a request its URL back behind the instrumentation.
type restoring struct{ next http.RoundTripper }

// RoundTrip implements [http.RoundTripper].
func (s restoring) RoundTrip(r *http.Request) (*http.Response, error) {
	if whole, ok := r.Context().Value(urlKey{}).(*url.URL); ok {
		r = r.Clone(r.Context())
		r.URL = whole
	}
	return s.next.RoundTrip(r)
}
