package directory

import (
	"context"
	"fmt"
	"net/http"

	"github.com/dingdag/dingdag/hook"
)

// The greatest page sizes of lists of people and departments.
const (
	MaxDeptUsersPage = 100
	MaxSearchPage    = 20
)

// DeptUsersQuery says which members of a department to read.
type DeptUsersQuery struct {
	DeptID int64
	// Cursor is 0 for the first page, then [DeptUsersPage.NextCursor]. Size is 1 to
	// [MaxDeptUsersPage].
	Cursor, Size int64
	// OrderField is entry_asc, entry_desc, modify_asc, modify_desc or custom; empty
	// for custom.
	OrderField string
	// ContainAccessLimit includes people with restricted access.
	ContainAccessLimit bool
	// Language is zh_CN or en_US, empty for zh_CN.
	Language string
}

// DeptUsersPage is one page of the members of a department. NextCursor counts only
// while HasMore.
type DeptUsersPage struct {
	HasMore    bool       `json:"has_more"`
	NextCursor int64      `json:"next_cursor"`
	List       []DeptUser `json:"list"`
}

// DeptUser is a member as the list of a department has it. DingTalk leaves out what it
// has no value or the app no scope for.
type DeptUser struct {
	UserID           string  `json:"userid"`
	UnionID          string  `json:"unionid,omitempty"`
	Name             string  `json:"name,omitempty"`
	Avatar           string  `json:"avatar,omitempty"`
	StateCode        string  `json:"state_code,omitempty"`
	Mobile           string  `json:"mobile,omitempty"`
	HideMobile       bool    `json:"hide_mobile"`
	Telephone        string  `json:"telephone,omitempty"`
	JobNumber        string  `json:"job_number,omitempty"`
	Title            string  `json:"title,omitempty"`
	Email            string  `json:"email,omitempty"`
	OrgEmail         string  `json:"org_email,omitempty"`
	WorkPlace        string  `json:"work_place,omitempty"`
	Remark           string  `json:"remark,omitempty"`
	DeptIDList       []int64 `json:"dept_id_list,omitempty"`
	DeptOrder        int64   `json:"dept_order,omitempty"`
	Extension        string  `json:"extension,omitempty"`
	HiredDate        int64   `json:"hired_date,omitempty"`
	Active           bool    `json:"active"`
	Admin            bool    `json:"admin"`
	Boss             bool    `json:"boss"`
	Leader           bool    `json:"leader"`
	ExclusiveAccount bool    `json:"exclusive_account"`
}

// DeptUsers reads a page of the direct members of a department; those of departments
// below it are not among them.
//
// DingTalk docs: https://open.dingtalk.com/document/development/queries-the-complete-information-of-a-department-user
//
//dingtalk:api POST /topapi/v2/user/list
func DeptUsers(ctx context.Context, a *hook.App, q DeptUsersQuery) (*DeptUsersPage, error) {
	return hook.Lookup[DeptUsersPage](ctx, a, fmt.Sprintf("list the users of department %d", q.DeptID), "/topapi/v2/user/list", struct {
		DeptID             int64  `json:"dept_id"`
		Cursor             int64  `json:"cursor"`
		Size               int64  `json:"size"`
		OrderField         string `json:"order_field,omitempty"`
		ContainAccessLimit bool   `json:"contain_access_limit,omitempty"`
		Language           string `json:"language,omitempty"`
	}(q))
}

// SearchQuery says what to look for in the address book.
type SearchQuery struct {
	// Word is a name, or the beginning of one, in characters or pinyin.
	Word string
	// Offset is 0 for the first page. Size is 1 to [MaxSearchPage].
	Offset, Size int
	// Exact finds only the name that equals Word. It is for users alone.
	Exact bool
}

// SearchPage is one page of what a search found, ids only.
type SearchPage[ID any] struct {
	HasMore    bool `json:"hasMore"`
	TotalCount int  `json:"totalCount"`
	List       []ID `json:"list"`
}

type searchBody struct {
	Word           string `json:"queryWord"`
	Offset         int    `json:"offset"`
	Size           int    `json:"size"`
	FullMatchField int    `json:"fullMatchField,omitempty"`
}

func (q SearchQuery) body() searchBody {
	body := searchBody{Word: q.Word, Offset: q.Offset, Size: q.Size}
	if q.Exact {
		body.FullMatchField = 1
	}
	return body
}

// SearchUsers finds the userids of people by name.
//
// DingTalk docs: https://open.dingtalk.com/document/development/address-book-search-user-id
//
//dingtalk:api POST /v1.0/contact/users/search
func SearchUsers(ctx context.Context, a *hook.App, q SearchQuery) (*SearchPage[string], error) {
	var got SearchPage[string]
	err := a.Do(ctx, hook.Call{
		Op: fmt.Sprintf("search users %q", q.Word), API: hook.NewAPI, Method: http.MethodPost, Path: "/v1.0/contact/users/search",
		Body: q.body(), Safe: true,
	}, &got)
	if err != nil {
		return nil, err
	}
	return &got, nil
}
