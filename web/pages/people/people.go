// Package people has the pages of users for admins, and the one on which everybody keeps their own account. Neither a password nor a
// token is on them, but for a token that was made just now.
package people

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/access/accounts"
	"github.com/dingdag/dingdag/access/secret"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/web/pages/page"
	"github.com/dingdag/dingdag/web/pages/words"
)

// Options are what the pages stand on. Both are required.
type Options struct {
	Accounts *accounts.Accounts
	// By is who asks, for the audit log.
	By func(ctx context.Context) accounts.Actor
}

// People has the pages. Make one with [New].
type People struct{ o Options }

// New returns the pages.
func New(o Options) *People { return &People{o} }

// Pages are their paths.
func (p *People) Pages() page.Family {
	return page.Family{
		Shows: map[string]page.Handler{
			"/users":            page.Configured(p.list),
			"/users/{username}": page.Configured(p.show),
			"/account":          p.account,
		},
		Acts: map[string]page.Handler{
			"/users":                     page.Configured(p.create),
			"/users/{username}":          page.Configured(p.set),
			"/users/{username}/disable":  page.Configured(p.disable),
			"/users/{username}/password": page.Configured(p.resetPassword),
			"/users/{username}/sign_out": page.Configured(p.signOut),
			"/users/{username}/delete":   page.Configured(p.remove),

			"/users/{username}/tokens/{token_id}/revoke": page.Configured(p.revoke),

			"/account/password":                 own(p.setPassword),
			"/account/sign_out":                 own(p.signOutMe),
			"/account/tokens":                   own(p.createToken),
			"/account/tokens/{token_id}/revoke": own(p.revokeOwn),
		},
	}
}

// own lets in who has signed in: an API token has less than its user, and could get more here.
func own(h page.Handler) page.Handler {
	return func(r page.Request) error {
		if i, ok := access.From(r.HTTP().Context()); !ok || i.Token != 0 {
			return &page.RefusedError{Status: http.StatusForbidden, Text: "account.by_token"}
		}
		return h(r)
	}
}

// person is a user as a page shows one.
type person struct {
	*accounts.User

	// Disabled says that he may do nothing, All that he is not limited to DAGs, Local that he has a password here.
	Disabled, All, Local bool
}

func personOf(u *accounts.User) person {
	return person{u, !u.DisabledAt.IsZero(), slices.Equal(u.DAGs, access.AllDAGs().Entries()), u.Password != ""}
}

// userForm is the form of a user. DAGs has an entry a line.
type userForm struct{ Name, FullName, Role, DAGs, Seen string }

// entries are the lines of a text that say something.
func entries(text string) (out []string) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			out = append(out, line)
		}
	}
	return out
}

// lines are entries as a form has them, none for all DAGs.
func lines(dags []string) string {
	if slices.Equal(dags, access.AllDAGs().Entries()) {
		return ""
	}
	return strings.Join(dags, "\n")
}

// line is a field of one line.
func line(r page.Request, name string) string { return strings.TrimSpace(r.HTTP().PostForm.Get(name)) }

func (p *People) formOf(r page.Request) userForm {
	return userForm{line(r, "username"), line(r, "full_name"), line(r, "role"), r.HTTP().PostForm.Get("dags"), r.HTTP().PostForm.Get("seen")}
}

// mistake is what is wrong with a form, in words; empty for an error that is none.
func mistake(r page.Request, err error) string {
	if wrong, ok := errors.AsType[*accounts.MistakeError](err); ok {
		return r.Said(wrong)
	}
	if errors.Is(err, accounts.ErrExists) {
		return r.Say("users.exists")
	}
	return ""
}

// explained is an error that has a page of its own.
func explained(err error) error {
	refuse := func(text words.Key) error { return &page.RefusedError{Status: http.StatusConflict, Text: text} }
	switch {
	case errors.Is(err, accounts.ErrLastAdmin):
		return refuse("users.last_admin")
	case errors.Is(err, accounts.ErrChanged):
		return refuse("users.changed")
	default:
		return err
	}
}

// badPassword is what is wrong with a new password of a user, empty for nothing.
func badPassword(r page.Request, user, password string) string {
	if err := secret.CheckPassword(user, password); err != nil {
		return r.Said(err)
	}
	return ""
}

// listData are all users.
type listData struct {
	Rows    []person
	Roles   []string
	Form    userForm
	Problem string
}

func (p *People) list(r page.Request) error {
	return p.listed(r, userForm{Role: access.Viewer.String()}, "")
}

func (p *People) listed(r page.Request, form userForm, problem string) error {
	all, err := p.o.Accounts.Users(r.HTTP().Context())
	if err != nil {
		return err
	}
	d := listData{Roles: access.Roles(), Form: form, Problem: problem}
	for _, u := range all {
		d.Rows = append(d.Rows, personOf(u))
	}
	return r.Show(page.Head{Name: "people_list", Nav: "system", Title: r.Say("users.title"), Status: page.Status(problem)}, d)
}

func (p *People) create(r page.Request) error {
	ctx, form, password := r.HTTP().Context(), p.formOf(r), r.HTTP().PostForm.Get("password")
	if _, err := accounts.CleanName(form.Name); err != nil {
		return p.listed(r, form, r.Say("users.bad_name"))
	}
	if problem := badPassword(r, form.Name, password); problem != "" {
		return p.listed(r, form, problem)
	}
	role, err := access.ParseRole(form.Role)
	if err != nil {
		return page.Wrong("error.word")
	}
	u, err := p.o.Accounts.Create(ctx, accounts.NewUser{Name: form.Name, FullName: form.FullName, Role: role, DAGs: entries(form.DAGs), Password: connections.Secret(password)}, p.o.By(ctx))
	if err != nil {
		if problem := mistake(r, err); problem != "" {
			return p.listed(r, form, problem)
		}
		return err
	}
	return r.Go(r.Link("users", u.Name))
}

// userData is one user.
type userData struct {
	person

	Roles    []string
	Form     userForm
	Tokens   []*accounts.Token
	Sessions []*accounts.Token
	Problem  string
	// Reset says that the password was changed.
	Reset bool
	// Account and ByToken are false, see [accountData].
	Account, ByToken bool
}

func (p *People) show(r page.Request) error {
	return p.shown(r, nil, "", false)
}

// shown shows the user of the path, with a form as it was sent, if it is not nil.
func (p *People) shown(r page.Request, form *userForm, problem string, reset bool) error {
	ctx := r.HTTP().Context()
	u, err := p.o.Accounts.User(ctx, r.HTTP().PathValue("username"))
	if err != nil {
		return err
	}
	d := userData{person: personOf(u), Roles: access.Roles(), Problem: problem, Reset: reset}
	d.Form = userForm{u.Name, u.FullName, u.Role, lines(u.DAGs), accounts.State(u)}
	if form != nil {
		form.Name, d.Form = u.Name, *form
	}
	if d.Tokens, _, err = p.o.Accounts.Tokens(ctx, u.Name); err != nil {
		return err
	}
	if d.Sessions, err = p.o.Accounts.Sessions(ctx, u.Name); err != nil {
		return err
	}
	return r.Show(page.Head{Name: "people_user", Nav: "system", Title: u.Name + " · " + r.Say("users.title"), Status: page.Status(problem)}, d)
}

// there is an error when there is no user of the name in the path, which may be none that anybody can have.
func (p *People) there(r page.Request) error {
	_, err := p.o.Accounts.User(r.HTTP().Context(), r.HTTP().PathValue("username"))
	return err
}

// changed changes the user of the path.
func (p *People) changed(r page.Request, c accounts.Change) (*accounts.User, error) {
	ctx := r.HTTP().Context()
	return p.o.Accounts.Set(ctx, r.HTTP().PathValue("username"), c, p.o.By(ctx))
}

func (p *People) set(r page.Request) error {
	form := p.formOf(r)
	if err := p.there(r); err != nil {
		return err
	}
	role, err := access.ParseRole(form.Role)
	if err != nil {
		return page.Wrong("error.word")
	}
	dags := entries(form.DAGs)
	u, err := p.changed(r, accounts.Change{FullName: &form.FullName, Role: &role, DAGs: &dags, Seen: form.Seen})
	if err != nil {
		if problem := mistake(r, err); problem != "" {
			return p.shown(r, &form, problem, false)
		}
		return explained(err)
	}
	return r.Go(r.Link("users", u.Name))
}

// disable disables a user, or enables one.
func (p *People) disable(r page.Request) error {
	disabled, err := page.Choice(line(r, "disabled"))
	if err != nil {
		return err
	}
	if disabled == nil {
		return page.Wrong("error.choice")
	}
	if err := p.there(r); err != nil {
		return err
	}
	u, err := p.changed(r, accounts.Change{Disabled: disabled})
	if err != nil {
		return explained(err)
	}
	return r.Go(r.Link("users", u.Name))
}

func (p *People) resetPassword(r page.Request) error {
	ctx, name, password := r.HTTP().Context(), r.HTTP().PathValue("username"), r.HTTP().PostForm.Get("password")
	if err := p.there(r); err != nil {
		return err
	}
	if problem := badPassword(r, name, password); problem != "" {
		return p.shown(r, nil, problem, false)
	}
	if err := p.o.Accounts.SetPassword(ctx, name, connections.Secret(password), p.o.By(ctx)); err != nil {
		return err
	}
	return p.shown(r, nil, "", true)
}

func (p *People) signOut(r page.Request) error {
	ctx, name := r.HTTP().Context(), r.HTTP().PathValue("username")
	if err := p.o.Accounts.EndSessions(ctx, name, p.o.By(ctx)); err != nil {
		return err
	}
	return r.Go(r.Link("users", name))
}

func (p *People) remove(r page.Request) error {
	ctx, name := r.HTTP().Context(), r.HTTP().PathValue("username")
	if err := p.there(r); err != nil {
		return err
	}
	if err := p.o.Accounts.Delete(ctx, name, false, p.o.By(ctx)); err != nil {
		return explained(err)
	}
	return r.Go(r.Link("users"))
}

func (p *People) revoke(r page.Request) error {
	name := r.HTTP().PathValue("username")
	if err := p.revoked(r, name); err != nil {
		return err
	}
	return r.Go(r.Link("users", name))
}

// revoked ends the token of the path, which is one of a user.
func (p *People) revoked(r page.Request, user string) error {
	ctx := r.HTTP().Context()
	id, err := page.Number(r.HTTP().PathValue("token_id"))
	if err != nil {
		return err
	}
	return p.o.Accounts.Revoke(ctx, id, user, p.o.By(ctx))
}
