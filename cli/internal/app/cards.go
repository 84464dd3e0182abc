package app

import (
	"github.com/dingdag/dingdag/chat/card"
	"github.com/dingdag/dingdag/cli/internal/home"
	"github.com/dingdag/dingdag/store/sqlite"
)

// CardKeeper is what redraws the cards in a store.
func (a *App) CardKeeper(s *sqlite.Store) (*card.Keeper, error) {
	conns, _, err := a.Sources(s.Connections())
	if err != nil {
		return nil, err
	}
	return card.NewKeeper(card.Options{
		Store: s, Hook: a.Dingding().With(conns, home.OnlyWarnings(a.Log())), Masker: a.Masker(), Clock: a.Clock, Log: a.Log(),
	}), nil
}
