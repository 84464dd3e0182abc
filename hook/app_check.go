package hook

import (
	"context"
	"net/http"
	"net/url"
	"strings"
)

// AppCheck is what [App.Check] found out.
type AppCheck struct {
	// Steps are the questions in the order in which they were asked; those after a
	// refusal of the credentials or of this address are left out.
	Steps []AppCheckStep
	// Credentials and Address say whether DingTalk takes AppKey and AppSecret, and calls
	// from this machine's address. IP is that address when DingTalk names it in a refusal.
	Credentials, Address bool
	IP                   string
	// Missing are the scopes that the app does not have, of those that were asked for.
	Missing []string
}

// OK reports that nothing was refused.
func (c *AppCheck) OK() bool {
	for _, s := range c.Steps {
		if s.Err != nil {
			return false
		}
	}
	return true
}

// AppCheckStep is one question to DingTalk.
type AppCheckStep struct {
	// Name says what was tried: "legacy token", "read members".
	Name string
	// Scope is the permission that it needs; empty for none.
	Scope string
	// Err is what DingTalk refused; [Error.Remedy] says what to click.
	Err *Error
}

// probe is a call that changes nothing and shows whether the app has a scope. The
// gateway looks at the scope before anything else, so that the ids may be wrong.
type probe struct {
	name, scope string
	call        Call
}

func probes(robotCode string) []probe {
	const nobody = "dingdag-connection-test"
	return []probe{
		{"read members", "qyapi_get_member", Call{Method: http.MethodPost, Path: "/topapi/user/count", Body: map[string]bool{"only_active": true}}},
		{"read departments", "qyapi_get_department_list", Call{Method: http.MethodPost, Path: "/topapi/v2/department/listsub", Body: map[string]int{"dept_id": 1}}},
		{"search the address book", "qyapi_addresslist_search", Call{
			API: NewAPI, Method: http.MethodPost, Path: "/v1.0/contact/users/search", Body: map[string]any{"queryWord": nobody, "offset": 0, "size": 1},
		}},
		{"send bot messages", "qyapi_robot_sendmsg", Call{
			API: NewAPI, Method: http.MethodGet, Path: "/v1.0/robot/oToMessages/readStatus",
			Query: url.Values{"robotCode": {robotCode}, "processQueryKey": {nobody}},
		}},
		{"manage groups", "qyapi_chat_manage", Call{
			API: NewAPI, Method: http.MethodPost, Path: "/v1.0/im/sceneGroups/query", Body: map[string]string{"openConversationId": nobody},
		}},
	}
}

// Check tries the connection: it fetches a new token of each generation, then makes calls
// that change nothing and need one scope each, so that wrong credentials, an address
// that is not on the app's list and missing scopes can be told apart. It makes up to
// seven requests. The error is that of a connection which cannot be used at all; what
// DingTalk refuses stands in the steps.
//
//dingtalk:api GET /gettoken
//dingtalk:api POST /v1.0/oauth2/accessToken
//dingtalk:api POST /topapi/user/count
//dingtalk:api POST /topapi/v2/department/listsub
//dingtalk:api POST /v1.0/contact/users/search
//dingtalk:api GET /v1.0/robot/oToMessages/readStatus
//dingtalk:api POST /v1.0/im/sceneGroups/query
func (a *App) Check(ctx context.Context) (*AppCheck, error) {
	conn, err := a.conn(ctx)
	if err != nil {
		return nil, a.Failed("check the app", err)
	}
	check := &AppCheck{Credentials: true, Address: true}
	for g, name := range []string{LegacyAPI: "legacy token", NewAPI: "new token"} {
		_, err := a.fetchToken(ctx, conn, Generation(g))
		if check.add(name, "", err); err != nil {
			check.Credentials = !err.isCredentials()
			return check, nil
		}
	}
	for _, p := range probes(conn.robotCode) {
		p.call.Op, p.call.Safe = p.name, true
		err := a.run(ctx, p.call, nil)
		if err != nil && err.isTheCalls() {
			err = nil
		}
		if check.add(p.name, p.scope, err); err != nil && !err.isScope() {
			return check, nil
		}
	}
	return check, nil
}

// isTheCalls reports that DingTalk let the app in and refuses the made-up ids alone.
func (e *Error) isTheCalls() bool {
	if e.isScope() || e.isIP() || e.isToken() || e.isCredentials() {
		return false
	}
	return e.Kind == KindInvalid || e.Kind == KindNotFound || e.IsCode("processquerykey.expiretime", "grouppermissiondenied", "invalidparameter.robotcode.auth")
}

func (c *AppCheck) add(name, scope string, err *Error) {
	if err != nil {
		err.Op = name
		if err.isScope() {
			c.Missing = append(c.Missing, strings.Join(err.Scopes, ", "))
			if len(err.Scopes) == 0 {
				c.Missing[len(c.Missing)-1] = scope
			}
		}
		if err.isIP() {
			c.Address, c.IP = false, err.IP
		}
	}
	c.Steps = append(c.Steps, AppCheckStep{Name: name, Scope: scope, Err: err})
}
