package nodes

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/phrase"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/yamlvalue"
)

// Changer is a store on which nodes can be drained.
type Changer interface {
	Store
	store.Transactor
}

// Drain has a node take no more attempts and not lead, or with on false do that again, and notes who wanted it. The node is named
// by its id, or by a part of it that no other node has which has not ended, such as its host. It hears of it within a second.
//
// The error wraps [store.ErrNotFound] when there is no such node, and is an [*api.ConflictError] where more than one are meant, the
// node has ended, or no process shares the store with others.
func Drain(ctx context.Context, s Changer, name string, on bool, by store.Actor, at time.Time) (Node, error) {
	n, err := Find(ctx, s, name)
	if err != nil {
		return Node{}, err
	}
	if n.Ended() {
		return Node{}, api.Conflict("node.ended", n.ID)
	}
	extra, err := json.Marshal(map[string]any{"node": n.ID, "draining": on})
	if err != nil {
		return Node{}, fmt.Errorf("encode an event: %w", err)
	}
	err = s.Tx(ctx, func(tx store.Tx) error {
		if err := tx.DrainNode(ctx, n.ID, on); err != nil {
			return err
		}
		return tx.InsertEvents(ctx, &store.Event{At: at, Actor: by, Kind: store.EventNodeDrain, MapIndex: -1, Extra: extra})
	})
	if err != nil {
		return Node{}, err
	}
	return Find(ctx, s, n.ID)
}

// Find returns the node that a name means, with the errors of [Drain].
func Find(ctx context.Context, s Store, name string) (Node, error) {
	all, err := Shared(ctx, s, time.Time{})
	if err != nil {
		return Node{}, err
	}
	if len(all) == 0 {
		return Node{}, api.Conflict("node.alone")
	}
	var like, ids []string
	var found Node
	for _, n := range all {
		if n.ID == name {
			return n, nil
		}
		if n.Ended() {
			continue
		}
		if ids = append(ids, n.ID); name != "" && strings.Contains(n.ID, name) {
			like, found = append(like, n.ID), n
		}
	}
	switch {
	case len(like) == 1:
		return found, nil
	case len(like) > 1:
		return Node{}, api.Conflict("node.several", name, phrase.Names(like...))
	case len(ids) == 0:
		return Node{}, store.NoSuch("node.no", name, phrase.Text{})
	}
	if near := yamlvalue.Nearest(name, slices.Values(ids)); near != "" {
		return Node{}, store.NoSuch("node.no", name, phrase.Near(near))
	}
	return Node{}, store.NoSuch("node.no", name, phrase.Of("node.there", phrase.Names(ids...)))
}
