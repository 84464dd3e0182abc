// Package directory is the address book of an organisation: its members and departments.
//
// The functions make calls of the app API through an app of [hook.DingdingHook.App]. All
// errors are [*hook.Error].
package directory

import (
	"context"
	"fmt"
	"net/http"

	"github.com/dingdag/dingdag/hook"
)

// UserRef names a new or found user in both spellings.
type UserRef struct {
	UserID  string `json:"userid"`
	UnionID string `json:"unionId,omitempty"`
}

// User is a member of the organisation, with DingTalk's keys. Fields without a value are
// left out by DingTalk; mobile, email, work_place and remark also need scopes of their
// own. HiredDate is in milliseconds.
type User struct {
	UserID           string         `json:"userid"`
	UnionID          string         `json:"unionid,omitempty"`
	Name             string         `json:"name,omitempty"`
	Avatar           string         `json:"avatar,omitempty"`
	StateCode        string         `json:"state_code,omitempty"`
	ManagerUserID    string         `json:"manager_userid,omitempty"`
	Mobile           string         `json:"mobile,omitempty"`
	HideMobile       bool           `json:"hide_mobile"`
	Telephone        string         `json:"telephone,omitempty"`
	JobNumber        string         `json:"job_number,omitempty"`
	Title            string         `json:"title,omitempty"`
	Email            string         `json:"email,omitempty"`
	OrgEmail         string         `json:"org_email,omitempty"`
	WorkPlace        string         `json:"work_place,omitempty"`
	Remark           string         `json:"remark,omitempty"`
	LoginID          string         `json:"login_id,omitempty"`
	ExclusiveAccount bool           `json:"exclusive_account"`
	ExclusiveType    string         `json:"exclusive_account_type,omitempty"`
	DeptIDList       []int64        `json:"dept_id_list,omitempty"`
	DeptOrderList    []DeptOrder    `json:"dept_order_list,omitempty"`
	DeptPositionList []DeptPosition `json:"dept_position_list,omitempty"`
	LeaderInDept     []DeptLeader   `json:"leader_in_dept,omitempty"`
	RoleList         []Role         `json:"role_list,omitempty"`
	// Extension holds the organisation's own attributes as JSON text.
	Extension   string         `json:"extension,omitempty"`
	HiredDate   int64          `json:"hired_date,omitempty"`
	Active      bool           `json:"active"`
	RealAuthed  bool           `json:"real_authed"`
	Senior      bool           `json:"senior"`
	Admin       bool           `json:"admin"`
	Boss        bool           `json:"boss"`
	UnionEmpExt map[string]any `json:"union_emp_ext,omitempty"`
}

// DeptOrder is the place of a user in the list of a department.
type DeptOrder struct {
	DeptID int64 `json:"dept_id"`
	Order  int64 `json:"order"`
}

// DeptPosition is what a user is in a department.
type DeptPosition struct {
	DeptID    int64  `json:"dept_id"`
	Title     string `json:"title,omitempty"`
	WorkPlace string `json:"work_place,omitempty"`
	IsMain    bool   `json:"is_main"`
}

// DeptLeader says whether a user leads a department.
type DeptLeader struct {
	DeptID int64 `json:"dept_id"`
	Leader bool  `json:"leader"`
}

// Role is a role of a user.
type Role struct {
	ID        int64  `json:"id"`
	Name      string `json:"name"`
	GroupName string `json:"group_name,omitempty"`
}

// DeptTitle is the title of a new user in a department.
type DeptTitle struct {
	DeptID int64  `json:"dept_id"`
	Title  string `json:"title"`
}

// NewUser is what [CreateUser] takes. Name, Mobile and DeptIDs are required; DingTalk
// makes up a UserID when there is none. HiredDate is in milliseconds.
type NewUser struct {
	Name   string
	Mobile string
	// DeptIDs are 1 to 100 departments.
	DeptIDs       []int64
	UserID        string
	HideMobile    bool
	Telephone     string
	JobNumber     string
	Title         string
	Email         string
	OrgEmail      string
	OrgEmailType  string
	WorkPlace     string
	Remark        string
	DeptOrderList []DeptOrder
	DeptTitleList []DeptTitle
	// Extension holds the organisation's own attributes as JSON text.
	Extension     string
	SeniorMode    bool
	HiredDate     int64
	ManagerUserID string
	LoginEmail    string
}

// newUserBody is the wire form of NewUser.
type newUserBody struct {
	Name          string      `json:"name"`
	Mobile        string      `json:"mobile"`
	DeptIDList    string      `json:"dept_id_list"` // one text, no list
	UserID        string      `json:"userid,omitempty"`
	HideMobile    bool        `json:"hide_mobile,omitempty"`
	Telephone     string      `json:"telephone,omitempty"`
	JobNumber     string      `json:"job_number,omitempty"`
	Title         string      `json:"title,omitempty"`
	Email         string      `json:"email,omitempty"`
	OrgEmail      string      `json:"org_email,omitempty"`
	OrgEmailType  string      `json:"org_email_type,omitempty"`
	WorkPlace     string      `json:"work_place,omitempty"`
	Remark        string      `json:"remark,omitempty"`
	DeptOrderList []DeptOrder `json:"dept_order_list,omitempty"`
	DeptTitleList []DeptTitle `json:"dept_title_list,omitempty"`
	Extension     string      `json:"extension,omitempty"`
	SeniorMode    bool        `json:"senior_mode,omitempty"`
	HiredDate     int64       `json:"hired_date,omitempty"`
	ManagerUserID string      `json:"manager_userid,omitempty"`
	LoginEmail    string      `json:"login_email,omitempty"`
}

// CreateUser adds a member to the organisation. It is not repeated when the answer is
// lost; a second try of a created user is refused, as mobile numbers and userids are
// unique. Errors are [*hook.Error]: invalid for a number or id that is taken and for a
// person who must first consent; not_found for an unknown department; uncertain.
//
// DingTalk docs: https://open.dingtalk.com/document/development/user-information-creation
//
//dingtalk:api POST /topapi/v2/user/create
func CreateUser(ctx context.Context, a *hook.App, u NewUser) (*UserRef, error) {
	var got struct {
		Result UserRef `json:"result"`
	}
	err := a.Do(ctx, hook.Call{
		Op: fmt.Sprintf("create user %q", u.Name), Method: http.MethodPost, Path: "/topapi/v2/user/create",
		Body: newUserBody{
			Name: u.Name, Mobile: u.Mobile, DeptIDList: hook.JoinIDs(u.DeptIDs), UserID: u.UserID, HideMobile: u.HideMobile,
			Telephone: u.Telephone, JobNumber: u.JobNumber, Title: u.Title, Email: u.Email, OrgEmail: u.OrgEmail, OrgEmailType: u.OrgEmailType,
			WorkPlace: u.WorkPlace, Remark: u.Remark, DeptOrderList: u.DeptOrderList, DeptTitleList: u.DeptTitleList, Extension: u.Extension,
			SeniorMode: u.SeniorMode, HiredDate: u.HiredDate, ManagerUserID: u.ManagerUserID, LoginEmail: u.LoginEmail,
		},
	}, &got)
	if err != nil {
		return nil, err
	}
	return &got.Result, nil
}

// GetUser reads a member by userid. The language of names is zh_CN or en_US, empty for
// zh_CN.
//
// DingTalk docs: https://open.dingtalk.com/document/development/query-user-details
//
//dingtalk:api POST /topapi/v2/user/get
func GetUser(ctx context.Context, a *hook.App, userID, language string) (*User, error) {
	return hook.ReadUser[User](ctx, a, userID, language)
}

// UserIDByMobile finds the userid of a member by mobile number. People who left are not
// found.
//
// DingTalk docs: https://open.dingtalk.com/document/development/query-users-by-phone-number
//
//dingtalk:api POST /topapi/v2/user/getbymobile
func UserIDByMobile(ctx context.Context, a *hook.App, mobile string) (string, error) {
	type found struct {
		UserID    string   `json:"userid"`
		Exclusive []string `json:"exclusive_account_userid_list"`
	}
	got, err := hook.Lookup[found](ctx, a, "find a user by mobile", "/topapi/v2/user/getbymobile", map[string]string{"mobile": mobile})
	if err != nil {
		return "", err
	}
	if got.UserID == "" && len(got.Exclusive) > 0 {
		return got.Exclusive[0], nil
	}
	return got.UserID, nil
}

// Contact is who a unionId belongs to.
type Contact struct {
	UserID string `json:"userid"`
	// ContactType is 0 for a member and 1 for an external contact.
	ContactType int `json:"contact_type"`
}

// UserIDByUnionID finds the userid of a person by unionId. [hook.App.UnionID] goes the
// other way.
//
// DingTalk docs: https://open.dingtalk.com/document/development/query-a-user-by-the-union-id
//
//dingtalk:api POST /topapi/user/getbyunionid
func UserIDByUnionID(ctx context.Context, a *hook.App, unionID string) (*Contact, error) {
	return hook.Lookup[Contact](ctx, a,
		fmt.Sprintf("find the user of unionId %q", unionID), "/topapi/user/getbyunionid", map[string]string{"unionid": unionID})
}

// UserCount counts the members of the organisation, only those who have activated
// DingTalk or all. The app's range does not limit it.
//
// DingTalk docs: https://open.dingtalk.com/document/development/user-management-acquires-number-employees
//
//dingtalk:api POST /topapi/user/count
func UserCount(ctx context.Context, a *hook.App, onlyActive bool) (int, error) {
	type counted struct {
		Count int `json:"count"`
	}
	got, err := hook.Lookup[counted](ctx, a, "count users", "/topapi/user/count", map[string]bool{"only_active": onlyActive})
	if err != nil {
		return 0, err
	}
	return got.Count, nil
}
