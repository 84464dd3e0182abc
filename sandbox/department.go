package sandbox

import (
	"cmp"
	"maps"
	"net/http"
)

func departmentCalls() []call {
	return endpointCalls(
		// DingTalk docs: https://open.dingtalk.com/document/development/query-department-details0-v2
		endpoint{
			name: "department.get", method: http.MethodPost, path: "/topapi/v2/department/get", scope: "qyapi_get_department_list",
			body: params{need("dept_id", anInt), may("language", aText)},
			do:   (*Server).departmentGet,
		},
		// DingTalk docs: https://open.dingtalk.com/document/development/user-management-acquires-the-list-departments
		endpoint{
			name: "department.list", method: http.MethodPost, path: "/topapi/v2/department/listsub", scope: "qyapi_get_department_list",
			body: params{may("dept_id", anInt), may("language", aText)},
			do:   (*Server).departmentList,
		},
		// DingTalk docs: https://open.dingtalk.com/document/development/obtain-the-list-of-sub-department-ids
		endpoint{
			name: "department.list_ids", method: http.MethodPost, path: "/topapi/v2/department/listsubid", scope: "qyapi_get_department_list",
			body: params{need("dept_id", anInt)},
			do:   (*Server).departmentListIDs,
		},
		// DingTalk docs: https://open.dingtalk.com/document/development/address-book-search-department-id
		endpoint{
			name: "department.search", method: http.MethodPost, path: "/v1.0/contact/departments/search", scope: "qyapi_addresslist_search",
			body:    params{need("queryWord", aText), need("offset", anInt), need("size", anInt)},
			invalid: searchError(),
			do:      (*Server).departmentSearch,
		},
	)
}

func (s *Server) departmentGet(req *appRequest) (any, *refusal) {
	d := s.directory.department(req.int("dept_id"))
	if d == nil {
		return nil, refuse(60003)
	}
	w := d.wire(req.text("language"))
	maps.Copy(w, object{
		"order": d.Order, "auto_approve_apply": true, "from_union_org": false, "group_contain_sub_dept": false,
		"dept_manager_userid_list": notNil(d.Managers), "outer_dept": false, "outer_permit_depts": []int{},
		"outer_permit_users": []string{}, "hide_dept": false, "user_permits": []string{}, "dept_permits": []int{},
		"member_count":        len(s.directory.members(d.ID, true)),
		"owning_member_count": len(s.directory.members(d.ID, false)),
	})
	if len(d.Managers) > 0 {
		w["org_dept_owner"] = d.Managers[0]
	}
	return object{"result": w}, nil
}

// wire writes what both detail and list have.
func (d *Department) wire(language string) object {
	w := object{"dept_id": d.ID, "name": d.Name, "create_dept_group": false, "auto_add_user": false}
	if language == "en_US" {
		w["name"] = cmp.Or(d.EnglishName, d.Name)
	}
	if d.ParentID != 0 {
		w["parent_id"] = d.ParentID
	}
	return w
}

func (s *Server) departmentList(req *appRequest) (any, *refusal) {
	id := req.intOr("dept_id", rootDepartment)
	if s.directory.department(id) == nil {
		return nil, refuse(60003)
	}
	list := []object{}
	for _, d := range s.directory.children(id) {
		list = append(list, d.wire(req.text("language")))
	}
	return object{"result": list}, nil
}

func (s *Server) departmentListIDs(req *appRequest) (any, *refusal) {
	if s.directory.department(req.int("dept_id")) == nil {
		return nil, refuse(60003)
	}
	ids := []int{}
	for _, d := range s.directory.children(req.int("dept_id")) {
		ids = append(ids, d.ID)
	}
	return object{"result": object{"dept_id_list": ids}}, nil
}

func (s *Server) departmentSearch(req *appRequest) (any, *refusal) {
	found := []int{}
	for _, d := range s.directory.departments {
		if matches(req.text("queryWord"), false, d.Name, d.EnglishName) {
			found = append(found, d.ID)
		}
	}
	return searchPage(req, found)
}
