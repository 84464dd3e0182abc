package oidc

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/access/elsewhere"
	"github.com/dingdag/dingdag/phrase"
)

// Claims are what a provider says of somebody.
type Claims map[string]any

// Values are the texts of a claim, which may be one or a list. A dot in a name leads into an object, unless a claim has the
// whole name.
func (c Claims) Values(name string) []string {
	v, ok := c[name]
	if !ok {
		first, rest, nested := strings.Cut(name, ".")
		if object, is := c[first].(map[string]any); nested && is {
			return Claims(object).Values(rest)
		}
		return nil
	}
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	var out []string
	for _, e := range list {
		switch e := e.(type) {
		case string:
			out = append(out, e)
		case bool:
			out = append(out, strconv.FormatBool(e))
		case float64:
			out = append(out, strconv.FormatFloat(e, 'f', -1, 64))
		}
	}
	return out
}

// text is the value of a claim that has one.
func (c Claims) text(name string) string {
	if v := c.Values(name); len(v) == 1 {
		return strings.TrimSpace(v[0])
	}
	return ""
}

// verified reports whether the provider knows that the address of mail is that of whoever signs in. Some write a text.
func (c Claims) verified() bool { return c.text("email_verified") == "true" }

// everybody is the entry of a list for all who can sign in.
const everybody = "*"

// Rules say what somebody may, by his claims. An entry of a list is a group, CLAIM=VALUE, or * for everybody.
type Rules struct {
	Viewers, Operators, Admins []string
	// Groups is the claim that entries without one are about; [DefaultGroups] when it is empty.
	Groups string
	// DAGs limit those who are no admins to what entries of a scope name, by a group or another entry of a list. Who has
	// several of them has all that these name, and who has none is refused. Nil limits nobody.
	DAGs map[string][]string
	// Domains are those that the address of mail must be of; none lets all in.
	Domains []string
}

// check tells what is wrong with the rules.
func (r *Rules) check() error {
	var errs []error
	if len(r.Viewers)+len(r.Operators)+len(r.Admins) == 0 {
		errs = append(errs, errors.New("nobody has a role: name groups of viewers, operators or admins, or * for everybody"))
	}
	for entry, dags := range r.DAGs {
		if _, err := access.ParseScope(dags...); err != nil {
			errs = append(errs, fmt.Errorf("dags of %s: %w", entry, err))
		}
		if len(dags) == 0 {
			errs = append(errs, fmt.Errorf("dags of %s: there are none", entry))
		}
	}
	for _, d := range r.Domains {
		if d == "" || strings.ContainsAny(d, "@ ") {
			errs = append(errs, fmt.Errorf("%q is not a domain such as example.com", d))
		}
	}
	return errors.Join(errs...)
}

func (r *Rules) groups() string {
	if r.Groups == "" {
		return DefaultGroups
	}
	return r.Groups
}

// split is the claim and the value of an entry.
func (r *Rules) split(entry string) (claim, value string) {
	if claim, value, ok := strings.Cut(entry, "="); ok {
		return claim, value
	}
	return r.groups(), entry
}

// claims are those that the rules are about.
func (r *Rules) claims() (names []string) {
	entries := slices.Concat(r.Viewers, r.Operators, r.Admins)
	for entry := range r.DAGs {
		entries = append(entries, entry)
	}
	for _, e := range entries {
		if e != everybody {
			claim, _ := r.split(e)
			names = append(names, claim)
		}
	}
	if len(r.Domains) > 0 {
		names = append(names, "email")
	}
	return names
}

// is reports whether an entry is about somebody.
func (r *Rules) is(c Claims, entry string) bool {
	claim, value := r.split(entry)
	switch {
	case entry == everybody:
		return true
	case claim == "email" && !c.verified(): // anybody can say that
		return false
	default:
		return slices.Contains(c.Values(claim), value)
	}
}

// of is what somebody may. The error is a [*elsewhere.RefusedError].
func (r *Rules) of(c Claims) (access.Role, []string, error) {
	if err := r.admit(c); err != nil {
		return access.Nobody, nil, err
	}
	about := func(entry string) bool { return r.is(c, entry) }
	role := access.Nobody
	for _, l := range []struct {
		role    access.Role
		entries []string
	}{{access.Admin, r.Admins}, {access.Operator, r.Operators}, {access.Viewer, r.Viewers}} {
		if slices.ContainsFunc(l.entries, about) {
			role = l.role
			break
		}
	}
	switch {
	case role == access.Nobody:
		return role, nil, &elsewhere.RefusedError{Reason: phrase.Of("refused.groups")}
	case role == access.Admin || r.DAGs == nil:
		return role, nil, nil
	}
	var dags []string
	for entry, has := range r.DAGs {
		if about(entry) {
			dags = append(dags, has...)
		}
	}
	if len(dags) == 0 {
		return access.Nobody, nil, &elsewhere.RefusedError{Reason: phrase.Of("refused.dags")}
	}
	slices.Sort(dags)
	return role, slices.Compact(dags), nil
}

// admit is nil for somebody whose address of mail is of one of the domains.
func (r *Rules) admit(c Claims) error {
	if len(r.Domains) == 0 {
		return nil
	}
	email := c.text("email")
	at := strings.LastIndexByte(email, '@')
	if at < 0 || !c.verified() {
		return &elsewhere.RefusedError{Reason: phrase.Of("refused.unverified")}
	}
	if !slices.ContainsFunc(r.Domains, func(d string) bool { return strings.EqualFold(d, email[at+1:]) }) {
		return &elsewhere.RefusedError{Reason: phrase.Of("refused.domain")}
	}
	return nil
}
