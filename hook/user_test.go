package hook_test

import (
	"context"
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/directory"
)

func userOperations() map[string]operation {
	return map[string]operation{
		"user_create": {function: "directory.CreateUser", result: "result", call: func(ctx context.Context, a *hook.App) (any, error) {
			return directory.CreateUser(ctx, a, directory.NewUser{
				Name: "Ann Lee", Mobile: "13800000000", DeptIDs: []int64{2, 3}, JobNumber: "A-17", Title: "SRE",
				WorkPlace: "HQ", Email: "ann@example.com", Remark: "on call",
			})
		}},
		"user_get": {function: "directory.GetUser", result: "result", call: func(ctx context.Context, a *hook.App) (any, error) {
			return directory.GetUser(ctx, a, "u001", "zh_CN")
		}},
		"user_get_by_mobile": {function: "directory.UserIDByMobile", result: "result.userid", call: func(ctx context.Context, a *hook.App) (any, error) {
			return directory.UserIDByMobile(ctx, a, "13800000000")
		}},
		"user_count": {function: "directory.UserCount", result: "result.count", call: func(ctx context.Context, a *hook.App) (any, error) {
			return directory.UserCount(ctx, a, true)
		}},
		"user_get_by_unionid": {function: "directory.UserIDByUnionID", result: "result", call: func(ctx context.Context, a *hook.App) (any, error) {
			return directory.UserIDByUnionID(ctx, a, "z21HjQliSzpw0YWCNxmii6u")
		}},
	}
}

func TestOperatorIDLooksUserIDsUpOnce(t *testing.T) {
	t.Parallel()
	s := startApp(t, func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, `{"errcode":0,"errmsg":"ok","result":{"userid":"u001","unionid":"union1"}}`)
	})
	a := s.appWith(t, `"operator_user_id":"u001"`)
	for range 2 {
		for _, tt := range []struct{ unionID, userID, want string }{
			{"union9", "", "union9"},
			{"union9", "u001", "union9"},
			{"", "u001", "union1"},
			{"", "", "union1"},
		} {
			got, err := a.OperatorID(t.Context(), tt.unionID, tt.userID)
			require.NoError(t, err)
			assert.Equal(t, tt.want, got)
		}
	}
	assert.Len(t, s.got(), 1)

	_, err := s.app(t).OperatorID(t.Context(), "", "")
	var e *hook.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, hook.KindInvalid, e.Kind)
	assert.Contains(t, err.Error(), "operator_user_id")
}

// DingTalk's own examples print numbers and booleans as text and one element for a list.
func TestAnswersAreReadLeniently(t *testing.T) {
	t.Parallel()
	s := startApp(t, func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, `{"errcode":"0","errmsg":"ok","result":{"userid":7,"hired_date":"1597573616828","active":"true","boss":"false",
			"dept_id_list":"2","role_list":{"id":"100","name":"Lead"},"union_emp_ext":{"userid":"x"},"title":null}}`)
	})
	u, err := directory.GetUser(t.Context(), s.app(t), "7", "")
	require.NoError(t, err)
	assert.Equal(t, &directory.User{
		UserID: "7", HiredDate: 1597573616828, Active: true, DeptIDList: []int64{2},
		RoleList: []directory.Role{{ID: 100, Name: "Lead"}}, UnionEmpExt: map[string]any{"userid": "x"},
	}, u)
}
