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

// Call is one request to an API of an app.
type Call struct {
	// Op says what is being done, for errors: `create chat "ops"`.
	Op     string
	API    Generation
	Method string
	// Path is percent-encoded, see [PathOf].
	Path string
	// Query is without the token.
	Query url.Values
	// Body is encoded as JSON; nil sends no body and no content type. Raw goes in its place.
	Body any
	Raw  *RawBody
	// Safe says that doing it twice is the same as doing it once, as with all reading.
	Safe bool
	// Bodiless says that a success needs no body.
	Bodiless bool
	// Timeout of one attempt, in place of the connection's if that is shorter.
	Timeout time.Duration

	// url is sent as it is and without a token, in place of API, Path and Query.
	url string
	// Open says that the call needs no token.
	Open bool
	// Token is that of a person who has signed in, in place of the app's.
	Token connections.Secret
	// once says that the caller tries again by itself.
	once bool
}

// RawBody is a body that is not JSON.
type RawBody struct {
	ContentType string
	Data        []byte
}

// PathOf fills the {names} of a path in order, percent-encoded: ids hold / + and =, and
// titles anything.
func PathOf(template string, values ...string) string {
	for _, v := range values {
		before, rest, _ := strings.Cut(template, "{")
		_, after, _ := strings.Cut(rest, "}")
		template = before + strings.ReplaceAll(url.QueryEscape(v), "+", "%20") + after
	}
	return template
}

// Do makes a call and decodes the answer into what into points to, unless it is nil. The
// error is an [*Error]. The packages below this one declare the calls of each resource;
// others can be made the same way.
func (a *App) Do(ctx context.Context, c Call, into any) error {
	if err := a.run(ctx, c, into); err != nil {
		return a.Failed(c.Op, err)
	}
	return nil
}

// Lookup makes a call of oapi.dingtalk.com that changes nothing, so that it may be repeated at
// any time, and returns the result in its answer. Op is that of a [Call].
func Lookup[T any](ctx context.Context, a *App, op, path string, body any) (*T, error) {
	var got struct {
		Result T `json:"result"`
	}
	if err := a.Do(ctx, Call{Op: op, Method: http.MethodPost, Path: path, Body: body, Safe: true}, &got); err != nil {
		return nil, err
	}
	return &got.Result, nil
}

// DoAgainWhenLost makes a call that can be made a second time right after the first
// one, but not at any later time. When no answer came it is made again; when that
// fails, too, the error stays uncertain.
func (a *App) DoAgainWhenLost(ctx context.Context, c Call, into any) error {
	err := a.Do(ctx, c, into)
	if KindOf(err) != KindUncertain {
		return err
	}
	c.Safe = true
	again := a.Do(ctx, c, into)
	if again == nil || c.Method == http.MethodDelete && KindOf(again) == KindNotFound {
		return nil
	}
	return err
}

func (a *App) run(ctx context.Context, c Call, into any) *Error {
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
		if err.isToken() && refused == "" && !c.Open && c.Token == "" {
			refused = token
			continue // once; a second refusal is final
		}
		if pause, ok := again(c, err, attempt); !ok || c.once || !a.pause(ctx, c.Op, err, pause) {
			return err
		}
	}
}

// pause waits before the next attempt and reports whether there is time for one.
func (a *App) pause(ctx context.Context, op string, err *Error, d time.Duration) bool {
	a.hook.log.LogAttrs(ctx, slog.LevelWarn, "DingTalk did not accept the call, trying again", slog.String("call", op),
		slog.Duration("in", d), slog.String("code", err.Code), slog.String("reason", err.Message))
	return sleep(ctx, d)
}

// again says whether to try again after an error, and when.
func again(c Call, e *Error, attempt int) (time.Duration, bool) {
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
	return max(pause, min(e.RetryAfter, busyPause)), c.Safe && e.Kind == KindUnavailable && e.Message != stoppedBefore
}

// token returns the token that a call needs.
func (a *App) token(ctx context.Context, conn *appConn, c Call, refused string) (string, *Error) {
	if c.Open || c.Token != "" {
		return c.Token.Reveal(), nil
	}
	fetch := func(ctx context.Context) (Token, *Error) { return a.fetchToken(ctx, conn, c.API) }
	warn := func(text string, err error) {
		a.hook.log.LogAttrs(ctx, slog.LevelWarn, "access token", slog.String("conn_id", a.connID),
			slog.String("warning", text), slog.String("error", err.Error()))
	}
	return conn.tokens[c.API].get(ctx, refused, fetch, warn)
}

// fetchToken asks DingTalk for a token of a generation.
func (a *App) fetchToken(ctx context.Context, conn *appConn, g Generation) (Token, *Error) {
	c := Call{Op: "get an access token", API: g, Open: true, Safe: true}
	if g == LegacyAPI {
		c.Method, c.Path = http.MethodGet, "/gettoken"
		c.Query = url.Values{"appkey": {conn.appKey}, "appsecret": {conn.appSecret}}
	} else {
		c.Method, c.Path = http.MethodPost, "/v1.0/oauth2/accessToken"
		c.Body = map[string]string{"appKey": conn.appKey, "appSecret": conn.appSecret}
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
func encodeCall(c Call) (*RawBody, *Error) {
	if c.Raw != nil || c.Body == nil {
		return c.Raw, nil
	}
	data, err := EncodeBody(c.Body)
	if err != nil {
		return nil, &Error{Kind: KindInvalid, Err: err}
	}
	return &RawBody{ContentType: "application/json; charset=utf-8", Data: data}, nil
}

// EncodeBody writes the JSON of [Call.Body] as it is sent, for those who check its size.
func EncodeBody(body any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(body); err != nil {
		return nil, fmt.Errorf("encode the request: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// attempt sends a call once and reads its answer.
func (a *App) attempt(ctx context.Context, conn *appConn, c Call, body *RawBody, token string, into any) *Error {
	if !c.Open {
		// An error means that ctx ends before the call's turn.
		if err := conn.limiter.Wait(ctx); err != nil {
			return &Error{Kind: KindUnavailable, Message: stoppedBefore, Err: cmp.Or(context.Cause(ctx), err)}
		}
	}
	limit := max(conn.timeout, c.Timeout)
	attempt, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	attempt, progress := watch(attempt)
	request := conn.client.R().SetContext(attempt).SetDoNotParseResponse(true)
	if body != nil {
		request.SetHeader("Content-Type", body.ContentType).SetBody(bytes.NewReader(body.Data))
	}
	if token != "" && c.API == NewAPI {
		request.SetHeader("x-acs-dingtalk-access-token", token)
	}
	resp, err := request.Execute(c.Method, conn.address(c, token))
	if err != nil {
		return settle(c, conn, token, transportError(ctx, err, progress.left(), limit))
	}
	defer resp.RawBody().Close() //nolint:errcheck // the answer has been read; nothing depends on the rest
	return settle(c, conn, token, readCall(c, resp.StatusCode(), resp.RawBody(), into))
}

// address is the whole URL of a call.
func (c *appConn) address(r Call, token string) string {
	if r.url != "" {
		return r.url
	}
	query := r.Query.Encode()
	if token != "" && r.API == LegacyAPI {
		if query != "" {
			query += "&"
		}
		query += "access_token=" + url.QueryEscape(token)
	}
	address := c.base[r.API] + r.Path
	if query != "" {
		address += "?" + strings.ReplaceAll(query, "+", "%20")
	}
	return address
}

// settle judges an error by what the call does, and takes credentials out of its text.
func settle(c Call, conn *appConn, token string, e *Error) *Error {
	if e == nil {
		return nil
	}
	if e.Kind == KindUncertain && c.Safe {
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
