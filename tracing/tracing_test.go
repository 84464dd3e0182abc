package tracing_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/tracing"
)

// generator makes ids as that of the module otlp does.
type generator struct{ last byte }

func (g *generator) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	if tid, sid, ok := tracing.IDs(ctx); ok {
		return tid, sid
	}
	g.last++
	return trace.TraceID{1, g.last}, trace.SpanID{1, g.last}
}

func (g *generator) NewSpanID(context.Context, trace.TraceID) trace.SpanID {
	g.last++
	return trace.SpanID{2, g.last}
}

func record(o ...sdktrace.TracerProviderOption) *tracetest.SpanRecorder {
	seen := tracetest.NewSpanRecorder()
	otel.SetTracerProvider(sdktrace.NewTracerProvider(append(o, sdktrace.WithSpanProcessor(seen), sdktrace.WithIDGenerator(&generator{}))...))
	return seen
}

func run() (*store.Run, *store.Instance) {
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	return &store.Run{Key: 7, DAGID: "etl", RunID: "manual__1", Type: dag.ManualRun, State: dag.RunRunning, StartDate: at, EndDate: at.Add(time.Minute)},
		&store.Instance{TaskID: "load", MapIndex: 3, State: dag.Running, Try: 2, Operator: "bash"}
}

func attribute(s sdktrace.ReadOnlySpan, key string) string {
	for _, a := range s.Attributes() {
		if string(a.Key) == key {
			return a.Value.String()
		}
	}
	return ""
}

// The tries of a run are below it in one trace, whichever process ran them.
func TestTriesAreBelowTheirRun(t *testing.T) { //nolint:paralleltest // the provider is that of the process
	seen := record()
	r, in := run()
	ctx, ended := tracing.New("host:/home").Try(t.Context(), r, in)
	env := tracing.Environ(ctx)
	in.State, in.Error = dag.UpForRetry, "exit status 1"
	ended(in)
	again := tracing.New("host:/home") // after a restart
	_, ended = again.Try(t.Context(), r, in)
	in.State, in.Error = dag.Success, ""
	ended(in)
	again.Ended(r)
	require.Len(t, seen.Ended(), 2, "the run goes on")
	r.State, r.Reason = dag.RunFailed, "task_failure"
	again.Ended(r)
	spans := seen.Ended()
	require.Len(t, spans, 3, "what asks whether a run is sampled is never seen")
	first, second, whole := spans[0], spans[1], spans[2]
	for _, s := range []sdktrace.ReadOnlySpan{first, second} {
		assert.Equal(t, whole.SpanContext().TraceID(), s.SpanContext().TraceID())
		assert.Equal(t, whole.SpanContext().SpanID(), s.Parent().SpanID())
		assert.Equal(t, "task etl.load", s.Name())
	}
	assert.NotEqual(t, first.SpanContext().SpanID(), second.SpanContext().SpanID())
	assert.False(t, whole.Parent().IsValid())
	assert.Equal(t, "run etl", whole.Name())
	assert.Equal(t, r.StartDate, whole.StartTime())
	assert.Equal(t, r.EndDate, whole.EndTime())
	assert.Equal(t, sdktrace.Status{Code: codes.Error, Description: "task_failure"}, whole.Status())
	assert.Equal(t, sdktrace.Status{Code: codes.Error, Description: "exit status 1"}, first.Status())
	assert.Equal(t, []string{"failure", "failed", "etl", "manual__1", "manual"}, []string{
		attribute(whole, "cicd.pipeline.result"), attribute(whole, "airflow.state"), attribute(whole, "cicd.pipeline.name"), attribute(whole, "airflow.run_id"), attribute(whole, "airflow.run_type"),
	})
	assert.Equal(t, "failure", attribute(first, "cicd.pipeline.task.run.result"))
	assert.Equal(t, "success", attribute(second, "cicd.pipeline.task.run.result"))
	assert.Equal(t, "up_for_retry", attribute(first, "airflow.state"))
	assert.Equal(t, "2", attribute(first, "airflow.try_number"))
	assert.Equal(t, "manual__1/load[3]/2", attribute(first, "cicd.pipeline.task.run.id"))
	assert.Equal(t, []string{"TRACEPARENT=00-" + first.SpanContext().TraceID().String() + "-" + first.SpanContext().SpanID().String() + "-01"}, env)

	other := *r
	other.Key++
	other.State = dag.RunSuccess
	again.Ended(&other)
	good := seen.Ended()[len(seen.Ended())-1]
	assert.Equal(t, []string{"success", "success"}, []string{attribute(good, "cicd.pipeline.result"), attribute(good, "airflow.state")})
	assert.Equal(t, codes.Unset, good.Status().Code)
	none := *r
	none.StartDate = time.Time{}
	again.Ended(&none)
	assert.Same(t, good, seen.Ended()[len(seen.Ended())-1], "a run that never began has no span")
	tracing.New("host:/other").Ended(r)
	ids := map[trace.TraceID]bool{}
	for _, s := range seen.Ended() {
		ids[s.SpanContext().TraceID()] = true
	}
	assert.Len(t, ids, 3, "another run, and the run of another home, have traces of their own")
}

// A run and its tries are sampled or not as one.
func TestSamplingIsOfWholeRuns(t *testing.T) { //nolint:paralleltest // as above
	seen := record(sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(0.5))))
	tracer := tracing.New("")
	byTrace := map[trace.TraceID]int{}
	for key := range int64(200) {
		r, in := run()
		r.Key = key
		_, ended := tracer.Try(t.Context(), r, in)
		ended(in)
		r.State = dag.RunSuccess
		tracer.Ended(r)
	}
	for _, s := range seen.Ended() {
		byTrace[s.SpanContext().TraceID()]++
	}
	assert.Greater(t, len(byTrace), 50)
	assert.Less(t, len(byTrace), 150)
	for id, n := range byTrace {
		assert.Equal(t, 2, n, "trace %s is whole", id)
	}
}

// Without an SDK there are no spans, and commands are told of none.
func TestNothingWithoutAnSDK(t *testing.T) { //nolint:paralleltest // as above
	otel.SetTracerProvider(noop.NewTracerProvider())
	r, in := run()
	for _, tracer := range []*tracing.Tracer{nil, tracing.New("")} {
		ctx, ended := tracer.Try(t.Context(), r, in)
		assert.Empty(t, tracing.Environ(ctx))
		assert.False(t, trace.SpanContextFromContext(ctx).IsValid())
		ended(in)
		r.State = dag.RunSuccess
		tracer.Ended(r)
	}
}
