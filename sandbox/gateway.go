package sandbox

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

// generation is how a call writes errors.
type generation int

const (
	// plain is oapi.dingtalk.com without /topapi: status 200 and the code itself.
	plain generation = iota
	// topapi is the rest of oapi.dingtalk.com, whose gateway wraps its errors in 88.
	topapi
	// modern is api.dingtalk.com: a status and a code that is a word.
	modern
)

var versionedPath = regexp.MustCompile(`^/v\d+\.\d+/`)

func generationOf(path string) generation {
	switch {
	case versionedPath.MatchString(path):
		return modern
	case strings.HasPrefix(path, "/topapi/"):
		return topapi
	default:
		return plain
	}
}

// endpoint is a call that an app makes with its token. The gateway in front of it
// checks, in this order: method, token, scope, address, rate, body, and whether the
// parameters are there and of the right type. DingTalk publishes no order.
type endpoint struct {
	name   string
	method string
	path   string
	// scope is the permission that the app needs; empty for none.
	scope string
	// query and body declare the parameters. Those in the path need no declaration.
	query, body params
	// invalid is what a parameter of a wrong type gets.
	invalid *refusal
	// ownBody says that the call reads the body itself, which is no text.
	ownBody bool
	// do works with the server's lock held. A legacy call returns an [object].
	do func(*Server, *appRequest) (any, *refusal)
}

// appRequest is a request that has passed the gateway.
type appRequest struct {
	*request
	args

	app *appState
	// messageID is the message that came of it, for the log of attempts.
	messageID int
}

func (e endpoint) call() call {
	g := generationOf(e.path)
	pattern := e.path
	if g == modern {
		pattern = e.method + " " + e.path
	}
	return call{name: e.name, pattern: pattern, generation: g, private: e.ownBody, decide: func(s *Server, req *request) answer {
		return e.decide(s, req, g)
	}}
}

// endpointCalls turns endpoints into calls.
func endpointCalls(endpoints ...endpoint) []call {
	out := make([]call, len(endpoints))
	for i, e := range endpoints {
		out[i] = e.call()
	}
	return out
}

func (e endpoint) decide(s *Server, req *request, g generation) answer {
	app, r := e.admit(s, req, g)
	if r != nil {
		return named(r.answer(g), app)
	}
	values, ignored, r := e.read(req, g)
	passed := &appRequest{request: req, args: values, app: app}
	var result any
	if r == nil {
		result, r = e.do(s, passed)
	}
	var a answer
	switch {
	case r != nil:
		a = r.answer(g)
	case g == modern:
		a = modernAnswer(result)
	default:
		a = legacyResult(result.(object), g)
	}
	a.note.ignored, a.note.messageID = ignored, passed.messageID
	return named(a, app)
}

func named(a answer, app *appState) answer {
	if app != nil {
		a.note.app = app.Name
	}
	return a
}

// legacyResult puts the envelope around a result.
func legacyResult(result object, g generation) answer {
	a := legacyAnswer(0, "ok")
	result["errcode"], result["errmsg"] = 0, "ok"
	if g == topapi {
		result["request_id"] = requestID()
	}
	a.body = encode(result)
	return a
}

// admit does the checks that come before the parameters. The app is the one whose
// token it is, even when something else is wrong.
func (e endpoint) admit(s *Server, req *request, g generation) (*appState, *refusal) {
	if req.Method != e.method {
		return nil, refuse(map[string]int{http.MethodGet: 43001, http.MethodPost: 43002}[e.method])
	}
	value := req.Header.Get(tokenHeader)
	if g != modern {
		value = legacyTokenOf(req)
	}
	if value == "" {
		text := errorText(40000)
		if g == modern {
			text = "缺少参数：x-acs-dingtalk-access-token"
		}
		return nil, gatewayRefusal(40000, http.StatusBadRequest, "AuthenticationFailed.MissingParameter", text)
	}
	t := s.apps.tokens[value]
	if t == nil || !req.at.Before(t.expires) {
		return nil, gatewayRefusal(40014, http.StatusBadRequest, "InvalidAuthentication", errorText(40014))
	}
	if e.scope != "" && t.app.Scopes != nil && !slices.Contains(t.app.Scopes, e.scope) {
		r := gatewayRefusal(60011, http.StatusForbidden, "Forbidden.AccessDenied.AccessTokenPermissionDenied",
			"应用尚未开通所需的权限：["+e.scope+"]，点击链接申请并开通即可")
		r.scope = e.scope
		return t.app, r
	}
	if !t.app.admits(req.ip) {
		return t.app, gatewayRefusal(60020, http.StatusForbidden, "Forbidden.AccessDenied.IpNotInWhiteList",
			"访问ip不在白名单之中,request ip="+req.ip.String())
	}
	return t.app, t.app.checkRate(e.name, req)
}

// legacyTokenOf looks into the query and then into a form. The header is ignored.
func legacyTokenOf(req *request) string {
	if req.token != "" || !isForm(req) {
		return req.token
	}
	form, err := url.ParseQuery(string(req.body))
	if err != nil {
		return ""
	}
	return form.Get("access_token")
}

func isForm(req *request) bool {
	return strings.HasPrefix(req.Header.Get("Content-Type"), "application/x-www-form-urlencoded")
}

func (a *appState) admits(ip netip.Addr) bool {
	return len(a.ips) == 0 || slices.ContainsFunc(a.ips, func(p netip.Prefix) bool { return p.Contains(ip) })
}

// checkRate counts a request and refuses it when there were too many in this second.
func (a *appState) checkRate(call string, req *request) *refusal {
	until, ok := a.allow(call, req.at)
	if ok {
		return nil
	}
	const layout = "2006-01-02 15:04:05"
	text := fmt.Sprintf("apiPath(%s), 从 %s 到 %s 请求总次数超过 %d 次, 限制将在 %s 结束", req.URL.Path,
		until.Add(-time.Second).Format(layout), until.Format(layout), a.limit(), until.Format(layout))
	return gatewayRefusal(90018, http.StatusForbidden, "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi", text)
}

// gatewayRefusal is a refusal that both generations have.
func gatewayRefusal(code, status int, errorCode, text string) *refusal {
	return &refusal{code: code, status: status, errorCode: errorCode, text: text, gateway: true}
}

// isGatewayCode tells whether /topapi wraps a code in 88.
func isGatewayCode(code int) bool {
	return slices.Contains([]int{40000, 40001, 40014, 42001, 60011, 60020}, code) || code >= 90001 && code <= 90020
}

// missingParameter is how the gateway of the new generation refuses.
func missingParameter(name string) *refusal {
	return fail(http.StatusBadRequest, "Missing"+name, name+" is mandatory for this action.")
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
func (e endpoint) read(req *request, g generation) (args, []string, *refusal) {
	query := object{}
	for name, values := range req.URL.Query() {
		query[name] = values[0]
	}
	delete(query, "access_token")
	body, r := e.readBody(req, g)
	if r != nil {
		return nil, nil, r
	}
	out := args{}
	ignored := append(e.query.unknown(query), e.body.unknown(body)...)
	// What stands in an address is text, whatever the generation.
	if r := e.query.read(query, out, true, g, e.invalid); r != nil {
		return nil, ignored, r
	}
	return out, ignored, e.body.read(body, out, g != modern, g, e.invalid)
}

func (e endpoint) readBody(req *request, g generation) (object, *refusal) {
	switch {
	case len(e.body) == 0 || e.ownBody:
		return nil, nil
	case g == modern:
		return readModernBody(req)
	case len(req.body) == 0:
		return nil, nil
	case isForm(req) && g == topapi:
		return readForm(req)
	case !isJSON(req.Header.Get("Content-Type")) && g == topapi:
		return nil, refuse(43004)
	case !isJSON(req.Header.Get("Content-Type")):
		return nil, refuse(43009)
	}
	var body object
	if err := json.Unmarshal(req.body, &body); err != nil {
		return nil, &refusal{code: 40035, text: "缺少参数 json"}
	}
	return body, nil
}

func readForm(req *request) (object, *refusal) {
	form, err := url.ParseQuery(string(req.body))
	if err != nil {
		return nil, &refusal{code: 40035, text: "缺少参数 form"}
	}
	out := object{}
	for name, values := range form {
		if name != "access_token" {
			out[name] = values[0]
		}
	}
	return out, nil
}
