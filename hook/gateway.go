package hook

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/dingdag/dingdag/connections"
)

// Gateway is where an application connects to in stream mode, once and within 90 seconds.
type Gateway struct {
	// Endpoint is the address of a WebSocket, Ticket goes into its query.
	Endpoint string
	Ticket   connections.Secret
	// Client connects by way of the proxy, and with the check of certificates, of the connection.
	Client *http.Client
}

// Subscription is something that an application wants from the gateway.
type Subscription struct {
	Type  string `json:"type"`
	Topic string `json:"topic"`
}

// OpenGateway asks for a place in stream mode, once. What the application lacks for it, and
// what to click, stands in the error: see [Error.NoStream] and [Error.Unpublished].
//
//dingtalk:api POST /v1.0/gateway/connections/open
func (a *App) OpenGateway(ctx context.Context, subscriptions []Subscription) (*Gateway, error) {
	const op = "open a stream connection"
	conn, e := a.conn(ctx)
	if e != nil {
		return nil, a.Failed(op, e)
	}
	body := map[string]any{"clientId": conn.appKey, "clientSecret": conn.appSecret, "subscriptions": subscriptions, "ua": "dingdag"}
	var got struct {
		Endpoint string `json:"endpoint"`
		Ticket   string `json:"ticket"`
	}
	e = a.run(ctx, Call{Op: op, API: NewAPI, Method: http.MethodPost, Path: "/v1.0/gateway/connections/open", Body: body, Open: true, once: true}, &got)
	if e != nil {
		e.gateway = true
	}
	switch {
	case e == nil && (got.Endpoint == "" || got.Ticket == ""):
		return nil, a.Failed(op, &Error{Kind: KindUnavailable, RetryAfter: time.Second, Message: "the answer has no endpoint or no ticket"})
	case e == nil:
		return &Gateway{Endpoint: got.Endpoint, Ticket: connections.Secret(got.Ticket), Client: conn.client.GetClient()}, nil
	case e.Kind == KindUncertain:
		e.Kind = KindUnavailable // a ticket that nobody uses does no harm
		e.advice = ""
	case e.Unpublished():
		e.advice = "publish the app: developer console, the app, Version Management, Create Version, Publish"
	case e.NoStream():
		e.advice = "choose stream mode, and publish a version afterwards: developer console, the app, Robot, Message Receiving Mode, Stream; " +
			"for events also Event Subscription, Stream"
	}
	return nil, a.Failed(op, e)
}

// Unpublished reports that the gateway of stream mode refuses an application that has no
// published version.
func (e *Error) Unpublished() bool {
	return e.noPlace() && (strings.Contains(strings.ToLower(e.Code), "publish") || strings.Contains(e.Message, "未发布"))
}

// NoStream reports that the gateway of stream mode refuses an application that has not
// chosen stream mode. DingTalk publishes no code for it: any refusal of a request that is well
// formed counts.
func (e *Error) NoStream() bool {
	code := strings.ToLower(e.Code)
	return e.noPlace() && !e.Unpublished() && !strings.HasPrefix(code, "missing") && !strings.HasPrefix(code, "invalidparameter")
}

func (e *Error) noPlace() bool {
	return e.gateway && e.HTTPStatus == http.StatusBadRequest
}
