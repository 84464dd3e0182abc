package people

import (
	"errors"
	"net/http"
	"slices"
	"strconv"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/access/accounts"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/web/pages/page"
)

const (
	// defaultDays is after how many days a token expires unless somebody says otherwise, and mostDays the most.
	defaultDays = 90
	mostDays    = 36500
)

// accountData is the account of whoever asks.
type accountData struct {
	person

	// Account says that the page is that of whoever asks, ByToken that an API token asks, which changes nothing here.
	Account, ByToken bool

	Roles    []string
	Tokens   []*accounts.Token
	Sessions []*accounts.Token
	Form     tokenForm
	// Token is the one that was made just now, and New its name.
	Token, New string
	// PasswordProblem and TokenProblem are what is wrong with the forms.
	PasswordProblem, TokenProblem string
}

// tokenForm is the form of a token. DAGs has an entry a line; an empty role is that of the user.
type tokenForm struct{ Name, Role, DAGs, Days string }

// me is the name of whoever asks.
func me(r page.Request) string {
	i, _ := access.From(r.HTTP().Context())
	return i.User
}

func (p *People) account(r page.Request) error { return p.mine(r, accountData{}, http.StatusOK) }

// mine shows the account of whoever asks.
func (p *People) mine(r page.Request, d accountData, status int) error {
	ctx := r.HTTP().Context()
	u, err := p.o.Accounts.User(ctx, me(r))
	if err != nil {
		return err
	}
	i, _ := access.From(ctx)
	d.person, d.ByToken = personOf(u), i.Token != 0
	d.Account = true
	if has, err := access.ParseRole(u.Role); err == nil {
		d.Roles = access.Roles()[:has]
		slices.Reverse(d.Roles)
	}
	if d.Form.Days == "" {
		d.Form.Days = strconv.Itoa(defaultDays)
	}
	if d.Tokens, _, err = p.o.Accounts.Tokens(ctx, u.Name); err != nil {
		return err
	}
	if d.Sessions, err = p.o.Accounts.Sessions(ctx, u.Name); err != nil {
		return err
	}
	return r.Show(page.Head{Name: "people_account", Nav: "account", Title: r.Say("account.title"), Status: status}, d)
}

// setPassword gives whoever asks another password, if he knows the one that he has, and signs him out everywhere.
func (p *People) setPassword(r page.Request) error {
	ctx, form, name := r.HTTP().Context(), r.HTTP().PostForm, me(r)
	wrong := func(status int, problem string) error {
		return p.mine(r, accountData{PasswordProblem: problem}, status)
	}
	if problem := badPassword(r, name, form.Get("password")); problem != "" {
		return wrong(http.StatusUnprocessableEntity, problem)
	}
	i, _ := access.From(ctx)
	_, err := p.o.Accounts.Verify(ctx, name, form.Get("current"), i.Address)
	if errors.Is(err, accounts.ErrWrong) {
		return wrong(http.StatusUnprocessableEntity, r.Say("account.wrong_password"))
	}
	if many, ok := errors.AsType[*accounts.TooManyError](err); ok {
		return wrong(http.StatusTooManyRequests, r.Said(many))
	}
	if busy, ok := errors.AsType[*accounts.BusyError](err); ok {
		return wrong(http.StatusServiceUnavailable, r.Said(busy))
	}
	if err != nil {
		return err
	}
	if err := p.o.Accounts.SetPassword(ctx, name, connections.Secret(form.Get("password")), p.o.By(ctx)); err != nil {
		return err
	}
	return r.Go(r.Link("auth", "login") + "?next=/account")
}

// signOutMe signs whoever asks out everywhere, here too.
func (p *People) signOutMe(r page.Request) error {
	ctx := r.HTTP().Context()
	if err := p.o.Accounts.EndSessions(ctx, me(r), p.o.By(ctx)); err != nil {
		return err
	}
	return r.Go(r.Link("auth", "login"))
}

// createToken makes a token of whoever asks, and shows it this once.
func (p *People) createToken(r page.Request) error {
	ctx := r.HTTP().Context()
	d := accountData{Form: tokenForm{line(r, "name"), line(r, "role"), r.HTTP().PostForm.Get("dags"), line(r, "days")}}
	wrong := func(problem string) error {
		d.TokenProblem = problem
		return p.mine(r, d, http.StatusUnprocessableEntity)
	}
	if d.Form.Name == "" {
		return wrong(r.Say("account.no_name"))
	}
	days, err := strconv.Atoi(d.Form.Days)
	if err != nil || days < 0 || days > mostDays {
		return wrong(r.Say("account.bad_days", mostDays))
	}
	t := accounts.TokenRequest{User: me(r), Name: d.Form.Name, DAGs: entries(d.Form.DAGs)}
	if d.Form.Role != "" {
		if t.Role, err = access.ParseRole(d.Form.Role); err != nil {
			return page.Wrong("error.word")
		}
	}
	if days > 0 {
		t.ExpiresAt = r.Time().AddDate(0, 0, days)
	}
	token, made, err := p.o.Accounts.CreateToken(ctx, t, p.o.By(ctx))
	if err != nil {
		if problem := mistake(r, err); problem != "" {
			return wrong(problem)
		}
		return err
	}
	return p.mine(r, accountData{Token: token.Reveal(), New: made.Name}, http.StatusOK)
}

// revokeOwn ends a token of whoever asks.
func (p *People) revokeOwn(r page.Request) error {
	if err := p.revoked(r, me(r)); err != nil {
		return err
	}
	return r.Go(r.Link("account"))
}
