// Package access says who may do what: roles, the DAGs that somebody is limited to, and the identity behind a request.
// It is pure; access/accounts keeps users and tokens in the store.
package access

import (
	"context"
	"errors"
	"fmt"

	"github.com/dingdag/dingdag/phrase"
)

// Role is what a person may do. A greater one may do all that a lesser one may.
type Role int

// The roles.
const (
	// Nobody may do nothing.
	Nobody Role = iota
	// Viewer may look.
	Viewer
	// Operator may change runs, pauses and alerts.
	Operator
	// Admin may change what concerns all DAGs.
	Admin
)

// String is the name of the role.
func (r Role) String() string {
	if r < Nobody || r > Admin {
		return fmt.Sprintf("Role(%d)", int(r))
	}
	return [...]string{"nobody", "viewer", "operator", "admin"}[r]
}

// Roles are the names of the roles that a user can have, the least first.
func Roles() []string { return []string{Viewer.String(), Operator.String(), Admin.String()} }

// ParseRole reads the name of a role that a user can have.
func ParseRole(name string) (Role, error) {
	for _, r := range []Role{Viewer, Operator, Admin} {
		if name == r.String() {
			return r, nil
		}
	}
	return Nobody, phrase.Err("role.unknown", name, phrase.Names(Roles()...))
}

// Action is a kind of thing that people do.
type Action int

// The actions.
const (
	// Read looks at DAGs, runs, logs, pools and health.
	Read Action = iota + 1
	// Operate triggers, clears, marks, pauses, backfills, answers and acknowledges.
	Operate
	// Configure looks at and changes variables and connections, and changes pools, users and other people's tokens. It
	// concerns all DAGs.
	Configure
)

// String is the word for the action.
func (a Action) String() string {
	switch a {
	case Read:
		return "read"
	case Operate:
		return "operate"
	case Configure:
		return "configure"
	default:
		return fmt.Sprintf("Action(%d)", int(a))
	}
}

// Role is the least role that may do it.
func (a Action) Role() Role {
	switch a {
	case Read:
		return Viewer
	case Operate:
		return Operator
	default:
		return Admin
	}
}

// Identity is who asks, as far as rights go. The zero Identity may do nothing.
type Identity struct {
	// User is the name by which somebody signs in, and which the audit log has.
	User string
	// Name is how the person is called; empty when nobody said.
	Name string
	// Role and DAGs are what the user has, cut down to what the token allows that was sent.
	Role Role
	DAGs Scope
	// Token is the id of the API token that was sent, 0 for none.
	Token int64
	// Address is the IP address that the request came from; empty when it is not known.
	Address string
}

// May reports whether somebody may do something to a DAG. A nil DAG stands for what belongs to no single one: everybody may
// read that, and only those who are not limited to some DAGs may do more.
func (i Identity) May(a Action, d *DAG) bool {
	switch {
	case i.Role < a.Role():
		return false
	case a == Configure:
		return i.DAGs.All()
	case d != nil:
		return i.DAGs.Covers(*d)
	default:
		return a == Read || i.DAGs.All()
	}
}

// Require is nil when somebody may do something, see [Identity.May], and a [*DeniedError] otherwise.
func (i Identity) Require(a Action, d *DAG) error {
	if i.May(a, d) {
		return nil
	}
	denied := &DeniedError{User: i.User, Has: i.Role, Action: a}
	if d != nil {
		denied.DAGID = d.ID
	}
	return denied
}

// DeniedError is the error of somebody who may not do something.
type DeniedError struct {
	User   string
	Has    Role
	Action Action
	// DAGID is empty for what belongs to no single DAG.
	DAGID string
}

// Error says what is missing.
func (d *DeniedError) Error() string {
	switch {
	case d.Has < d.Action.Role():
		return fmt.Sprintf("%s may not %s: this needs the role %s, and the request has the role %s", d.User, d.what(), d.Action.Role(), d.Has)
	case d.DAGID != "":
		return fmt.Sprintf("%s may not %s: the DAG is none of those that the user or the token is limited to", d.User, d.what())
	default:
		return fmt.Sprintf("%s may not %s: this concerns all DAGs, and the user or the token is limited to some", d.User, d.what())
	}
}

func (d *DeniedError) what() string {
	if d.DAGID == "" {
		return d.Action.String()
	}
	return d.Action.String() + " DAG " + d.DAGID
}

// ErrUnknown is the error of a request by nobody that is known.
var ErrUnknown = errors.New("nobody is signed in")

type key struct{}

// With is a context of what an identity asks for.
func With(ctx context.Context, i Identity) context.Context { return context.WithValue(ctx, key{}, i) }

// From is who asks, or false when nobody that is known does.
func From(ctx context.Context) (Identity, bool) {
	i, ok := ctx.Value(key{}).(Identity)
	return i, ok
}

// Check is nil when whoever asks may do something, see [Identity.May]. Otherwise it is [ErrUnknown] or a [*DeniedError].
func Check(ctx context.Context, a Action, d *DAG) error {
	i, ok := From(ctx)
	if !ok {
		return ErrUnknown
	}
	return i.Require(a, d)
}
