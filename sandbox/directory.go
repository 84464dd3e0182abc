package sandbox

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// rootDepartment is the id of the department that is the organisation.
const rootDepartment = 1

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
	// UserID and UnionID are unique. [Server.AddUser] makes them up when they are empty.
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

// directory is the organisation's address book. The server's lock guards it.
type directory struct {
	departments []*Department
	users       []*User
}

func newDirectory() directory {
	return directory{departments: []*Department{{ID: rootDepartment, Name: "组织", EnglishName: "Organisation"}}}
}

func find[T any](in []*T, match func(*T) bool) *T {
	if i := slices.IndexFunc(in, match); i >= 0 {
		return in[i]
	}
	return nil
}

func (d *directory) department(id int) *Department {
	return find(d.departments, func(o *Department) bool { return o.ID == id })
}

func (d *directory) user(id string) *User {
	return find(d.users, func(o *User) bool { return o.UserID == id })
}

func (d *directory) userByUnionID(id string) *User {
	return find(d.users, func(o *User) bool { return o.UnionID == id })
}

func (d *directory) userByMobile(mobile string) *User {
	return find(d.users, func(o *User) bool { return o.Mobile == mobile })
}

// children returns the departments one level down, in order.
func (d *directory) children(id int) []*Department {
	var out []*Department
	for _, o := range d.departments {
		if o.ParentID == id && o.ID != rootDepartment {
			out = append(out, o)
		}
	}
	slices.SortStableFunc(out, func(a, b *Department) int {
		return cmp.Or(cmp.Compare(a.Order, b.Order), cmp.Compare(a.ID, b.ID))
	})
	return out
}

// members returns the people right in a department; with below, also those further down.
func (d *directory) members(id int, below bool) []*User {
	ids := []int{id}
	for i := 0; below && i < len(ids); i++ {
		for _, child := range d.children(ids[i]) {
			ids = append(ids, child.ID)
		}
	}
	var out []*User
	for _, u := range d.users {
		if slices.ContainsFunc(u.Departments, func(in int) bool { return slices.Contains(ids, in) }) {
			out = append(out, u)
		}
	}
	return out
}

// AddDepartment adds a department, or changes the root when the id is 1. The error
// wraps [ErrExists] for a taken id and [ErrNotFound] for a parent that is not there.
func (s *Server) AddDepartment(d Department) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addDepartment(d)
}

func (s *Server) addDepartment(d Department) error {
	d.Managers = slices.Clone(d.Managers)
	if d.ID == rootDepartment {
		d.ParentID = 0
		*s.directory.department(rootDepartment) = d
		return nil
	}
	switch {
	case d.ID < 1 || d.Name == "":
		return fmt.Errorf("add department %q: id and name are needed", d.Name)
	case s.directory.department(d.ID) != nil:
		return fmt.Errorf("add department %q: id %d %w", d.Name, d.ID, ErrExists)
	case s.directory.department(d.ParentID) == nil:
		return fmt.Errorf("add department %q: parent %d %w", d.Name, d.ParentID, ErrNotFound)
	}
	s.directory.departments = append(s.directory.departments, &d)
	s.inbox.touch()
	return nil
}

// AddUser adds a member and returns him with the ids filled in. The error wraps
// [ErrExists] for an id or mobile that is taken and [ErrNotFound] for a department
// that is not there.
func (s *Server) AddUser(u User) (User, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addUser(u)
}

func (s *Server) addUser(u User) (User, error) {
	u.UserID = cmp.Or(u.UserID, "user"+s.ids.code(12))
	u.UnionID = cmp.Or(u.UnionID, s.ids.code(21)+"iE")
	if u.Departments == nil {
		u.Departments = []int{rootDepartment}
	}
	u.Departments = slices.Clone(u.Departments)
	if u.Name == "" || u.Mobile == "" {
		return User{}, errors.New("add user: name and mobile are needed")
	}
	for _, o := range s.directory.users {
		if o.UserID == u.UserID || o.UnionID == u.UnionID || o.Mobile == u.Mobile {
			return User{}, fmt.Errorf("add user %q: id or mobile %w", u.Name, ErrExists)
		}
	}
	for _, id := range u.Departments {
		if s.directory.department(id) == nil {
			return User{}, fmt.Errorf("add user %q: department %d %w", u.Name, id, ErrNotFound)
		}
	}
	s.directory.users = append(s.directory.users, &u)
	s.inbox.touch()
	return u, nil
}

// Users lists the members in the order they came. The caller must not change the
// slices inside.
func (s *Server) Users() []User {
	s.mu.Lock()
	defer s.mu.Unlock()
	return values(s.directory.users)
}

// Departments lists the departments, the root first.
func (s *Server) Departments() []Department {
	s.mu.Lock()
	defer s.mu.Unlock()
	return values(s.directory.departments)
}

// values copies what the pointers point to.
func values[T any](in []*T) []T {
	out := make([]T, len(in))
	for i, p := range in {
		out[i] = *p
	}
	return out
}

// matches tells whether a search finds one of the names: the whole of it, or any part
// in any case.
func matches(query string, exact bool, names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		if exact {
			return name == query
		}
		return name != "" && strings.Contains(strings.ToLower(name), strings.ToLower(query))
	})
}
