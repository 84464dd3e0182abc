package app

import (
	"context"

	"github.com/dingdag/dingdag/chat/card"
	"github.com/dingdag/dingdag/chat/roles"
	"github.com/dingdag/dingdag/cli/internal/home"
	"github.com/dingdag/dingdag/hook/directory"
	"github.com/dingdag/dingdag/store"
)

// CardKeeper is what redraws the cards in a store.
func (a *App) CardKeeper(s home.Store) (*card.Keeper, error) {
	conns, _, err := a.Sources(s.Connections())
	if err != nil {
		return nil, err
	}
	h := a.Dingding().With(conns, home.OnlyWarnings(a.Log()))
	return card.NewKeeper(card.Options{
		Name: func(ctx context.Context, connID, userID string) (string, error) {
			u, err := directory.GetUser(ctx, h.App(connID), userID, "")
			if err != nil {
				return "", err
			}
			return u.Name, nil
		},
		Store: s, Hook: h, Connections: conns, Masker: a.Masker(), Clock: a.Clock, Log: a.Log(),
	}), nil
}

// CardPresses is what carries out the presses of cards in a store, and has them redrawn by their keeper.
func (a *App) CardPresses(s home.Store, who *roles.Roles, keeper *card.Keeper) (*card.Presses, error) {
	conns, _, err := a.Sources(s.Connections())
	if err != nil {
		return nil, err
	}
	ask := a.APIOn(s)
	return card.NewPresses(card.PressOptions{
		Store: s, Hook: a.Dingding().With(conns, home.OnlyWarnings(a.Log())), Connections: conns, Runs: func(by store.Actor) card.Runs { return ask.By(by) },
		Asks:  func(by store.Actor) card.Asks { return a.AsksOn(s).By(by) },
		Roles: who, Drawn: keeper.Wake, Name: keeper.Name, Masker: a.Masker(), Clock: a.Clock, Log: a.Log(),
	}), nil
}
