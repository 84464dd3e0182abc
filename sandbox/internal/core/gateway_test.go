package core_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/sandbox"
	"github.com/dingdag/dingdag/sandbox/internal/boxtest"
)

func TestGatewayRefusesInOrder(t *testing.T) {
	t.Parallel()
	// Each request has everything wrong that comes later in the order, too.
	o := boxtest.Open(t)
	weak := sandbox.DemoApp("weak")
	weak.Scopes, weak.IPs, weak.QPS = []string{}, []string{"10.0.0.0/8"}, 1
	o.AddApp(weak)
	token, _ := o.NewToken(t, weak)
	inQuery := "?access_token=" + token

	refused := func(want int, wantBody, method, path, body string, header ...string) {
		t.Helper()
		status, got := o.Do(t, method, path, body, header...)
		assert.Equal(t, want, status)
		assert.JSONEq(t, wantBody, boxtest.WithoutID(t, got))
	}
	legacy := func(want, query string) {
		t.Helper()
		refused(200, want, http.MethodPost, boxtest.CountPath+query, "{")
	}
	modern := func(want int, body string, header ...string) {
		t.Helper()
		refused(want, body, http.MethodPost, boxtest.SearchPath, "{", header...)
	}
	auth := []string{"x-acs-dingtalk-access-token", token}

	refused(200, `{"errcode":22,"errmsg":"Invalid method[user.cuont]","sub_msg":"不合法ApiName，请检查接口地址"}`, http.MethodPost, "/topapi/user/cuont", "{")
	refused(200, `{"errcode":43002,"errmsg":"需要POST请求"}`, http.MethodGet, boxtest.CountPath, "")
	refused(200, `{"errcode":404,"errmsg":"请求的URI地址不存在"}`, http.MethodPost, "/contact/users/search", "{")
	refused(404, `{"code":"InvalidAction.NotFound","message":"Specified api is not found, please check your url and method."}`, http.MethodPut, boxtest.SearchPath, "{")

	legacy(boxtest.Wrapped("40000", "access_token is blank"), "")
	refused(200, boxtest.Wrapped("40000", "access_token is blank"), http.MethodPost, boxtest.CountPath, "{", auth...)
	modern(400, `{"code":"AuthenticationFailed.MissingParameter","message":"缺少参数：x-acs-dingtalk-access-token"}`)
	modern(400, `{"code":"AuthenticationFailed.MissingParameter","message":"缺少参数：x-acs-dingtalk-access-token"}`, "Authorization", "Bearer "+token)

	legacy(boxtest.Wrapped("40014", "不合法的access_token"), "?access_token=x")
	modern(400, `{"code":"InvalidAuthentication","message":"不合法的access_token"}`, "x-acs-dingtalk-access-token", "x")

	legacy(boxtest.Wrapped("60011", "应用尚未开通所需的权限：[qyapi_get_member]，点击链接申请并开通即可"), inQuery)
	modern(403, `{"code":"Forbidden.AccessDenied.AccessTokenPermissionDenied","message":"应用尚未开通所需的权限：[qyapi_addresslist_search]，点击链接申请并开通即可",
		"accessdenieddetail":{"requiredScopes":["qyapi_addresslist_search"]}}`, auth...)

	weak.Scopes = nil
	require.NoError(t, o.UpdateApp(weak))
	legacy(boxtest.Wrapped("60020", "访问ip不在白名单之中,request ip=127.0.0.1"), inQuery)
	modern(403, `{"code":"Forbidden.AccessDenied.IpNotInWhiteList","message":"访问ip不在白名单之中,request ip=127.0.0.1"}`, auth...)

	weak.IPs = nil
	require.NoError(t, o.UpdateApp(weak))
	legacy(`{"errcode":40035,"errmsg":"缺少参数 json"}`, inQuery)
	modern(400, `{"code":"Missingbody","message":"body is mandatory for this action."}`, auth...)

	limit := func(path string) string {
		return "apiPath(" + path + "), 从 2023-11-14 22:13:20 到 2023-11-14 22:13:21 请求总次数超过 1 次, 限制将在 2023-11-14 22:13:21 结束"
	}
	legacy(boxtest.Wrapped("90018", limit(boxtest.CountPath)), inQuery)
	modern(403, `{"code":"Forbidden.AccessDenied.QpsLimitForAppkeyAndApi","message":"`+limit(boxtest.SearchPath)+`"}`, auth...)

	o.Clock.Advance(time.Second)
	refused(200, `{"errcode":40035,"errmsg":"缺少参数 only_active"}`, http.MethodPost, boxtest.CountPath+inQuery, "{}")
	refused(400, `{"code":"Missingoffset","message":"offset is mandatory for this action."}`, http.MethodPost, boxtest.SearchPath, `{"queryWord":"x"}`, auth...)
}

// Twenty calls of one kind pass in a second, whatever else the app calls.
func TestGatewayCountsEachCall(t *testing.T) {
	t.Parallel()
	o := boxtest.Open(t)
	require.NoError(t, o.SetQPS(o.App.AppKey, 0))
	for range 20 {
		assert.JSONEq(t, `{"errcode":0,"errmsg":"ok","result":{"count":11}}`, o.Legacy(t, boxtest.CountPath, boxtest.CountBody))
	}
	assert.Contains(t, o.Legacy(t, boxtest.CountPath, boxtest.CountBody), `"sub_code":"90018"`)
	assert.Contains(t, o.Modern(t, http.StatusOK, http.MethodPost, boxtest.SearchPath, boxtest.SearchBody), `"totalCount":1`)
	o.Clock.Advance(time.Second)
	assert.JSONEq(t, `{"errcode":0,"errmsg":"ok","result":{"count":11}}`, o.Legacy(t, boxtest.CountPath, boxtest.CountBody))
}

func TestTokensWorkOnBothHosts(t *testing.T) {
	t.Parallel()
	o := boxtest.Open(t)
	legacy, _ := o.LegacyToken(t, o.App)
	for _, token := range []string{o.Token, legacy} {
		o.Token = token
		assert.Contains(t, o.Legacy(t, boxtest.CountPath, boxtest.CountBody), `"errcode":0`)
		o.Modern(t, http.StatusOK, http.MethodPost, boxtest.SearchPath, boxtest.SearchBody)
	}
	o.ExpireTokens(o.App.AppKey)
	assert.Contains(t, o.Legacy(t, boxtest.CountPath, boxtest.CountBody), `"sub_code":"40014"`)
	assert.Contains(t, o.Modern(t, http.StatusBadRequest, http.MethodPost, boxtest.SearchPath, boxtest.SearchBody), "InvalidAuthentication")
}

func TestLegacyCallsTakeForms(t *testing.T) {
	t.Parallel()
	o := boxtest.Open(t)
	form := url.Values{"access_token": {o.Token}, "only_active": {"false"}}.Encode()
	_, got := o.Do(t, http.MethodPost, boxtest.CountPath, form, "Content-Type", "application/x-www-form-urlencoded")
	assert.JSONEq(t, `{"errcode":0,"errmsg":"ok","result":{"count":12}}`, boxtest.WithoutID(t, got))
	_, got = o.Do(t, http.MethodPost, boxtest.SearchPath, "queryWord=x", "Content-Type", "application/x-www-form-urlencoded", "x-acs-dingtalk-access-token", o.Token)
	assert.Contains(t, got, "Missingbody")
}

// Numbers may be text in legacy calls, and nowhere else.
func TestTypesOfParameters(t *testing.T) {
	t.Parallel()
	o := boxtest.Open(t)
	assert.Contains(t, o.Legacy(t, "/topapi/v2/department/get", `{"dept_id":"2"}`), "技术部")
	assert.JSONEq(t, `{"errcode":40035,"errmsg":"不合法的参数 dept_id"}`, o.Legacy(t, "/topapi/v2/department/get", `{"dept_id":"two"}`))
	assert.JSONEq(t, `{"errcode":40035,"errmsg":"不合法的参数 dept_id"}`, o.Legacy(t, "/topapi/v2/department/get", `{"dept_id":1.5}`))
	assert.JSONEq(t, `{"code":"parameter.error","message":"the parameter offset is invalid."}`,
		o.Modern(t, http.StatusBadRequest, http.MethodPost, boxtest.SearchPath, `{"queryWord":"x","offset":"0","size":10}`))
}

// A wrong key says nothing, so the log of attempts does.
func TestAttemptsTellIgnoredParameters(t *testing.T) {
	t.Parallel()
	o := boxtest.Open(t)
	o.Legacy(t, "/topapi/v2/department/listsub", `{"deptId":2,"Language":"en_US"}`)
	last := o.Attempts()[len(o.Attempts())-1]
	assert.Equal(t, []string{"Language", "deptId"}, last.Ignored)
	assert.Equal(t, "运维助手", last.App)
	assert.Equal(t, "access_token=***", last.Query)
	assert.False(t, last.Refused())

	o.Modern(t, http.StatusBadRequest, http.MethodPost, boxtest.SearchPath, `{}`)
	last = o.Attempts()[len(o.Attempts())-1]
	assert.Equal(t, "MissingqueryWord", last.ErrorCode)
	assert.True(t, last.Refused())
}

func TestFaultsOfAppCalls(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		fault  sandbox.Fault
		legacy string
		status int
		modern string
	}{
		"busy":     {sandbox.Fault{Kind: sandbox.FaultBusy}, `{"errcode":-1,"errmsg":"系统繁忙"}`, 503, `{"code":"serviceBusy","message":"系统繁忙"}`},
		"wrapped":  {sandbox.Fault{Kind: sandbox.FaultErrcode, Code: 42001, ErrorCode: "accesstoken.expired", Message: "m"}, boxtest.Wrapped("42001", "m"), 400, `{"code":"accesstoken.expired","message":"m"}`},
		"business": {sandbox.Fault{Kind: sandbox.FaultErrcode, Code: 60121, ErrorCode: "system.busy"}, `{"errcode":60121,"errmsg":"找不到该用户"}`, 500, `{"code":"system.busy","message":"找不到该用户"}`},
		"status":   {sandbox.Fault{Kind: sandbox.FaultErrcode, Code: 90018, ErrorCode: "x", Message: "m", Status: 418}, boxtest.Wrapped("90018", "m"), 418, `{"code":"x","message":"m"}`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := boxtest.Open(t)
			tt.fault.Times = -1
			o.Fault(tt.fault)
			assert.JSONEq(t, tt.legacy, o.Legacy(t, boxtest.CountPath, boxtest.CountBody))
			assert.JSONEq(t, tt.modern, o.Modern(t, tt.status, http.MethodPost, boxtest.SearchPath, boxtest.SearchBody))
		})
	}
}

func TestFaultsHitTheGenerationThatTheyHaveACodeFor(t *testing.T) {
	t.Parallel()
	o := boxtest.Open(t)
	o.Fault(sandbox.Fault{Kind: sandbox.FaultErrcode, Code: 90018})
	o.Fault(sandbox.Fault{Kind: sandbox.FaultErrcode, ErrorCode: "systemBusy"})
	assert.Contains(t, o.Modern(t, http.StatusTooManyRequests, http.MethodPost, boxtest.SearchPath, boxtest.SearchBody), "systemBusy")
	assert.Contains(t, o.Legacy(t, boxtest.CountPath, boxtest.CountBody), "90018")
	assert.Empty(t, o.Faults())

	require.ErrorContains(t, o.AddFault(sandbox.Fault{Kind: sandbox.FaultErrcode, Call: "user.search", Code: 90018}), "needs code when it is a legacy call")
	require.ErrorContains(t, o.AddFault(sandbox.Fault{Kind: sandbox.FaultErrcode, Call: "user.count", ErrorCode: "x"}), "needs code when it is a legacy call")
}

func TestCallsHaveUniqueNamesAndPaths(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, name := range sandbox.Calls() {
		assert.False(t, seen[name], name)
		assert.Equal(t, 1, strings.Count(name, "."), name)
		seen[name] = true
	}
}
