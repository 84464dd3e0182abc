package hook

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/dingdag/dingdag/connections"
)

// call is one request to an API of an app.
type call struct {
	op     string // what is being done, for errors: `create chat "ops"`
	api    generation
	method string
	path   string     // percent-encoded, see pathOf
	query  url.Values // without the token
	body   any        // encoded as JSON; nil sends no body and no content type
	raw    *rawBody   // in place of body
	// url is sent as it is and without a token, in place of api, path and query.
	url string
	// safe says that doing it twice is the same as doing it once, as with all reading.
	safe bool
	// open says that the call needs no token.
	open bool
	// bodiless says that a success needs no body.
	bodiless bool
	// timeout of one attempt, in place of the connection's if that is shorter.
	timeout time.Duration
}

// rawBody is a body that is not JSON.
type rawBody struct {
	contentType string
	data        []byte
}

// pathOf fills the {names} of a path in order, percent-encoded: ids hold / + and =, and
// titles anything.
func pathOf(template string, values ...string) string {
	for _, v := range values {
		before, rest, _ := strings.Cut(template, "{")
		_, after, _ := strings.Cut(rest, "}")
		template = before + strings.ReplaceAll(url.QueryEscape(v), "+", "%20") + after
	}
	return template
}

// do makes a call and decodes the answer into what into points to, unless it is nil.
func (a *App) do(ctx context.Context, c call, into any) error {
	if err := a.run(ctx, c, into); err != nil {
		return a.failed(c.op, err)
	}
	return nil
}

func (a *App) run(ctx context.Context, c call, into any) *Error {
	conn, err := a.conn(ctx)
	if err != nil {
		return err
	}
	request, err := encodeCall(c)
	if err != nil {
		return err
	}
	refused := ""
	for attempt := 1; ; attempt++ {
		if ctx.Err() != nil {
			return &Error{Kind: KindUnavailable, Message: stoppedBefore, Err: context.Cause(ctx)}
		}
		token, err := a.token(ctx, conn, c, refused)
		if err != nil {
			return err
		}
		err = a.attempt(ctx, conn, c, request, token, into)
		if err == nil {
			return nil
		}
		if err.isToken() && refused == "" && !c.open {
			refused = token
			continue // once; a second refusal is final
		}
		if pause, ok := again(c, err, attempt); !ok || !a.pause(ctx, c.op, err, pause) {
			return err
		}
	}
}

// pause waits before the next attempt and reports whether there is time for one.
func (a *App) pause(ctx context.Context, op string, err *Error, d time.Duration) bool {
	a.hook.log.LogAttrs(ctx, slog.LevelWarn, "DingTalk did not take the call, trying again", slog.String("call", op),
		slog.Duration("in", d), slog.String("code", err.Code), slog.String("reason", err.Message))
	return sleep(ctx, d)
}

// again says whether to try again after an error, and when.
func again(c call, e *Error, attempt int) (time.Duration, bool) {
	pause := firstPause
	for range attempt - 1 {
		pause *= 3
	}
	switch {
	case attempt >= maxAttempts:
		return 0, false
	case e.isQPS(), e.isInitializing(): // refused before anything was done
		return max(pause, e.RetryAfter) + rand.N(e.RetryAfter/2+1), true //nolint:gosec // spreads load, hides nothing
	case e.again && e.Code == "": // no connection came about
		return pause, true
	}
	if _, known := lookup(e.Code); e.Code != "" && !known && e.HTTPStatus < http.StatusInternalServerError {
		return 0, false // a refusal for a reason that will most likely stay
	}
	return max(pause, min(e.RetryAfter, busyPause)), c.safe && e.Kind == KindUnavailable && e.Message != stoppedBefore
}

// token returns the token that a call needs.
func (a *App) token(ctx context.Context, conn *appConn, c call, refused string) (string, *Error) {
	if c.open {
		return "", nil
	}
	fetch := func(ctx context.Context) (Token, *Error) { return a.fetchToken(ctx, conn, c.api) }
	warn := func(text string, err error) {
		a.hook.log.LogAttrs(ctx, slog.LevelWarn, "access token", slog.String("conn_id", a.connID),
			slog.String("warning", text), slog.String("error", err.Error()))
	}
	return conn.tokens[c.api].get(ctx, refused, fetch, warn)
}

// fetchToken asks DingTalk for a token of a generation.
func (a *App) fetchToken(ctx context.Context, conn *appConn, g generation) (Token, *Error) {
	c := call{op: "get an access token", api: g, open: true, safe: true}
	if g == legacyAPI {
		c.method, c.path = http.MethodGet, "/gettoken"
		c.query = url.Values{"appkey": {conn.appKey}, "appsecret": {conn.appSecret}}
	} else {
		c.method, c.path = http.MethodPost, "/v1.0/oauth2/accessToken"
		c.body = map[string]string{"appKey": conn.appKey, "appSecret": conn.appSecret}
	}
	var got struct {
		Legacy  string `json:"access_token"`
		Seconds int64  `json:"expires_in"`
		New     string `json:"accessToken"`
		Expires int64  `json:"expireIn"`
	}
	asked := a.hook.now()
	if err := a.run(ctx, c, &got); err != nil {
		err.Message = strings.TrimSpace("get an access token: " + err.Message)
		return Token{}, err
	}
	value, seconds := got.Legacy+got.New, got.Seconds+got.Expires
	if value == "" || seconds <= 0 {
		return Token{}, &Error{Kind: KindUnavailable, Message: "get an access token: the answer has none"}
	}
	return Token{Value: connections.Secret(value), ObtainedAt: asked, ExpiresAt: asked.Add(time.Duration(seconds) * time.Second)}, nil
}

// encodeCall makes the body of a call, the same for all attempts. It is nil for none.
func encodeCall(c call) (*rawBody, *Error) {
	if c.raw != nil || c.body == nil {
		return c.raw, nil
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(c.body); err != nil {
		return nil, &Error{Kind: KindInvalid, Err: fmt.Errorf("encode the request: %w", err)}
	}
	return &rawBody{contentType: "application/json; charset=utf-8", data: bytes.TrimSuffix(b.Bytes(), []byte("\n"))}, nil
}

// attempt sends a call once and reads its answer.
func (a *App) attempt(ctx context.Context, conn *appConn, c call, body *rawBody, token string, into any) *Error {
	if !c.open {
		// An error means that ctx ends before the call's turn.
		if err := conn.limiter.Wait(ctx); err != nil {
			return &Error{Kind: KindUnavailable, Message: stoppedBefore, Err: cmp.Or(context.Cause(ctx), err)}
		}
	}
	limit := max(conn.timeout, c.timeout)
	attempt, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	attempt, progress := watch(attempt)
	request := conn.client.R().SetContext(attempt).SetDoNotParseResponse(true)
	if body != nil {
		request.SetHeader("Content-Type", body.contentType).SetBody(bytes.NewReader(body.data))
	}
	if token != "" && c.api == newAPI {
		request.SetHeader("x-acs-dingtalk-access-token", token)
	}
	resp, err := request.Execute(c.method, conn.address(c, token))
	if err != nil {
		return settle(c, conn, token, transportError(ctx, err, progress.left(), limit))
	}
	defer resp.RawBody().Close() //nolint:errcheck // the answer has been read; nothing depends on the rest
	return settle(c, conn, token, readCall(c, resp.StatusCode(), resp.RawBody(), into))
}

// address is the whole URL of a call.
func (c *appConn) address(r call, token string) string {
	if r.url != "" {
		return r.url
	}
	query := r.query.Encode()
	if token != "" && r.api == legacyAPI {
		if query != "" {
			query += "&"
		}
		query += "access_token=" + url.QueryEscape(token)
	}
	address := c.base[r.api] + r.path
	if query != "" {
		address += "?" + strings.ReplaceAll(query, "+", "%20")
	}
	return address
}

// settle judges an error by what the call does, and takes credentials out of its text.
func settle(c call, conn *appConn, token string, e *Error) *Error {
	if e == nil {
		return nil
	}
	if e.Kind == KindUncertain && c.safe {
		e.Kind = KindUnavailable // another try does no harm
	}
	for _, secret := range []string{conn.appSecret, token, c.url} {
		e.Message = replaceSecret(e.Message, secret)
	}
	if c.url == "" {
		e.advice = advise(e)
		return e
	}
	_, query, _ := strings.Cut(c.url, "?")
	_, session, _ := strings.Cut(query, "=")
	e.Message = replaceSecret(e.Message, session)
	return e
}
