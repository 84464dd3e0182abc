package hook_test

import (
	"context"

	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/directory"
)

func departmentOperations() map[string]operation {
	return map[string]operation{
		"dept_get": {function: "directory.GetDepartment", result: "result", call: func(ctx context.Context, a *hook.App) (any, error) {
			return directory.GetDepartment(ctx, a, 2, "zh_CN")
		}},
		"dept_list_sub": {function: "directory.ListDepartments", result: "result", call: func(ctx context.Context, a *hook.App) (any, error) {
			return directory.ListDepartments(ctx, a, directory.RootDeptID, "zh_CN")
		}},
		"search_departments": {function: "directory.SearchDepartments", call: func(ctx context.Context, a *hook.App) (any, error) {
			return directory.SearchDepartments(ctx, a, directory.SearchQuery{Word: "Plat", Size: 10, Exact: true})
		}},
		"dept_users": {function: "directory.DeptUsers", result: "result", call: func(ctx context.Context, a *hook.App) (any, error) {
			return directory.DeptUsers(ctx, a, directory.DeptUsersQuery{DeptID: 1, Size: 50})
		}},
		"search_users": {function: "directory.SearchUsers", call: func(ctx context.Context, a *hook.App) (any, error) {
			return directory.SearchUsers(ctx, a, directory.SearchQuery{Word: "Ann", Size: 10})
		}},
	}
}
