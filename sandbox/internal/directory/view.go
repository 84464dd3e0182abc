package directory

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/dingdag/dingdag/sandbox/internal/core"
)

// directoryView is the tree of departments and the people of one of them.
type directoryView struct {
	Departments []departmentView
	Title       string
	People      []personView
}

type departmentView struct {
	core.Department
	// Depth is 0 for the root; deeper than 5 is drawn like 5.
	Depth    int
	Count    int
	Selected bool
}

type personView struct {
	core.User
	// In names the departments.
	In string
}

func (s *Service) view(q url.Values) *directoryView {
	selected, err := strconv.Atoi(q.Get("department"))
	if err != nil || s.core.People.Department(selected) == nil {
		selected = core.RootDepartment
	}
	v := &directoryView{Title: s.core.People.Department(selected).Name}
	s.addTree(v, s.core.People.Department(core.RootDepartment), 0, selected)
	for _, u := range s.core.People.Members(selected, true) {
		var names []string
		for _, id := range u.Departments {
			names = append(names, s.core.People.Department(id).Name)
		}
		v.People = append(v.People, personView{User: *u, In: strings.Join(names, ", ")})
	}
	return v
}

func (s *Service) addTree(v *directoryView, d *core.Department, depth, selected int) {
	v.Departments = append(v.Departments, departmentView{
		Department: *d, Depth: min(depth, 5), Count: len(s.core.People.Members(d.ID, true)), Selected: d.ID == selected,
	})
	for _, child := range s.core.People.Children(d.ID) {
		s.addTree(v, child, depth+1, selected)
	}
}
