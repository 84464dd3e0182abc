package core

import (
	"cmp"
	"slices"
)

// RootDepartment is the id of the department that is the organisation.
const RootDepartment = 1

// Department is a node of the tree of departments. The root has the id 1.
type Department struct {
	ID       int    `json:"id"`
	ParentID int    `json:"parent_id,omitempty"`
	Name     string `json:"name"`
	// EnglishName is the name in answers with language en_US. The default is Name.
	EnglishName string `json:"english_name,omitempty"`
	// Order sorts it among its siblings, before its id does.
	Order int `json:"order,omitempty"`
	// Managers are user ids.
	Managers []string `json:"managers,omitempty"`
}

// User is a member of the organisation.
type User struct {
	// UserID and UnionID are unique. They are made up when they are empty.
	UserID  string `json:"user_id"`
	UnionID string `json:"union_id"`
	Name    string `json:"name"`
	// Pinyin and EnglishName are what a search finds besides the name.
	Pinyin      string `json:"pinyin,omitempty"`
	EnglishName string `json:"english_name,omitempty"`
	// Mobile is unique.
	Mobile string `json:"mobile"`
	// Departments are ids. The default is the root.
	Departments []int  `json:"departments"`
	JobNumber   string `json:"job_number,omitempty"`
	Title       string `json:"title,omitempty"`
	Telephone   string `json:"telephone,omitempty"`
	Email       string `json:"email,omitempty"`
	WorkPlace   string `json:"work_place,omitempty"`
	Remark      string `json:"remark,omitempty"`
	// Extension is a JSON object as text.
	Extension string `json:"extension,omitempty"`
	ManagerID string `json:"manager_id,omitempty"`
	// HiredDate is in milliseconds.
	HiredDate int  `json:"hired_date,omitempty"`
	Admin     bool `json:"admin,omitempty"`
	// Inactive people were invited and have not come yet.
	Inactive bool `json:"inactive,omitempty"`
	// FlowControlled people get no messages from bots, and the answer says so.
	FlowControlled bool `json:"flow_controlled,omitempty"`
}

// People is the address book. Its methods are called under the lock.
type People struct {
	// Departments and Users are in the order in which they came, the root first.
	Departments []*Department
	Users       []*User
}

func newPeople() People {
	return People{Departments: []*Department{{ID: RootDepartment, Name: "组织", EnglishName: "Organisation"}}}
}

// Department returns the department with an id, or nil.
func (p *People) Department(id int) *Department {
	return Find(p.Departments, func(o *Department) bool { return o.ID == id })
}

// User returns the member with a user id, or nil.
func (p *People) User(id string) *User {
	return Find(p.Users, func(o *User) bool { return o.UserID == id })
}

// UserByUnionID returns the member with a unionId, or nil.
func (p *People) UserByUnionID(id string) *User {
	return Find(p.Users, func(o *User) bool { return o.UnionID == id })
}

// UserByMobile returns the member with a mobile, or nil.
func (p *People) UserByMobile(mobile string) *User {
	return Find(p.Users, func(o *User) bool { return o.Mobile == mobile })
}

// Children returns the departments one level down, in order.
func (p *People) Children(id int) []*Department {
	var out []*Department
	for _, o := range p.Departments {
		if o.ParentID == id && o.ID != RootDepartment {
			out = append(out, o)
		}
	}
	slices.SortStableFunc(out, func(a, b *Department) int {
		return cmp.Or(cmp.Compare(a.Order, b.Order), cmp.Compare(a.ID, b.ID))
	})
	return out
}

// Members returns the people right in a department; with below, also those further down.
func (p *People) Members(id int, below bool) []*User {
	ids := []int{id}
	for i := 0; below && i < len(ids); i++ {
		for _, child := range p.Children(ids[i]) {
			ids = append(ids, child.ID)
		}
	}
	var out []*User
	for _, u := range p.Users {
		if slices.ContainsFunc(u.Departments, func(in int) bool { return slices.Contains(ids, in) }) {
			out = append(out, u)
		}
	}
	return out
}

// Unknown lists the user ids that nobody has.
func (p *People) Unknown(ids []string) []string {
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return p.User(id) != nil })
}

// NameOf is how the page calls somebody.
func (p *People) NameOf(userID string) string {
	if u := p.User(userID); u != nil {
		return cmp.Or(u.Name, userID)
	}
	return userID
}
