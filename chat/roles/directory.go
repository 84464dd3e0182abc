package roles

import (
	"context"
	"fmt"

	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/directory"
)

// Organisation looks people up in DingTalk.
type Organisation struct{ hook *hook.DingdingHook }

// InDingTalk returns the directories of the organisations whose applications a hook knows.
func InDingTalk(h *hook.DingdingHook) *Organisation { return &Organisation{h} }

var _ Directory = (*Organisation)(nil)

// deepest is how many departments may lie above each other.
const deepest = 50

// Person implements [Directory]. A person with several departments has those above each of them.
func (o *Organisation) Person(ctx context.Context, connID, userID string) (Person, error) {
	app := o.hook.App(connID)
	u, err := directory.GetUser(ctx, app, userID, "")
	if err != nil {
		return Person{}, err
	}
	p := Person{}
	for _, role := range u.RoleList {
		p.Roles = append(p.Roles, role.Name)
	}
	seen := map[int64]bool{}
	for _, id := range u.DeptIDList {
		for n := 0; id != 0 && !seen[id]; n++ {
			if n == deepest {
				return Person{}, fmt.Errorf("there are more than %d departments above one of user %s", deepest, userID)
			}
			seen[id] = true
			p.Departments = append(p.Departments, id)
			if id == directory.RootDeptID {
				break
			}
			d, err := directory.GetDepartment(ctx, app, id, "")
			if err != nil {
				return Person{}, err
			}
			id = d.ParentID
		}
	}
	return p, nil
}
