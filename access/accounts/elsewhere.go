package accounts

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/access/elsewhere"
	"github.com/dingdag/dingdag/phrase"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/users"
)

// Enter is the user who has signed in elsewhere. The first time he is added; each time he has what he may from there. The error
// is a [*elsewhere.RefusedError] for somebody who may not sign in, or that of the store.
func (a *Accounts) Enter(ctx context.Context, p *elsewhere.Person, address string) (u *users.User, err error) {
	if p.Issuer == "" || p.Subject == "" || p.Role == access.Nobody {
		return nil, &elsewhere.RefusedError{Reason: phrase.Of("refused.nobody")}
	}
	err = a.o.Store.Tx(ctx, func(tx store.Tx) error {
		if u, err = tx.UserBySubject(ctx, p.Issuer, p.Subject); err != nil {
			return err
		}
		if u == nil {
			u, err = a.addEntered(ctx, tx, p, address)
			return err
		}
		if !u.DisabledAt.IsZero() {
			return &elsewhere.RefusedError{Reason: phrase.Of("refused.disabled", u.Name)}
		}
		return a.setEntered(ctx, tx, u, p, address)
	})
	if err != nil {
		return nil, err
	}
	return u, nil
}

// addEntered adds a user under the first of the names that is free. A name that somebody else has is never taken over: who
// may choose his name elsewhere would choose that of an admin.
func (a *Accounts) addEntered(ctx context.Context, tx store.Tx, p *elsewhere.Person, address string) (*users.User, error) {
	var taken []string
	for _, name := range p.Names {
		clean, err := CleanName(name)
		if err != nil {
			continue
		}
		n := NewUser{Name: clean, FullName: p.FullName, Role: p.Role, DAGs: p.DAGs, Issuer: p.Issuer, Subject: p.Subject}
		u, err := n.row(a.o.Clock())
		if err != nil {
			return nil, fmt.Errorf("add a user who has signed in elsewhere: %w", err)
		}
		created, err := tx.InsertUser(ctx, u)
		switch {
		case err != nil:
			return nil, err
		case !created:
			taken = append(taken, clean)
			continue
		}
		by := store.Actor{Name: u.Name, Via: store.ViaUI, Address: address}
		return u, a.note(ctx, tx, by, store.EventUserCreate, about{User: u.Name, Issuer: u.Issuer, Role: u.Role, DAGs: u.DAGs})
	}
	if len(taken) > 0 {
		return nil, &elsewhere.RefusedError{Reason: phrase.Of("refused.taken", strings.Join(taken, " and "))}
	}
	return nil, &elsewhere.RefusedError{Reason: phrase.Of("refused.name")}
}

// setEntered gives a user what he may by now.
func (a *Accounts) setEntered(ctx context.Context, tx store.Tx, u *users.User, p *elsewhere.Person, address string) error {
	before := *u
	u.Role, u.DAGs = p.Role.String(), p.DAGs
	if name := strings.TrimSpace(p.FullName); name != "" {
		u.FullName = name
	}
	if err := checkRights(u); err != nil {
		return fmt.Errorf("user %s: %w", u.Name, err)
	}
	if u.Role == before.Role && slices.Equal(u.DAGs, before.DAGs) {
		if u.FullName == before.FullName {
			return nil
		}
		return tx.UpdateUser(ctx, u)
	}
	if err := tx.UpdateUser(ctx, u); err != nil {
		return err
	}
	by := store.Actor{Name: u.Name, Via: store.ViaUI, Address: address}
	return a.note(ctx, tx, by, store.EventUserSet, about{User: u.Name, Issuer: u.Issuer, Role: u.Role, DAGs: u.DAGs})
}
