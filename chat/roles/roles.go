// Package roles says what a person may do in the chat: nothing, look, operate, or everything. Who has which
// role stands in the settings, as userids, departments and roles of the organisation, which are looked up in
// its directory.
package roles

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/yamlvalue"
)

// Role is what a person may do. A greater one may do all that a lesser one may.
type Role = access.Role

// The roles. [Nobody] may ask who he is, and nothing else.
const (
	Nobody   = access.Nobody
	Viewer   = access.Viewer
	Operator = access.Operator
	Admin    = access.Admin
)

// Settings that say who has a role.
const (
	Viewers   = "chat_viewers"
	Operators = "chat_operators"
	Admins    = "chat_admins"
)

// Fresh is how long what the directory says of a person is taken for true.
const Fresh = 5 * time.Minute

// Lists are who has which role. An entry is a userid, dept:ID for a department with all below it, or role:NAME
// for a role of the organisation. With CONN_ID: before it, it counts for the application of that connection alone,
// otherwise for all.
type Lists struct{ Viewers, Operators, Admins []string }

// of is the list of a role with the name of its setting.
func (l *Lists) of(r Role) (setting string, entries []string) {
	switch r {
	case Admin:
		return Admins, l.Admins
	case Operator:
		return Operators, l.Operators
	case Viewer:
		return Viewers, l.Viewers
	case Nobody:
	}
	return "", nil
}

// ranked are the roles that lists give, the greatest first.
func ranked() []Role { return []Role{Admin, Operator, Viewer} }

// The kinds of entries that are no userids.
const (
	kindDept = "dept"
	kindRole = "role"
)

// Entry is an entry of a list, taken apart.
type Entry struct {
	// ConnID is the connection for whose application alone it counts, empty for all.
	ConnID string
	// Whom is a userid, dept:ID or role:NAME.
	Whom string
}

// ParseEntry takes an entry apart. [CheckEntry] tells what is wrong with it.
func ParseEntry(entry string) Entry {
	conn, rest, prefixed := strings.Cut(entry, ":")
	if !prefixed || conn == kindDept || conn == kindRole {
		return Entry{Whom: entry}
	}
	return Entry{ConnID: conn, Whom: rest}
}

// CheckEntry tells what is wrong with an entry of a list.
func CheckEntry(entry string) error {
	e := ParseEntry(entry)
	kind, value, typed := strings.Cut(e.Whom, ":")
	near := yamlvalue.NearestWithin(e.ConnID, 1, slices.Values([]string{kindDept, kindRole}))
	switch {
	case near != "" && !typed:
		return fmt.Errorf("%q: did you mean %s:%s? The id of a connection before a userid must not be that close to dept and role", entry, near, e.Whom)
	case strings.HasPrefix(entry, ":") || e.ConnID != "" && connections.ValidateID(e.ConnID) != nil:
		return fmt.Errorf("%q: before the first colon there must be dept, role or the id of a connection", entry)
	case e.Whom == "":
		return fmt.Errorf("%q: name somebody of connection %s: a userid, dept:ID or role:NAME", entry, e.ConnID)
	case !typed && strings.ContainsAny(e.Whom, " \t"):
		return fmt.Errorf("%q is not a userid: userids have no blanks, and commas separate entries", entry)
	case !typed:
		return nil
	case kind == kindDept:
		if id, err := strconv.ParseInt(value, 10, 64); err != nil || id < 1 {
			return fmt.Errorf("%q: a department is named by its number, as in dept:42", entry)
		}
	case kind == kindRole:
		if strings.TrimSpace(value) == "" {
			return fmt.Errorf("%q: name the role, as in role:oncall", entry)
		}
	default:
		return fmt.Errorf("%q is none of a userid, dept:ID and role:NAME, with CONN_ID: before it or without", entry)
	}
	return nil
}

// Check tells all that is wrong with the lists.
func (l *Lists) Check() error {
	var errs []error
	for _, r := range ranked() {
		setting, entries := l.of(r)
		for _, entry := range entries {
			if err := CheckEntry(entry); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", setting, err))
			}
		}
	}
	return errors.Join(errs...)
}

// Person is what the directory says of somebody.
type Person struct {
	// Departments are those that he is in, and all above them.
	Departments []int64
	// Roles are the names of his roles.
	Roles []string
}

// Directory looks people up in the organisation of an application, by the connection of that.
type Directory interface {
	Person(ctx context.Context, connID, userID string) (Person, error)
}

// Grant is the role of a person, and why.
type Grant struct {
	Role Role
	// Setting and Entry gave it: a list and its entry, or "user_id" and the connection. Both are empty for [Nobody].
	Setting, Entry string
}

// Options are what [Roles] stand on. Every field is needed.
type Options struct {
	Lists Lists
	// Connections has the connections of the applications, whose extra may have a user_id: that person is an admin.
	Connections connections.Source
	// ConnIDs are the ids of all connections, those of one application among them: a user_id of any of these counts.
	// Nil means the connection that is asked about alone.
	ConnIDs   func(context.Context) ([]string, error)
	Directory Directory
	Clock     func() time.Time
}

// Roles knows what people may do. It may be used by several at once.
type Roles struct {
	o     Options
	asks  bool // some entry takes a look into the directory
	mu    sync.Mutex
	known map[[2]string]answer
}

// answer is what the directory said, and when.
type answer struct {
	person Person
	at     time.Time
}

// New returns the roles of lists, or what is wrong with these.
func New(o Options) (*Roles, error) {
	if err := o.Lists.Check(); err != nil {
		return nil, err
	}
	r := &Roles{o: o, known: map[[2]string]answer{}}
	for _, role := range ranked() {
		_, entries := o.Lists.of(role)
		r.asks = r.asks || slices.ContainsFunc(entries, func(e string) bool { return strings.Contains(ParseEntry(e).Whom, ":") })
	}
	return r, nil
}

// Of is the role of a person in the organisation of a connection, as [Roles.Grant] says it.
func (r *Roles) Of(ctx context.Context, connID, userID string) (Role, error) {
	g, err := r.Grant(ctx, connID, userID)
	return g.Role, err
}

// Grant is the role of a person in the organisation of a connection, with why. Somebody without a userid is
// nobody. With an error, which says what could not be looked up, it is the role that he has in any case: the one
// that his userid alone gives.
func (r *Roles) Grant(ctx context.Context, connID, userID string) (Grant, error) {
	if userID == "" {
		return Grant{}, nil
	}
	var problems []error
	owner, err := r.ownerOf(ctx, connID)
	if err != nil {
		problems = append(problems, err)
	}
	if slices.Contains(owner, userID) {
		return Grant{Admin, "user_id", connID}, nil
	}
	of := r.ofApp(ctx, connID, &problems)
	g := r.granted(of, func(whom string) bool { return whom == userID })
	if g.Role < Admin {
		other, err := r.ownedBeside(ctx, connID, userID)
		if err != nil && len(problems) == 0 {
			problems = append(problems, err)
		}
		if other != "" {
			return Grant{Admin, "user_id", other}, nil
		}
	}
	if g.Role < Admin && r.asks {
		p, err := r.person(ctx, connID, userID)
		if err != nil {
			problems = append(problems, fmt.Errorf("look up the departments and roles of %s: %w", userID, err))
		}
		if by := r.granted(of, p.has); by.Role > g.Role {
			g = by
		}
	}
	if g.Role == Admin {
		return g, nil
	}
	return g, errors.Join(problems...)
}

// ownerOf are the people that the extra of a connection names.
func (r *Roles) ownerOf(ctx context.Context, connID string) ([]string, error) {
	c, err := r.o.Connections.Connection(ctx, connID)
	if err != nil {
		return nil, fmt.Errorf("look up connection %s: %w", connID, err)
	}
	extra, err := c.ExtraMap()
	if err != nil {
		return nil, fmt.Errorf("connection %s: %w", connID, err)
	}
	ids, err := connections.ExtraTexts(extra, "user_id")
	if err != nil {
		return nil, fmt.Errorf("connection %s: %w", connID, err)
	}
	return ids, nil
}

// ownedBeside is another connection of the application of a connection whose extra names a person, empty for none. One that
// cannot be read gives nobody a role.
func (r *Roles) ownedBeside(ctx context.Context, connID, userID string) (string, error) {
	if r.o.ConnIDs == nil {
		return "", nil
	}
	c, err := r.o.Connections.Connection(ctx, connID)
	if err != nil {
		return "", fmt.Errorf("look up connection %s: %w", connID, err)
	}
	if c.GetLogin() == "" {
		return "", nil
	}
	ids, err := r.o.ConnIDs(ctx)
	if err != nil && len(ids) == 0 {
		return "", fmt.Errorf("list the connections: %w", err)
	}
	for _, id := range ids {
		if id == connID {
			continue
		}
		if other, err := r.o.Connections.Connection(ctx, id); err != nil || other.GetLogin() != c.GetLogin() {
			continue
		}
		if owner, err := r.ownerOf(ctx, id); err == nil && slices.Contains(owner, userID) {
			return id, nil
		}
	}
	return "", nil
}

// granted is the greatest role that an entry gives, among those that count for an application.
func (r *Roles) granted(of, by func(string) bool) Grant {
	for _, role := range ranked() {
		setting, entries := r.o.Lists.of(role)
		i := slices.IndexFunc(entries, func(entry string) bool {
			e := ParseEntry(entry)
			return by(e.Whom) && (e.ConnID == "" || of(e.ConnID))
		})
		if i >= 0 {
			return Grant{role, setting, entries[i]}
		}
	}
	return Grant{}
}

// ofApp reports of connections whether their application is that of a connection. One that cannot be read gives nobody a
// role, and is a problem: somebody may have one. That connID cannot be read is known by then.
func (r *Roles) ofApp(ctx context.Context, connID string, problems *[]error) func(other string) bool {
	connection := func(id string) *connections.Connection {
		c, err := r.o.Connections.Connection(ctx, id)
		if err != nil && id != connID && !errors.Is(err, connections.ErrNotFound) {
			*problems = append(*problems, fmt.Errorf("look up connection %s: %w", id, err))
		}
		if err != nil || c.GetLogin() == "" {
			return nil
		}
		return c
	}
	return func(other string) bool {
		if other == connID {
			return true
		}
		c, o := connection(connID), connection(other)
		return c != nil && o != nil && o.GetLogin() == c.GetLogin()
	}
}

// has reports whether an entry names a department or role of a person.
func (p Person) has(entry string) bool {
	kind, value, _ := strings.Cut(entry, ":")
	switch kind {
	case kindDept:
		id, err := strconv.ParseInt(value, 10, 64)
		return err == nil && slices.Contains(p.Departments, id)
	case kindRole:
		return slices.Contains(p.Roles, strings.TrimSpace(value))
	}
	return false
}

// person is what the directory says, or said lately. A failure is not kept.
func (r *Roles) person(ctx context.Context, connID, userID string) (Person, error) {
	key, now := [2]string{connID, userID}, r.o.Clock()
	r.mu.Lock()
	a, ok := r.known[key]
	r.mu.Unlock()
	if ok && now.Sub(a.at) < Fresh {
		return a.person, nil
	}
	p, err := r.o.Directory.Person(ctx, connID, userID)
	if err != nil {
		return Person{}, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for k, a := range r.known {
		if now.Sub(a.at) >= Fresh {
			delete(r.known, k)
		}
	}
	r.known[key] = answer{p, now}
	return p, nil
}
