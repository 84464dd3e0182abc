package dingding

import (
	"context"

	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/directory"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/dingding/internal/appcall"
)

// GetDeptDetail reads a department.
//
// The result has dept_detail, a mapping with DingTalk's keys: dept_id, name, parent_id
// (not of the root), order, dept_manager_userid_list, org_dept_owner,
// dept_group_chat_id, member_count (with departments below), owning_member_count
// (without) and the rest of its page.
//
// DingTalk docs: https://open.dingtalk.com/document/development/query-department-details0-v2
type GetDeptDetail struct {
	// DeptID is the id of the department; 1 is the root.
	DeptID string `yaml:"dept_id" param:"required,template,digits"`
	// Language of the name: zh_CN or en_US.
	Language string `yaml:"language" param:"default=zh_CN,enum=zh_CN|en_US"`

	appcall.App
}

// GetDeptDetailResult is the result of [GetDeptDetail].
type GetDeptDetailResult struct {
	DeptDetail *directory.DepartmentDetail `json:"dept_detail"`
}

// Validate checks the id.
func (o *GetDeptDetail) Validate() error {
	var c appcall.Checks
	c.Number("dept_id", o.DeptID, 1)
	return c.Err()
}

// Execute reads the department and returns a [GetDeptDetailResult].
func (o *GetDeptDetail) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	return appcall.Run(ctx, tc, o, func(ctx context.Context, a *hook.App) (*GetDeptDetailResult, error) {
		var c appcall.Checks // Validate has found no mistakes
		dept, err := directory.GetDepartment(ctx, a, c.Number("dept_id", o.DeptID, 1), o.Language)
		return &GetDeptDetailResult{dept}, err
	})
}

// GetDeptList reads the departments directly below one.
//
// The result has departments, a list of mappings with dept_id (whole number), name
// (text), parent_id, create_dept_group and auto_add_user, and total_count (whole
// number), the length of that list.
//
// DingTalk docs: https://open.dingtalk.com/document/development/user-management-acquires-the-list-departments
type GetDeptList struct {
	// DeptID is the id of the department above; 1 is the root.
	DeptID string `yaml:"dept_id" param:"default=1,template,digits"`
	// Language of names: zh_CN or en_US.
	Language string `yaml:"language" param:"default=zh_CN,enum=zh_CN|en_US"`

	appcall.App
}

// GetDeptListResult is the result of [GetDeptList].
type GetDeptListResult struct {
	Departments []directory.Department `json:"departments"`
	TotalCount  int                    `json:"total_count"`
}

// Validate checks the id.
func (o *GetDeptList) Validate() error {
	var c appcall.Checks
	c.Number("dept_id", o.DeptID, 1)
	return c.Err()
}

// Execute reads the departments and returns a [GetDeptListResult].
func (o *GetDeptList) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	return appcall.Run(ctx, tc, o, func(ctx context.Context, a *hook.App) (*GetDeptListResult, error) {
		var c appcall.Checks // Validate has found no mistakes
		depts, err := directory.ListDepartments(ctx, a, c.Number("dept_id", o.DeptID, 1), o.Language)
		return &GetDeptListResult{Departments: depts, TotalCount: len(depts)}, err
	})
}

// SearchDepartments finds departments by name. DingTalk answers with ids alone; read
// names with dingtalk_get_dept_detail.
//
// The result has search_result: a mapping with list (list of whole numbers, the ids),
// totalCount (whole number) and hasMore (boolean).
//
// DingTalk docs: https://open.dingtalk.com/document/development/address-book-search-department-id
type SearchDepartments struct {
	search
	appcall.Paging
	appcall.App
}

// SearchDepartmentsResult is the result of [SearchDepartments].
type SearchDepartmentsResult struct {
	SearchResult *directory.SearchPage[int64] `json:"search_result"`
}

// Execute searches and returns a [SearchDepartmentsResult].
func (o *SearchDepartments) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	return appcall.Run(ctx, tc, o, func(ctx context.Context, a *hook.App) (*SearchDepartmentsResult, error) {
		found, err := readSearch(ctx, tc, a, o.search, o.Paging, false, directory.SearchDepartments)
		return &SearchDepartmentsResult{found}, err
	})
}

func departmentSpecs(p appcall.Provider) []operator.Spec {
	return []operator.Spec{
		appcall.Define[GetDeptDetail](p, "dingtalk_get_dept_detail", operator.Example("One department", `
dept_id: 2
`)),
		appcall.Define[GetDeptList](p, "dingtalk_get_dept_list", operator.Example("The departments at the top", `
dept_id: 1
`)),
		appcall.Define[SearchDepartments](p, "dingtalk_search_departments", operator.Example("By the beginning of a name", `
query_word: Plat
`)),
	}
}
