package hook

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Every row says where it comes from and what to do.
func TestCodesAreComplete(t *testing.T) {
	t.Parallel()
	for code, row := range codes {
		assert.NotEmpty(t, row.kind, code)
		assert.NotEmpty(t, row.source, code)
		assert.NotEmpty(t, (&Error{Code: code, Kind: row.kind}).Remedy(), code)
		assert.True(t, row.kind != KindRateLimited || row.retryAfter > 0, code)
		assert.True(t, row.retryAfter == 0 || row.kind == KindRateLimited || row.kind == KindUnavailable, code)
		assert.Equal(t, strings.ToLower(code), code, "codes are looked up in lower case")
	}
}

func FuzzJudge(f *testing.F) {
	f.Add(200, []byte(`{"errcode":0,"errmsg":"ok"}`))
	f.Add(200, []byte(`{"errcode":"310000","errmsg":"sign not match"}`))
	f.Add(200, []byte(`{"errcode":88,"sub_code":"40014","errmsg":"ding talk error[subcode=40014,"}`))
	f.Add(503, []byte("<html>"))
	f.Add(200, []byte("{\"errcode\":-1,\"errmsg\":\"\xff\\u0000\"}"))
	f.Add(200, []byte(""))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		e := judge(status, body, nil)
		if e == nil {
			var fields map[string]any
			require.NoError(t, json.Unmarshal(body, &fields), "success must be a JSON object")
			require.Less(t, status, 400)
			return
		}
		require.Contains(t, []Kind{KindInvalid, KindAuth, KindNotFound, KindRateLimited, KindUnavailable, KindUncertain}, e.Kind)
		require.NotEmpty(t, e.Error())
		require.False(t, e.Retryable() && e.Uncertain())
	})
}

func FuzzReadCall(f *testing.F) {
	f.Add(200, []byte(`{"errcode":0,"result":{"userid":7,"active":"true","dept_id_list":"2","role_list":{"id":"1"}}}`))
	f.Add(403, []byte(`{"code":"Forbidden.AccessDenied.IpNotInWhiteList","message":"ip=203.0.113.7"}`))
	f.Add(200, []byte(`{"errcode":88,"sub_code":"60011","sub_msg":"[qyapi_x]"}`))
	f.Add(200, []byte(`{"success":false}`))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		for _, g := range []Generation{LegacyAPI, NewAPI} {
			var user struct {
				Result struct {
					UserID   string  `json:"userid"`
					Active   bool    `json:"active"`
					DeptIDs  []int64 `json:"dept_id_list"`
					RoleList []struct {
						ID int64 `json:"id"`
					} `json:"role_list"`
				} `json:"result"`
			}
			if e := readCall(Call{API: g}, status, bytes.NewReader(body), &user); e != nil {
				require.NotEmpty(t, e.Kind)
				require.NotEmpty(t, e.Error())
			}
		}
	})
}
