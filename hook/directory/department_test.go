package directory_test

import (
	"context"

	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/directory"
	"github.com/dingdag/dingdag/hook/internal/calltest"
)

func departmentOperations() map[string]calltest.Operation {
	return map[string]calltest.Operation{
		"dept_get": {Function: "GetDepartment", Result: "result", Call: func(ctx context.Context, a *hook.App) (any, error) {
			return directory.GetDepartment(ctx, a, 2, "zh_CN")
		}},
		"dept_list_sub": {Function: "ListDepartments", Result: "result", Call: func(ctx context.Context, a *hook.App) (any, error) {
			return directory.ListDepartments(ctx, a, directory.RootDeptID, "zh_CN")
		}},
		"search_departments": {Function: "SearchDepartments", Call: func(ctx context.Context, a *hook.App) (any, error) {
			return directory.SearchDepartments(ctx, a, directory.SearchQuery{Word: "Plat", Size: 10, Exact: true})
		}},
		"dept_users": {Function: "DeptUsers", Result: "result", Call: func(ctx context.Context, a *hook.App) (any, error) {
			return directory.DeptUsers(ctx, a, directory.DeptUsersQuery{DeptID: 1, Size: 50})
		}},
		"search_users": {Function: "SearchUsers", Call: func(ctx context.Context, a *hook.App) (any, error) {
			return directory.SearchUsers(ctx, a, directory.SearchQuery{Word: "Ann", Size: 10})
		}},
	}
}
