package traced_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/dingdag/dingdag/hook/internal/traced"
)

// A request within a span has one of its own, which says where it went without what is secret in that, and the server gets the
// whole.
func TestRequestsAreSpans(t *testing.T) { //nolint:paralleltest // the provider is that of the process
	seen := tracetest.NewSpanRecorder()
	otel.SetTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(seen)))
	otel.SetTextMapPropagator(propagation.TraceContext{})
	var got *http.Request
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r
		w.WriteHeader(http.StatusTeapot)
		_, _ = io.WriteString(w, "answer")
	}))
	defer srv.Close()
	client := &http.Client{Transport: traced.Transport(http.DefaultTransport)}
	ctx, outer := otel.Tracer("test").Start(t.Context(), "outer")
	address := strings.Replace(srv.URL, "//", "//user:word@", 1) + "/robot/send?access_token=s3cret"
	send := func(req *http.Request) {
		req.Header.Set("X-Secret", "hush")
		res, err := client.Do(req)
		require.NoError(t, err)
		body, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		assert.Equal(t, "answer", string(body))
		assert.Equal(t, "access_token=s3cret", res.Request.URL.RawQuery, "whoever sends it sees its own request")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader("body"))
	require.NoError(t, err)
	send(req)
	outer.End()
	assert.Equal(t, "/robot/send?access_token=s3cret", got.URL.RequestURI())
	spans := seen.Ended()
	require.Len(t, spans, 2)
	span := spans[0]
	assert.Equal(t, outer.SpanContext().SpanID(), span.Parent().SpanID())
	assert.Contains(t, got.Header.Get("Traceparent"), span.SpanContext().SpanID().String(), "the server goes on from it")
	var all strings.Builder
	for _, a := range span.Attributes() {
		all.WriteString(string(a.Key) + "=" + a.Value.String() + "\n")
	}
	text := all.String()
	assert.Contains(t, text, "url.full="+srv.URL+"/robot/send\n")
	assert.Contains(t, text, "http.response.status_code=418\n")
	assert.Equal(t, codes.Error, span.Status().Code)
	for _, secret := range []string{"s3cret", "hush", "word", "user"} {
		assert.NotContains(t, text, secret)
	}

	req, err = http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader("body"))
	require.NoError(t, err)
	send(req)
	assert.Len(t, seen.Ended(), 2, "outside of a span it has none")
	assert.Empty(t, got.Header.Get("Traceparent"))
}
