package directory

import (
	"cmp"
	"maps"
	"net/http"

	"github.com/dingdag/dingdag/sandbox/internal/core"
)

func (s *Service) departmentCalls() []core.Endpoint {
	return []core.Endpoint{
		// DingTalk docs: https://open.dingtalk.com/document/development/query-department-details0-v2
		{
			Name: "department.get", Method: http.MethodPost, Path: "/topapi/v2/department/get", Scope: "qyapi_get_department_list",
			Body: core.Params{core.Need("dept_id", core.AnInt), core.May("language", core.AText)},
			Do:   s.departmentGet,
		},
		// DingTalk docs: https://open.dingtalk.com/document/development/user-management-acquires-the-list-departments
		{
			Name: "department.list", Method: http.MethodPost, Path: "/topapi/v2/department/listsub", Scope: "qyapi_get_department_list",
			Body: core.Params{core.May("dept_id", core.AnInt), core.May("language", core.AText)},
			Do:   s.departmentList,
		},
		// DingTalk docs: https://open.dingtalk.com/document/development/obtain-the-list-of-sub-department-ids
		{
			Name: "department.list_ids", Method: http.MethodPost, Path: "/topapi/v2/department/listsubid", Scope: "qyapi_get_department_list",
			Body: core.Params{core.Need("dept_id", core.AnInt)},
			Do:   s.departmentListIDs,
		},
		// DingTalk docs: https://open.dingtalk.com/document/development/address-book-search-department-id
		{
			Name: "department.search", Method: http.MethodPost, Path: "/v1.0/contact/departments/search", Scope: "qyapi_addresslist_search",
			Body:    core.Params{core.Need("queryWord", core.AText), core.Need("offset", core.AnInt), core.Need("size", core.AnInt)},
			Invalid: searchError(),
			Do:      s.departmentSearch,
		},
	}
}

func (s *Service) departmentGet(req *core.AppRequest) (any, *core.Refusal) {
	d := s.core.People.Department(req.Int("dept_id"))
	if d == nil {
		return nil, core.Refuse(60003)
	}
	w := wire(d, req.Text("language"))
	maps.Copy(w, core.Object{
		"order": d.Order, "auto_approve_apply": true, "from_union_org": false, "group_contain_sub_dept": false,
		"dept_manager_userid_list": core.NotNil(d.Managers), "outer_dept": false, "outer_permit_depts": []int{},
		"outer_permit_users": []string{}, "hide_dept": false, "user_permits": []string{}, "dept_permits": []int{},
		"member_count":        len(s.core.People.Members(d.ID, true)),
		"owning_member_count": len(s.core.People.Members(d.ID, false)),
	})
	if len(d.Managers) > 0 {
		w["org_dept_owner"] = d.Managers[0]
	}
	return core.Object{"result": w}, nil
}

// wire writes what both detail and list have.
func wire(d *core.Department, language string) core.Object {
	w := core.Object{"dept_id": d.ID, "name": d.Name, "create_dept_group": false, "auto_add_user": false}
	if language == "en_US" {
		w["name"] = cmp.Or(d.EnglishName, d.Name)
	}
	if d.ParentID != 0 {
		w["parent_id"] = d.ParentID
	}
	return w
}

func (s *Service) departmentList(req *core.AppRequest) (any, *core.Refusal) {
	id := req.IntOr("dept_id", core.RootDepartment)
	if s.core.People.Department(id) == nil {
		return nil, core.Refuse(60003)
	}
	list := []core.Object{}
	for _, d := range s.core.People.Children(id) {
		list = append(list, wire(d, req.Text("language")))
	}
	return core.Object{"result": list}, nil
}

func (s *Service) departmentListIDs(req *core.AppRequest) (any, *core.Refusal) {
	if s.core.People.Department(req.Int("dept_id")) == nil {
		return nil, core.Refuse(60003)
	}
	ids := []int{}
	for _, d := range s.core.People.Children(req.Int("dept_id")) {
		ids = append(ids, d.ID)
	}
	return core.Object{"result": core.Object{"dept_id_list": ids}}, nil
}

func (s *Service) departmentSearch(req *core.AppRequest) (any, *core.Refusal) {
	found := []int{}
	for _, d := range s.core.People.Departments {
		if matches(req.Text("queryWord"), false, d.Name, d.EnglishName) {
			found = append(found, d.ID)
		}
	}
	return searchPage(req, found)
}
