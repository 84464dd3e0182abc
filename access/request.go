package access

import "context"

// Request is what somebody asks for in a request over HTTP, for the audit log.
type Request struct {
	// Operation is the name of the call in Airflow's REST API: trigger_dag_run.
	Operation string
	// Body is a JSON object with what was sent, without secrets, or "".
	Body string
}

type requestKey struct{}

// WithRequest is a context of what is done for a request.
func WithRequest(ctx context.Context, r Request) context.Context {
	return context.WithValue(ctx, requestKey{}, r)
}

// RequestOf is the request for which something is done; the zero one when that is not known.
func RequestOf(ctx context.Context) Request {
	r, _ := ctx.Value(requestKey{}).(Request)
	return r
}
