package dingding

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"unicode/utf8"

	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/directory"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/dingding/internal/appcall"
	"github.com/dingdag/dingdag/params"
)

// Limits of a member's fields.
const (
	maxUserName      = 80
	maxUserID        = 64
	maxUserDepts     = 100
	maxShortField    = 50
	maxUserTitle     = 200
	maxMediumField   = 100
	maxUserRemark    = 2000
	maxUserExtension = 2000
)

// CreateUser adds a member to the organisation.
//
// The result has user_data: a mapping with userid and unionId (text).
//
// A person whose account is protected gets an invitation first; the task fails and says so. If
// the answer is lost the task fails: look the person up by mobile number. A second try for a
// member who was created is refused, because the number is taken.
//
// DingTalk docs: https://open.dingtalk.com/document/development/user-information-creation
type CreateUser struct {
	// Name is the person's name, at most 80 characters.
	Name string `yaml:"name" param:"required,template"`
	// Mobile is the mobile number, unique in the organisation; outside mainland China
	// +xx-number.
	Mobile string `yaml:"mobile" param:"required,template,digits"`
	// DeptIDList are the ids of the departments, 1 to 100.
	DeptIDList []string `yaml:"dept_id_list" param:"required,commas,template,digits"`
	// UserID is the userid, at most 64 characters and fixed for ever. DingTalk generates one
	// if it is left out.
	UserID string `yaml:"user_id" param:"template,digits"`
	// JobNumber is the employee number, at most 50 characters.
	JobNumber string `yaml:"job_number" param:"template,digits"`
	// UserEmail is the private mail address, at most 50 characters, unique.
	UserEmail string `yaml:"user_email" param:"template"`
	// Title is the job title, at most 200 characters.
	Title string `yaml:"title" param:"template"`
	// WorkPlace is where the person works, at most 100 characters.
	WorkPlace string `yaml:"work_place" param:"template"`
	// Remark is at most 2000 characters.
	Remark string `yaml:"remark" param:"template"`
	// Extension holds the organisation's custom attributes, at most 2000 characters as JSON.
	// They must exist in the admin console.
	Extension map[string]string `yaml:"extension" param:"template,digits"`
	// Telephone is the extension number, at most 50 characters, unique.
	Telephone string `yaml:"telephone" param:"template,digits"`
	// OrgEmail is the company mail address, for organisations that have DingTalk's mail.
	OrgEmail string `yaml:"org_email" param:"template"`
	// OrgEmailType is the kind of the company mail: profession or base.
	OrgEmailType string `yaml:"org_email_type" param:"enum=profession|base"`
	// LoginEmail is the address that a mail account logs in with.
	LoginEmail string `yaml:"login_email" param:"template"`
	// ManagerUserID is the userid of the person's manager.
	ManagerUserID string `yaml:"manager_user_id" param:"template,digits"`
	// HiredDate is when the person was hired, in milliseconds since 1970.
	HiredDate string `yaml:"hired_date" param:"default=0,template,digits"`
	// HideMobile hides the mobile number from others.
	HideMobile bool `yaml:"hide_mobile" param:"default=false"`
	// SeniorMode hides the person from those who are not allowed to see executives.
	SeniorMode bool `yaml:"senior_mode" param:"default=false"`

	appcall.Write
}

// CreateUserResult is the result of [CreateUser].
type CreateUserResult struct {
	UserData *directory.UserRef `json:"user_data"`
}

var _ params.Validator = (*CreateUser)(nil)

// Validate checks lengths and numbers.
func (o *CreateUser) Validate() error {
	var c appcall.Checks
	c.Text("name", o.Name, 1, maxUserName)
	c.Required("mobile", o.Mobile)
	c.List("dept_id_list", o.DeptIDList, 1, maxUserDepts)
	c.IDs("dept_id_list", o.DeptIDList)
	c.Text("user_id", o.UserID, 0, maxUserID)
	c.Text("job_number", o.JobNumber, 0, maxShortField)
	c.Text("user_email", o.UserEmail, 0, maxShortField)
	c.Text("telephone", o.Telephone, 0, maxShortField)
	c.Text("title", o.Title, 0, maxUserTitle)
	c.Text("work_place", o.WorkPlace, 0, maxMediumField)
	c.Text("org_email", o.OrgEmail, 0, maxMediumField)
	c.Text("remark", o.Remark, 0, maxUserRemark)
	if extension := o.extension(); utf8.RuneCountInString(extension) > maxUserExtension {
		c.Text("extension", extension, 0, maxUserExtension)
	}
	c.Number("hired_date", o.HiredDate, 0)
	return c.Err()
}

// extension is the text that DingTalk takes attributes as.
func (o *CreateUser) extension() string {
	if len(o.Extension) == 0 {
		return ""
	}
	text, err := json.Marshal(o.Extension)
	if err != nil {
		return "" // a map of text always encodes
	}
	return string(text)
}

// Execute adds the member and returns a [CreateUserResult].
func (o *CreateUser) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	return appcall.Run(ctx, tc, o, func(ctx context.Context, a *hook.App) (*CreateUserResult, error) {
		var c appcall.Checks // Validate has found no mistakes
		user, err := directory.CreateUser(ctx, a, directory.NewUser{
			Name: o.Name, Mobile: o.Mobile, DeptIDs: c.IDs("dept_id_list", o.DeptIDList), UserID: o.UserID,
			HideMobile: o.HideMobile, Telephone: o.Telephone, JobNumber: o.JobNumber, Title: o.Title, Email: o.UserEmail,
			OrgEmail: o.OrgEmail, OrgEmailType: o.OrgEmailType, WorkPlace: o.WorkPlace, Remark: o.Remark, Extension: o.extension(),
			SeniorMode: o.SeniorMode, HiredDate: c.Number("hired_date", o.HiredDate, 0), ManagerUserID: o.ManagerUserID, LoginEmail: o.LoginEmail,
		})
		return &CreateUserResult{user}, err
	})
}

// GetUser reads a member by userid or by mobile number.
//
// The result has user_data, a mapping with DingTalk's keys: userid, unionid, name, mobile,
// title, job_number, email, dept_id_list, dept_order_list, leader_in_dept, role_list,
// manager_userid, hired_date (milliseconds), active, admin, boss and the rest of its page.
// Keys without a value are left out, as are those that the app has no scope for: mobile,
// email, work_place, remark.
//
// DingTalk docs: https://open.dingtalk.com/document/development/query-user-details
type GetUser struct {
	// UserID is the userid. It excludes mobile.
	UserID string `yaml:"user_id" param:"template,digits"`
	// Mobile is the mobile number. It does not find people who have left.
	Mobile string `yaml:"mobile" param:"template,digits"`
	// Language of names: zh_CN or en_US.
	Language string `yaml:"language" param:"default=zh_CN,enum=zh_CN|en_US"`

	appcall.App
}

// GetUserResult is the result of [GetUser].
type GetUserResult struct {
	UserData *directory.User `json:"user_data"`
}

// Validate checks that one of user_id and mobile is given.
func (o *GetUser) Validate() error {
	var c appcall.Checks
	switch {
	case o.UserID == "" && o.Mobile == "":
		c.Add("user_id", errors.New("is empty: give user_id or mobile"))
	case o.UserID != "" && o.Mobile != "":
		c.Add("mobile", errors.New("excludes user_id: give one of the two"))
	}
	return c.Err()
}

// Execute reads the member and returns a [GetUserResult].
func (o *GetUser) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	return appcall.Run(ctx, tc, o, func(ctx context.Context, a *hook.App) (*GetUserResult, error) {
		id := o.UserID
		if id == "" {
			var err error
			if id, err = directory.UserIDByMobile(ctx, a, o.Mobile); err != nil {
				return nil, err
			}
		}
		user, err := directory.GetUser(ctx, a, id, o.Language)
		return &GetUserResult{user}, err
	})
}

// GetUserCount counts the members of the organisation.
//
// The result has user_count (whole number).
//
// DingTalk docs: https://open.dingtalk.com/document/development/user-management-acquires-number-employees
type GetUserCount struct {
	// OnlyActive counts only people who have activated DingTalk.
	OnlyActive bool `yaml:"only_active" param:"default=true"`

	appcall.App
}

// GetUserCountResult is the result of [GetUserCount].
type GetUserCountResult struct {
	UserCount int `json:"user_count"`
}

// Execute counts and returns a [GetUserCountResult].
func (o *GetUserCount) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	return appcall.Run(ctx, tc, o, func(ctx context.Context, a *hook.App) (*GetUserCountResult, error) {
		n, err := directory.UserCount(ctx, a, o.OnlyActive)
		return &GetUserCountResult{n}, err
	})
}

// GetUserIDByUnionID finds the userid of a person by unionId.
//
// The result has user_id (text) and contact_type (whole number: 0 a member, 1 an
// external contact).
//
// DingTalk docs: https://open.dingtalk.com/document/development/query-a-user-by-the-union-id
type GetUserIDByUnionID struct {
	// UnionID is the unionId of the person.
	UnionID string `yaml:"union_id" param:"required,template"`

	appcall.App
}

// GetUserIDByUnionIDResult is the result of [GetUserIDByUnionID].
type GetUserIDByUnionIDResult struct {
	UserID      string `json:"user_id"`
	ContactType int    `json:"contact_type"`
}

// Validate checks that there is a unionId.
func (o *GetUserIDByUnionID) Validate() error {
	var c appcall.Checks
	c.Required("union_id", o.UnionID)
	return c.Err()
}

// Execute finds the person and returns a [GetUserIDByUnionIDResult].
func (o *GetUserIDByUnionID) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	return appcall.Run(ctx, tc, o, func(ctx context.Context, a *hook.App) (*GetUserIDByUnionIDResult, error) {
		found, err := directory.UserIDByUnionID(ctx, a, o.UnionID)
		if err != nil {
			return nil, err
		}
		return &GetUserIDByUnionIDResult{UserID: found.UserID, ContactType: found.ContactType}, nil
	})
}

// GetDeptUsers reads the direct members of a department, not those of departments below.
//
// The result has users (list of mappings with DingTalk's keys, as in
// dingtalk_get_user), has_more (boolean) and next_cursor (whole number, the cursor of
// the next page while has_more).
//
// DingTalk docs: https://open.dingtalk.com/document/development/queries-the-complete-information-of-a-department-user
type GetDeptUsers struct {
	// DeptID is the id of the department; 1 is the root.
	DeptID string `yaml:"dept_id" param:"default=1,template,digits"`
	// Cursor is where the page begins: 0, or next_cursor of the page before.
	Cursor string `yaml:"cursor" param:"default=0,template,digits"`
	// Size is the size of a page, 1 to 100.
	Size int `yaml:"size" param:"default=50,min=1,max=100"`
	// OrderField is the order: by entry or modify, _asc or _desc, or custom.
	OrderField string `yaml:"order_field" param:"enum=entry_asc|entry_desc|modify_asc|modify_desc|custom"`
	// ContainAccessLimit includes people with restricted access.
	ContainAccessLimit bool `yaml:"contain_access_limit" param:"default=false"`
	// Language of names: zh_CN or en_US, by default zh_CN.
	Language string `yaml:"language" param:"enum=zh_CN|en_US"`

	appcall.Paging
	appcall.App
}

// GetDeptUsersResult is the result of [GetDeptUsers].
type GetDeptUsersResult struct {
	Users      []directory.DeptUser `json:"users"`
	HasMore    bool                 `json:"has_more"`
	NextCursor int64                `json:"next_cursor"`
}

// Validate checks id and cursor.
func (o *GetDeptUsers) Validate() error {
	var c appcall.Checks
	c.Number("dept_id", o.DeptID, 1)
	c.Number("cursor", o.Cursor, 0)
	return c.Err()
}

// Execute reads the members and returns a [GetDeptUsersResult].
func (o *GetDeptUsers) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	return appcall.Run(ctx, tc, o, func(ctx context.Context, a *hook.App) (*GetDeptUsersResult, error) {
		var c appcall.Checks // Validate has found no mistakes
		q := directory.DeptUsersQuery{
			DeptID: c.Number("dept_id", o.DeptID, 1), Size: int64(o.Size), OrderField: o.OrderField,
			ContainAccessLimit: o.ContainAccessLimit, Language: o.Language,
		}
		users, next, more, err := appcall.Read(ctx, tc, o.Paging, c.Number("cursor", o.Cursor, 0),
			func(ctx context.Context, cursor int64) ([]directory.DeptUser, int64, bool, error) {
				q.Cursor = cursor
				page, err := directory.DeptUsers(ctx, a, q)
				if err != nil {
					return nil, 0, false, err
				}
				return page.List, page.NextCursor, page.HasMore, nil
			})
		return &GetDeptUsersResult{Users: users, HasMore: more, NextCursor: next}, err
	})
}

// SearchUsers finds people by name. DingTalk answers with userids alone; read names with
// dingtalk_get_user.
//
// The result has search_result: a mapping with list (list of text, the userids),
// totalCount (whole number) and hasMore (boolean).
//
// DingTalk docs: https://open.dingtalk.com/document/development/address-book-search-user-id
type SearchUsers struct {
	search
	// Exact finds only the name that equals query_word.
	Exact bool `yaml:"exact" param:"default=false"`

	appcall.Paging
	appcall.App
}

// SearchUsersResult is the result of [SearchUsers].
type SearchUsersResult struct {
	SearchResult *directory.SearchPage[string] `json:"search_result"`
}

// search is for operators that search the address book.
type search struct {
	// QueryWord is a name or the beginning of one, in characters or pinyin.
	QueryWord string `yaml:"query_word" param:"required,template"`
	// Offset is how many to skip.
	Offset string `yaml:"offset" param:"default=0,template,digits"`
	// Size is the size of a page, 1 to 20.
	Size int `yaml:"size" param:"default=10,min=1,max=20"`
}

// Validate checks word and offset.
func (s *search) Validate() error {
	var c appcall.Checks
	c.Required("query_word", s.QueryWord)
	c.Number("offset", s.Offset, 0)
	return c.Err()
}

// readSearch reads one page of a search, or all.
func readSearch[ID any](
	ctx context.Context, tc *operator.TaskContext, a *hook.App, s search, p appcall.Paging, exact bool,
	find func(context.Context, *hook.App, directory.SearchQuery) (*directory.SearchPage[ID], error),
) (*directory.SearchPage[ID], error) {
	first, err := strconv.Atoi(s.Offset)
	if err != nil {
		return nil, err
	}
	total := 0
	ids, _, more, err := appcall.Read(ctx, tc, p, first, func(ctx context.Context, offset int) ([]ID, int, bool, error) {
		found, err := find(ctx, a, directory.SearchQuery{Word: s.QueryWord, Offset: offset, Size: s.Size, Exact: exact})
		if err != nil {
			return nil, 0, false, err
		}
		total = found.TotalCount
		return found.List, offset + len(found.List), found.HasMore && len(found.List) > 0, nil
	})
	return &directory.SearchPage[ID]{HasMore: more, TotalCount: total, List: ids}, err
}

// Execute searches and returns a [SearchUsersResult].
func (o *SearchUsers) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	return appcall.Run(ctx, tc, o, func(ctx context.Context, a *hook.App) (*SearchUsersResult, error) {
		found, err := readSearch(ctx, tc, a, o.search, o.Paging, o.Exact, directory.SearchUsers)
		return &SearchUsersResult{found}, err
	})
}

func userSpecs(p appcall.Provider) []operator.Spec {
	return []operator.Spec{
		appcall.Define[CreateUser](p, "dingtalk_create_user", operator.Example("A new colleague in two departments", `
name: Ann Lee
mobile: "13800000000"
dept_id_list: 2, 3
job_number: A-17
title: SRE
work_place: HQ
user_email: ann@example.com
remark: on call
`), operator.RenamedParams(map[string]string{"email": "user_email"})),
		appcall.Define[GetUser](p, "dingtalk_get_user", operator.Example("By userid", `
user_id: u001
`), operator.Example("By mobile number", `
mobile: "13800000000"
`)),
		appcall.Define[GetUserCount](p, "dingtalk_get_user_count", operator.Example("People who use DingTalk", `
only_active: true
`)),
		appcall.Define[GetUserIDByUnionID](p, "dingtalk_get_user_id_by_union_id", operator.Example("Who a unionId is", `
union_id: z21HjQliSzpw0YWCNxmii6u
`)),
		appcall.Define[GetDeptUsers](p, "dingtalk_get_dept_users", operator.Example("The first page of the root", `
dept_id: 1
`)),
		appcall.Define[SearchUsers](p, "dingtalk_search_users", operator.Example("By the beginning of a name", `
query_word: Ann
`), operator.Example("All that have a name", `
query_word: Ann
all: true
max_items: 100
`)),
	}
}
