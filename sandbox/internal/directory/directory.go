// Package directory is the address book: the calls that read departments and people
// and add people.
package directory

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/dingdag/dingdag/sandbox/internal/core"
)

// Service answers the calls of the address book, which itself is the core's.
type Service struct{ core *core.Core }

// New adds the calls, the routes and the view of the address book to a core.
func New(c *core.Core) *Service {
	s := &Service{core: c}
	c.ServeEndpoints(s.userCalls()...)
	c.ServeEndpoints(s.departmentCalls()...)
	c.API("GET /sandbox/api/departments", core.APIList("departments", s.Departments))
	c.API("POST /sandbox/api/departments", core.APIAdd(func(d core.Department) (any, error) { return d, s.AddDepartment(d) }))
	c.API("GET /sandbox/api/users", core.APIList("users", s.Users))
	c.API("POST /sandbox/api/users", core.APIAdd(func(u core.User) (any, error) { return s.AddUser(u) }))
	c.View(core.View{Name: "directory", Title: "Directory", Draw: s.draw})
	return s
}

// AddDepartment adds a department, or changes the root when the id is 1. The error
// wraps [core.ErrExists] for a taken id and [core.ErrNotFound] for a parent that is not there.
func (s *Service) AddDepartment(d core.Department) error {
	s.core.Lock()
	defer s.core.Unlock()
	return s.addDepartment(d)
}

func (s *Service) addDepartment(d core.Department) error {
	d.Managers = slices.Clone(d.Managers)
	if d.ID == core.RootDepartment {
		d.ParentID = 0
		*s.core.People.Department(core.RootDepartment) = d
		return nil
	}
	switch {
	case d.ID < 1 || d.Name == "":
		return fmt.Errorf("add department %q: id and name are needed", d.Name)
	case s.core.People.Department(d.ID) != nil:
		return fmt.Errorf("add department %q: id %d %w", d.Name, d.ID, core.ErrExists)
	case s.core.People.Department(d.ParentID) == nil:
		return fmt.Errorf("add department %q: parent %d %w", d.Name, d.ParentID, core.ErrNotFound)
	}
	s.core.People.Departments = append(s.core.People.Departments, &d)
	s.core.Touch()
	return nil
}

// AddUser adds a member and returns him with the ids filled in. The error wraps
// [core.ErrExists] for an id or mobile that is taken and [core.ErrNotFound] for a department
// that is not there.
func (s *Service) AddUser(u core.User) (core.User, error) {
	s.core.Lock()
	defer s.core.Unlock()
	return s.addUser(u)
}

func (s *Service) addUser(u core.User) (core.User, error) {
	u.UserID = cmp.Or(u.UserID, "user"+s.core.Code(12))
	u.UnionID = cmp.Or(u.UnionID, s.core.Code(21)+"iE")
	if u.Departments == nil {
		u.Departments = []int{core.RootDepartment}
	}
	u.Departments = slices.Clone(u.Departments)
	if u.Name == "" || u.Mobile == "" {
		return core.User{}, errors.New("add user: name and mobile are needed")
	}
	for _, o := range s.core.People.Users {
		if o.UserID == u.UserID || o.UnionID == u.UnionID || o.Mobile == u.Mobile {
			return core.User{}, fmt.Errorf("add user %q: id or mobile %w", u.Name, core.ErrExists)
		}
	}
	for _, id := range u.Departments {
		if s.core.People.Department(id) == nil {
			return core.User{}, fmt.Errorf("add user %q: department %d %w", u.Name, id, core.ErrNotFound)
		}
	}
	s.core.People.Users = append(s.core.People.Users, &u)
	s.core.Touch()
	return u, nil
}

// Users lists the members in the order they came. The caller must not change the
// slices inside.
func (s *Service) Users() []core.User {
	s.core.Lock()
	defer s.core.Unlock()
	return core.Values(s.core.People.Users)
}

// Departments lists the departments, the root first.
func (s *Service) Departments() []core.Department {
	s.core.Lock()
	defer s.core.Unlock()
	return core.Values(s.core.People.Departments)
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
