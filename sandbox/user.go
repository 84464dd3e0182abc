package sandbox

import (
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxUserPage is the most people on a page of a department.
const maxUserPage = 100

func userCalls() []call {
	return endpointCalls(
		// DingTalk docs: https://open.dingtalk.com/document/development/user-information-creation
		endpoint{
			name: "user.create", method: http.MethodPost, path: "/topapi/v2/user/create", scope: "qyapi_manage_addresslist",
			body: params{
				need("name", aText), need("mobile", aText), need("dept_id_list", aText), may("userid", aText),
				may("hide_mobile", aBool), may("telephone", aText), may("job_number", aText), may("title", aText),
				may("email", aText), may("org_email", aText), may("org_email_type", aText), may("work_place", aText),
				may("remark", aText), may("dept_order_list", aList), may("dept_title_list", aList), may("extension", anExtension),
				may("senior_mode", aBool), may("hired_date", anInt), may("manager_userid", aText), may("login_email", aText),
			},
			do: (*Server).userCreate,
		},
		// DingTalk docs: https://open.dingtalk.com/document/development/query-user-details
		endpoint{
			name: "user.get", method: http.MethodPost, path: "/topapi/v2/user/get", scope: "qyapi_get_member",
			body: params{need("userid", aText), may("language", aText)},
			do:   (*Server).userGet,
		},
		// DingTalk docs: https://open.dingtalk.com/document/development/query-users-by-phone-number
		endpoint{
			name: "user.get_by_mobile", method: http.MethodPost, path: "/topapi/v2/user/getbymobile", scope: "qyapi_get_member_by_mobile",
			body: params{need("mobile", aText), may("support_exclusive_account_search", aBool)},
			do:   (*Server).userGetByMobile,
		},
		// DingTalk docs: https://open.dingtalk.com/document/development/user-management-acquires-number-employees
		endpoint{
			name: "user.count", method: http.MethodPost, path: "/topapi/user/count", scope: "qyapi_get_member",
			body: params{need("only_active", aBool)},
			do:   (*Server).userCount,
		},
		// DingTalk docs: https://open.dingtalk.com/document/development/query-a-user-by-the-union-id
		endpoint{
			name: "user.get_by_unionid", method: http.MethodPost, path: "/topapi/user/getbyunionid", scope: "qyapi_get_member",
			body: params{need("unionid", aText)},
			do:   (*Server).userGetByUnionID,
		},
		// DingTalk docs: https://open.dingtalk.com/document/development/queries-the-complete-information-of-a-department-user
		endpoint{
			name: "user.list", method: http.MethodPost, path: "/topapi/v2/user/list", scope: "qyapi_get_department_member",
			body: params{
				need("dept_id", anInt), need("cursor", anInt), need("size", anInt),
				may("order_field", aText), may("contain_access_limit", aBool), may("language", aText),
			},
			do: (*Server).userList,
		},
		// DingTalk docs: https://open.dingtalk.com/document/development/query-the-list-of-department-userids
		endpoint{
			name: "user.list_ids", method: http.MethodPost, path: "/topapi/user/listid", scope: "qyapi_get_member",
			body: params{need("dept_id", anInt)},
			do:   (*Server).userListIDs,
		},
		// DingTalk docs: https://open.dingtalk.com/document/development/address-book-search-user-id
		endpoint{
			name: "user.search", method: http.MethodPost, path: "/v1.0/contact/users/search", scope: "qyapi_addresslist_search",
			body: params{
				need("queryWord", aText), need("offset", anInt), need("size", anInt), may("fullMatchField", anInt),
			},
			invalid: searchError(),
			do:      (*Server).userSearch,
		},
	)
}

var (
	userIDForm = regexp.MustCompile(`^[\w.@-]{1,64}$`)
	mobileForm = regexp.MustCompile(`^(\+\d{1,3}-)?\d{6,14}$`)
)

func (s *Server) userCreate(req *appRequest) (any, *refusal) {
	u := User{
		UserID: req.text("userid"), Name: req.text("name"), Mobile: req.text("mobile"),
		JobNumber: req.text("job_number"), Title: req.text("title"), Telephone: req.text("telephone"),
		Email: req.text("email"), WorkPlace: req.text("work_place"), Remark: req.text("remark"),
		Extension: req.text("extension"), ManagerID: req.text("manager_userid"), HiredDate: req.int("hired_date"),
	}
	if r := checkLengths(map[string]int{"name": 80, "job_number": 50, "title": 200, "telephone": 50, "email": 50, "work_place": 100, "remark": 2000}, req.args); r != nil {
		return nil, r
	}
	for id := range strings.SplitSeq(req.text("dept_id_list"), ",") {
		n, err := strconv.Atoi(id)
		if err != nil {
			return nil, invalidFor(topapi, "dept_id_list", nil)
		}
		u.Departments = append(u.Departments, n)
	}
	if r := s.checkNewUser(u); r != nil {
		return nil, r
	}
	added, err := s.addUser(u)
	if err != nil {
		return nil, &refusal{code: -1, text: err.Error()}
	}
	return object{"result": object{"userid": added.UserID, "unionId": added.UnionID}}, nil
}

func checkLengths(limits map[string]int, a args) *refusal {
	for name, limit := range limits {
		if utf8.RuneCountInString(a.text(name)) > limit {
			return invalidFor(topapi, name, nil)
		}
	}
	return nil
}

// checkNewUser checks the forms of the ids, that they are free, and the departments.
func (s *Server) checkNewUser(u User) *refusal {
	d := &s.directory
	taken := func(get func(*User) string) bool {
		return get(&u) != "" && find(d.users, func(o *User) bool { return get(o) == get(&u) }) != nil
	}
	switch {
	case u.UserID != "" && !userIDForm.MatchString(u.UserID):
		return refuse(33012)
	case !mobileForm.MatchString(u.Mobile):
		return refuse(60103)
	case len(u.Departments) > 100:
		return invalidFor(topapi, "dept_id_list", nil)
	case slices.ContainsFunc(u.Departments, func(id int) bool { return d.department(id) == nil }):
		return refuse(60003)
	case d.user(u.UserID) != nil:
		return refuse(60102)
	case d.userByMobile(u.Mobile) != nil:
		return refuse(60104)
	case taken(func(o *User) string { return o.Email }):
		return refuse(60106)
	case taken(func(o *User) string { return o.Telephone }):
		return refuse(40100)
	default:
		return nil
	}
}

func (s *Server) userGet(req *appRequest) (any, *refusal) {
	u := s.directory.user(req.text("userid"))
	if u == nil {
		return nil, refuse(60121)
	}
	w := s.wireUser(u)
	var orders, positions, leads []object
	for i, id := range u.Departments {
		orders = append(orders, object{"dept_id": id, "order": u.order(i)})
		positions = append(positions, object{"dept_id": id, "title": u.Title, "is_main": i == 0})
		leads = append(leads, object{"dept_id": id, "leader": s.leads(u, id)})
	}
	w["dept_order_list"], w["dept_position_list"], w["leader_in_dept"] = orders, positions, leads
	w["real_authed"], w["senior"] = !u.Inactive, false
	return object{"result": w}, nil
}

// wireUser writes what both detail and list have. Fields without a value are left out.
func (s *Server) wireUser(u *User) object {
	w := object{
		"userid": u.UserID, "unionid": u.UnionID, "name": u.Name, "dept_id_list": u.Departments,
		"active": !u.Inactive, "admin": u.Admin, "boss": false, "hide_mobile": false, "exclusive_account": false,
		"mobile": u.Mobile, "state_code": "86",
	}
	for name, value := range map[string]string{
		"job_number": u.JobNumber, "title": u.Title, "telephone": u.Telephone, "email": u.Email, "work_place": u.WorkPlace,
		"remark": u.Remark, "extension": u.Extension, "manager_userid": u.ManagerID,
	} {
		if value != "" {
			w[name] = value
		}
	}
	if u.HiredDate != 0 {
		w["hired_date"] = u.HiredDate
	}
	return w
}

// order is a number like those that DingTalk sorts people by.
func (u *User) order(i int) int { return 176325 + i }

func (s *Server) leads(u *User, department int) bool {
	d := s.directory.department(department)
	return d != nil && slices.Contains(d.Managers, u.UserID)
}

func (s *Server) userGetByMobile(req *appRequest) (any, *refusal) {
	if !mobileForm.MatchString(req.text("mobile")) {
		return nil, refuse(40104)
	}
	u := s.directory.userByMobile(req.text("mobile"))
	if u == nil {
		return nil, refuse(60121)
	}
	return object{"result": object{"userid": u.UserID}}, nil
}

func (s *Server) userCount(req *appRequest) (any, *refusal) {
	count := 0
	for _, u := range s.directory.users {
		if !u.Inactive || !req.bool("only_active") {
			count++
		}
	}
	return object{"result": object{"count": count}}, nil
}

func (s *Server) userGetByUnionID(req *appRequest) (any, *refusal) {
	u := s.directory.userByUnionID(req.text("unionid"))
	if u == nil {
		return nil, refuse(60121)
	}
	return object{"result": object{"userid": u.UserID, "contact_type": 0}}, nil
}

func (s *Server) userList(req *appRequest) (any, *refusal) {
	id, cursor, size := req.int("dept_id"), req.int("cursor"), req.int("size")
	orders := []string{"", "entry_asc", "entry_desc", "modify_asc", "modify_desc", "custom"}
	switch {
	case s.directory.department(id) == nil:
		return nil, refuse(60003)
	case cursor < 0:
		return nil, refuse(40068)
	case size < 1 || size > maxUserPage:
		return nil, refuse(40069)
	case !slices.Contains(orders, req.text("order_field")):
		return nil, invalidFor(topapi, "order_field", nil)
	}
	members := s.directory.members(id, false)
	if strings.HasSuffix(req.text("order_field"), "_desc") {
		slices.Reverse(members)
	}
	end := min(len(members), cursor+size)
	list := []object{}
	for _, u := range members[min(cursor, end):end] {
		w := s.wireUser(u)
		w["dept_order"], w["leader"] = u.order(slices.Index(u.Departments, id)), s.leads(u, id)
		list = append(list, w)
	}
	result := object{"has_more": end < len(members), "list": list}
	if end < len(members) {
		result["next_cursor"] = end
	}
	return object{"result": result}, nil
}

func (s *Server) userListIDs(req *appRequest) (any, *refusal) {
	if s.directory.department(req.int("dept_id")) == nil {
		return nil, refuse(60003)
	}
	ids := []string{}
	for _, u := range s.directory.members(req.int("dept_id"), false) {
		ids = append(ids, u.UserID)
	}
	return object{"result": object{"userid_list": ids}}, nil
}

func searchError() *refusal { return fail(http.StatusBadRequest, "parameter.error", "参数错误") }

func (s *Server) userSearch(req *appRequest) (any, *refusal) {
	found := []string{}
	for _, u := range s.directory.users {
		if matches(req.text("queryWord"), req.int("fullMatchField") == 1, u.Name, u.Pinyin, u.EnglishName) {
			found = append(found, u.UserID)
		}
	}
	return searchPage(req, found)
}

// maxSearchPage is the most entries on a page of a search. DingTalk publishes no
// figure; 20 is what its page advises.
const maxSearchPage = 20

// searchPage takes the offset as a count of entries, as most clients do; DingTalk's
// page calls it a number of a page.
func searchPage[T any](req *appRequest, found []T) (any, *refusal) {
	offset, size := req.int("offset"), req.int("size")
	if req.text("queryWord") == "" || offset < 0 || size < 1 || size > maxSearchPage {
		return nil, searchError()
	}
	end := min(len(found), offset+size)
	return object{"hasMore": end < len(found), "totalCount": len(found), "list": found[min(offset, end):end]}, nil
}
