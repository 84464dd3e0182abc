// Package tracing makes spans of runs and of the tries of their tasks, by the API of
// OpenTelemetry. Without an SDK, which the module otlp brings, it makes none and costs nothing worth measuring.
//
// The ids of a run follow from what the run is, so that all processes that work on it, one after another, put their spans into the
// same trace. An SDK takes them from [IDs].
package tracing

import (
	"context"
	"crypto/sha256"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
)

// scope is the name of the instrumentation.
const scope = "github.com/dingdag/dingdag"

// Tracer makes the spans of runs and tries. A nil one makes none. It is safe for concurrent use.
type Tracer struct{ home string }

// New returns a tracer. home tells the runs of this store from those of others that have the same names, and is the same
// after a restart.
func New(home string) *Tracer { return &Tracer{home} }

type idsKey struct{}

type ids struct {
	trace trace.TraceID
	span  trace.SpanID
}

// IDs are those that the next span of a context is to have, false where any will do.
func IDs(ctx context.Context) (trace.TraceID, trace.SpanID, bool) {
	of, ok := ctx.Value(idsKey{}).(ids)
	return of.trace, of.span, ok
}

// ids are those of a run.
func (t *Tracer) ids(r *store.Run) (of ids) {
	sum := sha256.Sum256([]byte(t.home + "\x00" + r.DAGID + "\x00" + r.RunID + "\x00" + strconv.FormatInt(r.Key, 10)))
	copy(of.trace[:], sum[:16])
	copy(of.span[:], sum[16:24])
	return of
}

// begin begins the span of a run, in a context that has no other one.
func (t *Tracer) begin(ctx context.Context, r *store.Run, o ...trace.SpanStartOption) trace.Span {
	_, span := otel.Tracer(scope).Start(context.WithValue(ctx, idsKey{}, t.ids(r)), "run "+r.DAGID, append(o, trace.WithNewRoot())...)
	return span
}

// within is a context in the span of a run, which need not have begun or may have done so in another process. It is false when
// nobody makes spans.
func (t *Tracer) within(ctx context.Context, r *store.Run) (context.Context, bool) {
	// Whether the run is sampled is asked of a span that never ends, and so is never seen.
	asked := t.begin(ctx, r).SpanContext()
	if !asked.IsValid() {
		return ctx, false
	}
	of := t.ids(r)
	return trace.ContextWithRemoteSpanContext(ctx, trace.NewSpanContext(trace.SpanContextConfig{TraceID: of.trace, SpanID: of.span, TraceFlags: asked.TraceFlags()})), true
}

// attributes are those of a run.
func attributes(r *store.Run) []attribute.KeyValue {
	return []attribute.KeyValue{
		semconv.CICDPipelineName(r.DAGID), semconv.CICDPipelineRunID(r.RunID),
		attribute.String("airflow.dag_id", r.DAGID), attribute.String("airflow.run_id", r.RunID), attribute.String("airflow.run_type", string(r.Type)),
	}
}

// Ended makes the span of a run that has ended.
func (t *Tracer) Ended(r *store.Run) {
	if t == nil || !r.State.Finished() || r.StartDate.IsZero() {
		return
	}
	span := t.begin(context.Background(), r, trace.WithTimestamp(r.StartDate), trace.WithAttributes(attributes(r)...))
	span.SetAttributes(attribute.String("airflow.state", string(r.State)), semconv.CICDPipelineResultSuccess)
	if r.State == dag.RunFailed {
		span.SetAttributes(semconv.CICDPipelineResultFailure)
		span.SetStatus(codes.Error, r.Reason)
	}
	span.End(trace.WithTimestamp(r.EndDate))
}

// Try begins the span of a try of a task instance. ended ends it, with the instance as it is then, whose error has no secrets.
func (t *Tracer) Try(ctx context.Context, r *store.Run, in *store.Instance) (inside context.Context, ended func(*store.Instance)) {
	if t == nil {
		return ctx, func(*store.Instance) {}
	}
	of, ok := t.within(ctx, r)
	if !ok {
		return ctx, func(*store.Instance) {}
	}
	name := "task " + r.DAGID + "." + in.TaskID
	inside, span := otel.Tracer(scope).Start(of, name, trace.WithAttributes(attributes(r)...), trace.WithAttributes(
		semconv.CICDPipelineTaskName(in.TaskID), semconv.CICDPipelineTaskRunID(strings.Join([]string{r.RunID, in.Label(), strconv.Itoa(in.Try)}, "/")),
		attribute.String("airflow.task_id", in.TaskID), attribute.Int("airflow.map_index", in.MapIndex), attribute.Int("airflow.try_number", in.Try),
		attribute.String("airflow.operator", in.Operator),
	))
	return inside, func(in *store.Instance) {
		span.SetAttributes(attribute.String("airflow.state", in.State.String()))
		switch in.State {
		case dag.Success:
			span.SetAttributes(semconv.CICDPipelineTaskRunResultSuccess)
		case dag.Skipped:
			span.SetAttributes(semconv.CICDPipelineTaskRunResultSkip)
		case dag.Failed, dag.UpForRetry:
			span.SetAttributes(semconv.CICDPipelineTaskRunResultFailure)
			span.SetStatus(codes.Error, in.Error)
		default: // it goes on later
		}
		span.End()
	}
}

// Environ are the variables by which a command knows the span that it is part of, none without one.
func Environ(ctx context.Context) []string {
	carried := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carried)
	var env []string
	for _, key := range carried.Keys() {
		env = append(env, strings.ToUpper(key)+"="+carried[key])
	}
	return env
}
