package hook_test

import (
	"context"

	"github.com/dingdag/dingdag/hook"
)

func departmentOperations() map[string]operation {
	return map[string]operation{
		"dept_get": {method: "GetDepartment", result: "result", call: func(ctx context.Context, a *hook.App) (any, error) {
			return a.GetDepartment(ctx, 2, "zh_CN")
		}},
		"dept_list_sub": {method: "ListDepartments", result: "result", call: func(ctx context.Context, a *hook.App) (any, error) {
			return a.ListDepartments(ctx, hook.RootDeptID, "zh_CN")
		}},
		"search_departments": {method: "SearchDepartments", call: func(ctx context.Context, a *hook.App) (any, error) {
			return a.SearchDepartments(ctx, hook.SearchQuery{Word: "Plat", Size: 10, Exact: true})
		}},
		"dept_users": {method: "DeptUsers", result: "result", call: func(ctx context.Context, a *hook.App) (any, error) {
			return a.DeptUsers(ctx, hook.DeptUsersQuery{DeptID: 1, Size: 50})
		}},
		"search_users": {method: "SearchUsers", call: func(ctx context.Context, a *hook.App) (any, error) {
			return a.SearchUsers(ctx, hook.SearchQuery{Word: "Ann", Size: 10})
		}},
	}
}
