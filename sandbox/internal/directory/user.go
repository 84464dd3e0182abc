package directory

import (
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/dingdag/dingdag/sandbox/internal/core"
)

// maxUserPage is the most people on a page of a department.
const maxUserPage = 100

func (s *Service) userCalls() []core.Endpoint {
	return []core.Endpoint{
		// DingTalk docs: https://open.dingtalk.com/document/development/user-information-creation
		{
			Name: "user.create", Method: http.MethodPost, Path: "/topapi/v2/user/create", Scope: "qyapi_manage_addresslist",
			Body: core.Params{
				core.Need("name", core.AText), core.Need("mobile", core.AText), core.Need("dept_id_list", core.AText), core.May("userid", core.AText),
				core.May("hide_mobile", core.ABool), core.May("telephone", core.AText), core.May("job_number", core.AText), core.May("title", core.AText),
				core.May("email", core.AText), core.May("org_email", core.AText), core.May("org_email_type", core.AText), core.May("work_place", core.AText),
				core.May("remark", core.AText), core.May("dept_order_list", core.AList), core.May("dept_title_list", core.AList), core.May("extension", core.AnExtension),
				core.May("senior_mode", core.ABool), core.May("hired_date", core.AnInt), core.May("manager_userid", core.AText), core.May("login_email", core.AText),
			},
			Do: s.userCreate,
		},
		// DingTalk docs: https://open.dingtalk.com/document/development/query-user-details
		{
			Name: "user.get", Method: http.MethodPost, Path: "/topapi/v2/user/get", Scope: "qyapi_get_member",
			Body: core.Params{core.Need("userid", core.AText), core.May("language", core.AText)},
			Do:   s.userGet,
		},
		// DingTalk docs: https://open.dingtalk.com/document/development/query-users-by-phone-number
		{
			Name: "user.get_by_mobile", Method: http.MethodPost, Path: "/topapi/v2/user/getbymobile", Scope: "qyapi_get_member_by_mobile",
			Body: core.Params{core.Need("mobile", core.AText), core.May("support_exclusive_account_search", core.ABool)},
			Do:   s.userGetByMobile,
		},
		// DingTalk docs: https://open.dingtalk.com/document/development/user-management-acquires-number-employees
		{
			Name: "user.count", Method: http.MethodPost, Path: "/topapi/user/count", Scope: "qyapi_get_member",
			Body: core.Params{core.Need("only_active", core.ABool)},
			Do:   s.userCount,
		},
		// DingTalk docs: https://open.dingtalk.com/document/development/query-a-user-by-the-union-id
		{
			Name: "user.get_by_unionid", Method: http.MethodPost, Path: "/topapi/user/getbyunionid", Scope: "qyapi_get_member",
			Body: core.Params{core.Need("unionid", core.AText)},
			Do:   s.userGetByUnionID,
		},
		// DingTalk docs: https://open.dingtalk.com/document/development/queries-the-complete-information-of-a-department-user
		{
			Name: "user.list", Method: http.MethodPost, Path: "/topapi/v2/user/list", Scope: "qyapi_get_department_member",
			Body: core.Params{
				core.Need("dept_id", core.AnInt), core.Need("cursor", core.AnInt), core.Need("size", core.AnInt),
				core.May("order_field", core.AText), core.May("contain_access_limit", core.ABool), core.May("language", core.AText),
			},
			Do: s.userList,
		},
		// DingTalk docs: https://open.dingtalk.com/document/development/query-the-list-of-department-userids
		{
			Name: "user.list_ids", Method: http.MethodPost, Path: "/topapi/user/listid", Scope: "qyapi_get_member",
			Body: core.Params{core.Need("dept_id", core.AnInt)},
			Do:   s.userListIDs,
		},
		// DingTalk docs: https://open.dingtalk.com/document/development/address-book-search-user-id
		{
			Name: "user.search", Method: http.MethodPost, Path: "/v1.0/contact/users/search", Scope: "qyapi_addresslist_search",
			Body: core.Params{
				core.Need("queryWord", core.AText), core.Need("offset", core.AnInt), core.Need("size", core.AnInt), core.May("fullMatchField", core.AnInt),
			},
			Invalid: searchError(),
			Do:      s.userSearch,
		},
	}
}

var (
	userIDForm = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[\w.@-]{1,64}$`) })
	mobileForm = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(\+\d{1,3}-)?\d{6,14}$`) })
)

func (s *Service) userCreate(req *core.AppRequest) (any, *core.Refusal) {
	u := core.User{
		UserID: req.Text("userid"), Name: req.Text("name"), Mobile: req.Text("mobile"),
		JobNumber: req.Text("job_number"), Title: req.Text("title"), Telephone: req.Text("telephone"),
		Email: req.Text("email"), WorkPlace: req.Text("work_place"), Remark: req.Text("remark"),
		Extension: req.Text("extension"), ManagerID: req.Text("manager_userid"), HiredDate: req.Int("hired_date"),
	}
	if r := checkLengths(map[string]int{"name": 80, "job_number": 50, "title": 200, "telephone": 50, "email": 50, "work_place": 100, "remark": 2000}, req.Args); r != nil {
		return nil, r
	}
	for id := range strings.SplitSeq(req.Text("dept_id_list"), ",") {
		n, err := strconv.Atoi(id)
		if err != nil {
			return nil, core.InvalidFor(core.Topapi, "dept_id_list", nil)
		}
		u.Departments = append(u.Departments, n)
	}
	if r := s.checkNewUser(u); r != nil {
		return nil, r
	}
	added, err := s.addUser(u)
	if err != nil {
		return nil, &core.Refusal{Code: -1, Text: err.Error()}
	}
	return core.Object{"result": core.Object{"userid": added.UserID, "unionId": added.UnionID}}, nil
}

func checkLengths(limits map[string]int, a core.Args) *core.Refusal {
	for name, limit := range limits {
		if utf8.RuneCountInString(a.Text(name)) > limit {
			return core.InvalidFor(core.Topapi, name, nil)
		}
	}
	return nil
}

// checkNewUser checks the forms of the ids, that they are free, and the departments.
func (s *Service) checkNewUser(u core.User) *core.Refusal {
	d := &s.core.People
	taken := func(get func(*core.User) string) bool {
		return get(&u) != "" && core.Find(d.Users, func(o *core.User) bool { return get(o) == get(&u) }) != nil
	}
	switch {
	case u.UserID != "" && !userIDForm().MatchString(u.UserID):
		return core.Refuse(33012)
	case !mobileForm().MatchString(u.Mobile):
		return core.Refuse(60103)
	case len(u.Departments) > 100:
		return core.InvalidFor(core.Topapi, "dept_id_list", nil)
	case slices.ContainsFunc(u.Departments, func(id int) bool { return d.Department(id) == nil }):
		return core.Refuse(60003)
	case d.User(u.UserID) != nil:
		return core.Refuse(60102)
	case d.UserByMobile(u.Mobile) != nil:
		return core.Refuse(60104)
	case taken(func(o *core.User) string { return o.Email }):
		return core.Refuse(60106)
	case taken(func(o *core.User) string { return o.Telephone }):
		return core.Refuse(40100)
	default:
		return nil
	}
}

func (s *Service) userGet(req *core.AppRequest) (any, *core.Refusal) {
	u := s.core.People.User(req.Text("userid"))
	if u == nil {
		return nil, core.Refuse(60121)
	}
	w := s.wireUser(u)
	var orders, positions, leads []core.Object
	for i, id := range u.Departments {
		orders = append(orders, core.Object{"dept_id": id, "order": order(i)})
		positions = append(positions, core.Object{"dept_id": id, "title": u.Title, "is_main": i == 0})
		leads = append(leads, core.Object{"dept_id": id, "leader": s.leads(u, id)})
	}
	w["dept_order_list"], w["dept_position_list"], w["leader_in_dept"] = orders, positions, leads
	w["real_authed"], w["senior"] = !u.Inactive, false
	return core.Object{"result": w}, nil
}

// wireUser writes what both detail and list have. Fields without a value are left out.
func (s *Service) wireUser(u *core.User) core.Object {
	w := core.Object{
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
func order(i int) int { return 176325 + i }

func (s *Service) leads(u *core.User, department int) bool {
	d := s.core.People.Department(department)
	return d != nil && slices.Contains(d.Managers, u.UserID)
}

func (s *Service) userGetByMobile(req *core.AppRequest) (any, *core.Refusal) {
	if !mobileForm().MatchString(req.Text("mobile")) {
		return nil, core.Refuse(40104)
	}
	u := s.core.People.UserByMobile(req.Text("mobile"))
	if u == nil {
		return nil, core.Refuse(60121)
	}
	return core.Object{"result": core.Object{"userid": u.UserID}}, nil
}

func (s *Service) userCount(req *core.AppRequest) (any, *core.Refusal) {
	count := 0
	for _, u := range s.core.People.Users {
		if !u.Inactive || !req.Bool("only_active") {
			count++
		}
	}
	return core.Object{"result": core.Object{"count": count}}, nil
}

func (s *Service) userGetByUnionID(req *core.AppRequest) (any, *core.Refusal) {
	u := s.core.People.UserByUnionID(req.Text("unionid"))
	if u == nil {
		return nil, core.Refuse(60121)
	}
	return core.Object{"result": core.Object{"userid": u.UserID, "contact_type": 0}}, nil
}

func (s *Service) userList(req *core.AppRequest) (any, *core.Refusal) {
	id, cursor, size := req.Int("dept_id"), req.Int("cursor"), req.Int("size")
	orders := []string{"", "entry_asc", "entry_desc", "modify_asc", "modify_desc", "custom"}
	switch {
	case s.core.People.Department(id) == nil:
		return nil, core.Refuse(60003)
	case cursor < 0:
		return nil, core.Refuse(40068)
	case size < 1 || size > maxUserPage:
		return nil, core.Refuse(40069)
	case !slices.Contains(orders, req.Text("order_field")):
		return nil, core.InvalidFor(core.Topapi, "order_field", nil)
	}
	members := s.core.People.Members(id, false)
	if strings.HasSuffix(req.Text("order_field"), "_desc") {
		slices.Reverse(members)
	}
	end := min(len(members), cursor+size)
	list := []core.Object{}
	for _, u := range members[min(cursor, end):end] {
		w := s.wireUser(u)
		w["dept_order"], w["leader"] = order(slices.Index(u.Departments, id)), s.leads(u, id)
		list = append(list, w)
	}
	result := core.Object{"has_more": end < len(members), "list": list}
	if end < len(members) {
		result["next_cursor"] = end
	}
	return core.Object{"result": result}, nil
}

func (s *Service) userListIDs(req *core.AppRequest) (any, *core.Refusal) {
	if s.core.People.Department(req.Int("dept_id")) == nil {
		return nil, core.Refuse(60003)
	}
	ids := []string{}
	for _, u := range s.core.People.Members(req.Int("dept_id"), false) {
		ids = append(ids, u.UserID)
	}
	return core.Object{"result": core.Object{"userid_list": ids}}, nil
}

func searchError() *core.Refusal {
	return core.Fail(http.StatusBadRequest, "parameter.error", "参数错误")
}

func (s *Service) userSearch(req *core.AppRequest) (any, *core.Refusal) {
	found := []string{}
	for _, u := range s.core.People.Users {
		if matches(req.Text("queryWord"), req.Int("fullMatchField") == 1, u.Name, u.Pinyin, u.EnglishName) {
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
func searchPage[T any](req *core.AppRequest, found []T) (any, *core.Refusal) {
	offset, size := req.Int("offset"), req.Int("size")
	if req.Text("queryWord") == "" || offset < 0 || size < 1 || size > maxSearchPage {
		return nil, searchError()
	}
	end := min(len(found), offset+size)
	return core.Object{"hasMore": end < len(found), "totalCount": len(found), "list": found[min(offset, end):end]}, nil
}
