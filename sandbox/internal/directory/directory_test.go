package directory_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/sandbox"
	"github.com/dingdag/dingdag/sandbox/internal/boxtest"
)

func TestUserCreateAndGet(t *testing.T) {
	t.Parallel()
	o := boxtest.Open(t)
	got := o.Legacy(t, "/topapi/v2/user/create", `{"name":"新人","mobile":"13900000000","dept_id_list":"4,5","userid":"new-1",
		"email":"new@example.com","title":"SRE","extension":{"爱好":"登山"},"hired_date":1700000000000}`)
	created := boxtest.Read[struct {
		Result struct{ UserID, UnionID string }
	}](t, got)
	assert.Equal(t, "new-1", created.Result.UserID)
	assert.Contains(t, got, `"unionId":"`)

	assert.JSONEq(t, `{"errcode":0,"errmsg":"ok","result":{"userid":"new-1","unionid":"`+created.Result.UnionID+`","name":"新人",
		"mobile":"13900000000","state_code":"86","email":"new@example.com","title":"SRE","extension":"{\"爱好\":\"登山\"}","hired_date":1700000000000,
		"dept_id_list":[4,5],"dept_order_list":[{"dept_id":4,"order":176325},{"dept_id":5,"order":176326}],
		"dept_position_list":[{"dept_id":4,"title":"SRE","is_main":true},{"dept_id":5,"title":"SRE","is_main":false}],
		"leader_in_dept":[{"dept_id":4,"leader":false},{"dept_id":5,"leader":false}],
		"active":true,"admin":false,"boss":false,"hide_mobile":false,"exclusive_account":false,"real_authed":true,"senior":false}}`,
		o.Legacy(t, "/topapi/v2/user/get", `{"userid":"new-1"}`))
	assert.JSONEq(t, `{"errcode":0,"errmsg":"ok","result":{"userid":"new-1"}}`, o.Legacy(t, "/topapi/v2/user/getbymobile", `{"mobile":"13900000000"}`))
	assert.JSONEq(t, `{"errcode":0,"errmsg":"ok","result":{"userid":"new-1","contact_type":0}}`,
		o.Legacy(t, "/topapi/user/getbyunionid", `{"unionid":"`+created.Result.UnionID+`"}`))
	assert.JSONEq(t, `{"errcode":0,"errmsg":"ok","result":{"count":13}}`, o.Legacy(t, boxtest.CountPath, `{"only_active":false}`))
	assert.Len(t, o.Users(), 13)
}

func TestDirectoryRefusals(t *testing.T) {
	t.Parallel()
	o := boxtest.Open(t)
	o.AddUser(sandbox.User{Name: "x", Mobile: "13911111111", Email: "taken@example.com", Telephone: "8001"})
	create := func(more string) string { return `{"name":"x","mobile":"13900000000","dept_id_list":"1"` + more + `}` }
	tests := map[string]struct {
		path, body string
		code       int
	}{
		"user id taken":     {"v2/user/create", create(`,"userid":"user001"`), 60102},
		"mobile taken":      {"v2/user/create", `{"name":"x","mobile":"13800000001","dept_id_list":"1"}`, 60104},
		"mobile form":       {"v2/user/create", `{"name":"x","mobile":"nobody","dept_id_list":"1"}`, 60103},
		"mail taken":        {"v2/user/create", create(`,"email":"taken@example.com"`), 60106},
		"telephone taken":   {"v2/user/create", create(`,"telephone":"8001"`), 40100},
		"user id form":      {"v2/user/create", create(`,"userid":"a b"`), 33012},
		"no department":     {"v2/user/create", `{"name":"x","mobile":"13900000000","dept_id_list":"1,99"}`, 60003},
		"departments list":  {"v2/user/create", `{"name":"x","mobile":"13900000000","dept_id_list":[1]}`, 40035},
		"name too long":     {"v2/user/create", `{"name":"` + strings.Repeat("名", 81) + `","mobile":"13900000000","dept_id_list":"1"}`, 40035},
		"extension":         {"v2/user/create", create(`,"extension":"[]"`), 40035},
		"no user":           {"v2/user/get", `{"userid":"nobody"}`, 60121},
		"no mobile":         {"v2/user/getbymobile", `{"mobile":"13900000009"}`, 60121},
		"bad mobile":        {"v2/user/getbymobile", `{"mobile":"x"}`, 40104},
		"no union id":       {"user/getbyunionid", `{"unionid":"user001"}`, 60121},
		"list: department":  {"v2/user/list", `{"dept_id":99,"cursor":0,"size":10}`, 60003},
		"list: cursor":      {"v2/user/list", `{"dept_id":1,"cursor":-1,"size":10}`, 40068},
		"list: size":        {"v2/user/list", `{"dept_id":1,"cursor":0,"size":101}`, 40069},
		"list: no size":     {"v2/user/list", `{"dept_id":1,"cursor":0}`, 40035},
		"list: order":       {"v2/user/list", `{"dept_id":1,"cursor":0,"size":1,"order_field":"name"}`, 40035},
		"ids: department":   {"user/listid", `{"dept_id":99}`, 60003},
		"department":        {"v2/department/get", `{"dept_id":99}`, 60003},
		"departments below": {"v2/department/listsub", `{"dept_id":99}`, 60003},
		"ids below":         {"v2/department/listsubid", `{"dept_id":99}`, 60003},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := o.Legacy(t, "/topapi/"+tt.path, tt.body)
			assert.Equal(t, tt.code, boxtest.Read[boxtest.Reply](t, got).Code, got)
		})
	}
}

func TestDepartmentUsersInPages(t *testing.T) {
	t.Parallel()
	o := boxtest.Open(t)
	for i := range 7 {
		o.AddUser(sandbox.User{UserID: "extra" + strconv.Itoa(i), Name: "x", Mobile: "1390000000" + strconv.Itoa(i), Departments: []int{6}})
	}
	type list struct {
		Result struct {
			HasMore bool `json:"has_more"`
			Next    *int `json:"next_cursor"`
			List    []struct {
				UserID string `json:"userid"`
				Order  int    `json:"dept_order"`
			}
		}
	}
	cursor, ids := 0, []string{}
	for more := true; more; {
		got := boxtest.Read[list](t, o.Legacy(t, "/topapi/v2/user/list", `{"dept_id":6,"cursor":`+strconv.Itoa(cursor)+`,"size":4}`)).Result
		for _, u := range got.List {
			ids = append(ids, u.UserID)
		}
		if more = got.HasMore; more {
			assert.Len(t, got.List, 4)
			cursor = *got.Next
		} else {
			assert.Nil(t, got.Next, "only a further page has a cursor")
		}
	}
	assert.Equal(t, []string{"user010", "user011", "extra0", "extra1", "extra2", "extra3", "extra4", "extra5", "extra6"}, ids)
	assert.JSONEq(t, `{"errcode":0,"errmsg":"ok","result":{"userid_list":["user001","user002"]}}`, o.Legacy(t, "/topapi/user/listid", `{"dept_id":2}`),
		"only those right in the department")
}

func TestDepartments(t *testing.T) {
	t.Parallel()
	o := boxtest.Open(t)
	assert.JSONEq(t, `{"errcode":0,"errmsg":"ok","result":[
		{"dept_id":2,"name":"Engineering","parent_id":1,"create_dept_group":false,"auto_add_user":false},
		{"dept_id":3,"name":"Sales","parent_id":1,"create_dept_group":false,"auto_add_user":false}]}`,
		o.Legacy(t, "/topapi/v2/department/listsub", `{"language":"en_US"}`))
	assert.JSONEq(t, `{"errcode":0,"errmsg":"ok","result":{"dept_id_list":[4,5]}}`, o.Legacy(t, "/topapi/v2/department/listsubid", `{"dept_id":2}`))

	type detail struct{ Result map[string]any }
	two := boxtest.Read[detail](t, o.Legacy(t, "/topapi/v2/department/get", `{"dept_id":2}`)).Result
	assert.InDelta(t, 8, two["member_count"], 0, "李四 is in two of them and counts once")
	assert.InDelta(t, 2, two["owning_member_count"], 0)
	assert.Equal(t, "技术部", two["name"])
	assert.Equal(t, "user001", two["org_dept_owner"])
	root := boxtest.Read[detail](t, o.Legacy(t, "/topapi/v2/department/get", `{"dept_id":1}`)).Result
	assert.NotContains(t, root, "parent_id")
	assert.InDelta(t, 12, root["member_count"], 0)
}

func TestSearch(t *testing.T) {
	t.Parallel()
	o := boxtest.Open(t)
	tests := map[string]struct{ what, body, want string }{
		"part of a name":        {"users", `{"queryWord":"十","offset":0,"size":20}`, `{"hasMore":false,"totalCount":5,"list":["user008","user009","user010","user011","user012"]}`},
		"pinyin":                {"users", `{"queryWord":"ZHAO","offset":0,"size":20}`, `{"hasMore":false,"totalCount":1,"list":["user004"]}`},
		"whole name":            {"users", `{"queryWord":"十","offset":0,"size":20,"fullMatchField":1}`, `{"hasMore":false,"totalCount":0,"list":[]}`},
		"second page":           {"users", `{"queryWord":"十","offset":2,"size":2}`, `{"hasMore":true,"totalCount":5,"list":["user010","user011"]}`},
		"beyond the end":        {"users", `{"queryWord":"十","offset":9,"size":2}`, `{"hasMore":false,"totalCount":5,"list":[]}`},
		"department":            {"departments", `{"queryWord":"组","offset":0,"size":1}`, `{"hasMore":true,"totalCount":2,"list":[4]}`},
		"department in English": {"departments", `{"queryWord":"sales","offset":0,"size":9}`, `{"hasMore":false,"totalCount":1,"list":[3]}`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.JSONEq(t, tt.want, o.Modern(t, http.StatusOK, http.MethodPost, "/v1.0/contact/"+tt.what+"/search", tt.body))
		})
	}
	for _, body := range []string{`{"queryWord":"十","offset":0,"size":21}`, `{"queryWord":"十","offset":-1,"size":2}`, `{"queryWord":"","offset":0,"size":2}`} {
		assert.Contains(t, o.Modern(t, http.StatusBadRequest, http.MethodPost, "/v1.0/contact/departments/search", body), "parameter.error")
	}
}

func TestSeedRefusesNonsense(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		organisation sandbox.Organisation
		want         error
	}{
		"department": {sandbox.Organisation{Departments: []sandbox.Department{{ID: 2, ParentID: 7, Name: "x"}}}, sandbox.ErrNotFound},
		"twice":      {sandbox.Organisation{Departments: []sandbox.Department{{ID: 2, ParentID: 1, Name: "x"}, {ID: 2, ParentID: 1, Name: "y"}}}, sandbox.ErrExists},
		"user":       {sandbox.Organisation{Users: []sandbox.User{{Name: "x", Mobile: "1", Departments: []int{9}}}}, sandbox.ErrNotFound},
		"same user":  {sandbox.Organisation{Users: []sandbox.User{{Name: "x", Mobile: "1"}, {Name: "y", Mobile: "1"}}}, sandbox.ErrExists},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.ErrorIs(t, sandbox.New(sandbox.Options{}).Seed(tt.organisation), tt.want)
		})
	}
}
