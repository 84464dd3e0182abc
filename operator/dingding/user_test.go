package dingding_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/dingding"
	"github.com/dingdag/dingdag/operator/dingding/internal/apptest"
)

const ann = `{"userid": "u001", "unionid": "z21HjQliSzpw0YWCNxmii6u", "name": "Ann Lee", "mobile": "13800000000", "state_code": "86",
	"hide_mobile": false, "job_number": "A-17", "title": "SRE", "dept_id_list": [2, 3], "dept_order_list": [{"dept_id": 2, "order": 1}],
	"leader_in_dept": [{"dept_id": 2, "leader": false}], "role_list": [{"id": 100, "name": "Lead", "group_name": "Position"}],
	"extension": "{}", "hired_date": 1597573616828, "active": true, "real_authed": true, "senior": false, "admin": false, "boss": false,
	"exclusive_account": false}`

func TestUsers(t *testing.T) {
	t.Parallel()
	suite.Check(t, map[string]apptest.Case{
		"dingtalk_create_user": {
			Calls: []string{"user_create"},
			Want:  `{"user_data": {"userid": "u001", "unionId": "z21HjQliSzpw0YWCNxmii6u"}}`,
		},
		"dingtalk_get_user":       {Calls: []string{"user_get"}, Want: `{"user_data": ` + ann + `}`},
		"dingtalk_get_user_count": {Calls: []string{"user_count"}, Want: `{"user_count": 42}`},
		"dingtalk_get_user_id_by_union_id": {
			Calls: []string{"user_get_by_unionid"}, Want: `{"user_id": "u001", "contact_type": 0}`,
		},
		"dingtalk_get_dept_users": {
			Calls: []string{"dept_users"},
			Want: `{"has_more": true, "next_cursor": 50, "users": [{"userid": "u001", "unionid": "z21HjQliSzpw0YWCNxmii6u", "name": "Ann Lee",
				"dept_id_list": [1, 2], "dept_order": 176325, "active": true, "admin": false, "boss": false, "leader": false,
				"hide_mobile": false, "exclusive_account": false, "title": "SRE"}]}`,
		},
		"dingtalk_search_users": {
			Calls: []string{"search_users"}, Want: `{"search_result": {"hasMore": false, "totalCount": 2, "list": ["u001", "u009"]}}`,
		},
	})
}

func TestDepartments(t *testing.T) {
	t.Parallel()
	suite.Check(t, map[string]apptest.Case{
		"dingtalk_get_dept_detail": {
			Calls: []string{"dept_get"},
			Want: `{"dept_detail": {"dept_id": 2, "name": "Platform", "parent_id": 1, "order": 10, "create_dept_group": true, "auto_add_user": true,
				"auto_approve_apply": true, "from_union_org": false, "dept_group_chat_id": "chatdept2", "group_contain_sub_dept": false,
				"org_dept_owner": "u001", "dept_manager_userid_list": ["u001"], "outer_dept": false, "hide_dept": false,
				"member_count": 12, "owning_member_count": 8}}`,
		},
		"dingtalk_get_dept_list": {
			Calls: []string{"dept_list_sub"},
			Want: `{"total_count": 2, "departments": [
				{"dept_id": 2, "name": "Platform", "parent_id": 1, "create_dept_group": true, "auto_add_user": true},
				{"dept_id": 3, "name": "Sales", "parent_id": 1, "create_dept_group": false, "auto_add_user": false}]}`,
		},
		"dingtalk_search_departments": {
			Calls: []string{"search_departments"}, Want: `{"search_result": {"hasMore": false, "totalCount": 1, "list": [2]}}`,
		},
	})
}

func TestBadUsers(t *testing.T) {
	t.Parallel()
	const create = "dingtalk_create_user"
	long := func(n int) string { return strings.Repeat("x", n) }
	suite.CheckBad(t, []apptest.Bad{
		{create, "{name: " + long(81) + ", mobile: 1, dept_id_list: 1}", "name", "81 characters"},
		{create, "{name: n, mobile: '', dept_id_list: 1}", "mobile", "is empty"},
		{create, "{name: n, mobile: 1, dept_id_list: []}", "dept_id_list", "is empty"},
		{create, "{name: n, mobile: 1, dept_id_list: 'a'}", "dept_id_list", `got "a"`},
		{create, "{name: n, mobile: 1, dept_id_list: '" + strings.Repeat("1,", 101) + "'}", "dept_id_list", "101 elements"},
		{create, "{name: n, mobile: 1, dept_id_list: 1, user_id: " + long(65) + "}", "user_id", "65 characters"},
		{create, "{name: n, mobile: 1, dept_id_list: 1, remark: " + long(2001) + "}", "remark", "2001 characters"},
		{create, "{name: n, mobile: 1, dept_id_list: 1, extension: {a: " + long(2000) + "}}", "extension", "characters"},
		{create, "{name: n, mobile: 1, dept_id_list: 1, hired_date: soon}", "hired_date", `got "soon"`},
		{"dingtalk_get_user", "{}", "user_id", "give user_id or mobile"},
		{"dingtalk_get_user", "{user_id: u1, mobile: 1}", "mobile", "excludes user_id"},
		{"dingtalk_get_user_id_by_union_id", "union_id: ''", "union_id", "is empty"},
		{"dingtalk_get_dept_users", "size: 101", "size", "100"},
		{"dingtalk_get_dept_users", "dept_id: 0", "dept_id", "at least 1"},
		{"dingtalk_get_dept_users", "cursor: '-1'", "cursor", "at least 0"},
		{"dingtalk_search_users", "{query_word: a, size: 21}", "size", "20"},
		{"dingtalk_search_users", "query_word: ''", "query_word", "is empty"},
		{"dingtalk_search_departments", "{query_word: a, offset: x}", "offset", `got "x"`},
		{"dingtalk_get_dept_detail", "dept_id: platform", "dept_id", `got "platform"`},
	})
}

func TestGetUserByMobile(t *testing.T) {
	t.Parallel()
	d := apptest.Start(t)
	_, err := suite.Exec(t, d.Task(t), "dingtalk_get_user", `mobile: "13800000000"`)
	require.NoError(t, err)
	apptest.CheckCalls(t, []string{"user_get_by_mobile", "user_get"}, d.Got())
}

func TestUnknownUserFails(t *testing.T) {
	t.Parallel()
	d := apptest.Start(t)
	d.Answer("POST /topapi/v2/user/get", 200, `{"errcode":60121,"errmsg":"找不到该用户"}`)
	_, err := suite.Exec(t, d.Task(t), "dingtalk_get_user", "user_id: nobody")
	assert.Equal(t, operator.Failed, operator.Classify(t.Context(), err).Kind)
	require.ErrorContains(t, err, `get user "nobody" through "dingtalk_default": DingTalk answered 60121`)
}

// all walks the pages up to max_items and logs how far it is.
func TestAllPages(t *testing.T) {
	t.Parallel()
	page := func(more bool, next int, ids ...string) string {
		list := `{"userid":"` + strings.Join(ids, `"},{"userid":"`) + `"}`
		return fmt.Sprintf(`{"errcode":0,"result":{"has_more":%t,"next_cursor":%d,"list":[%s]}}`, more, next, list)
	}
	for text, want := range map[string]struct {
		ids  []string
		more bool
		logs int
	}{
		"{size: 2, all: true}":               {[]string{"a", "b", "c"}, false, 2},
		"{size: 2, all: true, max_items: 2}": {[]string{"a", "b"}, true, 1},
		"{size: 2}":                          {[]string{"a", "b"}, true, 0},
	} {
		d := apptest.Start(t)
		d.Answer("POST /topapi/v2/user/list", 200, page(true, 2, "a", "b"), page(false, 0, "c"))
		task := d.Task(t)
		got, err := suite.Exec(t, task, "dingtalk_get_dept_users", text)
		require.NoError(t, err)
		result, ok := got.(*dingding.GetDeptUsersResult)
		require.True(t, ok)
		var ids []string
		for _, u := range result.Users {
			ids = append(ids, u.UserID)
		}
		assert.Equal(t, want.ids, ids)
		assert.Equal(t, want.more, result.HasMore)
		assert.Equal(t, want.logs, strings.Count(task.LogText(), "read a page"))
		for i, c := range d.Got() {
			assert.JSONEq(t, fmt.Sprintf(`{"dept_id":1,"cursor":%d,"size":2}`, i*2), c.Body)
		}
	}
}

func TestAllSearchPages(t *testing.T) {
	t.Parallel()
	d := apptest.Start(t)
	d.Answer("POST /v1.0/contact/users/search", 200,
		`{"hasMore":true,"totalCount":3,"list":["a","b"]}`, `{"hasMore":false,"totalCount":3,"list":["c"]}`)
	got, err := suite.Exec(t, d.Task(t), "dingtalk_search_users", "{query_word: A, size: 2, all: true, exact: true}")
	require.NoError(t, err)
	result, ok := got.(*dingding.SearchUsersResult)
	require.True(t, ok)
	assert.Equal(t, []string{"a", "b", "c"}, result.SearchResult.List)
	assert.False(t, result.SearchResult.HasMore)
	calls := d.Got()
	require.Len(t, calls, 2)
	assert.JSONEq(t, `{"queryWord":"A","offset":2,"size":2,"fullMatchField":1}`, calls[1].Body)
}
