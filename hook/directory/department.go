package directory

import (
	"context"
	"fmt"
	"net/http"

	"github.com/dingdag/dingdag/hook"
)

// RootDeptID is the department that all others are below.
const RootDeptID = 1

// Department is a department as a list has it.
type Department struct {
	DeptID          int64  `json:"dept_id"`
	Name            string `json:"name"`
	ParentID        int64  `json:"parent_id,omitempty"`
	CreateDeptGroup bool   `json:"create_dept_group"`
	AutoAddUser     bool   `json:"auto_add_user"`
}

// DepartmentDetail is all that DingTalk tells about a department. The root has no
// ParentID. MemberCount includes the departments below, OwningMemberCount does not.
type DepartmentDetail struct {
	DeptID              int64          `json:"dept_id"`
	Name                string         `json:"name"`
	ParentID            int64          `json:"parent_id,omitempty"`
	SourceIdentifier    string         `json:"source_identifier,omitempty"`
	CreateDeptGroup     bool           `json:"create_dept_group"`
	AutoAddUser         bool           `json:"auto_add_user"`
	AutoApproveApply    bool           `json:"auto_approve_apply"`
	FromUnionOrg        bool           `json:"from_union_org"`
	Tags                string         `json:"tags,omitempty"`
	Order               int64          `json:"order"`
	Code                string         `json:"code,omitempty"`
	DeptGroupChatID     string         `json:"dept_group_chat_id,omitempty"`
	GroupContainSubDept bool           `json:"group_contain_sub_dept"`
	OrgDeptOwner        string         `json:"org_dept_owner,omitempty"`
	Managers            []string       `json:"dept_manager_userid_list,omitempty"`
	OuterDept           bool           `json:"outer_dept"`
	OuterPermitDepts    []int64        `json:"outer_permit_depts,omitempty"`
	OuterPermitUsers    []string       `json:"outer_permit_users,omitempty"`
	HideDept            bool           `json:"hide_dept"`
	UserPermits         []string       `json:"user_permits,omitempty"`
	DeptPermits         []int64        `json:"dept_permits,omitempty"`
	MemberCount         int            `json:"member_count"`
	OwningMemberCount   int            `json:"owning_member_count"`
	UnionDeptExt        map[string]any `json:"union_dept_ext,omitempty"`
}

type deptBody struct {
	DeptID   int64  `json:"dept_id"`
	Language string `json:"language,omitempty"`
}

// GetDepartment reads a department. The language of names is zh_CN or en_US, empty for
// zh_CN.
//
// DingTalk docs: https://open.dingtalk.com/document/development/query-department-details0-v2
//
//dingtalk:api POST /topapi/v2/department/get
func GetDepartment(ctx context.Context, a *hook.App, deptID int64, language string) (*DepartmentDetail, error) {
	return hook.Lookup[DepartmentDetail](ctx, a, fmt.Sprintf("get department %d", deptID), "/topapi/v2/department/get", deptBody{deptID, language})
}

// ListDepartments reads the departments directly below one; [RootDeptID] has those at
// the top.
//
// DingTalk docs: https://open.dingtalk.com/document/development/user-management-acquires-the-list-departments
//
//dingtalk:api POST /topapi/v2/department/listsub
func ListDepartments(ctx context.Context, a *hook.App, deptID int64, language string) ([]Department, error) {
	got, err := hook.Lookup[[]Department](ctx, a,
		fmt.Sprintf("list the departments below %d", deptID), "/topapi/v2/department/listsub", deptBody{deptID, language})
	if err != nil {
		return nil, err
	}
	return *got, nil
}

// SearchDepartments finds the ids of departments by name. [SearchQuery.Exact] has no
// effect.
//
// DingTalk docs: https://open.dingtalk.com/document/development/address-book-search-department-id
//
//dingtalk:api POST /v1.0/contact/departments/search
func SearchDepartments(ctx context.Context, a *hook.App, q SearchQuery) (*SearchPage[int64], error) {
	q.Exact = false
	var got SearchPage[int64]
	err := a.Do(ctx, hook.Call{
		Op: fmt.Sprintf("search departments %q", q.Word), API: hook.NewAPI, Method: http.MethodPost, Path: "/v1.0/contact/departments/search",
		Body: q.body(), Safe: true,
	}, &got)
	if err != nil {
		return nil, err
	}
	return &got, nil
}
