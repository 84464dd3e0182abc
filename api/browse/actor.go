package browse

import (
	"context"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/store"
)

// Actor is who asks over the REST API, as it is kept with a change: with the operation and what was sent.
func Actor(ctx context.Context) store.Actor {
	who, _ := access.From(ctx)
	asked := access.RequestOf(ctx)
	return store.Actor{Name: who.User, Via: store.ViaRESTAPI, Address: who.Address, Operation: asked.Operation, Request: asked.Body}
}
