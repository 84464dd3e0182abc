package core

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// tokenHeader is where calls of the new generation have their token.
const tokenHeader = "X-Acs-Dingtalk-Access-Token" //nolint:gosec // the name of a header and no secret

// Generation is how a call writes errors.
type Generation int

const (
	// Plain is oapi.dingtalk.com without /topapi: status 200 and the code itself.
	Plain Generation = iota
	// Topapi is the rest of oapi.dingtalk.com, whose gateway wraps its errors in 88.
	Topapi
	// Modern is api.dingtalk.com: a status and a code that is a word.
	Modern
)

var versionedPath = regexp.MustCompile(`^/v\d+\.\d+/`)

func generationOf(path string) Generation {
	switch {
	case versionedPath.MatchString(path):
		return Modern
	case strings.HasPrefix(path, "/topapi/"):
		return Topapi
	default:
		return Plain
	}
}

// Endpoint is a call that an app makes with its token. The gateway in front of it
// checks, in this order: method, token, scope, address, rate, body, and whether the
// parameters are there and of the right type. DingTalk publishes no order.
type Endpoint struct {
	// Name is what fault switches and the log of attempts call it: "user.get".
	Name   string
	Method string
	Path   string
	// Scope is the permission that the app needs; empty for none.
	Scope string
	// Query and Body declare the parameters. Those in the path need no declaration.
	Query, Body Params
	// Invalid is what a parameter of a wrong type gets.
	Invalid *Refusal
	// OwnBody says that the call reads the body itself, which is no text.
	OwnBody bool
	// Do works with the lock held. A legacy call returns an [Object].
	Do func(*AppRequest) (any, *Refusal)
}

// AppRequest is a request that has passed the gateway.
type AppRequest struct {
	*Request
	Args

	// App is the app that calls.
	App *App
	// MessageID is the message that came of it, for the log of attempts.
	MessageID int
}

// ServeEndpoints adds calls that apps make with their tokens.
func (c *Core) ServeEndpoints(endpoints ...Endpoint) {
	for _, e := range endpoints {
		c.Serve(e.call(c))
	}
}

func (e Endpoint) call(c *Core) Call {
	g := generationOf(e.Path)
	pattern := e.Path
	if g == Modern {
		pattern = e.Method + " " + e.Path
	}
	return Call{Name: e.Name, Pattern: pattern, Generation: g, Private: e.OwnBody, Decide: func(req *Request) Answer {
		return e.decide(c, req, g)
	}}
}

func (e Endpoint) decide(c *Core, req *Request, g Generation) Answer {
	app, r := e.admit(c, req, g)
	if r != nil {
		return r.Answer(g).Of(app)
	}
	values, ignored, r := e.read(req, g)
	passed := &AppRequest{Request: req, Args: values, App: app}
	var result any
	if r == nil {
		result, r = e.Do(passed)
	}
	var a Answer
	switch {
	case r != nil:
		a = r.Answer(g)
	case g == Modern:
		a = modernAnswer(result)
	default:
		a = legacyResult(result.(Object), g)
	}
	a.Note.Ignored, a.Note.MessageID = ignored, passed.MessageID
	return a.Of(app)
}

// Of notes whose answer it is; nil is nobody.
func (a Answer) Of(app *App) Answer {
	if app != nil {
		a.Note.App = app.Name
	}
	return a
}

// legacyResult puts the envelope around a result.
func legacyResult(result Object, g Generation) Answer {
	a := LegacyAnswer(0, "ok")
	result["errcode"], result["errmsg"] = 0, "ok"
	if g == Topapi {
		result["request_id"] = requestID()
	}
	a.Body = Encode(result)
	return a
}

// admit does the checks that come before the parameters. The app is the one whose
// token it is, even when something else is wrong.
func (e Endpoint) admit(c *Core, req *Request, g Generation) (*App, *Refusal) {
	if req.Method != e.Method {
		return nil, Refuse(map[string]int{http.MethodGet: 43001, http.MethodPost: 43002}[e.Method])
	}
	value := req.Header.Get(tokenHeader)
	if g != Modern {
		value = legacyTokenOf(req)
	}
	if value == "" {
		text := errorText(40000)
		if g == Modern {
			text = "缺少参数：x-acs-dingtalk-access-token"
		}
		return nil, gatewayRefusal(40000, http.StatusBadRequest, "AuthenticationFailed.MissingParameter", text)
	}
	t := c.Apps.tokens[value]
	if t == nil || !req.At.Before(t.expires) {
		return nil, gatewayRefusal(40014, http.StatusBadRequest, "InvalidAuthentication", errorText(40014))
	}
	if e.Scope != "" && t.app.Scopes != nil && !slices.Contains(t.app.Scopes, e.Scope) {
		r := gatewayRefusal(60011, http.StatusForbidden, "Forbidden.AccessDenied.AccessTokenPermissionDenied",
			"应用尚未开通所需的权限：["+e.Scope+"]，点击链接申请并开通即可")
		r.scope = e.Scope
		return &t.app.App, r
	}
	if !t.app.admits(req.IP) {
		return &t.app.App, gatewayRefusal(60020, http.StatusForbidden, "Forbidden.AccessDenied.IpNotInWhiteList",
			"访问ip不在白名单之中,request ip="+req.IP.String())
	}
	return &t.app.App, t.app.checkRate(e.Name, req)
}

// legacyTokenOf looks into the query and then into a form. The header is ignored.
func legacyTokenOf(req *Request) string {
	if req.Token != "" || !isForm(req) {
		return req.Token
	}
	form, err := url.ParseQuery(string(req.Raw))
	if err != nil {
		return ""
	}
	return form.Get("access_token")
}

func isForm(req *Request) bool {
	return strings.HasPrefix(req.Header.Get("Content-Type"), "application/x-www-form-urlencoded")
}

func (a *appState) admits(ip netip.Addr) bool {
	return len(a.ips) == 0 || slices.ContainsFunc(a.ips, func(p netip.Prefix) bool { return p.Contains(ip) })
}

// checkRate counts a request and refuses it when there were too many in this second.
func (a *appState) checkRate(call string, req *Request) *Refusal {
	until, ok := a.allow(call, req.At)
	if ok {
		return nil
	}
	const layout = "2006-01-02 15:04:05"
	text := fmt.Sprintf("apiPath(%s), 从 %s 到 %s 请求总次数超过 %d 次, 限制将在 %s 结束", req.URL.Path,
		until.Add(-time.Second).Format(layout), until.Format(layout), a.limit(), until.Format(layout))
	return gatewayRefusal(90018, http.StatusForbidden, "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi", text)
}

// gatewayRefusal is a refusal that both generations have.
func gatewayRefusal(code, status int, errorCode, text string) *Refusal {
	return &Refusal{Code: code, Status: status, ErrorCode: errorCode, Text: text, gateway: true}
}

// isGatewayCode tells whether /topapi wraps a code in 88.
func isGatewayCode(code int) bool {
	return slices.Contains([]int{40000, 40001, 40014, 42001, 60011, 60020}, code) || code >= 90001 && code <= 90020
}

// missingParameter is how the gateway of the new generation refuses.
func missingParameter(name string) *Refusal {
	return Fail(http.StatusBadRequest, "Missing"+name, name+" is mandatory for this action.")
}

// usualStatus is the HTTP status that a code of the new generation comes with.
func usualStatus(errorCode string) int {
	switch errorCode {
	case "InvalidAction.NotFound", "workspaceNotExist", "nodeNotExist", "parentNodeNotExist",
		"invalidRequest.resource.notFound", "invalidRequest.document.deleted":
		return http.StatusNotFound
	case "systemBusy":
		return http.StatusTooManyRequests
	case "serviceBusy", "operationTimeout":
		return http.StatusServiceUnavailable
	case "systemError", "system.error", "internalError", "unknownError", "system.busy":
		return http.StatusInternalServerError
	case "permissionDenied":
		return http.StatusForbidden
	}
	if strings.HasPrefix(strings.ToLower(errorCode), "forbidden.") {
		return http.StatusForbidden
	}
	return http.StatusBadRequest
}

// read reads the declared parameters and lists those that nobody declared.
func (e Endpoint) read(req *Request, g Generation) (Args, []string, *Refusal) {
	query := Object{}
	for name, values := range req.URL.Query() {
		query[name] = values[0]
	}
	delete(query, "access_token")
	body, r := e.readBody(req, g)
	if r != nil {
		return nil, nil, r
	}
	out := Args{}
	ignored := append(e.Query.unknown(query), e.Body.unknown(body)...)
	// What stands in an address is text, whatever the generation.
	if r := e.Query.read(query, out, true, g, e.Invalid); r != nil {
		return nil, ignored, r
	}
	return out, ignored, e.Body.read(body, out, g != Modern, g, e.Invalid)
}

func (e Endpoint) readBody(req *Request, g Generation) (Object, *Refusal) {
	switch {
	case len(e.Body) == 0 || e.OwnBody:
		return nil, nil
	case g == Modern:
		return readModernBody(req)
	case len(req.Raw) == 0:
		return nil, nil
	case isForm(req) && g == Topapi:
		return readForm(req)
	case !IsJSON(req.Header.Get("Content-Type")) && g == Topapi:
		return nil, Refuse(43004)
	case !IsJSON(req.Header.Get("Content-Type")):
		return nil, Refuse(43009)
	}
	var body Object
	if err := json.Unmarshal(req.Raw, &body); err != nil {
		return nil, &Refusal{Code: 40035, Text: "缺少参数 json"}
	}
	return body, nil
}

func readForm(req *Request) (Object, *Refusal) {
	form, err := url.ParseQuery(string(req.Raw))
	if err != nil {
		return nil, &Refusal{Code: 40035, Text: "缺少参数 form"}
	}
	out := Object{}
	for name, values := range form {
		if name != "access_token" {
			out[name] = values[0]
		}
	}
	return out, nil
}
