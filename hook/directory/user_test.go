package directory_test

import (
	"context"
	"io"
	"maps"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/directory"
	"github.com/dingdag/dingdag/hook/internal/calltest"
)

func operations() map[string]calltest.Operation {
	all := userOperations()
	maps.Copy(all, departmentOperations())
	return all
}

func userOperations() map[string]calltest.Operation {
	return map[string]calltest.Operation{
		"user_create": {Function: "CreateUser", Result: "result", Call: func(ctx context.Context, a *hook.App) (any, error) {
			return directory.CreateUser(ctx, a, directory.NewUser{
				Name: "Ann Lee", Mobile: "13800000000", DeptIDs: []int64{2, 3}, JobNumber: "A-17", Title: "SRE",
				WorkPlace: "HQ", Email: "ann@example.com", Remark: "on call",
			})
		}},
		"user_get": {Function: "GetUser", Result: "result", Call: func(ctx context.Context, a *hook.App) (any, error) {
			return directory.GetUser(ctx, a, "u001", "zh_CN")
		}},
		"user_get_by_mobile": {Function: "UserIDByMobile", Result: "result.userid", Call: func(ctx context.Context, a *hook.App) (any, error) {
			return directory.UserIDByMobile(ctx, a, "13800000000")
		}},
		"user_count": {Function: "UserCount", Result: "result.count", Call: func(ctx context.Context, a *hook.App) (any, error) {
			return directory.UserCount(ctx, a, true)
		}},
		"user_get_by_unionid": {Function: "UserIDByUnionID", Result: "result", Call: func(ctx context.Context, a *hook.App) (any, error) {
			return directory.UserIDByUnionID(ctx, a, "z21HjQliSzpw0YWCNxmii6u")
		}},
	}
}

// DingTalk's own examples print numbers and booleans as text and one element for a list.
func TestAnswersAreReadLeniently(t *testing.T) {
	t.Parallel()
	s := calltest.Start(t, func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, `{"errcode":"0","errmsg":"ok","result":{"userid":7,"hired_date":"1597573616828","active":"true","boss":"false",
			"dept_id_list":"2","role_list":{"id":"100","name":"Lead"},"union_emp_ext":{"userid":"x"},"title":null}}`)
	})
	u, err := directory.GetUser(t.Context(), s.App(t), "7", "")
	require.NoError(t, err)
	assert.Equal(t, &directory.User{
		UserID: "7", HiredDate: 1597573616828, Active: true, DeptIDList: []int64{2},
		RoleList: []directory.Role{{ID: 100, Name: "Lead"}}, UnionEmpExt: map[string]any{"userid": "x"},
	}, u)
}
